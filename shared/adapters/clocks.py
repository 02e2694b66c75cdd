"""The clocks there are. This is the only place that reads the machine's clocks."""

import asyncio
import time

from shared.ports.clock import Clock, ClockOrigin

# The time that has passed, sleep of the machine included: what was heard before it is old. Linux keeps that apart.
STEADY = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class RealClock:
    """Market time is wall time."""

    speed = 1.0

    def now_ns(self) -> int:
        return time.time_ns()

    def wall_ns(self) -> int:
        return time.time_ns()

    def steady_ns(self) -> int:
        return time.clock_gettime_ns(STEADY)

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
        if origin.begins_wall_ns:
            elapsed_ns = max(0, time.time_ns() - origin.begins_wall_ns)
        else:
            elapsed_ns = time.time_ns() - origin.origin_wall_ns
        return origin.origin_market_ns + int(elapsed_ns * self.speed)

    @property
    def stands(self) -> bool:
        """Whether market time has not begun yet."""
        return time.time_ns() < self.origin.begins_wall_ns

    def wall_ns(self) -> int:
        return time.time_ns()

    def steady_ns(self) -> int:
        return time.clock_gettime_ns(STEADY)

    async def sleep_market(self, seconds: float) -> None:
        await asyncio.sleep(seconds / self.speed)

    async def sleep_wall(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class ManualClock:
    """Stands still until it is told, for replays in lock-step and for tests. Waiting moves it on.

    time_ns: market time, to be set by whoever owns the clock. That much time passes; ``step`` is for a clock that is
        set, while no time passes.
    """

    def __init__(self, now_ns: int = 0, speed: float = 1.0) -> None:
        self.time_ns = now_ns
        self.speed = speed
        self._stepped_ns = 0

    def now_ns(self) -> int:
        return self.time_ns

    def wall_ns(self) -> int:
        return int(self.time_ns / self.speed)

    def steady_ns(self) -> int:
        return int((self.time_ns - self._stepped_ns) / self.speed)

    def step(self, wall_seconds: float) -> None:
        """Set the clock forward, or back."""
        step_ns = int(wall_seconds * self.speed * 1e9)
        self.time_ns += step_ns
        self._stepped_ns += step_ns

    async def sleep_market(self, seconds: float) -> None:
        self.time_ns += int(seconds * 1e9)
        await asyncio.sleep(0)

    async def sleep_wall(self, seconds: float) -> None:
        await self.sleep_market(seconds * self.speed)


class SteppedClock:
    """Another clock, set forward or back: how a machine whose clock is wrong sees the time.

    step_ns: by how much wall time it is ahead, to be set by whoever owns the clock.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.speed = clock.speed
        self.step_ns = 0

    def now_ns(self) -> int:
        return self._clock.now_ns() + int(self.step_ns * self.speed)

    def wall_ns(self) -> int:
        return self._clock.wall_ns() + self.step_ns

    def steady_ns(self) -> int:
        return self._clock.steady_ns()

    async def sleep_market(self, seconds: float) -> None:
        await self._clock.sleep_market(seconds)

    async def sleep_wall(self, seconds: float) -> None:
        await self._clock.sleep_wall(seconds)
