"""Figures of a pair's daily bars: ATR, ADV, daily volatility, and how much history there is.

And ``PairNames``: one pair may have had two names on the exchange, and its history goes on through the rename.
"""

from collections import deque
from collections.abc import Sequence
from decimal import Decimal
from math import fsum, inf, isfinite, log, sqrt

from msgspec import Struct

from shared.domain.bars.atr import WilderAtr
from shared.domain.numbers import ONE
from shared.domain.timeframes import DAY_NS
from shared.domain.universe import Universe
from shared.messages.market import BarClosed

MAX_HOLE_DAYS = 5
MAX_AGE_NS = 3 * DAY_NS


class DailyHistory:
    """One pair's completed UTC days, as figures. Memory does not grow with their number.

    atr: Wilder's average true range over ``atr_days`` days, USDT per unit; None until there are enough days.
    adv_usdt: mean quote volume of the last ``adv_days`` days; None until there are enough.
    sigma_day: sample standard deviation of the last ``adv_days`` daily log returns; None until there are enough.
    days: completed days since the history began.
    open_time_ns, close_time_ns: of the last day.

    A hole of up to ``MAX_HOLE_DAYS`` missing days is bridged: the true range and the return after it span it, which
    makes both larger, never smaller. After a longer one the history begins anew, for an average from before says
    nothing any more.
    """

    __slots__ = ("_adv_days", "_atr", "_atr_days", "_close", "_returns", "_volumes", "adv_usdt", "atr",
                 "close_time_ns",
                 "days", "open_time_ns", "sigma_day")  # fmt: skip

    def __init__(self, *, atr_days: int, adv_days: int) -> None:
        self._atr_days = atr_days
        self._adv_days = adv_days
        self.open_time_ns = -1
        self.close_time_ns = -1
        self._begin()

    def _begin(self) -> None:
        self._atr = WilderAtr(self._atr_days)
        self._volumes: deque[float] = deque(maxlen=self._adv_days)
        self._returns: deque[float] = deque(maxlen=self._adv_days)
        self._close = 0.0
        self.atr: float | None = None
        self.adv_usdt: float | None = None
        self.sigma_day: float | None = None
        self.days = 0

    def add(self, bar: BarClosed, price_ratio: float = 1.0) -> bool:
        """Take a completed day; False for one that is not newer than the last, which changes nothing.

        price_ratio: prices are divided by it, to carry on in the pair's new units after a rename.
        """
        if bar.open_time_ns <= self.open_time_ns:
            return False
        if self.days and bar.open_time_ns - self.open_time_ns > (MAX_HOLE_DAYS + 1) * DAY_NS:
            self._begin()
        self.open_time_ns, self.close_time_ns = bar.open_time_ns, bar.close_time_ns
        close = bar.close / price_ratio
        self.atr = self._atr.update(bar.high / price_ratio, bar.low / price_ratio, close)
        ratio = close / self._close if self.days else 0.0
        if 0.0 < ratio < inf:  # of prices next to nothing the quotient may be 0 or infinite
            self._returns.append(log(ratio))
            self.sigma_day = _deviation(self._returns, self._adv_days)
        self._volumes.append(bar.quote_volume)
        if len(self._volumes) == self._adv_days:
            self.adv_usdt = fsum(self._volumes) / self._adv_days
        self._close = close
        self.days += 1
        return True

    def is_fresh(self, time_ns: int) -> bool:
        """Whether the last day is recent enough to size with: a daily feed that went quiet must not go unnoticed."""
        return time_ns - self.close_time_ns <= MAX_AGE_NS


def _deviation(values: Sequence[float], wanted: int) -> float | None:
    """Sample standard deviation of exactly ``wanted`` values; None for fewer, or for only one."""
    count = len(values)
    if count < wanted or count < 2:
        return None
    mean = fsum(values) / count
    deviation = sqrt(fsum((value - mean) ** 2 for value in values) / (count - 1))
    return deviation if isfinite(deviation) else None


class NamedPair(Struct, frozen=True):
    """One of a pair's names.

    pair: the newest name.
    ratio: units of the newest name for each unit of this one.
    price_ratio: the same as a float.
    """

    pair: str
    ratio: Decimal
    price_ratio: float


class PairNames:
    """Leads from every name of every pair of the universe to the pair's newest name, and the ratio between them.

    State is kept in units of the newest name, so that nothing has to be converted on the day of the rename:
    new quantity = quantity x ratio, new price = price / ratio.
    """

    __slots__ = ("_names",)

    def __init__(self, universe: Universe) -> None:
        self._names: dict[str, NamedPair] = {}
        for symbol in universe.symbols:
            newest, *former = universe.names_of(symbol)
            rename = universe.rename_of(symbol)
            ratio = rename.ratio if rename else ONE
            self._names[newest] = NamedPair(newest, ONE, 1.0)
            for name in former:
                self._names[name] = NamedPair(newest, ratio, float(ratio))

    def get(self, symbol: str) -> NamedPair | None:
        """None for a symbol that is not in the universe."""
        return self._names.get(symbol)

    @property
    def pairs(self) -> tuple[str, ...]:
        """The newest name of every pair, in the order of the universe."""
        return tuple(dict.fromkeys(named.pair for named in self._names.values()))
