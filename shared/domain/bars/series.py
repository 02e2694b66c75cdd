"""Figures of a pair's daily bars (ATR, ADV, daily volatility, how much history there is), and which bars are new."""

from collections import deque
from collections.abc import Sequence
from functools import cache, lru_cache
from math import fsum, inf, isfinite, log, sqrt

from msgspec import Struct

from shared.domain.bars.atr import WilderAtr
from shared.domain.timeframes import DAY_NS
from shared.messages.market import BarClosed

MAX_HOLE_DAYS = 5
MAX_AGE_NS = 3 * DAY_NS
DAYS_REMEMBERED = 40  # for bars that come late; of an earlier moment nothing is known, and so nothing is bought
DAYS_SHARED = 2_048  # computed days that are kept for other machines of the process, some 2 kB each


class DailyFigures(Struct, frozen=True, gc=False):
    """What a pair's completed days come to, as of the end of one of them.

    atr: Wilder's average true range over ``atr_days`` days, USDT per unit; None until there are enough days.
    adv_usdt: mean quote volume of the last ``adv_days`` days; None until there are enough.
    sigma_day: sample standard deviation of the last ``adv_days`` daily log returns; None until there are enough.
    days: completed days since the history began.
    open_time_ns, close_time_ns: of the last day.
    """

    atr: float | None = None
    adv_usdt: float | None = None
    sigma_day: float | None = None
    days: int = 0
    open_time_ns: int = -1
    close_time_ns: int = -1

    def is_fresh(self, time_ns: int) -> bool:
        """Whether the last day is recent enough to size with: a daily feed that went quiet must not go unnoticed."""
        return time_ns - self.close_time_ns <= MAX_AGE_NS


NO_DAYS = DailyFigures()


class _Days:
    """A pair's days up to one of them, with what the next one is computed from. Nothing in it ever changes."""

    __slots__ = ("atr", "close", "figures", "returns", "volumes")

    def __init__(
        self,
        figures: DailyFigures,
        atr: WilderAtr,
        volumes: tuple[float, ...],
        returns: tuple[float, ...],
        close: float,
    ) -> None:
        self.figures, self.atr, self.volumes, self.returns, self.close = figures, atr, volumes, returns, close


@cache
def _no_days(atr_days: int) -> _Days:
    return _Days(NO_DAYS, WilderAtr(atr_days), (), (), 0.0)


@lru_cache(maxsize=DAYS_SHARED)
def _after(before: _Days, bar: BarClosed, price_ratio: float, adv_days: int) -> _Days:
    """The days with one more. Machines in one process see the same bars, and so each day is computed once for all."""
    last, close = before.figures, bar.close / price_ratio
    ratio = close / before.close if last.days else 0.0
    returns, atr = before.returns, before.atr.copy()
    if 0.0 < ratio < inf:  # of prices next to nothing the quotient may be 0 or infinite
        returns = (*returns, log(ratio))[-adv_days:]
    volumes = (*before.volumes, bar.quote_volume)[-adv_days:]
    figures = DailyFigures(
        atr=atr.update(bar.high / price_ratio, bar.low / price_ratio, close),
        adv_usdt=fsum(volumes) / adv_days if len(volumes) == adv_days else None,
        sigma_day=_deviation(returns, adv_days),
        days=last.days + 1,
        open_time_ns=bar.open_time_ns,
        close_time_ns=bar.close_time_ns,
    )
    return _Days(figures, atr, volumes, returns, close)


class DailyHistory:
    """One pair's completed UTC days, as figures. Memory does not grow with their number.

    latest: the figures as of the last day. ``as_of`` has those of an earlier moment, because bars may come later than
        days that closed after them (docs/decisions/0018).

    A hole of up to ``MAX_HOLE_DAYS`` missing days is bridged: the true range and the return after it span it, which
    makes both larger, never smaller. After a longer one the history begins anew, for an average from before says
    nothing any more.
    """

    __slots__ = ("_adv_days", "_atr_days", "_days", "_known", "latest")

    def __init__(self, *, atr_days: int, adv_days: int) -> None:
        self._atr_days = atr_days
        self._adv_days = adv_days
        self._known: deque[DailyFigures] = deque(maxlen=DAYS_REMEMBERED)
        self.latest = NO_DAYS
        self._days = _no_days(atr_days)

    def add(self, bar: BarClosed, price_ratio: float = 1.0) -> bool:
        """Take a completed day; False for one that is not newer than the last, which changes nothing.

        price_ratio: prices are divided by it, to carry on in the pair's new units after a rename.
        """
        last, days = self.latest, self._days
        if bar.open_time_ns <= last.open_time_ns:
            return False
        if last.days and bar.open_time_ns - last.open_time_ns > (MAX_HOLE_DAYS + 1) * DAY_NS:
            days = _no_days(self._atr_days)
        self._days = _after(days, bar, price_ratio, self._adv_days)
        self.latest = self._days.figures
        self._known.append(self.latest)
        return True

    def as_of(self, time_ns: int) -> DailyFigures:
        """The figures as they were at that moment: of the days that had closed by then."""
        for figures in reversed(self._known):
            if figures.close_time_ns <= time_ns:
                return figures
        return NO_DAYS


def _deviation(values: Sequence[float], wanted: int) -> float | None:
    """Sample standard deviation of exactly ``wanted`` values; None for fewer, or for only one."""
    count = len(values)
    if count < wanted or count < 2:
        return None
    mean = fsum(values) / count
    deviation = sqrt(fsum((value - mean) ** 2 for value in values) / (count - 1))
    return deviation if isfinite(deviation) else None


class NewestBars:
    """The newest bar of each pair and timeframe, by its open time. Bars come in order, and some come again."""

    def __init__(self) -> None:
        self._opened_ns: dict[tuple[str, str], int] = {}

    def take(self, bar: BarClosed) -> bool:
        """Remember the bar; False, and nothing changes, when it is not newer than the last of its timeframe."""
        key = (bar.symbol, bar.timeframe)
        if bar.open_time_ns <= self._opened_ns.get(key, -1):
            return False
        self._opened_ns[key] = bar.open_time_ns
        return True

    def forget_after(self, now_ns: int) -> None:
        """The clock stepped back: forget bars of a time to come, which would keep newer ones out."""
        self._opened_ns = {key: opened_ns for key, opened_ns in self._opened_ns.items() if opened_ns <= now_ns}
