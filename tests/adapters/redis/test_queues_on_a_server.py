"""What the function library refuses of clients, how long bodies are read, and what a full memory lets through."""

import asyncio
import re
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgpack
import pytest
from msgspec import structs
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import OutOfMemoryError, ResponseError

from shared.adapters.codec import encode
from shared.adapters.redis.bus import RedisBus
from shared.adapters.redis.client import prepare
from shared.adapters.redis.embedded_valkey import running_valkey
from shared.adapters.redis.keys import decision_key
from shared.domain.timeframes import DAY_MS
from shared.messages.catalogue import BARS, PROPOSED
from shared.messages.market import MarkChanged
from shared.messages.orders import OrderProposed
from shared.ports.bus import Heartbeat
from shared.ports.clock import ClockOrigin
from shared.ports.errors import BusLostError, NotTakenError
from shared.ports.writer_lease import Commit
from tests.keys import MAIN
from tests.patience import PATIENCE_SECONDS
from tests.samples import T0, bar, decision, proposal

Proposed, Queue = MAIN.of(PROPOSED), MAIN.of_client("bot")
MB = 1024 * 1024
GIANTS, GIANT_MB = 20, 12
VALKEY_CONF = Path("deploy/redis/valkey.conf").read_text(encoding="utf-8")


async def contents(bus: RedisBus) -> int:
    return int(await bus.client.dbsize())


# --- repeats of what was decided --------------------------------------------------------------------------------------

IN_BRIEF = {"fcall", "time", "get"}  # what the server does for a repeat that it remembers


async def decide(bus: RedisBus, order: OrderProposed, **changes: Any) -> bytes:
    """A decision of this order as it stands on the server, in place of the one before."""
    same = {"quantity_requested": order.quantity, "stop_price": order.stop_price, "strategy": order.strategy}
    body = encode(decision(order.id, **same, **changes))
    await bus.client.set(decision_key(MAIN, order.id), body)
    return body


async def propose_bare(bus: RedisBus, body: bytes, client: str) -> list[bytes]:
    answer: list[bytes] = await bus.client.fcall("hs_propose", 1, MAIN.of_client(client), body)
    return answer


async def commands_for(bus: RedisBus, body: bytes, client: str) -> set[str]:
    """Which commands the server does when a client sends this order again, as it was decided."""
    await bus.client.config_resetstat()
    assert (await propose_bare(bus, body, client))[0] == b"DECIDED"
    return {name.removeprefix("cmdstat_") for name in await bus.client.info("commandstats")} - {"config|resetstat"}


async def test_a_repeat_is_answered_from_memory_with_the_stored_decision(redis_bus: RedisBus) -> None:
    order = proposal("o-1")
    decided, body = await decide(redis_bus, order), encode(order)
    assert await commands_for(redis_bus, body, "again") > IN_BRIEF
    for _ in range(3):
        assert await propose_bare(redis_bus, body, "again") == [b"DECIDED", decided]
        assert await commands_for(redis_bus, body, "again") == IN_BRIEF
    assert await redis_bus.client.exists(MAIN.of_client("again"), MAIN.clients) == 0


async def test_a_repeat_is_one_no_more_once_its_decision_is_gone(redis_bus: RedisBus) -> None:
    order = proposal("o-1")
    body = encode(order)
    await decide(redis_bus, order)
    await commands_for(redis_bus, body, "again")
    assert await commands_for(redis_bus, body, "again") == IN_BRIEF
    await redis_bus.client.delete(decision_key(MAIN, "o-1"))
    assert (await propose_bare(redis_bus, body, "again"))[0] == b"QUEUED"


async def test_a_repeat_gets_the_decision_that_stands_now(redis_bus: RedisBus) -> None:
    order = proposal("o-1")
    body = encode(order)
    await decide(redis_bus, order)
    await commands_for(redis_bus, body, "again")
    other = await decide(redis_bus, order, verdict="reject", quantity_approved=Decimal(0))
    for _ in range(2):
        assert await propose_bare(redis_bus, body, "again") == [b"DECIDED", other]
    await decide(redis_bus, structs.replace(order, quantity=order.quantity * 2))  # of another order under this id
    assert (await propose_bare(redis_bus, body, "again"))[0] == b"QUEUED"
    await redis_bus.client.delete(decision_key(MAIN, "o-1"))
    await redis_bus.client.hset(decision_key(MAIN, "o-1"), "a", "b")
    assert (await propose_bare(redis_bus, body, "again"))[0] == b"QUEUED"


async def test_what_one_client_repeats_is_not_answered_to_another(redis_bus: RedisBus) -> None:
    order = proposal("o-1")
    decided, body = await decide(redis_bus, order, client="ana"), encode(order)
    for _ in range(2):
        assert await propose_bare(redis_bus, body, "ana") == [b"DECIDED", decided]
        assert (await propose_bare(redis_bus, body, "bob"))[0] == b"QUEUED"


async def test_a_long_body_is_compared_each_time(redis_bus: RedisBus) -> None:
    order = proposal("o-1")
    body = msgpack.packb({**msgpack.unpackb(encode(order)), "note": "x" * 1_024})
    await decide(redis_bus, order)
    for _ in range(3):
        assert await commands_for(redis_bus, body, "again") > IN_BRIEF


async def test_only_so_many_repeats_are_remembered_and_then_it_begins_anew(redis_bus: RedisBus) -> None:
    order = proposal("o-1")
    decided = await decide(redis_bus, order)
    bodies = [encode(structs.replace(order, time_ns=T0 + number)) for number in range(1_001)]
    pipe = redis_bus.client.pipeline(transaction=False)
    for body in bodies:
        pipe.execute_command("FCALL", "hs_propose", 1, MAIN.of_client("many"), body)
    assert await pipe.execute() == [[b"DECIDED", decided]] * len(bodies)
    assert await commands_for(redis_bus, bodies[-1], "many") == IN_BRIEF
    assert await commands_for(redis_bus, bodies[0], "many") > IN_BRIEF  # forgotten
    assert await commands_for(redis_bus, bodies[0], "many") == IN_BRIEF


# --- what a client is refused -----------------------------------------------------------------------------------------


async def test_who_calls_too_often_is_refused_unseen_and_told_for_how_long_and_nobody_else_is(
    redis_bus: RedisBus,
) -> None:
    flood, said = MAIN.of_client("flood"), ""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not said.startswith("QUOTA"):  # a call is answered sooner than another one is due
            pipe = redis_bus.client.pipeline(transaction=False)
            for _ in range(2_500):
                pipe.execute_command("FCALL", "hs_propose", 1, flood, b"no proposal")
            said = str((await pipe.execute(raise_on_error=False))[-1])
    assert re.match(r"QUOTA client flood sends more than 500 proposals a second: slow down, .* again in \d ms$", said)
    assert isinstance(await redis_bus.propose(proposal("honest-1"), "honest"), str)
    assert await redis_bus.client.exists(flood) == 0
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:  # as it was told to
            with suppress(NotTakenError):
                assert isinstance(await redis_bus.propose(proposal("flood-1"), "flood"), str)
                break
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("key", "args", "said"),
    [
        ("hs:{main}:clients:", (b"x",), "NAME"),
        ("hs:{main}:clients:a b", (b"x",), "NAME"),
        ("hs:{main}:clients:" + "x" * 33, (b"x",), "NAME"),
        ("hs:{main}:orders:proposed", (b"x",), "NAME"),
        (Queue, (b"x" * 65_537,), "SIZE 65537 bytes; at most 65536"),
        (Queue, (encode(proposal()), "name"), "SIZE"),
        (Queue, (encode(proposal()), *(["a", "b"] * 9)), "SIZE"),
        (Queue, (), "MALFORMED"),
        (Queue, (b'{"type": "OrderProposed"}',), "MALFORMED"),
        (Queue, (msgpack.packb({"type": "OrderDecided", "id": "o-1"}),), "MALFORMED"),
        (Queue, (msgpack.packb({"type": "OrderProposed", "id": 7}),), "MALFORMED"),
        (Queue, (msgpack.packb([1, 2]),), "MALFORMED"),
        (Queue, (b"\x91" * 60_000,), "MALFORMED"),
        (Queue, (b"\xdf\xff\xff\xff\xff",), "MALFORMED"),
    ],
    ids=str,
)
async def test_what_is_no_proposal_is_refused_with_the_reason_and_nothing_is_written(
    redis_bus: RedisBus, key: str, args: tuple[bytes | str, ...], said: str
) -> None:
    before = await contents(redis_bus)
    with pytest.raises(ResponseError, match=f"^{said}"):
        await redis_bus.client.fcall("hs_propose", 1, key, *args)
    assert await contents(redis_bus) == before


@pytest.mark.parametrize(
    ("function", "key", "body", "said"),
    [
        ("hs_report", "hs:{main}:clients:bot", encode(proposal()), "NAME the last key is hs:{main}:reports:NAME"),
        ("hs_report", "hs:{main}:reports:" + "x" * 33, encode(proposal()), "NAME"),
        ("hs_report", "hs:{main}:reports:bot", encode(proposal()), "MALFORMED a report is one MessagePack map"),
        ("hs_report", "hs:{main}:reports:bot", b"x" * 65_537, "SIZE"),
        ("hs_propose", "hs:{main}:reports:bot", encode(proposal()), "NAME the last key is hs:{main}:clients:NAME"),
    ],
)
async def test_each_function_takes_its_own_kind_into_its_own_queues(
    redis_bus: RedisBus, function: str, key: str, body: bytes, said: str
) -> None:
    before = await contents(redis_bus)
    with pytest.raises(ResponseError, match="^" + re.escape(said.replace("{main}", "{P}"))):
        await redis_bus.client.fcall(function, 1, key, body)
    assert await contents(redis_bus) == before


async def test_a_proposal_may_have_fields_beside_the_message_and_name_the_stream_of_proposals_first(
    redis_bus: RedisBus,
) -> None:
    body = encode(proposal())
    answer = await redis_bus.client.fcall("hs_propose", 2, Proposed, Queue, body, "k", "key-1", "s", b"\x00signature")
    assert answer[0] == b"QUEUED"
    [(entry_id, fields)] = await redis_bus.client.xrange(Queue)
    assert (entry_id, fields) == (answer[1], {b"m": body, b"k": b"key-1", b"s": b"\x00signature"})


async def test_a_key_of_another_kind_stops_its_own_client_and_no_other(redis_bus: RedisBus) -> None:
    await redis_bus.propose(proposal("o-1"), "good")
    await redis_bus.client.set(Queue, "poison")
    await redis_bus.client.hset(MAIN.clients, mapping={"bot": 1, "no name at all": 1, b"\xff": 1})
    with pytest.raises(BusLostError, match="clients:bot holds a string"):
        await redis_bus.propose(proposal("o-2"), "bot")
    lease = redis_bus.writer_lease("risk", (Proposed,), home=MAIN.home, in_turns=Proposed)
    await lease.acquire()
    assert [entry.message for entry in await lease.read(0)] == [proposal("o-1", client="good")]
    await lease.renew()
    await lease.release()


async def test_garbage_where_a_decision_belongs_is_left_to_the_gate(redis_bus: RedisBus) -> None:
    for number, garbage in enumerate((b"\xc1", msgpack.packb(7), b"")):
        await redis_bus.client.set(decision_key(MAIN, f"o-{number}"), garbage)
        assert isinstance(await redis_bus.propose(proposal(f"o-{number}"), "bot"), str)
    await redis_bus.client.hset(decision_key(MAIN, "o-3"), "a", "b")
    assert isinstance(await redis_bus.propose(proposal("o-3"), "bot"), str)
    assert await redis_bus.client.xlen(Queue) == 4


async def test_a_decision_is_kept_as_long_as_the_setting_says(valkey_server: str) -> None:
    async with RedisBus.open(valkey_server, MAIN, decisions_ms=3 * DAY_MS) as bus:
        await bus.client.flushall()
        lease = bus.writer_lease("risk", (Proposed,), home=MAIN.home)
        await lease.acquire()
        await lease.commit(Commit(seq=1, outputs=(decision(),), records={}, cursors={}, handled=(), digest=0))
        left = int(await bus.client.pttl(decision_key(MAIN, "o-1")))
        assert 2 * DAY_MS < left <= 3 * DAY_MS


# --- long bodies ------------------------------------------------------------------------------------------------------


async def test_twenty_giants_are_read_by_a_process_that_could_not_hold_one_of_them_twice(redis_bus: RedisBus) -> None:
    giant = b"\xc1" * (GIANT_MB * MB)
    for number in range(GIANTS):
        await redis_bus.client.xadd(Proposed, {"m": giant})
        await redis_bus.client.xadd(Proposed, {"m": encode(proposal(f"o-{number}"))})
    del giant
    lease = redis_bus.writer_lease("risk", (Proposed,), home=MAIN.home)
    await lease.acquire()
    tracemalloc.start()
    read = [entry for _ in range(3) for entry in await lease.read(0)]
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert sum(entry.size_bytes > GIANT_MB * MB for entry in read) == GIANTS
    assert [entry.message.id for entry in read if entry.message] == [f"o-{number}" for number in range(GIANTS)]
    assert most < GIANT_MB * MB
    await lease.release()


async def test_a_giant_that_comes_while_the_reader_waits_is_passed_over_unseen(redis_bus: RedisBus) -> None:
    lease = redis_bus.writer_lease("risk", (Proposed,), home=MAIN.home)
    await lease.acquire()
    giant = b"\xc1" * (GIANT_MB * MB)
    async with asyncio.timeout(PATIENCE_SECONDS), asyncio.TaskGroup() as group:
        reading = group.create_task(lease.read(2_000))
        while not await is_blocked(redis_bus):
            await asyncio.sleep(0.01)
        await redis_bus.client.xadd(Proposed, {"x": "y", "m": giant, "z": giant})
    [entry] = reading.result()
    assert (entry.size_bytes, len(entry.body), entry.message) == (GIANT_MB * MB, 4096, None)
    await redis_bus.client.xadd(Proposed, {"m": encode(proposal("after"))})
    assert [each.message for each in await lease.read(2_000)] == [proposal("after")]
    await lease.release()


async def is_blocked(bus: RedisBus) -> bool:
    return bool((await bus.client.info("clients"))["blocked_clients"])


@pytest.mark.processes
@pytest.mark.sockets
async def test_the_shipped_servers_take_no_value_of_hundreds_of_megabytes(tmp_path: Path) -> None:
    conf = VALKEY_CONF
    with running_valkey(tmp_path) as server:
        async with RedisBus.connect(server.url, MAIN) as bus:
            for name in ("maxmemory", "maxmemory-policy", "proto-max-bulk-len", "client-query-buffer-limit"):
                embedded = (await bus.client.config_get(name))[name]
                [shipped] = [line.split()[1] for line in conf.splitlines() if line.startswith(f"{name} ")]
                assert as_bytes(shipped) == as_bytes(str(embedded)), name
            with pytest.raises((RedisConnectionError, ResponseError, OSError)):  # it says why, and hangs up
                await bus.client.xadd(Proposed, {"m": b"x" * (33 * MB)})
            assert await bus.client.xlen(Proposed) == 0


def as_bytes(text: str) -> str:
    for unit, factor in (("gb", 1024 * MB), ("mb", MB)):
        if text.endswith(unit):
            return str(int(text.removesuffix(unit)) * factor)
    return text


# --- a full memory ----------------------------------------------------------------------------------------------------


@pytest.fixture
async def small(tmp_path: Path) -> AsyncIterator[RedisBus]:
    """A server with a memory of a few megabytes."""
    with running_valkey(tmp_path, {"maxmemory": "6mb"}) as server:
        async with RedisBus.open(server.url, MAIN) as bus:
            yield bus


async def fill(bus: RedisBus) -> int:
    """A flood of bare XADDs until not even a small one is taken. Returns how many were."""
    taken = 0
    for size in (60_000, 1_000, 10):
        refused = 0
        while refused < 5:
            try:
                await bus.client.xadd(Proposed, {"m": b"\xc1" * size})
            except OutOfMemoryError:
                refused += 1
            else:
                taken += 1
    return taken


@pytest.mark.processes
@pytest.mark.sockets
async def test_a_full_memory_refuses_clients_and_lets_the_services_work_until_there_is_room_again(
    small: RedisBus,
) -> None:
    lease = small.writer_lease("risk", (Proposed,), home=MAIN.home, in_turns=Proposed)
    await lease.acquire()
    clock = await small.agree_on_clock(ClockOrigin(origin_market_ns=T0, origin_wall_ns=T0, speed=1.0))
    assert await small.memory_used() < 0.9
    assert await fill(small) > 0
    assert await small.memory_used() > 0.9
    with pytest.raises(BusLostError, match="maxmemory"):
        await small.propose(proposal("o-1"), "bot")
    await small.set_marks([MarkChanged(id="m-1", time_ns=T0, symbol="BTC/USDT", price=20_000.0)])
    assert await small.publish_bars([bar()]) == 1
    beat = Heartbeat(service="risk", pid=1, state="ready", started_wall_ns=1, beat_wall_ns=2)
    await small.set_heartbeat(beat, "portfolio")
    await small.publish([decision("by-publish")])
    await lease.renew()
    await lease.release()
    await small.note_library()
    await small.check_library()
    assert await small.agree_on_clock(clock) == clock
    successor = small.writer_lease("risk", (Proposed,), home=MAIN.home, in_turns=Proposed)
    assert await successor.acquire() == 2  # a service that starts over meanwhile starts
    assert await successor.begin_try("start") == 1
    seq = 0
    while entries := await successor.read(0):
        seq += 1
        handled = [(entry.stream, entry.id) for entry in entries]
        cursors = {Proposed: entries[-1].id}
        outputs = (decision(f"o-{seq}"),)
        await successor.commit(
            Commit(seq=seq, outputs=outputs, records={"a": b"1"}, cursors=cursors, handled=handled, digest=0)
        )
    assert seq > 0
    await small.client.fcall("hs_trim", 1, Proposed, 0)  # the gate has taken the flood: it can go
    assert await small.memory_used() < 0.9
    assert isinstance(await small.propose(proposal("o-new"), "bot"), str)
    assert await small.bar_watermarks("1h") == {"BTC/USDT": T0}
    assert await small.client.xlen(MAIN.of(BARS, "1h")) == 1
    await successor.release()


async def test_a_library_that_was_lost_passes_for_a_server_that_has_to_be_prepared_anew(redis_bus: RedisBus) -> None:
    try:
        await redis_bus.client.function_flush()
        lease = redis_bus.writer_lease("risk", (Proposed,), home=MAIN.home)
        for call in (redis_bus.publish([decision()]), redis_bus.trim(), lease.begin_try("start")):
            with pytest.raises(BusLostError, match="Function not found"):
                await call
        assert await redis_bus.latest(Proposed, 5) == []  # whoever only looks needs none
    finally:
        await prepare(redis_bus.client)
