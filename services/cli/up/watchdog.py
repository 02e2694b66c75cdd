"""Notices a service that hangs: its process is there, it was ready once, and its heart stands still.

Silence is counted in looks, not in seconds of any clock. A laptop that slept, a machine that was paused or a supervisor
that was stopped itself did not look meanwhile, so nobody is restarted when all of them wake up.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from services.cli.up.supervisor import Child, Supervisor
from shared.ports.bus import Heartbeat, Liveness
from shared.ports.errors import BusLostError

LOOK_SECONDS = 1.0
HUNG_LOOKS = 30  # services beat once a second; whoever computes for half a minute without a break hangs too
RESTARTS = 5  # of one service that hangs, with less than FINE_LOOKS between: then it is left for people to look at
FINE_LOOKS = 600


@dataclass(slots=True)
class _Watched:
    """One process of a service, and its last beat.

    silent: looks on end that found the same beat. fine: looks that found a new one. restarts: because it hung.
    """

    pid: int = 0
    beat_wall_ns: int = 0
    silent: int = 0
    fine: int = 0
    restarts: int = 0


class Watchdog:
    """Has services killed that hang, which the supervisor then starts again.

    hung_looks: so many looks without a new beat, and a service hangs.
    """

    def __init__(self, supervisor: Supervisor, bus: Liveness, *, hung_looks: int = HUNG_LOOKS) -> None:
        self._supervisor, self._bus, self._hung_looks = supervisor, bus, hung_looks
        self._watched: dict[str, _Watched] = {}

    async def run(self, look_seconds: float = LOOK_SECONDS) -> None:
        """Look until cancelled. Without the server nobody can beat, and nothing can be said of anybody."""
        while True:
            await asyncio.sleep(look_seconds)
            try:
                self.look(await self._bus.heartbeats())
            except BusLostError:
                for watched in self._watched.values():
                    watched.silent = 0

    def look(self, beats: Mapping[str, Heartbeat]) -> None:
        """Compare the heartbeats with those of the look before."""
        for name, child in self._supervisor.children.items():
            beat = beats.get(name)
            # Who is still starting is not judged: long histories take their time. Nor is anybody by the beat of another
            # process: a service of the market may have a twin that waits for its lease, and both beat in one place.
            if beat is not None and child.running and beat.pid == child.pid and beat.state == "ready":
                self._judge(child, beat, self._watched.setdefault(name, _Watched()))

    def _judge(self, child: Child, beat: Heartbeat, watched: _Watched) -> None:
        if (watched.pid, watched.beat_wall_ns) != (beat.pid, beat.beat_wall_ns):
            watched.pid, watched.beat_wall_ns, watched.silent = beat.pid, beat.beat_wall_ns, 0
            watched.fine += 1
            if watched.fine >= FINE_LOOKS:
                watched.restarts = 0
            return
        watched.silent += 1
        if watched.silent != self._hung_looks:
            return
        watched.fine = 0
        if watched.restarts >= RESTARTS:
            self._supervisor.leave_hung(child)
            return
        watched.restarts += 1
        self._supervisor.kill_hung(child)
