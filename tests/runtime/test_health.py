"""Heartbeats: a row for each service, which the process writes that works."""

import asyncio
import os

import pytest
from msgspec.structs import replace

from shared.adapters.clocks import ManualClock
from shared.adapters.memory_bus import MemoryBus
from shared.ports.bus import Heartbeat
from shared.runtime.health import DEAD_AFTER_SECONDS, STILL_BEATS, Health, is_alive
from tests.keys import MAIN

SECOND_NS = 1_000_000_000
ANOTHER = Heartbeat(service="signals", pid=os.getpid(), state="ready", started_wall_ns=1, beat_wall_ns=SECOND_NS)


async def beat(health: Health) -> None:
    """One turn of ``Health.beat``."""
    task = asyncio.ensure_future(health.beat())
    for _ in range(5):
        await asyncio.sleep(0)
    task.cancel()


async def test_a_standby_does_not_write_over_the_heartbeat_of_the_one_that_works() -> None:
    bus, clock = MemoryBus(MAIN), ManualClock(100 * SECOND_NS)
    standby = Health("signals", "market", bus, clock)
    for second in range(1, 10):
        works = replace(ANOTHER, beat_wall_ns=second * SECOND_NS)
        await bus.set_heartbeat(works, "market")
        await beat(standby)
        assert (await bus.heartbeats())["signals"] == works
    standby.ready()
    await beat(standby)
    assert (await bus.heartbeats())["signals"].started_wall_ns == 100 * SECOND_NS


async def test_a_process_that_starts_where_another_died_soon_says_so() -> None:
    bus, clock = MemoryBus(MAIN), ManualClock(100 * SECOND_NS)
    await bus.set_heartbeat(ANOTHER, "market")
    successor = Health("signals", "market", bus, clock)
    for _ in range(STILL_BEATS + 1):
        await beat(successor)
    assert (await bus.heartbeats())["signals"].state == "starting"


async def test_the_first_of_its_name_says_at_once_that_it_starts() -> None:
    bus, clock = MemoryBus(MAIN), ManualClock(100 * SECOND_NS)
    await beat(Health("signals", "market", bus, clock))
    assert (await bus.heartbeats())["signals"].state == "starting"


@pytest.mark.parametrize("age_seconds", [DEAD_AFTER_SECONDS, 0.0, -DEAD_AFTER_SECONDS])
def test_a_recent_beat_is_a_sign_of_life(age_seconds: float) -> None:
    assert is_alive(ANOTHER, ANOTHER.beat_wall_ns + int(age_seconds * SECOND_NS))


@pytest.mark.parametrize("age_seconds", [DEAD_AFTER_SECONDS + 0.1, -DEAD_AFTER_SECONDS - 0.1, -3_600.0])
def test_a_beat_of_long_ago_or_of_a_time_to_come_is_none(age_seconds: float) -> None:
    """After the clock was set back by an hour, a service that died before that must not look alive for an hour."""
    assert not is_alive(ANOTHER, ANOTHER.beat_wall_ns + int(age_seconds * SECOND_NS))
