"""Market time and wall time, which differ when history is replayed faster than it happened; and steady time.

A wall clock may be set: it then steps, back or forward. Whatever is compared with something that the same process saw
before (an age, a silence, a wait) goes by *steady time*, which never does. Steady times mean nothing elsewhere: they
are neither stored nor sent.
"""

from typing import Protocol

from msgspec import Struct

from shared.domain.timeframes import SECOND_NS

WAITING = 2**62
MOST_SPEED = 1e9  # of a clock; no market is replayed so fast


class ClockOrigin(Struct, frozen=True, kw_only=True):
    """How market time follows wall time. It stands at ``hs:clock``, so that every process of a stack agrees.

    market = origin_market_ns + (wall - origin_wall_ns) x speed; with begins_wall_ns it counts from there, and stands
    at origin_market_ns before. The origin is also the name of a market: no two of them have the same one.

    origin_market_ns: a moment in market time, nanoseconds since 1970.
    origin_wall_ns: the same moment in wall time, nanoseconds since 1970.
    speed: market seconds that pass in one wall second.
    begins_wall_ns: wall time from which a market moves that waited for its readers, ``WAITING`` while it does; 0 for
        one that did not.
    """

    origin_market_ns: int
    origin_wall_ns: int
    speed: float
    begins_wall_ns: int = 0

    @property
    def is_waiting(self) -> bool:
        """Whether the market stands still until its readers are there."""
        return self.begins_wall_ns >= WAITING


def market_ns(clock: "Clock", wall_seconds: float) -> int:
    """How much market time passes in so much wall time, in nanoseconds."""
    return int(wall_seconds * clock.speed * SECOND_NS)


class Clock(Protocol):
    """Tells the times, and waits. ``speed`` market seconds pass in one wall second."""

    @property
    def speed(self) -> float: ...

    def now_ns(self) -> int:
        """Market time, nanoseconds since 1970."""
        ...

    def wall_ns(self) -> int:
        """Wall time, nanoseconds since 1970."""
        ...

    def steady_ns(self) -> int:
        """Nanoseconds since some moment, as they really pass: whoever sets the wall clock does not move this one."""
        ...

    async def sleep_market(self, seconds: float) -> None:
        """Wait until ``seconds`` of market time have passed."""
        ...

    async def sleep_wall(self, seconds: float) -> None:
        """Wait ``seconds`` of wall time."""
        ...


STEP_NS = 250_000_000  # a wall clock that is steered runs up to 0.5 ms a second too fast or slow; this is no steering


class ClockSteps:
    """Notices when the wall clock was set, by the steady one beside it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._apart_ns = clock.wall_ns() - clock.steady_ns()

    def look(self) -> int:
        """By how many nanoseconds of wall time the clock was set since the last look; 0 when it was not."""
        apart_ns = self._clock.wall_ns() - self._clock.steady_ns()
        step_ns, self._apart_ns = apart_ns - self._apart_ns, apart_ns
        return step_ns if abs(step_ns) >= STEP_NS else 0
