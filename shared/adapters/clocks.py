"""The clocks there are. This is the only place that reads the wall clock."""

import asyncio
import time

from shared.ports.clock import ClockOrigin


class RealClock:
    """Market time is wall time."""

    speed = 1.0

    def now_ns(self) -> int:
        return time.time_ns()

    def wall_ns(self) -> int:
        return time.time_ns()

    async def sleep_market(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def sleep_wall(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class ScaledClock:
    """Market time runs ``speed`` times as fast as wall time, from a common origin.

    origin: may be replaced by the same one with another beginning (``runtime.market_clock``).
    """

    def __init__(self, origin: ClockOrigin) -> None:
        if not origin.speed > 0:
            raise ValueError(f"speed {origin.speed} must be above 0")
        self.origin = origin
        self.speed = origin.speed

    def now_ns(self) -> int:
        origin = self.origin
        elapsed_ns = time.time_ns() - max(origin.origin_wall_ns, origin.begins_wall_ns)
        return origin.origin_market_ns + int(max(0, elapsed_ns) * self.speed)

    def wall_ns(self) -> int:
        return time.time_ns()

    async def sleep_market(self, seconds: float) -> None:
        await asyncio.sleep(seconds / self.speed)

    async def sleep_wall(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class ManualClock:
    """Stands still until it is told, for replays in lock-step and for tests. Waiting moves it on.

    time_ns: market time, to be set by whoever owns the clock.
    """

    def __init__(self, now_ns: int = 0, speed: float = 1.0) -> None:
        self.time_ns = now_ns
        self.speed = speed

    def now_ns(self) -> int:
        return self.time_ns

    def wall_ns(self) -> int:
        return int(self.time_ns / self.speed)

    async def sleep_market(self, seconds: float) -> None:
        self.time_ns += int(seconds * 1e9)
        await asyncio.sleep(0)

    async def sleep_wall(self, seconds: float) -> None:
        await self.sleep_market(seconds * self.speed)
