"""Donchian breakout: long when a bar closes above the highest high of the ``entry`` bars before it, flat again when one
closes below the lowest low of the ``exit`` bars before it.

This is Richard Donchian's channel rule as the Turtles traded it, with 20 and 10 days (Faith, *The Original Turtle
Trading Rules*, 2003), its long side only.
"""

from shared.domain.strategies.base import Bars, Fault, Parameters, StrategyKind
from shared.domain.strategies.rolling import RollingMax, RollingMin
from shared.messages.market import BarClosed


class Donchian:
    """The rule on one pair and timeframe. The bar itself is not in the channel that it has to leave."""

    __slots__ = ("_bars", "_highs", "_lows", "_strength", "warmup_bars")

    def __init__(self, entry: int, exit_: int) -> None:
        self.warmup_bars = max(entry, exit_)
        self._highs = RollingMax(entry)
        self._lows = RollingMin(exit_)
        self._strength = 0.0
        self._bars = 0

    def on_bar(self, bar: BarClosed) -> float | None:
        warm = self._bars >= self.warmup_bars
        if not warm:
            self._bars += 1
        elif bar.close > self._highs.value:
            self._strength = 1.0
        elif bar.close < self._lows.value:
            self._strength = 0.0
        self._highs.push(bar.high)
        self._lows.push(bar.low)
        return self._strength if warm else None


def _build(parameters: Parameters) -> Donchian:
    return Donchian(parameters.bars("entry"), parameters.bars("exit"))


def _exit_within_entry(parameters: Parameters) -> Fault | None:
    entry, exit_ = parameters.bars("entry"), parameters.bars("exit")
    if exit_ <= entry:
        return None
    return Fault("exit", exit_, f"set it to at most entry ({entry} bars): an exit is quicker")


DONCHIAN = StrategyKind(
    name="donchian",
    about="long above the highest high of `entry` bars, flat below the lowest low of `exit` bars",
    parameters=(
        Bars("entry", 20, "bars in the high that has to be broken"),
        Bars("exit", 10, "bars in the low that ends the trade"),
    ),
    build=_build,
    together=_exit_within_entry,
)
