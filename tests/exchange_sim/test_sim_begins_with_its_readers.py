"""A new market stands still until those who read it are ready, and begins where it was asked to."""

import asyncio

import pytest

from services.exchange_sim.beginning import READERS, begun_with_readers
from shared.adapters.clocks import RealClock, ScaledClock
from shared.adapters.memory_bus import MemoryBus
from shared.adapters.redis.bus import RedisBus
from shared.config.model import Settings
from shared.domain.timeframes import SECOND_NS
from shared.ports.clock import WAITING, ClockOrigin
from shared.runtime.health import Health
from shared.runtime.logs import get_logger
from shared.runtime.market_clock import follow_beginning, stack_clock
from shared.runtime.service import Context
from tests.keys import MAIN
from tests.patience import PATIENCE_SECONDS
from tests.shipped import shipped_universe

START_NS = 1_667_260_800 * SECOND_NS
LONG = PATIENCE_SECONDS * 2


def context_on(bus: MemoryBus | RedisBus) -> Context:
    clock = RealClock()
    health = Health("exchange_sim", "market", bus, clock)
    return Context(Settings(universe=shipped_universe()), clock, bus, get_logger(), health)


async def waiting_clock(bus: MemoryBus | RedisBus) -> ScaledClock:
    origin = ClockOrigin(
        origin_market_ns=START_NS, origin_wall_ns=RealClock().wall_ns(), speed=1e6, begins_wall_ns=WAITING
    )
    await bus.agree_on_clock(origin)
    clock = await stack_clock(bus, "sim", get_logger())
    assert isinstance(clock, ScaledClock)
    return clock


async def beat(bus: MemoryBus | RedisBus, name: str, *, ready: bool) -> None:
    health = Health(name, "market", bus, RealClock())
    if ready:
        health.ready()
    await bus.set_heartbeat(health.heartbeat(), "market")


async def test_a_market_stands_still_until_its_last_reader_is_ready(bus: MemoryBus | RedisBus) -> None:
    clock = await waiting_clock(bus)
    *early, last = sorted(READERS)
    for name in early:
        await beat(bus, name, ready=True)
    await beat(bus, last, ready=False)
    async with asyncio.timeout(PATIENCE_SECONDS), asyncio.TaskGroup() as group:
        beginning = group.create_task(begun_with_readers(context_on(bus), LONG))
        following = group.create_task(follow_beginning(bus, clock))
        await asyncio.sleep(0.3)
        assert clock.now_ns() == START_NS
        assert not beginning.done()
        assert not following.done()
        await beat(bus, last, ready=True)
        origin = await beginning
        await following
        assert clock.origin == origin == await bus.clock_origin()
        while clock.now_ns() == START_NS:
            await asyncio.sleep(0.01)
    assert (origin.origin_market_ns, origin.speed, origin.is_waiting) == (START_NS, 1e6, False)


async def test_a_market_does_not_wait_for_ever() -> None:
    bus = MemoryBus(MAIN)
    clock = await waiting_clock(bus)
    await beat(bus, "market_data", ready=True)
    origin = await begun_with_readers(context_on(bus), 0.2)
    await follow_beginning(bus, clock)
    assert not origin.is_waiting
    assert clock.origin == origin


def test_a_market_that_begins_in_a_moment_shows_no_time_before() -> None:
    wall_ns = RealClock().wall_ns()
    soon_ns = wall_ns + 600 * SECOND_NS
    ahead = ClockOrigin(origin_market_ns=START_NS, origin_wall_ns=wall_ns, speed=60.0, begins_wall_ns=soon_ns)
    clock = ScaledClock(ahead)
    assert clock.stands
    assert clock.now_ns() == START_NS


@pytest.mark.parametrize("speed", [0.5, 1.0, 600.0])
def test_a_clock_without_a_later_beginning_runs_from_its_origin(speed: float) -> None:
    wall_ns = RealClock().wall_ns()
    clock = ScaledClock(ClockOrigin(origin_market_ns=START_NS, origin_wall_ns=wall_ns - 10 * SECOND_NS, speed=speed))
    assert START_NS + int(10 * SECOND_NS * speed) <= clock.now_ns() < START_NS + int(3600 * SECOND_NS * speed)
