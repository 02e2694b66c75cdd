"""The host: nothing is lost and nothing happens twice, whatever ends the process and whenever."""

from collections.abc import Sequence
from decimal import Decimal

import pytest

from shared.adapters.clocks import ManualClock
from shared.adapters.codec import encode
from shared.adapters.memory_bus import MemoryBus
from shared.adapters.redis.bus import RedisBus
from shared.domain.risk.machine import RiskMachine
from shared.messages.catalogue import DEAD, PROPOSED
from shared.messages.dead_letter import MessageRefused
from shared.messages.orders import OrderProposed
from shared.ports.errors import BusLostError, CorruptStateError
from shared.ports.writer_lease import Commit
from shared.runtime.host import MachineHost
from tests.keys import MAIN
from tests.runtime.host.risk_stage import (
    AnyBus,
    a_market,
    decisions,
    history,
    listings,
    risk_host,
    settle,
)
from tests.samples import HOUR, bar, proposal

Proposed = MAIN.of(PROPOSED)


@pytest.fixture
async def clock(bus: AnyBus) -> ManualClock:
    return await a_market(bus)


async def test_every_proposal_gets_one_decision(bus: AnyBus, clock: ManualClock) -> None:
    host = risk_host(bus, clock)
    await host.recover()
    await bus.publish([proposal(f"o-{number}", quantity=Decimal("0.01")) for number in range(5)])
    await settle(host)
    assert [decided.order_id for decided in await decisions(bus)] == [f"o-{number}" for number in range(5)]
    assert {decided.verdict for decided in await decisions(bus)} == {"approve"}


async def test_a_process_that_dies_before_its_commit_leaves_the_proposal_for_the_next(
    bus: AnyBus, clock: ManualClock
) -> None:
    first = risk_host(bus, clock)
    await first.recover()
    await settle(first)
    await bus.publish([proposal("o-1", quantity=Decimal("0.01"))])
    assert len(await first.lease.read(500)) == 1  # read, and dead before it decides
    await first.lease.release()
    second = risk_host(bus, clock)
    await second.recover()
    assert [decided.order_id for decided in await decisions(bus)] == ["o-1"]


async def test_a_commit_whose_reply_was_lost_is_not_made_again(bus: AnyBus, clock: ManualClock) -> None:
    host = risk_host(bus, clock)
    await host.recover()
    await settle(host)
    await bus.publish([proposal("o-1", quantity=Decimal("0.01"))])
    whole = host.lease.commit
    lost = 0

    async def commit_and_lose_the_reply(commit: Commit) -> None:
        nonlocal lost
        await whole(commit)
        lost += 1
        raise BusLostError("reply lost")

    host.lease.commit = commit_and_lose_the_reply  # type: ignore[method-assign]
    with pytest.raises(BusLostError):
        await host.step(wait_ms=0)
    assert lost == 1
    await host.lease.release()
    successor = risk_host(bus, clock)
    await successor.recover()
    await settle(successor)
    assert [decided.order_id for decided in await decisions(bus)] == ["o-1"]
    assert successor.spec.machine.records.count("order") == 1


async def test_what_is_no_message_lands_on_the_dead_stream_and_the_rest_goes_on(
    bus: AnyBus, clock: ManualClock
) -> None:
    host = risk_host(bus, clock)
    await host.recover()
    for body in (b"\xc1junk", encode(bar()), encode(proposal("good", quantity=Decimal("0.01")))):
        if isinstance(bus, MemoryBus):
            bus.append_bytes(Proposed, body)
        else:
            await bus.client.xadd(Proposed, {"m": body})
    await settle(host)
    dead = [message for message in await bus.latest(DEAD.key, 10) if isinstance(message, MessageRefused)]
    assert [refused.field for refused in dead] == ["$.type", "$"]
    assert dead[-1].body == b"\xc1junk"
    assert [decided.order_id for decided in await decisions(bus)] == ["good"]


async def test_records_that_somebody_touched_are_not_started_on(redis_bus: RedisBus) -> None:
    await redis_bus.publish(listings())
    await redis_bus.publish_bars(history())
    clock = ManualClock(history()[-1].close_time_ns + 1)
    host = risk_host(redis_bus, clock)
    await host.recover()
    await settle(host)
    await redis_bus.client.hset("hs:{main}:state:risk", "account:", b"\x80")
    await host.lease.release()
    with pytest.raises(CorruptStateError):
        await risk_host(redis_bus, clock).recover()


async def test_a_host_that_comes_back_knows_its_reservations_and_history(bus: AnyBus, clock: ManualClock) -> None:
    host = risk_host(bus, clock)
    await host.recover()
    orders: Sequence[OrderProposed] = [proposal(f"o-{number}", quantity=Decimal("0.02")) for number in range(3)]
    await bus.publish(orders)
    await settle(host)
    reserved = host.spec.machine.state.heat.reserved_risk  # type: ignore[attr-defined]
    await host.lease.release()
    successor = risk_host(bus, clock)
    await successor.recover()
    machine = successor.spec.machine
    assert machine.state.heat.reserved_risk == pytest.approx(reserved)  # type: ignore[attr-defined]
    assert machine.state.daily["BTC/USDT"].latest.days == 30  # type: ignore[attr-defined]


async def test_a_bar_of_a_time_to_come_keeps_out_no_bar_of_now_before_or_after_a_restart(
    bus: AnyBus, clock: ManualClock
) -> None:
    host = risk_host(bus, clock)
    await host.recover()
    await settle(host)
    await bus.publish([bar("ETH/USDT", timeframe="1d", hour=24 * 60_000)])
    await settle(host)
    clock.time_ns += 24 * HOUR
    await bus.publish_bars([bar("ETH/USDT", timeframe="1d", hour=24 * 30, close=1500.0)])
    await settle(host)
    refused = [each for each in await bus.latest(DEAD.key, 10) if isinstance(each, MessageRefused)]
    assert [each.field for each in refused] == ["$.close_time_ns"]
    await host.lease.release()
    for machine in (host.spec.machine, (await recovered(risk_host(bus, clock))).spec.machine):
        assert isinstance(machine, RiskMachine)
        assert machine.state.daily["ETH/USDT"].latest.days == 31


async def recovered(host: MachineHost) -> MachineHost:
    await host.recover()
    return host
