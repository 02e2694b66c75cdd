"""Bars as a block of columns."""

from collections.abc import Iterable

import numpy as np

from shared.messages.market import BarClosed
from shared.runtime.columns import PRICES, Block, Grid


def block_of(bars: Iterable[BarClosed], symbols: tuple[str, ...] = ()) -> Block:
    """symbols: of the block; those of the bars when none are given."""
    everything = list(bars)
    symbols = symbols or tuple(sorted({bar.symbol for bar in everything}))
    timeframes = sorted({bar.timeframe for bar in everything})
    live = [bar.open_time_ns // 1_000_000 for bar in everything if not bar.backfilled]
    grids = {name: _grid([bar for bar in everything if bar.timeframe == name], symbols) for name in timeframes}
    return Block(symbols, grids, live_from_ms=min(live, default=2**62))


def _grid(bars: list[BarClosed], symbols: tuple[str, ...]) -> Grid:
    times = sorted({bar.open_time_ns // 1_000_000 for bar in bars})
    rows, columns = {time: row for row, time in enumerate(times)}, {symbol: n for n, symbol in enumerate(symbols)}
    arrays = {name: np.full((len(times), len(symbols)), np.nan) for name in PRICES}
    for bar in bars:
        place = rows[bar.open_time_ns // 1_000_000], columns[bar.symbol]
        for name in PRICES:
            arrays[name][place] = getattr(bar, name)
    return Grid(np.array(times, dtype=np.int64), **arrays)
