"""A service's heartbeat: what ``heatsink status`` and health checks look at."""

import asyncio
import os

from msgspec import Struct

from shared.adapters.redis.bus import RedisBus
from shared.ports.clock import Clock

BEAT_SECONDS = 1.0
DEAD_AFTER_SECONDS = 5.0


class Heartbeat(Struct, frozen=True, kw_only=True):
    """state: ``starting`` until the service works. facts: figures worth showing (bars published, epoch, lag)."""

    service: str
    pid: int
    state: str
    started_wall_ns: int
    beat_wall_ns: int
    facts: dict[str, int | float | str] = {}


class Health:
    """One per service process; ``ready()`` once it works, ``fact()`` for figures worth showing."""

    def __init__(self, service: str, bus: RedisBus, clock: Clock) -> None:
        self._service, self._bus, self._clock = service, bus, clock
        self._state = "starting"
        self._facts: dict[str, int | float | str] = {}
        self._started_wall_ns = clock.wall_ns()

    def ready(self) -> None:
        self._state = "ready"

    def fact(self, **facts: float | str) -> None:
        self._facts.update(facts)

    async def beat(self) -> None:
        """Write the heartbeat every second until cancelled."""
        while True:
            await self._bus.set_heartbeat(self._service, self.heartbeat())
            await asyncio.sleep(BEAT_SECONDS)

    def heartbeat(self) -> Heartbeat:
        return Heartbeat(
            service=self._service,
            pid=os.getpid(),
            state=self._state,
            started_wall_ns=self._started_wall_ns,
            beat_wall_ns=self._clock.wall_ns(),
            facts=dict(self._facts),
        )


async def heartbeats(bus: RedisBus) -> dict[str, Heartbeat]:
    """The last heartbeat of every service that ever ran."""
    return await bus.heartbeats(Heartbeat)


def is_alive(beat: Heartbeat, wall_ns: int) -> bool:
    """Whether the heartbeat is recent enough."""
    return wall_ns - beat.beat_wall_ns <= DEAD_AFTER_SECONDS * 1e9
