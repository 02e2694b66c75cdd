"""A service's heartbeat: what ``heatsink status`` and health checks look at."""

import asyncio
import os
from contextlib import suppress

from shared.domain.timeframes import SECOND_NS
from shared.ports.bus import Heartbeat, Liveness, Scope
from shared.ports.clock import Clock
from shared.ports.errors import MisplacedKeyError
from shared.runtime.logs import get_logger
from shared.runtime.unread_output import lines_dropped

BEAT_SECONDS = 1.0
DEAD_AFTER_SECONDS = 5.0
STILL_BEATS = 2  # so many looks without a new beat: whoever wrote the row is gone


class Health:
    """What a service reports about itself: ``ready()`` once it works, ``fact()`` for figures worth showing.

    A service process has one, and writes it to the bus every second, among those that have the same scope.
    """

    def __init__(self, service: str, scope: Scope, bus: Liveness, clock: Clock) -> None:
        self._service, self._scope, self._bus, self._clock = service, scope, bus, clock
        self._state = "starting"
        self._facts: dict[str, int | float | str] = {}
        self._started_wall_ns = clock.wall_ns()
        self._is_ready = asyncio.Event()
        self._other: Heartbeat | None = None
        self._still_looks = 0
        self._is_refused = False

    def ready(self) -> None:
        """The service does its work from now on, and who waits for it hears of it at once."""
        self._state = "ready"
        self._is_ready.set()

    def fact(self, **facts: float | str) -> None:
        """Add figures to those that are shown already."""
        self._facts.update(facts)

    async def beat(self) -> None:
        """Write the heartbeat every second until cancelled, and once more when the service gets ready.

        A service has one row. While another process of the same name fills it, one that only starts, or stands by for
        the lease, keeps silent: the row is about the one that works.
        """
        while True:
            was_ready = self._is_ready.is_set()
            await self._beat_once(is_ready=was_ready)
            if was_ready:
                await asyncio.sleep(BEAT_SECONDS)
                continue
            with suppress(TimeoutError):
                async with asyncio.timeout(BEAT_SECONDS):
                    await self._is_ready.wait()

    async def _beat_once(self, *, is_ready: bool) -> None:
        """Without a place for the beat the work goes on, and ``status`` shows a service that does not beat."""
        try:
            if is_ready or not await self._is_anothers():
                await self._bus.set_heartbeat(self.heartbeat(), self._scope)
        except MisplacedKeyError as error:
            if not self._is_refused:
                get_logger().error("heartbeat_refused", reason=str(error))
            self._is_refused = True
        else:
            self._is_refused = False

    async def _is_anothers(self) -> bool:
        """Whether another process writes the row. That shows in beats that change, whatever its clock says."""
        found = (await self._bus.heartbeats()).get(self._service)
        if found is None or (found.pid, found.started_wall_ns) == (os.getpid(), self._started_wall_ns):
            return False
        before, self._other = self._other, found
        is_still = before is not None and found.beat_wall_ns == before.beat_wall_ns
        self._still_looks = self._still_looks + 1 if is_still else 0
        return self._still_looks < STILL_BEATS

    def heartbeat(self) -> Heartbeat:
        """The heartbeat of this moment. It tells of lines that nobody read: the lines themselves cannot."""
        if dropped := lines_dropped():
            self.fact(lines_dropped=dropped)
        return Heartbeat(
            service=self._service,
            pid=os.getpid(),
            state=self._state,
            started_wall_ns=self._started_wall_ns,
            beat_wall_ns=self._clock.wall_ns(),
            facts=dict(self._facts),
        )


def is_alive(beat: Heartbeat, wall_ns: int) -> bool:
    """Whether the heartbeat is recent enough. One of a time to come is not: a clock was set, and nobody beat since."""
    return abs(wall_ns - beat.beat_wall_ns) <= DEAD_AFTER_SECONDS * SECOND_NS
