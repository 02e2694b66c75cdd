"""What another program may do to the streams, and what must not come of it."""

import asyncio
import re
from collections.abc import Awaitable, Callable

import pytest

from shared.adapters.clocks import RealClock
from shared.adapters.codec import encode
from shared.adapters.redis.bus import RedisBus
from shared.adapters.redis.group_reader import MOST_READ_ON
from shared.adapters.redis.keys import decision_key
from shared.messages.catalogue import AUDIT, BARS, DECIDED, PROPOSED
from shared.messages.market import MarkChanged
from shared.messages.portfolio import CommandRefused
from shared.ports.bus import Heartbeat
from shared.ports.clock import ClockOrigin
from shared.ports.errors import (
    BusLostError,
    ContentRefusedError,
    CorruptStateError,
    MisplacedKeyError,
)
from shared.ports.writer_lease import Commit
from shared.runtime.health import Health
from tests.keys import MAIN
from tests.patience import until
from tests.samples import T0, bar, decision, proposal

Proposed, Decided = MAIN.of(PROPOSED), MAIN.of(DECIDED)
BarsKey = MAIN.of(BARS, "1h")
LAST_ID = f"{2**64 - 1}-{2**64 - 1}"


def clock(speed: float) -> bytes:
    return encode(ClockOrigin(origin_market_ns=T0, origin_wall_ns=T0, speed=speed))


NAMES = [b"\xff\xfe", b"risk:main:" + b"9" * 5_000, "risk:main:²".encode(), b"risk:main:", b"risk:main:-1"]


@pytest.mark.parametrize("name", NAMES, ids=["no text", "a number without end", "no digit", "no number", "below 0"])
async def test_whatever_a_group_is_called_a_writer_begins_its_own(redis_bus: RedisBus, name: bytes) -> None:
    await redis_bus.client.xgroup_create(Proposed, name, mkstream=True)
    lease = redis_bus.writer_lease("risk", (Proposed,), home=MAIN.home)
    assert await lease.acquire() == 1
    assert len(await redis_bus.readers((Proposed,))) == 2


async def test_a_commit_after_a_long_time_away_is_there_whole_however_many_entries_it_handles(
    redis_bus: RedisBus,
) -> None:
    lease = redis_bus.writer_lease("execution", (Decided,), home=MAIN.home, whole=(Decided,))
    pipe = redis_bus.client.pipeline(transaction=False)
    for _ in range(MOST_READ_ON + 1):
        pipe.xadd(Decided, {"m": b"x"})
    await pipe.execute()
    await lease.acquire()
    found = await lease.read(0)
    assert len(found) > MOST_READ_ON
    last, handled = {Decided: found[-1].id}, [(entry.stream, entry.id) for entry in found]
    await lease.commit(Commit(seq=1, outputs=(), records={"a": b"1"}, cursors=last, handled=handled, digest=7))
    assert (await lease.load()).seq == 1
    assert (await redis_bus.client.xpending(Decided, lease.group))["pending"] == 0


@pytest.mark.parametrize("full", [Decided, MAIN.of(AUDIT), f"{MAIN.home}:journal:risk"])
async def test_a_commit_to_a_stream_that_takes_no_entry_writes_nothing_at_all(redis_bus: RedisBus, full: str) -> None:
    lease = redis_bus.writer_lease("risk", (Proposed,), home=MAIN.home)
    await lease.acquire()
    await redis_bus.client.xadd(full, {"m": b"x"}, id=LAST_ID)
    outputs = (decision("o-1"), refused())
    commit = Commit(seq=1, outputs=outputs, records={"a": b"1"}, cursors={Proposed: "1-1"}, handled=(), digest=7)
    before = await contents(redis_bus)
    with pytest.raises(MisplacedKeyError, match="takes no entry"):
        await lease.commit(commit)
    assert await contents(redis_bus) == before
    assert (await lease.load()).seq == 0
    await redis_bus.client.delete(full)
    await lease.commit(commit)
    assert (await lease.load()).digest == 7


async def test_a_bar_that_its_stream_did_not_take_does_not_count_as_published(redis_bus: RedisBus) -> None:
    key = MAIN.of(BARS, "1h")
    await redis_bus.client.xadd(key, {"m": b"x"}, id=LAST_ID)
    with pytest.raises(MisplacedKeyError, match="takes no entry"):
        await redis_bus.publish_bars([bar()])
    await redis_bus.client.delete(key)
    assert await redis_bus.publish_bars([bar()]) == 1


async def test_a_published_order_that_its_stream_did_not_take_may_come_again(redis_bus: RedisBus) -> None:
    await redis_bus.client.xadd(Proposed, {"m": b"x"}, id=LAST_ID)
    with pytest.raises(MisplacedKeyError, match="takes no entry"):
        await redis_bus.take_in(proposal("o-1"))
    await redis_bus.client.delete(Proposed)
    assert await redis_bus.take_in(proposal("o-1"))


@pytest.mark.parametrize("stored", [b"garbage", b"", encode(decision("o-2")), encode(proposal("o-1"))])
async def test_what_stands_in_place_of_a_decision_is_no_decision(redis_bus: RedisBus, stored: bytes) -> None:
    lease = redis_bus.writer_lease("risk", (Proposed,), home=MAIN.home)
    await lease.acquire()
    await redis_bus.client.set(decision_key(MAIN, "o-1"), stored)
    with pytest.raises(ContentRefusedError, match="o-1"):
        await lease.commit(Commit(seq=1, outputs=(decision("o-1"),), records={}, cursors={}, handled=(), digest=0))


async def test_a_key_of_another_kind_is_named_and_all_goes_on_once_it_is_moved_away(redis_bus: RedisBus) -> None:
    client, now = redis_bus.client, Heartbeat(service="ops", pid=1, state="ready", started_wall_ns=1, beat_wall_ns=1)
    lease = redis_bus.writer_lease("risk", (Proposed,), home=MAIN.home)
    await lease.acquire()
    calls: list[tuple[str, Callable[[], Awaitable[object]]]] = [
        ("hs:services", lambda: redis_bus.set_heartbeat(now, "market")),
        ("hs:marks", redis_bus.marks),
        ("hs:marks", lambda: redis_bus.set_marks([MarkChanged(id="m", time_ns=T0, symbol="BTC/USDT", price=1.0)])),
        (Proposed, lambda: redis_bus.publish([proposal()])),
        (Proposed, lambda: redis_bus.take_in(proposal())),
        (Proposed, lambda: redis_bus.latest(Proposed)),
        (Proposed, lambda: redis_bus.read_from({Proposed: "0"}, 0)),
        (BarsKey, lambda: redis_bus.publish_bars([bar()])),
    ]
    for key, call in calls:
        kept = f"kept:{key}"
        if await client.exists(key):
            await client.rename(key, kept)
        await client.set(key, "another program's")
        with pytest.raises(MisplacedKeyError, match=re.escape(key)):
            await call()
        assert await redis_bus.readers((key,)) == []
        await client.delete(key)
        if await client.exists(kept):
            await client.rename(kept, key)
        await call()


async def test_a_service_whose_heartbeat_has_no_place_goes_on_and_beats_again_once_it_has(redis_bus: RedisBus) -> None:
    await redis_bus.client.set("hs:services", "another program's")
    health = Health("signals", "market", redis_bus, RealClock())
    health.ready()
    beating = asyncio.ensure_future(health.beat())
    try:
        await asyncio.sleep(0.1)
        assert not beating.done()
        await redis_bus.client.delete("hs:services")
        await until(redis_bus.heartbeats)
    finally:
        beating.cancel()


async def test_a_group_that_somebody_moved_on_ends_the_epoch_and_the_next_one_is_given_what_it_skipped(
    redis_bus: RedisBus,
) -> None:
    lease = redis_bus.writer_lease("risk", (Proposed,), home=MAIN.home)
    await lease.acquire()
    await redis_bus.publish([proposal("o-1")])
    assert len(await lease.read(0)) == 1
    for _ in range(3):
        await lease.renew()
    await redis_bus.client.xgroup_setid(Proposed, lease.group, "99999999999999-0")
    await redis_bus.publish([proposal("o-2")])
    assert not await lease.read(0)
    await lease.renew()
    with pytest.raises(BusLostError, match="moved"):
        await lease.renew()
    await lease.acquire()
    given = [*await lease.pending(), *await lease.read(0)]
    assert [entry.message.id for entry in given if entry.message is not None] == ["o-1", "o-2"]


@pytest.mark.parametrize("held", [b"garbage", clock(-1.0), clock(1e300)])
async def test_a_clock_that_cannot_run_is_refused_by_name(redis_bus: RedisBus, held: bytes) -> None:
    await redis_bus.client.set("hs:clock", held)
    with pytest.raises(CorruptStateError, match="hs:clock"):
        await redis_bus.clock_origin()


async def test_a_clock_of_no_bytes_is_none(redis_bus: RedisBus) -> None:
    await redis_bus.client.set("hs:clock", b"")
    assert await redis_bus.clock_origin() is None


def refused() -> CommandRefused:
    return CommandRefused(id="r-1", time_ns=T0, command="Halt", who="me", reason="why")


async def contents(bus: RedisBus) -> dict[bytes, int]:
    """How much every key holds; an empty stream is as good as none."""
    sizes = {}
    for key in await bus.client.keys("*"):
        kind = await bus.client.type(key)
        sizes[key] = await {b"stream": bus.client.xlen, b"hash": bus.client.hlen}.get(kind, bus.client.strlen)(key)
    return {key: size for key, size in sizes.items() if size}
