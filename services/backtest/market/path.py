"""The price within a bar. Nobody knows how it went, so two markets bound the truth:

- smooth: the bar alone. A stop that it touches fills there (less spread and slippage), or at the open that gapped.
- jumping: the price is seen at the open, at both extremes and at the close only, and jumps from one to the next. A stop
  fills at the extreme. A bar that closes at or over its open had its low first.
"""

from collections.abc import Iterator

import numpy as np

from shared.domain.timeframes import MS_NS, timeframe_ns
from shared.runtime.columns import Block, Floats, Prices

MOMENTS = 3  # before the close


def jumps(block: Block, timeframe: str, row: int) -> Iterator[Prices]:
    """The prices within the bars of one row, at each moment before the close."""
    grid = block.grids[timeframe]
    rises = grid.close[row] >= grid.open[row]
    extremes = np.where(rises, grid.low[row], grid.high[row]), np.where(rises, grid.high[row], grid.low[row])
    for number, prices in enumerate((grid.open[row], *extremes)):
        yield _seen(block, timeframe, row, number, prices)


def opens(block: Block, timeframe: str, row: int, symbols: set[str]) -> Prices:
    """The price at which the bars of one row opened, of some pairs. What is bought at it meets the low as well."""
    is_wanted = np.array([symbol in symbols for symbol in block.symbols])
    return _seen(block, timeframe, row, 0, np.where(is_wanted, block.grids[timeframe].open[row], np.nan))


def _seen(block: Block, timeframe: str, row: int, number: int, prices: Floats) -> Prices:
    open_ms = int(block.grids[timeframe].open_ms[row])
    time_ns = open_ms * MS_NS + number * timeframe_ns(timeframe) // MOMENTS
    return Prices(time_ns, prices, f"m-{timeframe}-{open_ms}-{number}")
