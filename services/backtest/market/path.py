"""The price within a bar. Nobody knows how it went, so two markets bound the truth:

- smooth: the bar alone. A stop that it touches fills there (less spread and slippage), or at the open that gapped.
- jumping: the price is seen at the open, at both extremes and at the close only, and jumps from one to the next. A stop
  fills at the extreme. A bar that closes at or over its open had its low first.
"""

from collections.abc import Iterator, Sequence

from shared.domain.timeframes import MS_NS, timeframe_ns
from shared.messages.market import BarClosed, MarkChanged

MOMENTS = 3  # before the close


def jumps(bars: Sequence[BarClosed]) -> Iterator[list[MarkChanged]]:
    """The marks within the bars, one list for each moment. bars: of one timeframe, closing together."""
    for number in range(MOMENTS if bars else 0):
        yield [_mark(bar, number, _price(bar, number)) for bar in bars]


def opens(bars: Sequence[BarClosed], symbols: set[str]) -> list[MarkChanged]:
    """The price at which bars opened, of some pairs."""
    return [_mark(bar, 0, bar.open) for bar in bars if bar.symbol in symbols]


def _price(bar: BarClosed, number: int) -> float:
    rises = bar.close >= bar.open
    return (bar.open, bar.low if rises else bar.high, bar.high if rises else bar.low)[number]


def _mark(bar: BarClosed, number: int, price: float) -> MarkChanged:
    time_ns = bar.open_time_ns + number * timeframe_ns(bar.timeframe) // MOMENTS + MS_NS
    return MarkChanged(id=f"m-{bar.id}-{number}", time_ns=time_ns, symbol=bar.symbol, price=price)
