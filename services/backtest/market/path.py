"""The price within a bar. Nobody knows how it went, so two markets bound the truth:

- smooth: the bar alone. A stop that it touches fills there (less spread and slippage), or at the open that gapped.
- jumping: the price is seen at the open, at both extremes and at the close only, and jumps from one to the next. A stop
  fills at the extreme. A bar that closes at or over its open had its low first.
"""

from collections.abc import Iterator

import numpy as np

from shared.domain.timeframes import MS_NS, timeframe_ns
from shared.messages.market import BarClosed, MarkChanged
from shared.runtime.columns import Block, bars_of

MOMENTS = 3  # before the close


def jumps(block: Block, timeframe: str, row: int) -> Iterator[list[MarkChanged]]:
    """The marks within the bars of one row, a list for each moment before the close."""
    bars = bars_of(block, timeframe, row, _present(block, timeframe, row))
    for number in range(MOMENTS if bars else 0):
        yield [_mark(bar, number, _price(bar, number)) for bar in bars]


def opens(block: Block, timeframe: str, row: int, symbols: set[str]) -> list[MarkChanged]:
    """The price at which the bars of one row opened, of some pairs."""
    columns = [each for each in _present(block, timeframe, row) if block.symbols[each] in symbols]
    return [_mark(bar, 0, bar.open) for bar in bars_of(block, timeframe, row, columns)]


def _present(block: Block, timeframe: str, row: int) -> list[int]:
    """The pairs that have a bar there."""
    columns: list[int] = np.flatnonzero(~np.isnan(block.grids[timeframe].close[row])).tolist()
    return columns


def _price(bar: BarClosed, number: int) -> float:
    rises = bar.close >= bar.open
    return (bar.open, bar.low if rises else bar.high, bar.high if rises else bar.low)[number]


def _mark(bar: BarClosed, number: int, price: float) -> MarkChanged:
    time_ns = bar.open_time_ns + number * timeframe_ns(bar.timeframe) // MOMENTS + MS_NS
    return MarkChanged(id=f"m-{bar.id}-{number}", time_ns=time_ns, symbol=bar.symbol, price=price)
