"""NAV and returns once a UTC day: what all figures of performance are made of."""

from bisect import bisect_right
from typing import NamedTuple

from services.backtest.result import Run
from shared.domain.timeframes import DAY_NS, SECOND_NS


class Days(NamedTuple):
    """The days of a run.

    first: the first one, counted from 1970.
    navs: at the end of each, USDT. returns: of each, as fractions; the first one is from the starting NAV.
    """

    first: int
    navs: list[float]
    returns: list[float]

    def start_ns(self, index: int) -> int:
        """When the day with this index began."""
        return (self.first + index) * DAY_NS


def days_of(run: Run) -> Days:
    """NAV at the end of each UTC day, 24:00 included. A day without any point of the curve keeps NAV, and returns 0.

    The first and the last day may be parts of one. After a NAV of nothing there is nothing left to return.
    """
    first = run.start_ns // DAY_NS
    ends: dict[int, float] = {}
    for time_ns, nav in zip(run.curve.time_ns, run.curve.nav, strict=True):
        ends[max(first, (time_ns - 1) // DAY_NS)] = nav
    navs: list[float] = []
    returns: list[float] = []
    before = run.starting_nav
    for day in range(first, max(ends, default=first - 1) + 1):
        nav = ends.get(day, before)
        navs.append(nav)
        returns.append(nav / before - 1.0 if before > 0.0 else 0.0)
        before = nav
    return Days(first, navs, returns)


def nav_at(run: Run, time_ns: int) -> float:
    """The last NAV that was known then, USDT."""
    at = bisect_right(run.curve.time_ns, time_ns) - 1
    return run.curve.nav[at] if at >= 0 else run.starting_nav


def compounded(returns: list[float]) -> float:
    """The return over all of them."""
    growth = 1.0
    for each in returns:
        growth *= 1.0 + each
    return growth - 1.0


def market_of(run: Run, days: Days) -> list[float]:
    """The returns of the basket on the very days of ``days``; none where they cannot be told to be the same.

    It is known of whole days, so it counts as 0 on the parts of days with which a run may begin and end. A day
    ends with its last bar, which Binance closes a millisecond before midnight.
    """
    before, after = (-(-at // SECOND_NS) * SECOND_NS % DAY_NS != 0 for at in (run.start_ns, run.end_ns))
    market = [*([0.0] * before), *run.market_returns, *([0.0] * after)]
    return market if len(market) == len(days.returns) else []
