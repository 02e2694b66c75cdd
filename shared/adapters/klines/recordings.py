"""What can be replayed: a parquet file of klines, or a store, which is read the same way."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from shared.adapters.klines.checks import time_text
from shared.adapters.klines.columns import Columns, NoKlinesThenError, RecordingError
from shared.adapters.klines.kline_file import QUOTE, KlineFile
from shared.adapters.klines.store import KlineStore, is_store
from shared.adapters.klines.timeframes import STORED, bar_ms_of
from shared.domain.timeframes import DAY_MS

HISTORY_DAYS = 60  # before its start, that a replay is the better for
FOLDER = "timeframe="
Spans = Mapping[str, tuple[int, int]]


class Recording(Protocol):
    """Klines of one bar length that were looked through once.

    path: where they are.
    bar_ms: how long a bar is, in milliseconds.
    spans: the first and last open time of each symbol, in milliseconds.
    holes: of each symbol, where bars are missing between the two, and how many.
    """

    @property
    def path(self) -> Path: ...
    @property
    def bar_ms(self) -> int: ...
    @property
    def spans(self) -> Spans: ...
    @property
    def holes(self) -> Mapping[str, Sequence[tuple[int, int]]]: ...

    def read(self, symbols: set[str], start_ms: int, end_ms: int) -> dict[str, Columns]:
        """The klines with start_ms <= open time < end_ms of each symbol that has some."""
        ...


class StoreRecording:
    """One timeframe of a store. Every file of it is compared with the manifest before the first one is used."""

    def __init__(self, store: KlineStore, timeframe: str) -> None:
        self._store, self._timeframe = store, timeframe
        self.path = store.path / f"{FOLDER}{timeframe}"
        self.bar_ms = bar_ms_of(timeframe)
        self.spans = store.spans(timeframe)
        self.holes = {symbol: store.holes(timeframe).get(symbol, []) for symbol in self.spans}
        store.check_files(timeframe)

    def read(self, symbols: set[str], start_ms: int, end_ms: int) -> dict[str, Columns]:
        return self._store.read(self._timeframe, symbols, start_ms, end_ms)


def open_recording(path: Path, near_ms: int) -> Recording:
    """A file; a store (``store/binance``), of which the timeframe is taken that suits ``near_ms`` best; or one
    timeframe of it (``store/binance/timeframe=1h``). Raises ``RecordingError`` for what no market can be made of.
    """
    if not path.is_dir():
        return KlineFile(path, near_ms)
    if is_store(path):
        store = KlineStore(path)
        return StoreRecording(store, _timeframe_for(store, near_ms))
    if path.name.startswith(FOLDER) and is_store(path.parent):
        store, timeframe = KlineStore(path.parent), path.name.removeprefix(FOLDER)
        if timeframe in store.timeframes:
            return StoreRecording(store, timeframe)
    problem = "a folder that is no store of klines; one is made by heatsink data import, such as store/binance"
    raise RecordingError(f"{path}: {problem}", problem)


def _timeframe_for(store: KlineStore, near_ms: int) -> str:
    """The one that has the most symbols at that time, with history before it; of those with as many, the finest."""
    if not store.timeframes:
        raise RecordingError(f"{store.path}: nothing was imported into it yet", "nothing was imported into it yet")

    def suits(timeframe: str) -> tuple[int, ...]:
        spans = [span for symbol, span in store.spans(timeframe).items() if symbol.endswith(QUOTE)]
        there = [first for first, last in spans if first <= near_ms <= last]
        with_history = sum(first <= near_ms - HISTORY_DAYS * DAY_MS for first in there)
        return with_history, len(there), len(spans), -STORED[timeframe]

    return max(store.timeframes, key=suits)


def spans_at(recording: Recording, start_ms: int) -> dict[str, tuple[int, int]]:
    """The spans of every symbol against USDT, for a replay that begins at ``start_ms``.

    Raises ``ValueError`` if none can, ``NoKlinesThenError`` if none can begin then.
    """
    path = recording.path
    spans = {symbol: span for symbol, span in sorted(recording.spans.items()) if symbol.endswith(QUOTE)}
    if not spans:
        problem = f"column symbol: no symbol against {QUOTE}, such as BTC{QUOTE}"
        raise RecordingError(f"{path}: {problem}", problem)
    first_ms, last_ms = min(first for first, _ in spans.values()), max(last for _, last in spans.values())
    if not first_ms <= start_ms <= last_ms:
        dates = f"{time_text(first_ms)} to {time_text(last_ms)}"
        raise NoKlinesThenError(f"{path} has klines from {dates}, none at {time_text(start_ms)}")
    return spans
