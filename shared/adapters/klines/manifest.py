"""The manifest of a store: which files belong to it, what they hold, where that came from, and their hashes.

It is what the store goes by. A file counts from the moment at which the manifest names its hash, so that a writer that
is killed at any moment leaves the old file or the new one, and never half of either.
"""

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec
from msgspec import Struct

from shared.adapters.klines.columns import RecordingError
from shared.adapters.whole_files import NEW, hash_of, write_whole
from shared.config.bounded_files import read_bounded

NAME = "manifest.json"
VERSION = 1
MOST_BYTES = 1 << 28


class Source(Struct, frozen=True, kw_only=True):
    """Where bars came from.

    name: of the file, or the address that was asked.
    rows: bars that it brought.
    sha256: of the file; empty for an address.
    note: what was done to them, such as a change of units.
    """

    name: str
    rows: int = 0
    sha256: str = ""
    note: str = ""


class YearFile(Struct, frozen=True, kw_only=True):
    """One file of the store: a calendar year (UTC) of one symbol in one timeframe.

    sha256: of its bytes.
    content: of the values in it, which is the same whoever wrote them, and with whatever version of parquet.
    rows: its bars; unknown_quote_volume: those of them whose quote volume no source knew.
    first_ms, last_ms: open times of the first and the last one.
    holes: where bars are missing in between, and how many.
    """

    sha256: str
    content: str
    rows: int
    first_ms: int
    last_ms: int
    holes: tuple[tuple[int, int], ...] = ()
    unknown_quote_volume: int = 0
    sources: tuple[Source, ...] = ()


class Manifest(Struct, frozen=True, kw_only=True):
    """files: each by its path in the store, such as ``timeframe=1h/symbol=BTCUSDT/2024.parquet``."""

    version: int = VERSION
    files: dict[str, YearFile] = {}

    def of(self, timeframe: str) -> Iterator[tuple[str, int, YearFile]]:
        """The files of a timeframe by symbol and year, oldest first."""
        found = ((*parts_of(path), file) for path, file in self.files.items())
        yield from sorted((symbol, year, file) for frame, symbol, year, file in found if frame == timeframe)

    @property
    def timeframes(self) -> tuple[str, ...]:
        return tuple({parts_of(path)[0]: None for path in self.files})

    def digest(self, chosen: Iterable[str] | None = None) -> str:
        """One hash of all values in the files (or some of them): it changes with any bar, and with nothing else."""
        paths = sorted(self.files if chosen is None else chosen)
        return hashlib.sha256("".join(f"{path} {self.files[path].content}\n" for path in paths).encode()).hexdigest()


def path_of(timeframe: str, symbol: str, year: int) -> str:
    return f"timeframe={timeframe}/symbol={symbol}/{year}.parquet"


def parts_of(path: str) -> tuple[str, str, int]:
    """Timeframe, symbol and year. Raises ``ValueError`` for a path that is none of a store."""
    try:
        frame, symbol, file = path.split("/")
        parts = frame.removeprefix("timeframe="), symbol.removeprefix("symbol="), int(file.removesuffix(".parquet"))
    except ValueError:
        raise ValueError(f"{path!r} is no path of a store") from None
    if path_of(*parts) != path or ".." in path:
        raise ValueError(f"{path!r} is no path of a store")
    return parts


def load_manifest(store: Path) -> Manifest:
    """What the store holds; nothing where none was begun. Raises ``RecordingError`` for one that cannot be read."""
    path = store / NAME
    try:
        manifest = msgspec.json.decode(read_bounded(path, MOST_BYTES), type=Manifest)
        for name in manifest.files:
            parts_of(name)
    except FileNotFoundError:
        return Manifest()
    except (OSError, ValueError, RecursionError) as error:
        problem = f"not a readable manifest ({error}); restore it, or import the data again into another folder"
        raise RecordingError(f"{path}: {problem}", problem) from None
    if manifest.version > VERSION:
        problem = f"written by a newer heatsink (version {manifest.version}, this one reads {VERSION}); update heatsink"
        raise RecordingError(f"{path}: {problem}", problem)
    return manifest


def save_manifest(store: Path, manifest: Manifest) -> None:
    """In one step: whoever reads meets the old one or this one."""
    ordered = msgspec.structs.replace(manifest, files=dict(sorted(manifest.files.items())))
    content = msgspec.json.format(msgspec.json.encode(ordered), indent=1) + b"\n"
    write_whole(store / NAME, content, lasting=True)


def place_of(store: Path, name: str, sha256: str) -> Path | None:
    """Where the file lies that the manifest means: a writer that was killed may have left it under its new name."""
    places = (store / name, store / f"{name}{NEW}")
    return next((place for place in places if place.is_file() and hash_of(place) == sha256), None)
