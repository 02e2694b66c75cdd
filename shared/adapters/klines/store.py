"""The store of klines: ``store/<exchange>/timeframe=1h/symbol=BTCUSDT/2024.parquet`` beside ``manifest.json``.

Each symbol is kept as the exchange wrote it, under the name that it had then; ``joined`` puts renamed ones together.
A file is read only when its hash is that of the manifest, so that the digest of a store says what was read.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path

from shared.adapters.klines.columns import Columns, RecordingError, concatenated
from shared.adapters.klines.manifest import NAME, Manifest, Source, YearFile, load_manifest, path_of, place_of
from shared.adapters.klines.merging import OnConflict
from shared.adapters.klines.store_writer import StoreWriter, Written, writing_lock
from shared.adapters.klines.timeframes import bar_ms_of
from shared.adapters.klines.year_file import read_file, release_memory

Holes = Mapping[str, list[tuple[int, int]]]


def is_store(path: Path) -> bool:
    return (path / NAME).is_file()


class KlineStore:
    """Klines of one exchange. path: its folder, such as ``store/binance``; it need not be there yet.

    Raises ``RecordingError`` wherever something in the folder is not as the manifest says.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.manifest: Manifest = load_manifest(path)
        self._files: dict[str, list[tuple[str, int, YearFile]]] = {}  # by timeframe, as the manifest has them
        self._checked: dict[str, Path] = {}  # where each file lies, once its hash was looked at

    @property
    def timeframes(self) -> tuple[str, ...]:
        """Those of which it has bars, the shortest first."""
        return tuple(sorted(self.manifest.timeframes, key=bar_ms_of))

    def files(self, timeframe: str) -> list[tuple[str, int, YearFile]]:
        """Symbol, year and what the manifest says of each file, by symbol, oldest first."""
        if timeframe not in self._files:
            self._files[timeframe] = list(self.manifest.of(timeframe))
        return self._files[timeframe]

    def spans(self, timeframe: str) -> dict[str, tuple[int, int]]:
        """The first and last open time of each symbol, in milliseconds."""
        spans: dict[str, tuple[int, int]] = {}
        for symbol, _, file in self.files(timeframe):
            first_ms, _ = spans.get(symbol, (file.first_ms, 0))
            spans[symbol] = (first_ms, file.last_ms)
        return spans

    def holes(self, timeframe: str) -> Holes:
        """Of each symbol, where bars are missing between its first and its last one, and how many."""
        bar_ms = bar_ms_of(timeframe)
        holes: dict[str, list[tuple[int, int]]] = defaultdict(list)
        ends: dict[str, int] = {}
        for symbol, _, file in self.files(timeframe):
            if symbol in ends and file.first_ms > ends[symbol]:
                holes[symbol].append((ends[symbol], (file.first_ms - ends[symbol]) // bar_ms))
            holes[symbol].extend(file.holes)
            ends[symbol] = file.last_ms + bar_ms
        return holes

    def digest(self) -> str:
        """One hash of every value in the store: the same data have the same one, whoever imported them, and how."""
        return self.manifest.digest()

    def read(self, timeframe: str, symbols: set[str], start_ms: int, end_ms: int) -> dict[str, Columns]:
        """The klines with start_ms <= open time < end_ms of each symbol that has some.

        symbols: as the exchange writes them. Reads only the months that are asked for.
        """
        self._must_have(timeframe)
        found: dict[str, Columns] = {}
        for symbol, files in groupby(self.files(timeframe), key=lambda row: row[0]):
            if symbol in symbols:
                names = [
                    path_of(timeframe, symbol, year)
                    for _, year, file in files
                    if file.first_ms < end_ms and file.last_ms >= start_ms
                ]
                parts = [part for name in names for part in read_file(self._file(name), start_ms, end_ms)]
                if parts:  # put together at once, so that months of one symbol alone stand in memory twice
                    found[symbol] = concatenated(parts).filled()
        release_memory()
        return found

    def check_files(self, timeframe: str) -> None:
        """Compare every file of a timeframe with the manifest now, before the first one is used."""
        for symbol, year, _ in self.files(timeframe):
            self._file(path_of(timeframe, symbol, year))

    def write(
        self, timeframe: str, symbol: str, columns: Columns, source: Source, on_conflict: OnConflict = "refuse"
    ) -> Written:
        """Add bars of one symbol, all or nothing; see ``StoreWriter.write``."""
        with self.writing() as writer:
            return writer.write(timeframe, symbol, columns, source, on_conflict)

    @contextmanager
    def writing(self) -> Iterator[StoreWriter]:
        """Write several symbols: all that is written in the block counts from its end on, or nothing of it does."""
        try:
            with writing_lock(self.path):
                writer = StoreWriter(self.path)
                with writer.committing():
                    yield writer
        except OSError as error:
            raise RecordingError(f"{self.path}: it cannot be written: {error}") from None
        self.manifest = load_manifest(self.path)
        self._files.clear()
        self._checked.clear()

    def _must_have(self, timeframe: str) -> None:
        if timeframe not in self.manifest.timeframes:
            has = f"it has {', '.join(self.timeframes)}" if self.manifest.files else "nothing was imported into it yet"
            raise RecordingError(f"{self.path} has no klines of {timeframe}: {has}")

    def _file(self, name: str) -> Path:
        if name not in self._checked:
            place = place_of(self.path, name, self.manifest.files[name].sha256)
            if place is None:
                path = self.path / name
                problem = "it is not the file that the manifest names" if path.exists() else "it is gone"
                remedy = "it was changed meanwhile, or is damaged: heatsink data verify says more"
                raise RecordingError(f"{path}: {problem}; {remedy}")
            self._checked[name] = place
        return self._checked[name]
