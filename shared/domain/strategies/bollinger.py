"""Bollinger breakout: long when a bar closes above the upper band, flat again when one closes below the middle.

    middle = mean of the last ``length`` closes, upper = middle + ``deviations`` x their standard deviation

The bar itself is in the band, and the deviation is that of the population. This is method I, the volatility breakout,
of John Bollinger (*Bollinger on Bollinger Bands*, 2001), its long side only and with the middle band as the exit.
"""

from shared.domain.strategies.base import Amount, Bars, Parameters, StrategyKind
from shared.domain.strategies.rolling import RollingMean
from shared.messages.market import BarClosed


class Bollinger:
    """The rule on one pair and timeframe.

    A trade that began before the history is not known to it: it is flat until its next entry.
    """

    __slots__ = ("_closes", "_deviations", "_strength", "warmup_bars")

    def __init__(self, length: int, deviations: float) -> None:
        self.warmup_bars = length
        self._closes = RollingMean(length)
        self._deviations = deviations
        self._strength = 0.0

    def on_bar(self, bar: BarClosed) -> float | None:
        closes, close = self._closes, bar.close
        closes.push(close)
        if not closes.is_full:
            return None
        middle = closes.mean()
        if self._strength:
            if close < middle:
                self._strength = 0.0
        elif close > middle and close > middle + self._deviations * closes.deviation(middle):
            self._strength = 1.0
        return self._strength


def _build(parameters: Parameters) -> Bollinger:
    return Bollinger(parameters.bars("length"), parameters.amount("deviations"))


BOLLINGER = StrategyKind(
    name="bollinger",
    about="long above the upper Bollinger band of `length` closes, flat below its middle",
    parameters=(
        Bars("length", 20, "bars in the band", least=2),
        Amount("deviations", 2.0, "standard deviations from the middle to the upper band", least=0.1, most=5.0),
    ),
    build=_build,
)
