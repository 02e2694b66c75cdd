"""RSI mean reversion: long after a sharp setback within an uptrend, flat again once the setback is over.

The rule is Larry Connors' RSI(2) (Connors and Alvarez, *Short Term Trading Strategies That Work*, 2008), its long
side only: buy when the close is above its mean of ``trend`` bars and RSI is below ``below``; sell when the close is
above its mean of ``exit`` bars. RSI itself is Wilder's (*New Concepts in Technical Trading Systems*, 1978):

    RSI = 100 x average gain / (average gain + average loss)

Both averages begin with the mean of the first n changes and go on as ``(previous x (n - 1) + change) / n``, as in
TA-Lib. Where nothing moved at all, RSI is 50: neither strong nor weak.
"""

from shared.domain.strategies.base import Amount, Bars, Fault, Parameters, StrategyKind
from shared.domain.strategies.rolling import RollingMean
from shared.messages.market import BarClosed

# Times the length of RSI: by then 0.01 % at most of what its averages began with is left in them.
SETTLED = 10


class Rsi:
    """``value`` is the relative strength index of closes, None until ``length`` changes were seen."""

    __slots__ = ("_close", "_count", "_gain", "_length", "_loss", "value")

    def __init__(self, length: int) -> None:
        self._length = length
        self._count = 0
        self._gain = self._loss = 0.0
        self._close: float | None = None
        self.value: float | None = None

    def update(self, close: float) -> float | None:
        """Take the next close in; gives back the new index."""
        before, self._close = self._close, close
        if before is None:
            return None
        change, length = close - before, self._length
        gain, loss = (change, 0.0) if change > 0 else (0.0, -change)
        if self._count < length:
            self._count += 1
            self._gain += gain / length
            self._loss += loss / length
            if self._count < length:
                return None
        else:
            self._gain = (self._gain * (length - 1) + gain) / length
            self._loss = (self._loss * (length - 1) + loss) / length
        moved = self._gain + self._loss
        self.value = 100.0 * self._gain / moved if moved > 0.0 else 50.0
        return self.value


class RsiReversion:
    """The rule on one pair and timeframe.

    A trade that began before the history is not known to it: it is flat until its next entry.
    """

    __slots__ = ("_bars", "_below", "_exit", "_rsi", "_strength", "_trend", "warmup_bars")

    def __init__(self, length: int, below: float, trend: int, exit_: int) -> None:
        self.warmup_bars = max(trend, exit_, SETTLED * length)
        self._rsi = Rsi(length)
        self._trend, self._exit = RollingMean(trend), RollingMean(exit_)
        self._below = below
        self._strength = 0.0
        self._bars = 0

    def on_bar(self, bar: BarClosed) -> float | None:
        close = bar.close
        rsi = self._rsi.update(close)
        self._trend.push(close)
        self._exit.push(close)
        if self._bars < self.warmup_bars - 1:
            self._bars += 1
            return None
        assert rsi is not None
        if self._strength:
            if close > self._exit.mean():
                self._strength = 0.0
        elif rsi < self._below and close > self._trend.mean():
            self._strength = 1.0
        return self._strength


def _build(parameters: Parameters) -> RsiReversion:
    return RsiReversion(
        parameters.bars("length"), parameters.amount("below"), parameters.bars("trend"), parameters.bars("exit")
    )


def _exit_within_trend(parameters: Parameters) -> Fault | None:
    exit_, trend = parameters.bars("exit"), parameters.bars("trend")
    return None if exit_ < trend else Fault("exit", exit_, f"set it below trend ({trend} bars)")


RSI = StrategyKind(
    name="rsi",
    about="long when RSI is below `below` and the close above its mean of `trend` bars, flat above that of `exit` bars",
    parameters=(
        Bars("length", 2, "bars in the index", least=2, most=50),
        Amount("below", 10.0, "how low RSI has to be for an entry", least=0.1, most=50.0),
        Bars("trend", 200, "bars in the mean that a close has to be above to enter", least=2),
        Bars("exit", 5, "bars in the mean above which the setback is over"),
    ),
    build=_build,
    together=_exit_within_trend,
)
