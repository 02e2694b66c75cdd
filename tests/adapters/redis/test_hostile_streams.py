"""What another program may do to the streams, and what must not come of it."""

import pytest
from redis.exceptions import ResponseError

from shared.adapters.codec import encode
from shared.adapters.redis.bus import RedisBus
from shared.adapters.redis.keys import decision_key
from shared.messages.catalogue import AUDIT, BARS, DECIDED, PROPOSED
from shared.messages.portfolio import CommandRefused
from shared.ports.errors import CommitRefusedError, ContentRefusedError
from shared.ports.writer_lease import Commit
from tests.keys import MAIN
from tests.samples import T0, bar, decision, proposal

Proposed, Decided = MAIN.of(PROPOSED), MAIN.of(DECIDED)
LAST_ID = f"{2**64 - 1}-{2**64 - 1}"
NAMES = [b"\xff\xfe", b"risk:main:" + b"9" * 5_000, "risk:main:²".encode(), b"risk:main:", b"risk:main:-1"]


@pytest.mark.parametrize("name", NAMES, ids=["no text", "a number without end", "no digit", "no number", "below 0"])
async def test_whatever_a_group_is_called_a_writer_begins_its_own(redis_bus: RedisBus, name: bytes) -> None:
    await redis_bus.client.xgroup_create(Proposed, name, mkstream=True)
    lease = redis_bus.writer_lease("risk", (Proposed,), home=MAIN.home)
    assert await lease.acquire() == 1
    assert len(await redis_bus.readers((Proposed,))) == 2


@pytest.mark.parametrize("full", [Decided, MAIN.of(AUDIT), f"{MAIN.home}:journal:risk"])
async def test_a_commit_to_a_stream_that_takes_no_entry_writes_nothing_at_all(redis_bus: RedisBus, full: str) -> None:
    lease = redis_bus.writer_lease("risk", (Proposed,), home=MAIN.home)
    await lease.acquire()
    await redis_bus.client.xadd(full, {"m": b"x"}, id=LAST_ID)
    outputs = (decision("o-1"), refused())
    commit = Commit(seq=1, outputs=outputs, records={"a": b"1"}, cursors={Proposed: "1-1"}, handled=(), digest=7)
    before = await contents(redis_bus)
    with pytest.raises(CommitRefusedError, match="takes no entry"):
        await lease.commit(commit)
    assert await contents(redis_bus) == before
    assert (await lease.load()).seq == 0
    await redis_bus.client.delete(full)
    await lease.commit(commit)
    assert (await lease.load()).digest == 7


async def test_a_bar_that_its_stream_did_not_take_does_not_count_as_published(redis_bus: RedisBus) -> None:
    key = MAIN.of(BARS, "1h")
    await redis_bus.client.xadd(key, {"m": b"x"}, id=LAST_ID)
    with pytest.raises(ResponseError, match="takes no entry"):
        await redis_bus.publish_bars([bar()])
    await redis_bus.client.delete(key)
    assert await redis_bus.publish_bars([bar()]) == 1


async def test_a_published_order_that_its_stream_did_not_take_may_come_again(redis_bus: RedisBus) -> None:
    await redis_bus.client.xadd(Proposed, {"m": b"x"}, id=LAST_ID)
    with pytest.raises(ResponseError, match="takes no entry"):
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


def refused() -> CommandRefused:
    return CommandRefused(id="r-1", time_ns=T0, command="Halt", who="me", reason="why")


async def contents(bus: RedisBus) -> dict[bytes, int]:
    """How much every key holds; an empty stream is as good as none."""
    sizes = {}
    for key in await bus.client.keys("*"):
        kind = await bus.client.type(key)
        sizes[key] = await {b"stream": bus.client.xlen, b"hash": bus.client.hlen}.get(kind, bus.client.strlen)(key)
    return {key: size for key, size in sizes.items() if size}
