"""Market time and wall time. They differ when history is replayed faster than it happened."""

from typing import Protocol


class Clock(Protocol):
    """``speed`` market seconds pass in one wall second."""

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
