"""Strategies over many bars at once: the same floats as bar by bar, to the last bit.

A strategy of a kind that has no vector form here is shown bar by bar, as everywhere.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from shared.domain.strategies.base import Parameters
from shared.domain.strategies.donchian import DONCHIAN
from shared.domain.strategies.external import EXTERNAL
from shared.domain.strategies.momentum import MOMENTUM
from shared.runtime.columns import Floats


@dataclass(frozen=True, slots=True)
class Series:
    """Bars of one pair, oldest first, without holes. They go on where those of the call before ended."""

    high: Floats
    low: Floats
    close: Floats


class Vector(Protocol):
    """A strategy on one pair and timeframe. It remembers from call to call what it has seen."""

    def run(self, bars: Series) -> Floats:
        """The strength after each bar; NaN while there is too little history."""
        ...


class VectorDonchian:
    """``strategies/donchian.py``: the highest high and lowest low before each bar, by sliding windows."""

    def __init__(self, parameters: Parameters) -> None:
        self._entry, self._exit = parameters.bars("entry"), parameters.bars("exit")
        self._warmup = max(self._entry, self._exit)
        self._highs, self._lows = np.empty(0), np.empty(0)  # of the bars before, as many as a window holds
        self._strength = 0.0

    def run(self, bars: Series) -> Floats:
        before = len(self._highs)
        highs, lows = np.concatenate((self._highs, bars.high)), np.concatenate((self._lows, bars.low))
        self._highs, self._lows = highs[-self._warmup :], lows[-self._warmup :]
        strengths: Floats = np.full(len(bars.close), np.nan)
        first = max(0, self._warmup - before)  # of these bars, the first one that is judged
        if first < len(strengths):
            close, at = bars.close[first:], before + first
            above = sliding(highs[at - self._entry : -1], self._entry, np.maximum)
            below = sliding(lows[at - self._exit : -1], self._exit, np.minimum)
            said = np.where(close > above, 1.0, np.where(close < below, 0.0, np.nan))
            strengths[first:] = carried(said, self._strength)
            self._strength = float(strengths[-1])
        return strengths


class VectorMomentum:
    """``strategies/momentum.py``. An average that feeds on itself is a loop, which is quick over plain floats."""

    def __init__(self, parameters: Parameters) -> None:
        self._fast, self._slow = _Ema(parameters.bars("fast")), _Ema(parameters.bars("slow"))
        self._unanswered = 2 * parameters.bars("slow") - 1

    def run(self, bars: Series) -> Floats:
        closes = bars.close.tolist()
        fast, slow = self._fast.run(closes), self._slow.run(closes)
        strengths: Floats = np.where(np.array(fast) > np.array(slow), 1.0, 0.0)
        silent = min(self._unanswered, len(closes))
        strengths[:silent] = np.nan
        self._unanswered -= silent
        return strengths


class VectorExternal:
    """``strategies/external.py``: its signals come from elsewhere."""

    def __init__(self, _: Parameters) -> None:
        pass

    def run(self, bars: Series) -> Floats:
        return np.full(len(bars.close), np.nan)


class _Ema:
    """``Ema`` of ``strategies/momentum.py`` over many values."""

    def __init__(self, length: int) -> None:
        self._length, self._factor = length, 2.0 / (length + 1)
        self._count, self._sum, self._value = 0, 0.0, np.nan

    def run(self, values: list[float]) -> list[float]:
        """The average after each value; NaN until there are ``length`` of them."""
        averages: list[float] = []
        first = min(len(values), self._length - self._count)
        for value in values[:first]:
            self._sum += value
            self._count += 1
            averages.append(self._sum / self._length if self._count == self._length else np.nan)
        average, factor = averages[-1] if first else self._value, self._factor
        for value in values[first:]:
            average = average + factor * (value - average)
            averages.append(average)
        self._value = average
        return averages


def sliding(values: Floats, length: int, of_two: np.ufunc) -> Floats:
    """``of_two`` over each ``length`` values in a row; a window that doubles needs few passes."""
    width = 1
    while 2 * width <= length:
        values = of_two(values[width:], values[:-width])
        width *= 2
    rest = length - width
    return values if not rest else of_two(values[rest:], values[:-rest])


def carried(said: Floats, before: float) -> Floats:
    """Each value, or the last one that is not NaN before it."""
    numbers = np.where(np.isnan(said), -1, np.arange(len(said)))
    last = np.maximum.accumulate(numbers)
    return np.where(last < 0, before, said[np.maximum(last, 0)])


VECTORS: dict[str, Callable[[Parameters], Vector]] = {
    DONCHIAN.name: VectorDonchian,
    MOMENTUM.name: VectorMomentum,
    EXTERNAL.name: VectorExternal,
}
