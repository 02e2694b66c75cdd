"""Bars for a trial: a market with what real ones have, a standstill without any volume included."""

from collections.abc import Iterator
from math import exp, sin

from shared.domain.timeframes import MS_NS, timeframe_ns
from shared.messages.market import BarClosed

BEGIN_NS = 1_577_836_800_000_000_000  # 2020-01-01 00:00 UTC


def bars(symbol: str, timeframe: str, count: int, *, price: float = 100.0, tempo: float = 1.0) -> Iterator[BarClosed]:
    """``count`` bars, always the same: rising and falling in several rhythms; every fourth stretch stands still.

    price: about which it moves. tempo: of the rhythms.
    """
    length_ns = timeframe_ns(timeframe)
    before = price
    for number in range(count):
        still = number // 40 % 4 == 3
        wave = sin(number * tempo / 7) * 0.03 + sin(number * tempo / 41) * 0.15 + sin(number * tempo / 2.3) * 0.01
        close = before if still else price * exp(wave)
        reach = 0.0 if still else 0.004 * (1 + sin(number))
        opened_ns = BEGIN_NS + number * length_ns
        closed_ns = opened_ns + length_ns - MS_NS
        volume = 0.0 if still else 1000 * (2 + sin(number / 3))
        yield BarClosed(
            id=f"trial-{symbol.replace('/', '')}-{number}",
            time_ns=closed_ns,
            symbol=symbol,
            timeframe=timeframe,
            open_time_ns=opened_ns,
            close_time_ns=closed_ns,
            open=before,
            high=max(before, close) * (1 + reach),
            low=min(before, close) * (1 - reach),
            close=close,
            volume=volume,
            quote_volume=volume * close,
            trades=0 if still else 100,
        )
        before = close
