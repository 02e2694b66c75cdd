"""Wilder's average true range, one bar at a time.

J. Welles Wilder, *New Concepts in Technical Trading Systems* (1978): the true range is
``max(high - low, |high - previous close|, |low - previous close|)``; the average starts as the mean of the first ``n``
true ranges and then follows ``((n - 1) x previous + true range) / n``. The first bar has no previous close and so no
true range: the first value stands after ``n + 1`` bars, as in TA-Lib.
"""


def true_range(high: float, low: float, previous_close: float) -> float:
    """The distance a price covered in one bar, gap from the bar before included; in the unit of the price."""
    return max(high - low, abs(high - previous_close), abs(low - previous_close))


class WilderAtr:
    """The average over ``length`` bars.

    value: after the last bar, in the price's unit; None until ``length + 1`` bars were seen.
    """

    __slots__ = ("_bars", "_close", "_seed", "length", "value")

    def __init__(self, length: int) -> None:
        if length < 1:
            raise ValueError(f"ATR length {length}: expected 1 or more bars")
        self.length = length
        self.value: float | None = None
        self._bars = 0
        self._seed = 0.0
        self._close = 0.0

    def copy(self) -> "WilderAtr":
        """The same average, which goes on by itself."""
        other = WilderAtr(self.length)
        other.value, other._bars, other._seed, other._close = self.value, self._bars, self._seed, self._close
        return other

    def update(self, high: float, low: float, close: float) -> float | None:
        """Take the next bar in; gives back the new value."""
        previous_close, self._close = self._close, close
        self._bars += 1
        if self._bars == 1:
            return None
        span = true_range(high, low, previous_close)
        if self.value is not None:
            self.value = (self.value * (self.length - 1) + span) / self.length
        else:
            self._seed += span
            if self._bars == self.length + 1:
                self.value = self._seed / self.length
        return self.value
