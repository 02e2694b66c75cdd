"""How many requests of one client are taken."""

from collections.abc import Callable

MINUTE_NS = 60_000_000_000


class Throttle:
    """A bucket for each name: ``per_minute`` at once, and as many again in every minute.

    steady_ns: the time, which nobody sets.
    """

    def __init__(self, per_minute: int, steady_ns: Callable[[], int]) -> None:
        self._most, self._steady_ns = float(per_minute), steady_ns
        self._buckets: dict[str, tuple[float, int]] = {}  # what is left, and when that was so

    def takes(self, name: str) -> bool:
        """Whether one more is taken now. Names are few: of clients that have a token."""
        now_ns = self._steady_ns()
        left, at_ns = self._buckets.get(name, (self._most, now_ns))
        left = min(self._most, left + (now_ns - at_ns) * self._most / MINUTE_NS)
        taken = left >= 1.0
        self._buckets[name] = (left - 1.0 if taken else left, now_ns)
        return taken
