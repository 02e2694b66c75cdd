"""Which files belong to a recording, with their hashes: the one truth about a folder of books.

A file counts from the moment at which the manifest names its hash. It is written under a new name before that, and put
in its place after it, so that a writer that is killed at any moment leaves the old recording or the new one.
"""

import hashlib
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from shared.adapters.books.errors import BooksError
from shared.adapters.klines.manifest import NAME
from shared.adapters.whole_files import NEW, hash_of, write_whole
from shared.config.bounded_files import read_bounded
from shared.domain.universe import exchange_symbol
from shared.messages.base import Symbol, TimeNs

VERSION = 1
MOST_BYTES = 1 << 28
MOST_ABSENCES = 1_000
Sha256 = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
RelativePath = Annotated[str, Meta(pattern=r"^symbol=[A-Z0-9]+/\d{4}-\d{2}-\d{2}\.parquet\Z")]


class BookFile(Struct, frozen=True, kw_only=True):
    """One file: the samples of a pair on a UTC day, oldest first.

    path: below the folder of the manifest.
    first_ns, last_ns: market times of its first and last sample.
    """

    symbol: Symbol
    day: str
    path: RelativePath
    sha256: Sha256
    samples: Annotated[int, Meta(ge=1)]
    first_ns: TimeNs
    last_ns: TimeNs


class Absence(Struct, frozen=True, kw_only=True):
    """Market times between which nobody listened. What was sampled more than once in between is not recorded."""

    from_ns: TimeNs
    to_ns: TimeNs


class BookManifest(Struct, frozen=True, kw_only=True):
    """A recording.

    source: whose books they are: ``binance``, or the name of a simulated market's data.
    files: sorted by day, then symbol.
    absences: when nobody listened, the last thousand of them.
    refused: how many samples were heard and not recorded, by kind.
    """

    source: str = ""
    files: tuple[BookFile, ...] = ()
    absences: tuple[Absence, ...] = ()
    refused: dict[str, int] = {}
    version: int = VERSION

    @property
    def digest(self) -> str:
        """One hash for all that was recorded: the same files have the same, wherever they lie."""
        lines = (f"{file.symbol} {file.day} {file.sha256}\n" for file in self.files)
        return hashlib.sha256("".join(lines).encode()).hexdigest()


def path_of(symbol: str, day: str) -> str:
    """Where the samples of a pair on a UTC day lie, below the folder of the recording."""
    return f"symbol={exchange_symbol(symbol)}/{day}.parquet"


def read_manifest(folder: Path) -> BookManifest | None:
    """The manifest of a folder; None where there is none. Raises ``BooksError``."""
    path = folder / NAME
    try:
        manifest = msgspec.json.decode(read_bounded(path, MOST_BYTES), type=BookManifest)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as error:
        raise BooksError(f"{path}: not a readable manifest of recorded books ({error}); restore it") from None
    if manifest.version > VERSION:
        raise BooksError(f"{path}: written by a newer heatsink (version {manifest.version}); update heatsink")
    return manifest


def write_manifest(folder: Path, manifest: BookManifest) -> None:
    """Replace the manifest in one step."""
    content = msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n"
    write_whole(folder / NAME, content, lasting=True)


def found_file(folder: Path, file: BookFile) -> Path:
    """Where the file lies that the manifest means: a writer that was killed may have left it under its new name.

    Raises ``BooksError``.
    """
    path = folder / file.path
    for place in (path, Path(f"{path}{NEW}")):
        if place.is_file() and hash_of(place) == file.sha256:
            return place
    problem = "it is not the file that the manifest names" if path.exists() else "it is gone"
    raise BooksError(f"{path}: {problem}; restore it, or take it out of {NAME} to go on without it")
