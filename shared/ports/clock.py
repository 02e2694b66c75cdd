"""Market time and wall time. They differ when history is replayed faster than it happened."""

from typing import Protocol

from msgspec import Struct

from shared.domain.timeframes import SECOND_NS


class ClockOrigin(Struct, frozen=True, kw_only=True):
    """How market time follows wall time. It stands at ``hs:clock``, so that every process of a stack agrees.

    market = origin_market_ns + (wall - origin_wall_ns) x speed.

    origin_market_ns: a moment in market time, nanoseconds since 1970.
    origin_wall_ns: the same moment in wall time, nanoseconds since 1970.
    speed: market seconds that pass in one wall second.
    """

    origin_market_ns: int
    origin_wall_ns: int
    speed: float


def market_ns(clock: "Clock", wall_seconds: float) -> int:
    """How much market time passes in so much wall time, in nanoseconds."""
    return int(wall_seconds * clock.speed * SECOND_NS)


class Clock(Protocol):
    """Tells both times, and waits in either. ``speed`` market seconds pass in one wall second."""

    @property
    def speed(self) -> float: ...

    def now_ns(self) -> int:
        """Market time, nanoseconds since 1970."""
        ...

    def wall_ns(self) -> int:
        """Wall time, nanoseconds since 1970."""
        ...

    async def sleep_market(self, seconds: float) -> None:
        """Wait until ``seconds`` of market time have passed."""
        ...

    async def sleep_wall(self, seconds: float) -> None:
        """Wait ``seconds`` of wall time."""
        ...
