"""Files and folders that are their owner's alone, passwords first of all: no other user of the machine reads them."""

import os
import secrets
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from shared.adapters.whole_files import flush

FOLDER_MODE, FILE_MODE, UMASK = 0o700, 0o600, 0o077
PASSWORD_BYTES = 32


def private_folder(folder: Path) -> Path:
    """Make the folder, or take its rights away from everybody else."""
    folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    _take_rights(folder, FOLDER_MODE)
    return folder


def _take_rights(path: Path, mode: int) -> None:
    """On a file system that is read-only they may be right already."""
    if stat.S_IMODE(path.stat().st_mode) != mode:
        path.chmod(mode)


def private_tree(folder: Path) -> Path:
    """``private_folder``, and all that is in it already."""
    for path in private_folder(folder).rglob("*"):
        if not path.is_symlink():
            _take_rights(path, FOLDER_MODE if path.is_dir() else FILE_MODE)
    return folder


@contextmanager
def private_by_default() -> Iterator[None]:
    """Whatever this process and its children make while the block lasts is the owner's alone."""
    before = os.umask(UMASK)
    try:
        yield
    finally:
        os.umask(before)


def write_private(path: Path, text: str) -> Path:
    """Put the file in its place in one step, to last; at no moment can anybody else read it."""
    new = path.with_name(f".{path.name}.new")
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    flush(new)
    new.replace(path)
    flush(path.parent)
    return path


def passwords_in(folder: Path, names: Iterable[str]) -> dict[str, str]:
    """The password of each name, from the file of that name; made now where there is none."""
    return {name: password_in(folder / name) for name in names}


def password_in(path: Path) -> str:
    """The password in a file; a new one where there is none. Nothing in it has to be quoted anywhere."""
    try:
        found = path.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        found = ""
    if found:
        _take_rights(path, FILE_MODE)
        return found
    made = secrets.token_urlsafe(PASSWORD_BYTES)
    write_private(path, f"{made}\n")
    return made
