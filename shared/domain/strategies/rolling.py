"""The highest or lowest of the last n values, in constant time a value on average."""

from collections import deque


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
