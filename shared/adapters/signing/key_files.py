"""Files of keys: one for each writer, such as ``risk.key``.

Each line is the id of a key and 64 hexadecimal digits; ``#`` begins a comment. The first key signs, all of them are
accepted. So a key is changed without a stop: the new one goes to the top of the file, everybody notices within a
second, and the old one is removed once nothing that it signed is unread.
"""

import re
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from shared.adapters.private_files import FOLDER_MODE, write_private
from shared.config.faults import ConfigError, Fault

SECRET_BYTES = 32
MAKE_THEM = "Make keys with: heatsink keys new."
_LINE = re.compile(r"([A-Za-z0-9_-]{1,32})\s+([0-9a-fA-F]{64})")
_COMMENT = (
    "# heatsink signs with the first key what {writer} writes; the others are still accepted. Keep them secret.\n"
)


class Key(NamedTuple):
    """id: its name, which stands in every signature. secret: the key itself."""

    id: str
    secret: bytes


class KeyFolder:
    """The keys in a folder, read again when a file has changed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._read: dict[str, tuple[tuple[int, int, int], tuple[Key, ...]]] = {}

    def of(self, writer: str) -> tuple[Key, ...]:
        """A writer's keys, the one that signs first; none where there is no file. Raises ``ConfigError``."""
        known = self._read.get(writer)
        return known[1] if known is not None else self.refreshed(writer)

    @property
    def known(self) -> tuple[str, ...]:
        """The writers whose keys were read."""
        return tuple(self._read)

    def refreshed(self, writer: str) -> tuple[Key, ...]:
        """The same, after a look whether the file was changed."""
        path = key_path(self.folder, writer)
        try:
            found = path.stat()
            stamp = (found.st_mtime_ns, found.st_size, found.st_ino)
            known = self._read.get(writer)
            if known is None or known[0] != stamp:
                self._read[writer] = known = (stamp, _keys_in(path))
        except FileNotFoundError:
            self._read.pop(writer, None)
            return ()
        except OSError as error:
            raise _fault(
                path, f"cannot be read: {error.strerror}", "Let this user, and nobody else, read it."
            ) from None
        return known[1]


def key_path(folder: Path, writer: str) -> Path:
    """Where a writer's keys stand."""
    return folder / f"{writer}.key"


def write_new_keys(folder: Path, writers: Sequence[str]) -> list[str]:
    """Make keys for those of the writers that have none; returns for whom. Nobody but the owner can read them."""
    folder.mkdir(parents=True, exist_ok=True, mode=FOLDER_MODE)
    made = [writer for writer in writers if not key_path(folder, writer).exists()]
    for writer in made:
        _write(key_path(folder, writer), writer, [_new_key()])
    return made


def rotate(folder: Path, writers: Sequence[str]) -> list[str]:
    """Give writers a new key; the one that signed before is accepted along with it. Returns for whom."""
    found = KeyFolder(folder)
    changed = [writer for writer in writers if found.of(writer)]
    for writer in changed:
        _write(key_path(folder, writer), writer, [_new_key(), found.of(writer)[0]])
    return changed


def forget_old(folder: Path, writers: Sequence[str]) -> list[str]:
    """Accept no key any more but the one that signs. Returns for whom there were others."""
    found = KeyFolder(folder)
    changed = [writer for writer in writers if len(found.of(writer)) > 1]
    for writer in changed:
        _write(key_path(folder, writer), writer, found.of(writer)[:1])
    return changed


def _new_key() -> Key:
    return Key(f"k{secrets.token_hex(4)}", secrets.token_bytes(SECRET_BYTES))


def _write(path: Path, writer: str, keys: Sequence[Key]) -> None:
    lines = [_COMMENT.format(writer=writer), *(f"{key.id} {key.secret.hex()}\n" for key in keys)]
    write_private(path, "".join(lines))


def _keys_in(path: Path) -> tuple[Key, ...]:
    keys: list[Key] = []
    for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
        text = line.partition("#")[0].strip()
        if not text:
            continue
        if (fits := _LINE.fullmatch(text)) is None:
            problem = f"line {number} is no key"  # never what it says: it may be most of one
            raise _fault(path, problem, f"Write an id and {2 * SECRET_BYTES} hexadecimal digits. {MAKE_THEM}")
        keys.append(Key(fits[1], bytes.fromhex(fits[2])))
    if not keys:
        raise _fault(path, "there is no key in it", MAKE_THEM)
    return tuple(keys)


def _fault(path: Path, problem: str, remedy: str) -> ConfigError:
    return ConfigError([Fault(str(path), "", "", problem, remedy)])
