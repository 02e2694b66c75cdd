"""A service's heartbeat: what ``heatsink status`` and health checks look at."""

import asyncio
import os

from shared.domain.timeframes import SECOND_NS
from shared.ports.bus import Heartbeat, Liveness, Scope
from shared.ports.clock import Clock

BEAT_SECONDS = 1.0
DEAD_AFTER_SECONDS = 5.0


class Health:
    """What a service reports about itself: ``ready()`` once it works, ``fact()`` for figures worth showing.

    A service process has one, and writes it to the bus every second, among those that have the same scope.
    """

    def __init__(self, service: str, scope: Scope, bus: Liveness, clock: Clock) -> None:
        self._service, self._scope, self._bus, self._clock = service, scope, bus, clock
        self._state = "starting"
        self._facts: dict[str, int | float | str] = {}
        self._started_wall_ns = clock.wall_ns()

    def ready(self) -> None:
        """The service does its work from now on."""
        self._state = "ready"

    def fact(self, **facts: float | str) -> None:
        """Add figures to those that are shown already."""
        self._facts.update(facts)

    async def beat(self) -> None:
        """Write the heartbeat every second until cancelled."""
        while True:
            await self._bus.set_heartbeat(self.heartbeat(), self._scope)
            await asyncio.sleep(BEAT_SECONDS)

    def heartbeat(self) -> Heartbeat:
        """The heartbeat of this moment."""
        return Heartbeat(
            service=self._service,
            pid=os.getpid(),
            state=self._state,
            started_wall_ns=self._started_wall_ns,
            beat_wall_ns=self._clock.wall_ns(),
            facts=dict(self._facts),
        )


def is_alive(beat: Heartbeat, wall_ns: int) -> bool:
    """Whether the heartbeat is recent enough."""
    return wall_ns - beat.beat_wall_ns <= DEAD_AFTER_SECONDS * SECOND_NS
