"""Files that are there whole, or as they were before, whenever the process that writes them ends; and who may write."""

import errno
import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from shared.config.bounded_files import check_is_file

NEW = ".new"  # behind the name of a file that is being written


def write_whole(path: Path, content: bytes, *, lasting: bool = False) -> Path:
    """Put the file in its place in one step. lasting: it outlasts a loss of power from then on."""
    new = path.with_name(path.name + NEW)
    try:
        with naming(path):
            new.write_bytes(content)
            if lasting:
                flush(new)
            new.replace(path)
    except OSError:  # a full disk, a folder in its place
        with suppress(OSError):
            new.unlink(missing_ok=True)
        raise
    if lasting:
        flush(path.parent)
    return path


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """The file's name in an error of writing, which has none: a full disk is met by somebody who has to find it."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            error.filename = str(path)
        raise


def flush(path: Path) -> None:
    """See to it that a file, or the names in a folder, outlast a loss of power."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def hash_of(path: Path) -> str:
    """SHA-256 of its bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def locked(path: Path, taken: Exception) -> Iterator[TextIO]:
    """Hold the lock while the block lasts; it ends with the process, however that ends. Raises ``taken`` where another
    process has it. The folder of the lock is made. What is no file, or leads to another one, is no lock: ``OSError``.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags, 0o644)
    except OSError as error:
        reason = "it is a link to another file" if error.errno == errno.ELOOP and path.is_symlink() else error.strerror
        raise OSError(error.errno, reason, str(path)) from None
    with open(descriptor, "a", encoding="utf-8") as lock:
        check_is_file(descriptor, path)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise taken from None
        yield lock
