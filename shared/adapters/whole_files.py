"""Files that are there whole, or as they were before, whenever the process that writes them ends; and who may write."""

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

NEW = ".new"  # behind the name of a file that is being written


def write_whole(path: Path, content: bytes, *, lasting: bool = False) -> Path:
    """Put the file in its place in one step. lasting: it outlasts a loss of power from then on."""
    new = path.with_name(path.name + NEW)
    new.write_bytes(content)
    if lasting:
        flush(new)
    new.replace(path)
    if lasting:
        flush(path.parent)
    return path


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
    process has it. The folder of the lock is made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise taken from None
        yield lock
