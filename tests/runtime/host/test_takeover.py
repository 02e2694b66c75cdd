"""One writer at a time, and never on half of a state: takeovers, lost entries, a server that forgot."""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal

import pytest

from shared.adapters.clocks import ManualClock
from shared.adapters.memory_bus import MemoryBus
from shared.adapters.redis.bus import RedisBus
from shared.adapters.redis.writer_lease import RedisWriterLease
from shared.messages.catalogue import BARS, DECIDED, EXECUTED, PROPOSED
from shared.ports.errors import (
    BusLostError,
    CorruptStateError,
    FencedError,
    MisplacedKeyError,
    StateGoneError,
)
from shared.ports.streams import Entry
from shared.runtime.host import MachineHost, ProcessMemory
from tests.keys import MAIN
from tests.runtime.host.risk_stage import a_market, decisions, risk_host, settle, started
from tests.samples import bar, fill, proposal

AnyBus = MemoryBus | RedisBus
Proposed, Decided, Executed = MAIN.of(PROPOSED), MAIN.of(DECIDED), MAIN.of(EXECUTED)
Hourly = MAIN.of(BARS, "1h")
SMALL = Decimal("0.01")


@pytest.fixture
async def clock(bus: AnyBus) -> ManualClock:
    return await a_market(bus)


@pytest.fixture
async def redis_clock(redis_bus: RedisBus) -> ManualClock:
    return await a_market(redis_bus)


def short_lease(bus: RedisBus, host: MachineHost) -> RedisWriterLease:
    """A lease of the host's machine that soon runs out."""
    spec = host.spec
    return RedisWriterLease(
        bus.client, spec.service, spec.inputs, home=spec.home, keys=bus.keys, clustered=bus.clustered, lease_ms=300
    )


async def groups(bus: RedisBus, stream: str) -> list[str]:
    return [row["name"].decode() for row in await bus.client.xinfo_groups(stream)]


# --- a writer that was taken over -------------------------------------------------------------------------------------


async def test_a_writer_that_was_taken_over_and_wakes_up_takes_nothing_away_from_the_new_one(
    bus: AnyBus, clock: ManualClock
) -> None:
    old = await started(bus, clock)
    await old.lease.release()
    new = await started(bus, clock)
    await bus.publish([proposal("o-1", quantity=SMALL)])
    with pytest.raises(FencedError):
        await old.step(wait_ms=0)
    await bus.publish([proposal("o-2", quantity=SMALL)])
    await settle(new)
    assert [decided.order_id for decided in await decisions(bus)] == ["o-1", "o-2"]


async def test_each_epoch_reads_by_a_group_of_its_own_and_the_server_still_knows_how_far_it_is(
    redis_bus: RedisBus, redis_clock: ManualClock
) -> None:
    await redis_bus.publish([proposal(f"o-{number}", quantity=SMALL) for number in range(4)])
    first = await started(redis_bus, redis_clock)
    assert await groups(redis_bus, Proposed) == ["risk:main:1"]
    await redis_bus.publish([proposal("left", quantity=SMALL)])
    assert len(await first.lease.read(0)) == 1
    await first.lease.release()
    second = risk_host(redis_bus, redis_clock)
    await second.lease.acquire()
    [group] = await redis_bus.client.xinfo_groups(Proposed)
    assert (group["name"], group["entries-read"], group["lag"], group["pending"]) == (b"risk:main:2", 4, 1, 0)


async def test_a_group_that_somebody_destroyed_is_made_anew_and_nothing_is_passed_over(
    redis_bus: RedisBus, redis_clock: ManualClock
) -> None:
    host = await started(redis_bus, redis_clock)
    await redis_bus.publish([proposal("o-1", quantity=SMALL)])
    await redis_bus.client.xgroup_destroy(Proposed, host.lease.group)  # type: ignore[attr-defined]
    with pytest.raises(BusLostError, match="NOGROUP"):
        await host.step(wait_ms=0)
    await host.lease.release()
    await started(redis_bus, redis_clock)
    assert [decided.order_id for decided in await decisions(redis_bus)] == ["o-1"]


async def test_a_writer_that_rebuilds_from_a_long_history_keeps_its_lease(
    redis_bus: RedisBus, redis_clock: ManualClock
) -> None:
    await redis_bus.publish_bars([bar()])
    await (await started(redis_bus, redis_clock)).lease.release()
    host = risk_host(redis_bus, redis_clock, renew_seconds=0.05)
    host.lease, rival = short_lease(redis_bus, host), short_lease(redis_bus, host)
    whole, attempts = host.lease.history, 0

    async def long_history(stream: str, up_to: str) -> AsyncIterator[Entry]:
        nonlocal attempts
        for _ in range(20):
            await asyncio.sleep(0.05)
            assert not await rival._try_acquire()
            attempts += 1
        async for entry in whole(stream, up_to):
            yield entry

    host.lease.history = long_history  # type: ignore[method-assign]
    ready = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        running = group.create_task(host.run(ready.set))
        await ready.wait()
        running.cancel()
    assert attempts >= 20


# --- nothing half written ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", [Decided, "hs:{main}:journal:risk", "hs:{main}:state:risk", "hs:{main}:portfolio"])
async def test_a_key_of_another_type_in_the_way_refuses_the_commit_whole(
    redis_bus: RedisBus, redis_clock: ManualClock, key: str
) -> None:
    host = await started(redis_bus, redis_clock)
    await redis_bus.publish([proposal("o-1", quantity=SMALL)])
    had = await redis_bus.client.exists(key)
    if had:
        await redis_bus.client.rename(key, "aside")
    await redis_bus.client.set(key, "somebody else's")
    redis_clock.time_ns += 10**10  # a snapshot is due as well
    with pytest.raises(MisplacedKeyError, match=f"{key.replace('{', '.').replace('}', '.')} holds a string"):
        await settle(host)
    await redis_bus.client.delete(key)
    if had:
        await redis_bus.client.rename("aside", key)
    await host.lease.release()
    await started(redis_bus, redis_clock)
    assert [decided.order_id for decided in await decisions(redis_bus)] == ["o-1"]


async def test_a_bar_that_could_not_be_written_is_not_taken_for_published(redis_bus: RedisBus) -> None:
    await redis_bus.client.set(Hourly, "somebody else's")
    with pytest.raises(Exception, match="holds a string"):
        await redis_bus.publish_bars([bar()])
    await redis_bus.client.delete(Hourly)
    assert await redis_bus.publish_bars([bar()]) == 1


async def test_a_proposal_that_could_not_be_written_is_not_taken_for_known(redis_bus: RedisBus) -> None:
    await redis_bus.client.set(Proposed, "somebody else's")
    with pytest.raises(Exception, match="holds a string"):
        await redis_bus.take_in(proposal("o-1"))
    await redis_bus.client.delete(Proposed)
    assert await redis_bus.take_in(proposal("o-1"))


# --- what is gone -----------------------------------------------------------------------------------------------------


async def test_an_emptied_server_ends_the_writer_instead_of_giving_it_a_new_portfolio(
    redis_bus: RedisBus, redis_clock: ManualClock
) -> None:
    host = await started(redis_bus, redis_clock)
    await redis_bus.client.flushall()
    async with RedisBus.open(_url(redis_bus), MAIN):  # loads the function library again
        pass
    with pytest.raises(StateGoneError):
        await host.lease.renew()
    with pytest.raises(StateGoneError):
        await host.step(wait_ms=0)
    redis_clock.time_ns += 10**10
    with pytest.raises(StateGoneError):
        await host._handle(host._time_and_market())


async def test_a_server_that_lost_commits_is_not_gone_on_with(redis_bus: RedisBus, redis_clock: ManualClock) -> None:
    host = await started(redis_bus, redis_clock)
    assert host.seq > 0
    await host.lease.release()
    spec = risk_host(redis_bus, redis_clock).spec
    memory = ProcessMemory()
    memory.witness.note(await redis_bus.identity(), host.seq + 1, 0)
    successor = MachineHost(spec, redis_bus, redis_clock, host.log, memory)
    with pytest.raises(StateGoneError, match=f"commit {host.seq + 1} was made, the server has {host.seq}"):
        await successor.recover()


async def test_a_machine_without_state_does_not_begin_behind_its_own_decisions(
    redis_bus: RedisBus, redis_clock: ManualClock
) -> None:
    host = await started(redis_bus, redis_clock)
    await redis_bus.publish([proposal("o-1", quantity=SMALL)])
    await settle(host)
    await host.lease.release()
    await redis_bus.client.delete("hs:{main}:meta:risk", "hs:{main}:state:risk", "hs:{main}:cursors:risk")
    with pytest.raises(CorruptStateError, match="has entries, but the state is gone"):
        await risk_host(redis_bus, redis_clock).recover()


@pytest.mark.parametrize("read", [True, False])
async def test_proposals_that_were_trimmed_before_they_were_handled_are_counted(
    redis_bus: RedisBus, redis_clock: ManualClock, *, read: bool
) -> None:
    host = await started(redis_bus, redis_clock)
    await redis_bus.publish([proposal("before", quantity=SMALL)])
    await settle(host)
    await redis_bus.publish([proposal(f"o-{number}", quantity=SMALL) for number in range(10)])
    if read:
        assert len(await host.lease.read(0)) == 10
    await redis_bus.client.xtrim(Proposed, maxlen=4, approximate=False)
    await host.lease.release()
    successor = await started(redis_bus, redis_clock)
    assert successor.lease.losses == {Proposed: 6}
    assert [decided.order_id for decided in await decisions(redis_bus)] == ["before", "o-6", "o-7", "o-8", "o-9"]
    await successor.lease.release()
    assert (await started(redis_bus, redis_clock)).lease.losses == {}


async def test_books_are_not_opened_on_fills_that_were_trimmed_before_they_were_booked(
    redis_bus: RedisBus, redis_clock: ManualClock
) -> None:
    host = await started(redis_bus, redis_clock)
    await host.lease.release()
    await redis_bus.publish([fill("o-1", trade="t-1"), fill("o-2", trade="t-2")])
    await redis_bus.client.xtrim(Executed, maxlen=1, approximate=False)
    with pytest.raises(CorruptStateError, match=r"1 entries of hs:\{main\}:orders:executed are gone"):
        await risk_host(redis_bus, redis_clock).recover()


def _url(bus: RedisBus) -> str:
    options = bus.client.connection_pool.connection_kwargs
    return f"redis://{options['host']}:{options['port']}/0"
