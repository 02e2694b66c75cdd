"""A service that hangs is started again; one that is slow, or that slept with the whole machine, is not."""

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from services.cli.up.processes import service_child
from services.cli.up.supervisor import Child, Supervisor
from services.cli.up.watchdog import FINE_LOOKS, HUNG_LOOKS, RESTARTS, Watchdog
from services.wiring import BY_NAME, SIGNALS
from shared.adapters.memory_bus import MemoryBus
from shared.adapters.redis.bus import RedisBus
from shared.ports.bus import Heartbeat
from shared.ports.errors import BusLostError
from tests.cli.up.children import SLEEPS, Notes, python, supervised
from tests.keys import MAIN
from tests.patience import PATIENCE_SECONDS
from tests.shipped import bare_environ

pytestmark = pytest.mark.processes


def beat(child: Child, number: int = 1, *, state: str = "ready", pid: int = 0) -> dict[str, Heartbeat]:
    mine = Heartbeat(
        service="child", pid=pid or child.pid, state=state, started_wall_ns=1, beat_wall_ns=number * 1_000_000_000
    )
    return {"child": mine}


async def one_child(notes: Notes, supervisor: Supervisor, lives: int = 1) -> tuple[Child, Watchdog]:
    await notes.until_line("up", lives)
    return supervisor.children["child"], Watchdog(supervisor, MemoryBus(MAIN))


async def test_a_child_that_was_ready_and_beats_no_more_is_killed_and_started_again() -> None:
    async with supervised(python(SLEEPS)) as (supervisor, notes):
        child, watchdog = await one_child(notes, supervisor)
        first = child.pid
        os.kill(first, signal.SIGSTOP)
        for _ in range(HUNG_LOOKS):
            watchdog.look(beat(child))
        assert "hung" not in notes.kinds()
        watchdog.look(beat(child))
        await notes.until_line("up", 2)
        assert child.pid != first
    assert notes.kinds() == ["started", "hung", "died", "started"]


async def test_who_is_starting_or_beats_under_another_process_is_not_judged() -> None:
    async with supervised(python(SLEEPS)) as (supervisor, notes):
        child, watchdog = await one_child(notes, supervisor)
        for _ in range(3 * HUNG_LOOKS):
            watchdog.look(beat(child, state="starting"))
            watchdog.look(beat(child, pid=child.pid + 1))
            watchdog.look({})
        assert notes.kinds() == ["started"]


async def test_a_pause_of_the_whole_machine_restarts_nobody() -> None:
    """However long it lasted, there was no look in it, and everybody beats again soon after."""
    async with supervised(python(SLEEPS)) as (supervisor, notes):
        child, watchdog = await one_child(notes, supervisor)
        for number in range(5):
            watchdog.look(beat(child, number))
        for _ in range(3):  # hours later
            watchdog.look(beat(child, 4))
        for number in range(50_000, 50_000 + 2 * HUNG_LOOKS):
            watchdog.look(beat(child, number))
        assert notes.kinds() == ["started"]


async def test_a_child_that_hangs_again_and_again_is_left_for_people() -> None:
    async with supervised(python(SLEEPS)) as (supervisor, notes):
        child, watchdog = await one_child(notes, supervisor)
        for life in range(1, RESTARTS + 2):
            await notes.until_line("up", life)
            for _ in range(2 * HUNG_LOOKS if life > RESTARTS else HUNG_LOOKS + 1):
                watchdog.look(beat(child))
        assert [kind for kind in notes.kinds() if kind in ("hung", "left")] == ["hung"] * RESTARTS + ["left"]
        for number in range(FINE_LOOKS + 1):  # it went on by itself, and was well for long
            watchdog.look(beat(child, 10 + number))
        for _ in range(HUNG_LOOKS + 1):
            watchdog.look(beat(child, 10 + FINE_LOOKS))
        assert notes.kinds()[-1] == "hung"


class Away(MemoryBus):
    """A server that is there for the first looks, away for a while, and back then."""

    def __init__(self, child: Child, away: range) -> None:
        super().__init__(MAIN)
        self.looks, self._child, self._away = 0, child, away

    async def heartbeats(self) -> dict[str, Heartbeat]:
        self.looks += 1
        if self.looks in self._away:
            raise BusLostError("away")
        return beat(self._child)


async def test_nobody_is_judged_while_the_server_is_away() -> None:
    async with supervised(python(SLEEPS)) as (supervisor, notes):
        child, _ = await one_child(notes, supervisor)
        bus = Away(child, range(HUNG_LOOKS, 200))
        async with asyncio.timeout(PATIENCE_SECONDS), asyncio.TaskGroup() as group:
            watch = group.create_task(Watchdog(supervisor, bus).run(look_seconds=0.0))
            while bus.looks < 200 + HUNG_LOOKS - 2:
                await asyncio.sleep(0)
            assert notes.kinds() == ["started"]
            await notes.until_event("hung")
            watch.cancel()


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


async def test_a_real_service_that_is_stopped_is_ready_again_as_another_process(
    redis_bus: RedisBus, valkey_server: str
) -> None:
    environ = bare_environ()
    environ |= {"HEATSINK_REDIS__URL": valkey_server, "HEATSINK_EXCHANGE__KIND": "binance"}  # wall time
    async with supervised(service_child(BY_NAME[SIGNALS], environ)) as (supervisor, notes):

        async def until_ready_as_another_than(pid: int) -> int:
            while True:
                beats = await redis_bus.heartbeats()
                if SIGNALS in beats and beats[SIGNALS].state == "ready" and beats[SIGNALS].pid != pid:
                    return beats[SIGNALS].pid
                await asyncio.sleep(0.05)

        async with asyncio.timeout(PATIENCE_SECONDS), asyncio.TaskGroup() as group:
            watch = group.create_task(Watchdog(supervisor, redis_bus, hung_looks=50).run(look_seconds=0.1))
            first = await until_ready_as_another_than(0)
            with stopped(first):
                assert await until_ready_as_another_than(first) == supervisor.children[SIGNALS].pid
            watch.cancel()
    assert notes.kinds(SIGNALS)[:4] == ["started", "hung", "died", "started"]
