"""Nobody's entries are pushed out: what is trimmed, what is refused, and how clients take turns, on every bus."""

import asyncio
from collections import Counter
from decimal import Decimal

import pytest
from msgspec import structs

from shared.adapters.codec import encode
from shared.adapters.memory_bus import MemoryBus
from shared.adapters.redis.bus import RedisBus
from shared.adapters.redis.group_reader import ENTRIES_OF_A_CLIENT
from shared.messages.catalogue import BARS, PROPOSED, REPORTED, SIGNALS
from shared.messages.orders import CancelProposed, OrderProposed, StopRaised
from shared.messages.reports import Report, StopReported
from shared.messages.signals import SignalRaised
from shared.ports.bus import MOST_CLIENTS, MOST_WAITING
from shared.ports.errors import BusLostError, NotTakenError
from shared.ports.streams import Entry
from shared.ports.writer_lease import Commit, WriterLease
from tests.keys import MAIN
from tests.patience import PATIENCE_SECONDS
from tests.samples import T0, bar, decision, proposal, samples

AnyBus = MemoryBus | RedisBus
Proposed, Reported, BarsKey = MAIN.of(PROPOSED), MAIN.of(REPORTED), MAIN.of(BARS, "1h")
KEPT = PROPOSED.client_keep
GIANT = b"\xc1" * (PROPOSED.max_bytes + 10_000)


def the_lease(bus: AnyBus) -> WriterLease:
    return bus.writer_lease("risk", (Proposed,), home=MAIN.home, in_turns=Proposed)


async def acquired(bus: AnyBus) -> WriterLease:
    lease = the_lease(bus)
    await lease.acquire()
    return lease


async def write(bus: AnyBus, stream: str, *bodies: bytes) -> None:
    """What a program of somebody else does, with a bare XADD."""
    if isinstance(bus, MemoryBus):
        for body in bodies:
            bus.append_bytes(stream, body)
        return
    pipe = bus.client.pipeline(transaction=False)
    for body in bodies:
        pipe.xadd(stream, {"m": body})
    await pipe.execute()


async def take_out(bus: AnyBus, stream: str, *, but: int) -> None:
    """Somebody else trims a stream, whoever reads it."""
    if isinstance(bus, MemoryBus):
        bus.server.take_out(stream, len(bus.server.streams[stream]) - but)
    else:
        await bus.client.xtrim(stream, maxlen=but, approximate=False)


async def drained(lease: WriterLease, seq: int = 0) -> list[str]:
    """Take all there is, each batch with its commit; returns the ids of the orders as they were taken."""
    taken: list[str] = []
    while entries := await lease.read(0):
        seq += 1
        await lease.commit(
            Commit(
                seq=seq,
                outputs=(),
                records={},
                cursors={entry.stream: entry.id for entry in entries},
                handled=[(entry.stream, entry.id) for entry in entries],
                digest=0,
            )
        )
        taken += [entry.message.id for entry in entries if entry.message is not None]
    return taken


def orders(client: str, number: int) -> list[OrderProposed]:
    return [proposal(f"{client}-{count}") for count in range(number)]


async def test_nothing_is_trimmed_that_a_paused_reader_has_not_taken(bus: AnyBus) -> None:
    queue = MAIN.of_client("bot")
    await bus.propose(proposal("bot-first"), "bot")
    lease = await acquired(bus)
    assert len(await lease.read(0)) == 1  # given, and not finished: the reader is paused here
    late = orders("bot", 2 * KEPT)
    await write(bus, queue, *map(encode, late))
    await bus.trim()
    await bus.trim()
    await lease.release()
    successor = await acquired(bus)
    pending = [entry.message.id for entry in await successor.pending() if entry.message is not None]
    assert pending + await drained(successor) == ["bot-first", *(order.id for order in late)]
    assert successor.losses == {}


async def test_what_every_reader_has_taken_is_trimmed_to_what_the_topic_keeps(bus: AnyBus) -> None:
    queue = MAIN.of_client("bot")
    await bus.propose(proposal("bot-first"), "bot")
    lease = await acquired(bus)
    await write(bus, queue, *map(encode, orders("bot", 2 * KEPT)))
    assert len(await drained(lease)) == 2 * KEPT + 1
    await bus.trim()
    left = len(await bus.latest(queue, 3 * KEPT))
    assert KEPT <= left < KEPT + 150  # a server trims whole blocks of entries
    assert await drained(lease, seq=100) == []
    await lease.release()
    assert (await acquired(bus)).losses == {}  # nothing of that was lost


async def test_whoever_has_too_many_proposals_waiting_is_refused_and_nobody_else_is(bus: AnyBus) -> None:
    await bus.propose(proposal("flood-first"), "flood")
    lease = await acquired(bus)
    for order in orders("flood", MOST_WAITING - 1):
        await bus.propose(order, "flood")
    with pytest.raises(NotTakenError, match=f"client flood has {MOST_WAITING} proposals waiting") as refused:
        await bus.propose(proposal("one-too-many"), "flood")
    assert refused.value.code == "QUOTA"
    assert isinstance(await bus.propose(proposal("honest-1"), "honest"), str)
    await lease.renew()  # finds the queue of a client that is new
    taken = await drained(lease)
    assert "honest-1" in taken
    assert "one-too-many" not in taken
    assert len(taken) == MOST_WAITING + 1
    assert isinstance(await bus.propose(proposal("one-too-many"), "flood"), str)  # there is room again


async def test_clients_take_turns_with_each_other_and_with_the_stream_that_anybody_writes(bus: AnyBus) -> None:
    await write(bus, Proposed, *[encode(proposal(f"anybody-{number}")) for number in range(500)])
    for client in ("a", "b"):
        for order in orders(client, 3):
            await bus.propose(order, client)
    await bus.propose(CancelProposed(id="c-0", time_ns=T0, order_id="a-0"), "c")
    lease = await acquired(bus)
    first = [entry.message.id for entry in await lease.read(0) if entry.message is not None]
    assert set(first[:4]) == {"anybody-0", "a-0", "b-0", "c-0"}
    assert set(first[4:7]) == {"anybody-1", "a-1", "b-1"}
    assert first[7:10] in (["anybody-2", "a-2", "b-2"], ["a-2", "b-2", "anybody-2"])
    assert len(first) == 200


async def test_a_flood_of_one_client_makes_no_long_step_for_the_others(redis_bus: RedisBus) -> None:
    """A step is as long as what was read for it: whoever comes meanwhile waits for its end."""
    for order in (*orders("flood", 100), *orders("honest", 2)):
        await redis_bus.propose(order, order.id.partition("-")[0])
    lease = await acquired(redis_bus)
    read = [len(await lease.read(0)) for _ in range(8)]
    assert read == [16 + 2, *[16] * 5, 100 - 6 * 16, 0]


async def test_a_flood_is_bounded_for_every_client_also_where_the_stream_beside_their_queues_is_none(
    redis_bus: RedisBus,
) -> None:
    await redis_bus.client.set(Proposed, "no stream")
    for order in (*orders("ana", 40), *orders("bob", 40)):
        await redis_bus.propose(order, order.id.partition("-")[0])
    lease = await acquired(redis_bus)
    assert [*lease.unreadable] == [Proposed]
    given = Counter(entry.message.client for entry in await lease.read(0) if isinstance(entry.message, OrderProposed))
    assert given == {"ana": ENTRIES_OF_A_CLIENT, "bob": ENTRIES_OF_A_CLIENT}


async def test_a_flood_that_rests_between_its_turns_is_taken_whole_and_in_order(redis_bus: RedisBus) -> None:
    for order in (*orders("flood", 100), *orders("honest", 2)):
        await redis_bus.propose(order, order.id.partition("-")[0])
    lease = await acquired(redis_bus)
    taken: list[str] = []
    async with asyncio.timeout(PATIENCE_SECONDS):
        while len(taken) < 102:
            read = [entry.message.id for entry in await lease.read(100) if entry.message is not None]
            assert len(read) <= 18
            taken += read
    for client, number in (("flood", 100), ("honest", 2)):
        assert [each for each in taken if each.startswith(client)] == [order.id for order in orders(client, number)]


async def test_a_flood_of_signals_is_taken_without_a_rest_for_it_may_stand_before_what_a_strategy_sells_by(
    bus: AnyBus,
) -> None:
    [signal] = [each for each in samples() if isinstance(each, SignalRaised)]
    lease = bus.writer_lease("sizing", (BarsKey, SIGNALS.key), home=MAIN.home)
    await lease.acquire()
    await write(bus, SIGNALS.key, *(encode(structs.replace(signal, id=f"signal-{number}")) for number in range(500)))
    given = []
    for hour in range(4):
        await bus.publish_bars([bar(hour=hour)])  # something else comes all the time
        given.append(Counter(entry.stream for entry in await lease.read(1)))
    assert [each[SIGNALS.key] for each in given] == [200, 200, 100, 0]
    assert [each[BarsKey] for each in given] == [1, 1, 1, 1]


async def test_an_order_that_comes_again_as_it_was_decided_is_answered_at_once(bus: AnyBus) -> None:
    lease = await acquired(bus)
    order = proposal("o-1")
    decided = decision("o-1", quantity_requested=order.quantity, stop_price=order.stop_price, strategy=order.strategy)
    await lease.commit(Commit(seq=1, outputs=(decided,), records={}, cursors={}, handled=(), digest=0))
    for _ in range(20):
        assert await bus.propose(order, "bot") == decided
    assert await bus.latest(MAIN.of_client("bot"), 10) == []  # the gate has no work with it
    other = proposal("o-1", side="sell", stop_price=None)
    assert isinstance(await bus.propose(other, "bot"), str)  # the gate refuses it by what differs
    assert await bus.latest(MAIN.of_client("bot"), 10) == [structs.replace(other, client="bot")]
    assert await bus.decisions(["o-1", "o-2"]) == {"o-1": decided}


async def test_a_decision_with_a_client_in_it_is_given_to_no_other(bus: AnyBus) -> None:
    lease = await acquired(bus)
    order = proposal("o-1")
    same = {"quantity_requested": order.quantity, "stop_price": order.stop_price, "strategy": order.strategy}
    decided = decision("o-1", client="ana", **same)
    await lease.commit(Commit(seq=1, outputs=(decided,), records={}, cursors={}, handled=(), digest=0))
    assert await bus.propose(order, "ana") == decided
    assert isinstance(await bus.propose(order, "bob"), str)  # the gate refuses it


@pytest.mark.parametrize("said", ["", "ana", "bob"])
async def test_the_queue_says_whose_a_proposal_is_whatever_it_says_itself(bus: AnyBus, said: str) -> None:
    lease = await acquired(bus)
    sent = (
        proposal("o-1", client=said),
        CancelProposed(id="c-1", time_ns=T0, order_id="o-1", client=said),
        StopRaised(id="s-1", time_ns=T0, symbol="BTC/USDT", stop_price=Decimal(1), client=said),
    )
    for each in sent:
        await bus.propose(each, "ana")
        await write(bus, Proposed, encode(each))
    await lease.acquire()  # by which it knows the queue
    found = {(entry.stream, type(entry.message).__name__, entry.message.client) for entry in await lease.read(0)}  # type: ignore[union-attr]
    kinds = [type(each).__name__ for each in sent]
    assert found == {(MAIN.of_client("ana"), kind, "ana") for kind in kinds} | {(Proposed, kind, "") for kind in kinds}


@pytest.mark.parametrize("said", ["", "ana", "bob"])
async def test_the_queue_says_whose_a_report_is_whatever_it_says_itself(bus: AnyBus, said: str) -> None:
    reports = [structs.replace(each, client=said) for each in samples() if isinstance(each, Report)]
    assert {type(each) for each in reports} == set(REPORTED.messages)
    lease = bus.writer_lease("execution", (Reported,), home=MAIN.home, in_turns=Reported)
    await lease.acquire()
    for each in reports:
        await bus.report(each, "ana")
        await write(bus, Reported, encode(each))
    await bus.propose(proposal("o-1"), "ana")
    await lease.renew()  # by which it knows the queue
    found = {(entry.stream, type(entry.message).__name__, entry.message.client) for entry in await lease.read(0)}  # type: ignore[union-attr]
    queue, kinds = MAIN.of_client("ana", REPORTED), [type(each).__name__ for each in reports]
    assert found == {(queue, kind, "ana") for kind in kinds} | {(Reported, kind, "") for kind in kinds}


async def test_whoever_has_too_many_reports_waiting_is_refused_and_still_proposes(bus: AnyBus) -> None:
    """Reports and proposals have queues, readers and quotas of their own."""
    [report] = [each for each in samples() if isinstance(each, StopReported)]
    await bus.report(report, "flood")
    lease = bus.writer_lease("execution", (Reported,), home=MAIN.home, in_turns=Reported)
    await lease.acquire()
    for number in range(MOST_WAITING - 1):
        await bus.report(structs.replace(report, id=f"r-{number}"), "flood")
    with pytest.raises(NotTakenError, match=f"client flood has {MOST_WAITING} reports waiting") as refused:
        await bus.report(report, "flood")
    assert refused.value.code == "QUOTA"
    await bus.report(structs.replace(report, id="honest-1"), "honest")
    assert isinstance(await bus.propose(proposal("o-1"), "flood"), str)
    await lease.renew()
    await bus.trim()
    taken = await drained(lease)
    assert "honest-1" in taken
    assert "o-1" not in taken
    await bus.report(report, "flood")  # there is room again
    await bus.trim()
    assert len(await bus.latest(MAIN.of_client("flood", REPORTED), 3 * KEPT)) >= KEPT


async def test_there_are_only_so_many_clients(bus: AnyBus) -> None:
    for number in range(MOST_CLIENTS):
        await bus.propose(proposal(f"o-{number}"), f"client-{number}")
    with pytest.raises(NotTakenError, match=f"there are {MOST_CLIENTS} clients already"):
        await bus.propose(proposal("o-last"), "one-more")
    await bus.propose(proposal("o-again"), "client-0")
    assert len(await bus.clients()) == MOST_CLIENTS
    assert len(await (await acquired(bus)).read(0)) == MOST_CLIENTS + 1


@pytest.mark.parametrize("name", ["", "a b", "x" * 33, "a:b", "bot\n", "{main}"])
async def test_what_cannot_be_a_clients_name_is_refused(bus: AnyBus, name: str) -> None:
    with pytest.raises(ValueError, match="1 to 32 of A-Z"):
        await bus.propose(proposal("o-1"), name)


async def test_a_gap_is_told_of_while_the_reader_lives_and_at_every_start_until_it_is_passed(bus: AnyBus) -> None:
    await write(bus, Proposed, encode(proposal("before")))
    lease = await acquired(bus)
    assert await drained(lease) == ["before"]
    await write(bus, Proposed, *map(encode, orders("o", 60)))
    await lease.renew()
    await take_out(bus, Proposed, but=10)
    with pytest.raises(BusLostError, match=r"50 entries of hs:\{main\}:orders:proposed are gone"):
        await lease.renew()
    await lease.release()
    for _ in range(2):
        successor = await acquired(bus)
        assert successor.losses == {Proposed: 50}
        await successor.renew()  # it was told of at the start
        await successor.release()
    successor = await acquired(bus)
    assert await drained(successor, seq=1) == [f"o-{number}" for number in range(50, 60)]
    await successor.release()
    assert (await acquired(bus)).losses == {}


async def test_a_body_that_is_too_long_is_known_by_id_and_size_and_stops_nothing(bus: AnyBus) -> None:
    lease = await acquired(bus)
    await write(bus, Proposed, GIANT, encode(proposal("honest")), GIANT)
    long, honest, _ = await lease.read(0)
    assert_cut(long)
    assert honest.message == proposal("honest")
    assert [found.id for found in await bus.latest(Proposed, 3)] == ["honest"]
    cursors = {Proposed: "0-0"}
    seen = await bus.read_from(cursors, 0)
    assert [entry.size_bytes > 0 for entry in seen] == [True, False, True]
    assert [entry.size_bytes > 0 async for entry in lease.history(Proposed, seen[-1].id)] == [True, False, True]


def assert_cut(entry: Entry) -> None:
    assert entry.message is None
    assert entry.size_bytes >= len(GIANT)
    assert len(entry.body) == 4096
    assert entry.fault is not None
    assert "at most 65536 are read" in entry.fault[1]


async def test_nothing_behind_a_gap_is_given_out_before_it_was_told_of(bus: AnyBus) -> None:
    await write(bus, Proposed, encode(proposal("before")))
    lease = await acquired(bus)
    assert await drained(lease) == ["before"]
    await write(bus, Proposed, *map(encode, orders("o", 60)))
    await take_out(bus, Proposed, but=10)
    with pytest.raises(BusLostError, match=r"50 entries of hs:\{main\}:orders:proposed are gone"):
        await lease.read(0)
    await lease.release()
    successor = await acquired(bus)
    assert successor.losses == {Proposed: 50}
    assert len(await successor.read(0)) == 10
    await write(bus, Proposed, *map(encode, orders("late", 3)))
    await take_out(bus, Proposed, but=1)
    with pytest.raises(BusLostError, match="2 entries"):  # as many were told of, and those are others
        await successor.read(0)


@pytest.mark.parametrize("runs", [True, False])
async def test_what_is_gone_of_the_queue_of_a_client_that_was_new_is_told_of(bus: AnyBus, runs: bool) -> None:
    queue = MAIN.of_client("bot")
    lease = await acquired(bus)
    if not runs:
        await lease.release()
    for order in orders("bot", 5):
        await bus.propose(order, "bot")
    await take_out(bus, queue, but=2)
    if runs:
        with pytest.raises(BusLostError, match=r"3 entries of hs:\{main\}:clients:bot are gone"):
            await lease.renew()
        await lease.release()
    successor = await acquired(bus)
    assert successor.losses == {queue: 3}
    assert await drained(successor) == ["bot-3", "bot-4"]
