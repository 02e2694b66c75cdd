"""Processes of services, as ``runtime.service`` and the supervisor run them: they start over, end, and begin again."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any, cast

from shared.adapters.clocks import SteppedClock
from shared.adapters.memory_bus import MemoryBus
from shared.ports.bus import Bus
from shared.ports.clock import Clock
from shared.ports.errors import (
    AlreadyDecidedError,
    BusLostError,
    CommitRefusedError,
    CorruptStateError,
    FencedError,
    StateGoneError,
)
from shared.runtime.host import MachineHost, ProcessMemory
from shared.runtime.machine_spec import MachineSpec
from shared.runtime.service import StartOverError
from tests.simulation.seeded.chance import Chance
from tests.simulation.seeded.faulty_bus import CommitWatch, FaultyBus, Line

AGAIN_SECONDS, OVER_SECONDS = 0.5, 0.2
ENDINGS = (StateGoneError, CorruptStateError, FencedError, CommitRefusedError)
FOR_GOOD = (StateGoneError, CorruptStateError)  # nobody starts it again before an operator has looked


class VirtualClock:
    """Market time and wall time of the whole world, by the loop's time."""

    def __init__(self, began_ns: int, speed: float) -> None:
        self._began_ns, self.speed = began_ns, speed

    def now_ns(self) -> int:
        return self._began_ns + int(asyncio.get_running_loop().time() * self.speed * 1e9)

    def wall_ns(self) -> int:
        return self._began_ns + self.steady_ns()

    def steady_ns(self) -> int:
        return int(asyncio.get_running_loop().time() * 1e9)

    async def sleep_market(self, seconds: float) -> None:
        await asyncio.sleep(seconds / self.speed)

    async def sleep_wall(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class QuietLog:
    """Counts events, and keeps no words."""

    def __init__(self, chance: Chance) -> None:
        self._chance = chance

    def info(self, event: str, **_fields: Any) -> None:
        self._chance.count(f"log_{event}")

    warning = error = critical = info


class SimulatedProcess:
    """One place in which a service runs, again and again.

    name: of the place; a standby has another one than its service.
    endings: what it ended with, that was no crash.
    host: the one that works; None while nothing does.
    is_ready: whether it has caught up.
    """

    def __init__(
        self,
        name: str,
        service: str,
        server: MemoryBus,
        clock: Clock,
        chance: Chance,
        make_spec: Callable[[Clock], MachineSpec],
        watch: CommitWatch,
        server_is_away: Callable[[], bool],
    ) -> None:
        self.name, self.service = name, service
        self._server, self._chance, self._make_spec = server, chance, make_spec
        self.clock = SteppedClock(clock)
        self._watch, self._server_is_away = watch, server_is_away
        self.endings: list[Exception] = []
        self._leases: list[Any] = []
        self.host: MachineHost | None = None
        self.line = self._new_line()
        self.is_ready, self.is_over = False, False

    def _new_line(self) -> Line:
        return Line(self._chance, self._server_is_away)

    async def supervise(self) -> None:
        """Start the process whenever there is none, until it ends for good."""
        while not self.is_over:
            self.line = self._new_line()
            try:
                async with asyncio.TaskGroup() as group:
                    self.line.task = group.create_task(self._process(self.line))
            except* ENDINGS as errors:
                self._note(errors)
            self.is_ready, self.host = False, None
            await asyncio.sleep(AGAIN_SECONDS)

    def _note(self, errors: BaseException) -> None:
        for cause in _causes(errors):
            self._chance.count(f"ended_by_{type(cause).__name__}")
            self.endings.append(cause)
            self.is_over = self.is_over or isinstance(cause, FOR_GOOD)

    async def _process(self, line: Line) -> None:
        """What ``runtime.service`` does: start over from what is stored, again and again."""
        memory, log = ProcessMemory(), QuietLog(self._chance)
        while True:
            bus = cast("Bus", FaultyBus(self._server, line, self._chance, self._leases, self._watch))
            try:
                self.host = MachineHost(self._make_spec(self.clock), bus, self.clock, log, memory)
                await self.host.run(self._ready)
            except* (BusLostError, AlreadyDecidedError, StartOverError) as errors:
                for cause in _causes(errors):
                    self._chance.count(f"started_over_by_{type(cause).__name__}")
            self.is_ready = False
            if line.is_dead:
                raise asyncio.CancelledError
            await asyncio.sleep(OVER_SECONDS)

    def _ready(self) -> None:
        self.is_ready = True


def _causes(error: BaseException) -> Iterator[Exception]:
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            yield from _causes(each)
    elif isinstance(error, Exception):
        yield error
