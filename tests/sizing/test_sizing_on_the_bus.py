"""Sizing as a service: it hears of halts, and asks once when one ends, whatever ends its process meanwhile."""

import pytest

from services.sizing.service import spec_of
from shared.adapters.clocks import ManualClock
from shared.adapters.memory_bus import MemoryBus
from shared.adapters.redis.bus import RedisBus
from shared.config.model import Settings
from shared.messages.catalogue import PROPOSED, SIZES
from shared.messages.orders import OrderProposed
from shared.ports.errors import BusLostError
from shared.ports.writer_lease import Commit
from shared.runtime.host import MachineHost
from shared.runtime.logs import get_logger
from tests.domain.market_scripts import HOUR, T0, UNIVERSE, days, flat, listed, nav, one_hour_plan, signal
from tests.domain.sizing.sizing_scenes import halted, rejection_of, resumed
from tests.keys import MAIN
from tests.runtime.host.risk_stage import settle

AnyBus = MemoryBus | RedisBus


def sizing_host(bus: AnyBus, clock: ManualClock) -> MachineHost:
    settings = Settings(universe=UNIVERSE, plan=one_hour_plan())
    return MachineHost(spec_of(settings, clock), bus, clock, get_logger())


async def proposals(bus: AnyBus) -> list[OrderProposed]:
    found = reversed(await bus.latest(MAIN.of(PROPOSED), 1000))
    return [message for message in found if isinstance(message, OrderProposed)]


@pytest.fixture
async def clock(bus: AnyBus) -> ManualClock:
    """Halted altogether, and BTC is wanted since its last bar."""
    await bus.publish([listed(), nav(), halted(trigger="feed")])
    await bus.publish_bars([*days(60), flat(0)])
    await bus.publish([signal(1.0, hour=1)])
    return ManualClock(T0 + HOUR)


async def test_nothing_is_proposed_until_the_halt_ends_and_then_it_is(bus: AnyBus, clock: ManualClock) -> None:
    host = sizing_host(bus, clock)
    await host.recover()
    await settle(host)
    assert await proposals(bus) == []
    assert len(await bus.latest(MAIN.of(SIZES), 10)) == 1
    end = resumed(trigger="feed", hour=1)
    await bus.publish([end])
    await settle(host)
    assert [order.cause for order in await proposals(bus)] == [end.id]


async def test_the_next_process_knows_of_the_halt_and_asks_once(bus: AnyBus, clock: ManualClock) -> None:
    """The reply to the commit that asked is lost: the third process must not ask again."""
    first = sizing_host(bus, clock)
    await first.recover()
    await settle(first)
    await first.lease.release()
    second = sizing_host(bus, clock)
    await second.recover()
    await settle(second)
    assert await proposals(bus) == []
    whole = second.lease.commit

    async def commit_and_lose_the_reply(commit: Commit) -> None:
        await whole(commit)
        raise BusLostError("reply lost")

    second.lease.commit = commit_and_lose_the_reply  # type: ignore[method-assign]
    await bus.publish([resumed(trigger="feed", hour=1)])
    with pytest.raises(BusLostError):
        await settle(second)
    await second.lease.release()
    third = sizing_host(bus, clock)
    await third.recover()
    await settle(third)
    assert len(await proposals(bus)) == 1


async def test_a_process_that_dies_before_its_commit_leaves_the_end_of_the_halt_for_the_next(
    bus: AnyBus, clock: ManualClock
) -> None:
    first = sizing_host(bus, clock)
    await first.recover()
    await settle(first)
    await bus.publish([resumed(trigger="feed", hour=1)])
    assert len(await first.lease.read(500)) == 1  # read, and dead before it proposes
    await first.lease.release()
    second = sizing_host(bus, clock)
    await second.recover()
    assert len(await proposals(bus)) == 1


async def test_the_next_process_goes_on_waiting_after_a_refusal(bus: AnyBus, clock: ManualClock) -> None:
    host = sizing_host(bus, clock)
    await host.recover()
    await bus.publish([resumed(trigger="feed", hour=1)])
    await settle(host)
    asked = []
    for hour in range(1, 9):
        if new := (await proposals(bus))[len(asked) :]:
            asked += [hour - 1] * len(new)
            await bus.publish([rejection_of(order) for order in new])
        clock.time_ns = T0 + (hour + 1) * HOUR
        await bus.publish_bars([flat(hour)])
        await host.lease.release()
        host = sizing_host(bus, clock)
        await host.recover()
        await settle(host)
    assert asked == [0, 1, 3, 7]
