"""Drawdown and Sharpe ratio of the portfolio, on NAV once a UTC day.

The NAV of a day is the one of its first snapshot, at or just after 00:00 UTC. A market that never closes has 365 days a
year: Sharpe = mean / sample standard deviation x sqrt(365), with no riskless rate taken off (Sharpe, "The Sharpe
Ratio", *Journal of Portfolio Management*, 1994).
"""

from itertools import pairwise
from math import isfinite, sqrt
from typing import NamedTuple

from msgspec import Struct, structs

from shared.domain.timeframes import DAY_NS

DAYS_A_YEAR = 365
MOST_DAYS = 1_100  # three years; the oldest go first


class DailyNavs(Struct, frozen=True, kw_only=True):
    """NAV once a day. The return over missed days counts as one return: no loss is left out, and none is smoothed.

    navs: USDT, one a day, oldest first.
    last_day: day of the last one, counted from 1970; -1 before the first.
    missed: days without any snapshot.
    """

    navs: tuple[float, ...] = ()
    last_day: int = -1
    missed: int = 0

    def with_nav(self, time_ns: int, nav: float) -> "DailyNavs":
        """With the NAV of another day; the same object when the day has its NAV already."""
        day = time_ns // DAY_NS
        if day <= self.last_day:
            return self
        gap = day - self.last_day - 1 if self.navs else 0
        return structs.replace(
            self, navs=(*self.navs[-MOST_DAYS + 1 :], nav), last_day=day, missed=self.missed + max(0, gap)
        )

    def scaled(self, ratio: float) -> "DailyNavs":
        """As if every NAV had been so many times what it was: the returns stay the same."""
        return structs.replace(self, navs=tuple(nav * ratio for nav in self.navs))

    @property
    def returns(self) -> list[float]:
        """The change from each NAV to the next, as a fraction."""
        return [after / before - 1.0 for before, after in pairwise(self.navs)]


class DailyFigures(NamedTuple):
    """Figures of daily NAV.

    sharpe: annualised; None while unknown.
    returns: how many daily returns it is of.
    missed: days without any snapshot.
    """

    sharpe: float | None = None
    returns: int = 0
    missed: int = 0


def figures_of(days: DailyNavs) -> DailyFigures:
    """The figures of these NAVs."""
    returns = days.returns
    return DailyFigures(sharpe_of(returns), len(returns), days.missed)


def sharpe_of(returns: list[float]) -> float | None:
    """The annualised Sharpe ratio; None when there are fewer than two returns, or all of them are the same."""
    count = len(returns)
    if count < 2:
        return None
    mean = sum(returns) / count
    variance = sum((each - mean) ** 2 for each in returns) / (count - 1)
    deviation = sqrt(variance)
    if not isfinite(deviation) or deviation <= 1e-12 * max(1.0, abs(mean)):  # the same but for float rounding
        return None
    return mean / deviation * sqrt(DAYS_A_YEAR)


def drawdown_of(peak_nav: float, nav: float) -> float:
    """The fraction of the peak that is lost; 0 at a peak, and before there is one."""
    return max(0.0, (peak_nav - nav) / peak_nav) if peak_nav > 0 else 0.0
