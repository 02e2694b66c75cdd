"""Bars of a time to come are not believed: whoever took one would keep out every bar that closes before it, for good.

Machines learn the time, but not while history is read again. So it is the host that looks, at both times alike.
"""

from shared.domain.timeframes import DAY_NS
from shared.messages.market import BarClosed
from shared.ports.clock import Clock, market_ns
from shared.ports.streams import Entry

WRONG_CLOCK_SECONDS = 3600.0  # wall time by which our clock may be behind, before bars of now look like that


def without_bar_to_come(item: Entry, clock: Clock) -> Entry:
    """The same, or one that cannot be read, with the reason."""
    bar = item.message
    if type(bar) is not BarClosed or not (now_ns := clock.now_ns()):
        return item
    ahead_ns = bar.close_time_ns - now_ns
    if ahead_ns <= max(DAY_NS, market_ns(clock, WRONG_CLOCK_SECONDS)):
        return item
    reason = (
        f"{bar.symbol} {bar.timeframe} closes {ahead_ns / DAY_NS:,.1f} days from now: a bar is told when it has closed"
    )
    return item._replace(message=None, fault=("$.close_time_ns", reason))
