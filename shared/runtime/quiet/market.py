"""A block of columns, looked through once: where bars are, which came last, and bars as messages."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from shared.domain.timeframes import MS_NS, timeframe_ns
from shared.domain.universe import Universe
from shared.messages.market import BarClosed
from shared.runtime.columns import Block, Instant, bar_at

Flags = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.int32]
Places = npt.NDArray[np.intp]
BARS_REMEMBERED = 4_096  # several machines ask for the same bar


class Track:
    """The bars of one timeframe, a row for each open time and a column for each pair.

    here: where there is a bar.
    newest: the row of the newest bar up to each row; -1 before the first.
    """

    def __init__(self, block: Block, timeframe: str) -> None:
        self.grid = block.grids[timeframe]
        self.timeframe = timeframe
        self.length_ns = timeframe_ns(timeframe)
        self.here: Flags = ~np.isnan(self.grid.close)
        numbers = np.arange(len(self.grid.open_ms), dtype=np.int32)[:, None]
        self.newest: Rows = np.maximum.accumulate(np.where(self.here, numbers, np.int32(-1)), axis=0)
        self.is_any: list[bool] = np.atleast_1d(self.here.any(axis=1)).tolist()

    def columns(self, row: int) -> list[int]:
        """The pairs that have a bar in the row."""
        return np.flatnonzero(self.here[row]).tolist()

    def close_ns(self, row: int) -> int:
        """When the bars of the row closed, market time."""
        return int(self.grid.open_ms[row]) * MS_NS + self.length_ns - MS_NS


class Market:
    """A block as its guards see it.

    tracks: by timeframe.
    symbols: of each column.
    same_pair: of each column, those of the same pair by all its names.
    """

    def __init__(self, block: Block, universe: Universe) -> None:
        self.block, self.symbols = block, block.symbols
        self.tracks = {timeframe: Track(block, timeframe) for timeframe in block.grids}
        self.every_column = tuple(range(len(block.symbols)))
        places = {symbol: column for column, symbol in enumerate(block.symbols)}
        self._columns = {
            symbol: tuple(places[name] for name in universe.names_of(symbol) if name in places)
            for symbol in (*block.symbols, *(name for pair in universe.symbols for name in universe.names_of(pair)))
        }
        self.same_pair = [self.columns_of(symbol) for symbol in block.symbols]
        self._bars: dict[tuple[str, int, int], BarClosed] = {}

    def columns_of(self, symbol: str) -> Sequence[int]:
        """The columns of a pair, by all its names; none where it is not in the block."""
        return self._columns.get(symbol, ())

    def rows_at(self, instant: Instant) -> list[tuple[str, int]]:
        """Timeframe and row of what closes then, the longest first: as machines take bars that close together."""
        rows = [(timeframe, row) for timeframe, row in instant.rows if self.tracks[timeframe].is_any[row]]
        return rows if len(rows) == 1 else sorted(rows, key=lambda each: -self.tracks[each[0]].length_ns)

    def bar(self, timeframe: str, row: int, column: int) -> BarClosed:
        """One bar as a message."""
        key = (timeframe, row, column)
        bar = self._bars.get(key)
        if bar is None:
            if len(self._bars) >= BARS_REMEMBERED:
                self._bars.clear()
            bar = self._bars[key] = bar_at(self.block, timeframe, row, column)
        return bar
