"""EMA momentum: long while the fast exponential moving average of closes is above the slow one, flat otherwise.

``ema = previous + 2 / (n + 1) x (close - previous)``. It begins with the mean of the first n closes, as in TA-Lib. The
crossover is Appel's (moving average convergence divergence, 1979) without its signal line.
"""

from shared.domain.strategies.base import Bars, Fault, Parameters, StrategyKind
from shared.messages.market import BarClosed


class Ema:
    """``value`` is the exponential moving average, None until ``length`` values were seen."""

    __slots__ = ("_count", "_factor", "_length", "_sum", "value")

    def __init__(self, length: int) -> None:
        self._length = length
        self._factor = 2.0 / (length + 1)
        self._count = 0
        self._sum = 0.0
        self.value: float | None = None

    def update(self, value: float) -> float | None:
        """Take the next value in; gives back the new average."""
        previous = self.value
        if previous is not None:
            self.value = previous + self._factor * (value - previous)
        else:
            self._sum += value
            self._count += 1
            if self._count == self._length:
                self.value = self._sum / self._length
        return self.value


class Momentum:
    """The rule on one pair and timeframe.

    It answers after ``2 x slow`` bars: by then no more than 13 % of what the slow average began with is left in it.
    """

    __slots__ = ("_bars", "_fast", "_slow", "warmup_bars")

    def __init__(self, fast: int, slow: int) -> None:
        self.warmup_bars = 2 * slow
        self._fast = Ema(fast)
        self._slow = Ema(slow)
        self._bars = 0

    def on_bar(self, bar: BarClosed) -> float | None:
        fast, slow = self._fast.update(bar.close), self._slow.update(bar.close)
        if self._bars < self.warmup_bars - 1:
            self._bars += 1
            return None
        assert fast is not None
        assert slow is not None
        return 1.0 if fast > slow else 0.0


def _build(parameters: Parameters) -> Momentum:
    return Momentum(parameters.bars("fast"), parameters.bars("slow"))


def _fast_below_slow(parameters: Parameters) -> Fault | None:
    fast, slow = parameters.bars("fast"), parameters.bars("slow")
    return None if fast < slow else Fault("fast", fast, f"set it below slow ({slow} bars)")


MOMENTUM = StrategyKind(
    name="momentum",
    about="long while the EMA of `fast` closes is above the EMA of `slow` closes",
    parameters=(
        Bars("fast", 20, "bars in the quick average"),
        Bars("slow", 80, "bars in the slow average", least=2, most=500),
    ),
    build=_build,
    together=_fast_below_slow,
)
