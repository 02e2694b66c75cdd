"""The last n values: their highest or lowest in constant time a value on average, their mean and deviation."""

from collections import deque
from math import fsum, sqrt


class RollingMax:
    """``value`` is the largest of the last ``length`` values pushed; -inf before the first.

    A monotonic deque: a value that a later one exceeds can never be the maximum again and is dropped at once, so each
    value enters and leaves once.
    """

    __slots__ = ("_index", "_length", "_window", "value")

    def __init__(self, length: int) -> None:
        if length < 1:
            raise ValueError(f"window of {length} values: expected 1 or more")
        self._length = length
        self._index = 0
        self._window: deque[tuple[float, int]] = deque()
        self.value = float("-inf")

    def push(self, value: float) -> None:
        """Take the next value in."""
        window = self._window
        while window and window[-1][0] <= value:
            window.pop()
        index = self._index
        window.append((value, index))
        if window[0][1] <= index - self._length:
            window.popleft()
        self._index = index + 1
        self.value = window[0][0]


class RollingMin:
    """``value`` is the smallest of the last ``length`` values pushed; +inf before the first."""

    __slots__ = ("_negated", "value")

    def __init__(self, length: int) -> None:
        self._negated = RollingMax(length)
        self.value = float("inf")

    def push(self, value: float) -> None:
        """Take the next value in."""
        self._negated.push(-value)
        self.value = -self._negated.value


class RollingMean:
    """The mean of the last ``length`` values, and how far they are from it. Both need ``is_full``.

    They are computed from the window anew, and not carried on by difference: what is rounded on the way would depend on
    where the history began.
    """

    __slots__ = ("_length", "_window", "is_full")

    def __init__(self, length: int) -> None:
        self._length = length
        self._window: deque[float] = deque(maxlen=length)
        self.is_full = False

    def push(self, value: float) -> None:
        """Take the next value in."""
        self._window.append(value)
        if not self.is_full:
            self.is_full = len(self._window) == self._length

    def mean(self) -> float:
        """The arithmetic mean; exactly the price itself where nothing moved."""
        last = self._window[-1]
        return last + fsum([value - last for value in self._window]) / self._length

    def deviation(self, mean: float) -> float:
        """The standard deviation of the population, which is the window. mean: of these values."""
        return sqrt(fsum([(value - mean) ** 2 for value in self._window]) / self._length)
