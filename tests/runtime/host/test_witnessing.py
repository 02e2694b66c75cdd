"""A server that lost commits, made others in their place or was exchanged is refused at a start and by a standby."""

import asyncio
from pathlib import Path

import pytest

from shared.adapters.clocks import ManualClock
from shared.adapters.redis.bus import RedisBus
from shared.adapters.witness import read, witness_path
from shared.messages.market import MarkChanged, PairListed
from shared.ports.errors import StateGoneError
from shared.runtime.host import MachineHost, ProcessMemory
from tests.domain.risk.risk_harness import PRICES
from tests.keys import MAIN
from tests.patience import PATIENCE_SECONDS
from tests.runtime.host.risk_stage import a_market, decisions, risk_host, settle
from tests.samples import T0, proposal

Kept = dict[bytes, bytes]


@pytest.fixture
async def clock(redis_bus: RedisBus) -> ManualClock:
    await redis_bus.named_identity()
    clock = await a_market(redis_bus)
    mark = MarkChanged(id="m", time_ns=clock.time_ns, symbol="BTC/USDT", price=PRICES["BTC"])
    await redis_bus.set_marks([mark])
    return clock


def process(bus: RedisBus, clock: ManualClock, folder: Path) -> MachineHost:
    """A new process of the risk service: what it knows of before stands in its file."""
    host = risk_host(bus, clock, renew_seconds=0.05)
    host.memory = ProcessMemory()
    host.memory.witness.open(witness_path(folder, "risk", "main"))
    return host


async def worked(bus: RedisBus, clock: ManualClock, folder: Path, *orders: str) -> None:
    """A process decides these orders and ends."""
    await bus.publish([proposal(order) for order in orders])
    await run_until(bus, process(bus, clock, folder), orders)


async def run_until(bus: RedisBus, host: MachineHost, orders: tuple[str, ...] = ()) -> None:
    """Run until the orders are decided, then end as it is asked to."""
    async with asyncio.TaskGroup() as group:
        running = group.create_task(host.run(lambda: None))
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not set(orders) <= {each.order_id for each in await decisions(bus)} or not await is_told(bus, host):
                await asyncio.sleep(0.02)
        running.cancel()


async def is_told(bus: RedisBus, host: MachineHost) -> bool:
    """Whether the host has heard that its last commit was made."""
    return host.seq > 0 and host.seq == int(await bus.client.hget("hs:{main}:meta:risk", "seq") or 0)


def witnessed(folder: Path) -> int:
    seen = read(witness_path(folder, "risk", "main"))
    return seen.seq if seen is not None else 0


async def whole(bus: RedisBus) -> Kept:
    """All that the server has."""
    return {key: await bus.client.dump(key) for key in await bus.client.keys("*")}


async def put_back(bus: RedisBus, kept: Kept) -> None:
    """The server as it was, as after a shortened append-only file or as a replica that was behind."""
    pipe = bus.client.pipeline(transaction=True)
    pipe.flushall()
    for key, value in kept.items():
        pipe.restore(key, 0, value)
    await pipe.execute()


async def refused(host: MachineHost) -> str:
    with pytest.RaisesGroup(StateGoneError, allow_unwrapped=True, flatten_subgroups=True) as raised:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await host.run(lambda: None)
    error = raised.value
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return str(error)


async def test_a_server_that_has_all_is_gone_on_with(redis_bus: RedisBus, clock: ManualClock, tmp_path: Path) -> None:
    await worked(redis_bus, clock, tmp_path, "o-1")
    first = read(witness_path(tmp_path, "risk", "main"))
    await worked(redis_bus, clock, tmp_path, "o-2")
    last = read(witness_path(tmp_path, "risk", "main"))
    meta = await redis_bus.client.hmget("hs:{main}:meta:risk", ["seq", "digest"])
    assert first is not None
    assert last is not None
    assert (first.seq < last.seq, last.data) == (True, await redis_bus.identity())
    assert [str(last.seq).encode(), last.digest.encode()] == meta


async def test_commits_that_are_gone_are_missed_by_a_process_that_was_not_there(
    redis_bus: RedisBus, clock: ManualClock, tmp_path: Path
) -> None:
    await worked(redis_bus, clock, tmp_path, "o-1")
    kept = await whole(redis_bus)
    await worked(redis_bus, clock, tmp_path, "o-2")
    await put_back(redis_bus, kept)
    for _ in range(2):  # it is no matter of one start
        why = await refused(process(redis_bus, clock, tmp_path))
        assert "commits are gone" in why
        assert "heatsink accept-loss" in why
    assert {each.order_id for each in await decisions(redis_bus)} == {"o-1"}


async def test_as_many_commits_but_others_are_missed_too(
    redis_bus: RedisBus, clock: ManualClock, tmp_path: Path
) -> None:
    await worked(redis_bus, clock, tmp_path, "o-1")
    kept = await whole(redis_bus)
    await worked(redis_bus, clock, tmp_path, "o-2")
    await put_back(redis_bus, kept)
    for order in ("o-3", "o-4", "o-5"):  # somebody without a witness goes on
        await worked(redis_bus, clock, tmp_path / order, order)
    assert "another commit" in await refused(process(redis_bus, clock, tmp_path))


async def test_other_data_are_missed_however_much_there_is_of_them(
    redis_bus: RedisBus, clock: ManualClock, tmp_path: Path
) -> None:
    kept = await whole(redis_bus)
    await worked(redis_bus, clock, tmp_path, "o-1")
    await put_back(redis_bus, kept)
    await redis_bus.client.set("hs:identity", "another")
    await worked(redis_bus, clock, tmp_path / "other", "o-2")
    assert "the server has the data another" in await refused(process(redis_bus, clock, tmp_path))


async def test_a_standby_sees_what_is_committed_and_does_not_take_over_a_server_that_is_behind(
    redis_bus: RedisBus, clock: ManualClock, tmp_path: Path
) -> None:
    await worked(redis_bus, clock, tmp_path / "first", "o-1")
    kept = await whole(redis_bus)
    active = process(redis_bus, clock, tmp_path / "first")
    await active.recover()
    standby = process(redis_bus, clock, tmp_path / "second")  # on another machine, with a file of its own
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(refused(standby))
        await redis_bus.publish([proposal("o-2")])
        await settle(active)
        async with asyncio.timeout(PATIENCE_SECONDS):
            while standby.memory.witness.seen is None or standby.memory.witness.seen.seq < active.seq:
                await active.lease.renew()
                await asyncio.sleep(0.02)
            while not witnessed(tmp_path / "second") >= active.seq:  # in its file as well: it may be started again
                await active.lease.renew()
                await asyncio.sleep(0.02)
        await put_back(redis_bus, kept)
        assert "commits are gone" in await waiting
    assert {each.order_id for each in await decisions(redis_bus)} == {"o-1"}
    assert "commits are gone" in await refused(process(redis_bus, clock, tmp_path / "second"))


async def test_a_running_process_notices_at_its_next_renewal_and_at_its_next_commit(
    redis_bus: RedisBus, clock: ManualClock, tmp_path: Path
) -> None:
    await worked(redis_bus, clock, tmp_path, "o-1")
    host = process(redis_bus, clock, tmp_path)
    await host.recover()
    kept = await whole(redis_bus)
    await redis_bus.publish([PairListed(id="l", time_ns=T0, symbol="BTC/USDT", status="trading")])
    await settle(host)
    await put_back(redis_bus, kept)
    with pytest.raises(StateGoneError, match="commits are gone"):
        await host._check_witness()
    await redis_bus.publish([proposal("o-2")])
    with pytest.raises(StateGoneError, match="was made, the server has"):
        await settle(host)


async def test_an_earlier_commit_is_found_in_the_journal_whichever_it_is(
    redis_bus: RedisBus, clock: ManualClock
) -> None:
    lease = risk_host(redis_bus, clock).lease
    await lease.acquire()
    journal = f"{MAIN.home}:journal:risk"
    bodies = [{"seq": n, "epoch": 1, "digest": str(1000 + n), "records": []} for n in range(1, 41)]
    for number, body in enumerate(bodies):
        # now in one millisecond, now far apart
        await redis_bus.client.xadd(journal, {"m": _packed(body)}, id=f"{10**12 + number // 3 * 7_000}-{number}")
    assert [await lease.digest_of(n) for n in range(1, 41)] == [1000 + n for n in range(1, 41)]
    assert [await lease.digest_of(n) for n in (0, 41)] == [None, None]


def _packed(body: dict[str, object]) -> bytes:
    from shared.adapters.redis.commit_encoder import packed

    return packed(body)
