"""What a backtest needs of whatever holds klines: a store, or a single recording."""

from pathlib import Path
from typing import Protocol

from shared.adapters.klines.columns import Columns, RecordingError
from shared.adapters.klines.kline_file import KlineFile
from shared.adapters.klines.manifest import NAME as MANIFEST
from shared.adapters.klines.store import KlineStore, is_store
from shared.domain.timeframes import kline_interval

Spans = dict[str, tuple[int, int]]


class KlineReader(Protocol):
    """Klines by the exchange's symbols (``BTCUSDT``)."""

    @property
    def timeframes(self) -> tuple[str, ...]:
        """Those that there are bars of."""
        ...

    def spans(self, timeframe: str) -> Spans:
        """The opening times of each symbol's first and last bar, milliseconds since 1970."""
        ...

    def read(self, timeframe: str, symbols: set[str], start_ms: int, end_ms: int) -> dict[str, Columns]:
        """The bars with start_ms <= open time < end_ms of each symbol that has some."""
        ...


class OneFile:
    """One file of klines, of one timeframe. Raises ``RecordingError`` for one that no market can be made of."""

    def __init__(self, path: Path, near_ms: int) -> None:
        self._file = KlineFile(path, near_ms)
        self.timeframes: tuple[str, ...] = (kline_interval(self._file.bar_ms),)

    def spans(self, timeframe: str) -> Spans:
        return self._file.spans if timeframe in self.timeframes else {}

    def read(self, timeframe: str, symbols: set[str], start_ms: int, end_ms: int) -> dict[str, Columns]:
        return self._file.read(symbols, start_ms, end_ms) if timeframe in self.timeframes else {}


def no_store(path: Path) -> str:
    """What to write in place of a folder that is no store: the stores in it, as ``heatsink data`` keeps them."""
    if stores := sorted(str(manifest.parent) for manifest in path.glob(f"*/{MANIFEST}")):
        return f"{path}: no store of klines, a folder of them; write --store {' or --store '.join(stores)}"
    return f"{path}: no store of klines; heatsink data import makes one"


def reader_of(path: Path, near_ms: int) -> KlineReader:
    """A store, or a recording that has bars around ``near_ms``. Raises ``RecordingError`` for what is neither."""
    if is_store(path):
        return KlineStore(path)
    if path.is_dir():
        raise RecordingError(no_store(path))
    return OneFile(path, near_ms)
