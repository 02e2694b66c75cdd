"""What every bus does, in memory and on a real server."""

from decimal import Decimal
from typing import Any

import pytest
from msgspec import structs

from shared.adapters.codec import encode
from shared.adapters.memory_bus import MemoryBus
from shared.adapters.redis.bus import RedisBus
from shared.adapters.redis.client import library_code
from shared.domain.machine import ReservationCheck
from shared.messages.catalogue import BARS, DEAD, DECIDED, PROPOSED, SIGNALS
from shared.messages.dead_letter import MessageRefused
from shared.messages.market import MarkChanged
from shared.messages.orders import CancelProposed, OrderDecided
from shared.ports.errors import AlreadyDecidedError, CommitRefusedError, FencedError, StateGoneError
from shared.ports.writer_lease import Commit
from tests.keys import MAIN
from tests.samples import T0, bar, book, counted, decision, proposal, samples

BarsKey, DaysKey = MAIN.of(BARS, "1h"), MAIN.of(BARS, "1d")
ProposedKey = MAIN.of(PROPOSED)
AnyBus = MemoryBus | RedisBus
LETTERS = tuple(each for each in samples() if isinstance(each, MessageRefused))
on_one_server = pytest.mark.parametrize("bus", ["memory", "redis"], indirect=True)  # where commits take letters


def commit_of(seq: int, **changes: Any) -> Commit:
    fields: dict[str, Any] = {"outputs": (), "records": {}, "cursors": {}, "handled": (), "digest": 0}
    return Commit(seq=seq, **(fields | changes))


async def test_a_bar_is_published_once_and_never_after_a_newer_one(bus: AnyBus) -> None:
    assert await bus.publish_bars([bar(hour=0), bar(hour=1), bar("ETH/USDT", hour=0, close=1500.0)]) == 3
    assert await bus.publish_bars([bar(hour=0), bar(hour=1), bar(hour=2)]) == 1
    assert [message.id for message in await bus.latest(BarsKey, 10)] == [
        bar(hour=2).id,
        bar("ETH/USDT").id,
        bar(hour=1).id,
        bar(hour=0).id,
    ]
    opened = await bus.bar_watermarks("1h")
    assert opened == {"BTC/USDT": bar(hour=2).open_time_ns, "ETH/USDT": T0}


async def test_marks_keep_the_latest_of_each_pair(bus: AnyBus) -> None:
    first = MarkChanged(id="m-1", time_ns=T0, symbol="BTC/USDT", price=20_000.0)
    second = MarkChanged(id="m-2", time_ns=T0 + 1, symbol="BTC/USDT", price=20_001.0)
    await bus.set_marks([first])
    await bus.set_marks([second])
    assert await bus.marks() == {"BTC/USDT": second}


async def test_books_keep_the_latest_of_each_pair_and_go_to_both_channels(bus: AnyBus) -> None:
    first, second = (book(f"b-{number}", time_ns=T0 + number) for number in (1, 2))
    other = book("b-3", symbol="ETH/USDT")
    async with bus.listen("hs:books") as all_pairs, bus.listen("hs:books:ETH/USDT") as one_pair:
        await bus.set_books([first])
        await bus.set_books([second, other])
        await bus.set_books([])
        heard = [await all_pairs.next(2.0) for _ in range(3)]
        assert await one_pair.next(2.0) == ("hs:books:ETH/USDT", encode(other))
    assert heard == [("hs:books", encode(message)) for message in (first, second, other)]
    assert await bus.books() == {"BTC/USDT": second, "ETH/USDT": other}
    assert await bus.marks() == {}


async def test_an_answer_goes_to_the_channel_that_its_asker_named_and_nowhere_else(bus: AnyBus) -> None:
    async with bus.listen("hs:reply:7", "hs:{main}:answers") as listener:
        await bus.answer([counted(reply_to="hs:reply:7"), counted(reply_to="hs:{main}:answers")])
        heard = [await listener.next(2.0), await listener.next(2.0)]
    assert [item[0] for item in heard if item] == ["hs:reply:7", "hs:{main}:answers"]
    assert await bus.latest("hs:reply:7") == []


@pytest.mark.parametrize(
    "channel",
    [
        "hs:{main}:orders:decided",
        "hs:{desk-2}:control",
        "hs:{main}:ask",
        "hs:marks",
        "hs:marks:BTC",
        "hs:bars:1h",
        "hs:bars:1h:BTC",
        "hs:dead",
        "hs:",
        "elsewhere",
        "hs:a b",
        "hs:\n",
        "hs:a/b",
    ],
)
async def test_an_answer_never_goes_to_a_channel_of_somebody_else(bus: AnyBus, channel: str) -> None:
    assert MAIN.reply_channel(counted(reply_to=channel)) == ""
    async with bus.listen(channel) as listener:
        await bus.answer([counted(reply_to=channel)])
        assert await listener.next(0.02) is None


async def test_a_listener_hears_bars_on_the_pairs_own_channel_too(bus: AnyBus) -> None:
    async with bus.listen(f"{BarsKey}:BTC/USDT") as listener:
        await bus.publish_bars([bar("ETH/USDT", close=1500.0), bar()])
        heard = await listener.next(2.0)
    assert heard == (f"{BarsKey}:BTC/USDT", encode(bar()))


async def test_a_proposal_by_publish_becomes_durable_once(bus: AnyBus) -> None:
    assert await bus.take_in(proposal("a"))
    assert not await bus.take_in(proposal("a"))
    assert [message.id for message in await bus.latest(ProposedKey, 10)] == ["a"]


async def test_a_cancel_by_publish_becomes_durable_too(bus: AnyBus) -> None:
    cancel = CancelProposed(id="c-1", time_ns=T0, order_id="o-1")
    assert await bus.take_in(cancel)
    assert not await bus.take_in(cancel)
    assert await bus.latest(ProposedKey, 10) == [cancel]


async def test_a_proposal_that_a_commit_wrote_is_not_taken_in_again_and_its_published_copy_is_no_repeat(
    bus: AnyBus,
) -> None:
    lease = bus.writer_lease("sizing", (), home="hs:{main}")
    await lease.acquire()
    await lease.commit(commit_of(1, outputs=[proposal("a")]))
    assert not await bus.take_in(proposal("a", symbol="ETH/USDT"))  # somebody else's, under the same id
    assert await bus.take_in(proposal("a"))
    assert not await bus.take_in(proposal("a"))
    assert await bus.latest(ProposedKey, 10) == [proposal("a")]


async def test_a_writer_reads_its_inputs_in_order_of_priority_and_what_it_left_is_pending(bus: AnyBus) -> None:
    lease = bus.writer_lease("risk", (BarsKey, ProposedKey), home="hs:{main}")
    await lease.acquire()
    await bus.publish([proposal("a")])
    await bus.publish_bars([bar()])
    entries = await lease.read(500)
    assert [entry.stream for entry in entries] == [BarsKey, ProposedKey]
    assert list(await lease.read(0)) == []
    successor = bus.writer_lease("risk", (BarsKey, ProposedKey), home="hs:{main}")
    await lease.release()
    await successor.acquire()
    assert [entry.id for entry in await successor.pending()] == [entry.id for entry in entries]


async def test_of_bars_published_together_the_longer_come_first(bus: AnyBus) -> None:
    async with bus.listen(BarsKey, DaysKey) as listener:
        await bus.publish_bars([bar(hour=0), bar(timeframe="1d")])
        assert [(await listener.next(2.0))[0] for _ in range(2)] == [DaysKey, BarsKey]


async def test_a_stream_on_which_others_build_is_read_to_its_end_before_those_are_given_out(bus: AnyBus) -> None:
    days = [bar(timeframe="1d", hour=24 * number) for number in range(450)]
    hours = [bar(hour=number) for number in range(450)]
    lease = bus.writer_lease("risk", (DaysKey, BarsKey), home="hs:{main}", whole=(DaysKey,))
    await lease.acquire()
    await bus.publish_bars([*days[:300], *hours])
    read = [entry.message for entry in await lease.read(500)]
    assert (read[:300], read[300:]) == (days[:300], hours[:200])
    await bus.publish_bars(days[300:])
    successor = bus.writer_lease("risk", (DaysKey, BarsKey), home="hs:{main}", whole=(DaysKey,))
    await lease.release()
    await successor.acquire()
    pending = [entry.message for entry in await successor.pending()]
    assert (pending[:450], pending[450:]) == (days, hours[:200])


async def test_a_commit_stores_everything_and_acknowledges_what_it_handled(bus: AnyBus) -> None:
    lease = bus.writer_lease("risk", (BarsKey, ProposedKey), home="hs:{main}")
    await lease.acquire()
    await bus.publish([proposal("o-1")])
    await bus.publish_bars([bar()])
    entries = await lease.read(500)
    await lease.commit(
        commit_of(
            1,
            outputs=[decision("o-1")],
            records={"order:o-1": b"record", "gone:x": None},
            cursors={entry.stream: entry.id for entry in entries},
            handled=[(entry.stream, entry.id) for entry in entries],
            digest=2**63 + 5,
        )
    )
    await lease.read(0)  # sends the acknowledgements that the commit could not reach
    assert list(await lease.pending()) == []
    snapshot = await lease.load()
    assert (snapshot.seq, snapshot.digest) == (1, 2**63 + 5)
    assert snapshot.records == {"order:o-1": b"record"}
    assert snapshot.cursors == {entry.stream: entry.id for entry in entries}
    assert await bus.decision("o-1") == decision("o-1")
    assert await bus.latest(MAIN.of(DECIDED)) == [decision("o-1")]
    history = [entry.message async for entry in lease.history(BarsKey, snapshot.cursors[BarsKey])]
    assert history == [bar()]


async def test_commits_take_letters_where_one_call_may_reach_their_stream(bus: AnyBus) -> None:
    lease = bus.writer_lease("risk", (), home="hs:{main}")
    assert lease.takes_letters != (isinstance(bus, RedisBus) and bus.clustered)


@on_one_server
async def test_a_commit_writes_and_publishes_its_letters(bus: AnyBus) -> None:
    lease = bus.writer_lease("risk", (), home="hs:{main}")
    await lease.acquire()
    letters = [structs.replace(LETTERS[0], id=f"dead-{number}") for number in range(3)]
    async with bus.listen(DEAD.key) as listener:
        assert await lease.commit(commit_of(1, outputs=[decision("o-1")], letters=letters))
        heard = [await listener.next(2.0) for _ in letters]
    assert heard == [(DEAD.key, encode(letter)) for letter in letters]
    assert await bus.latest(DEAD.key, 10) == letters[::-1]
    assert await bus.decision("o-1") == decision("o-1")
    assert await lease.commit(commit_of(2))  # none, and none is missing
    assert await bus.latest(DEAD.key, 10) == letters[::-1]


@on_one_server
async def test_a_commit_that_is_refused_writes_no_letter(bus: AnyBus) -> None:
    lease = bus.writer_lease("risk", (), home="hs:{main}")
    await lease.acquire()
    await lease.commit(commit_of(1, outputs=[decision("o-1")]))
    over = [ReservationCheck("b", 5_001.0, 5_000.0, 10_000.0)]
    for refused in (
        commit_of(1, letters=LETTERS),
        commit_of(3, letters=LETTERS),
        commit_of(2, letters=LETTERS, outputs=[decision("o-1")]),
        commit_of(2, letters=LETTERS, outputs=[decision("b")], reservation_checks=over),
    ):
        with pytest.raises((CommitRefusedError, StateGoneError, AlreadyDecidedError)):
            await lease.commit(refused)
    await lease.release()
    await bus.writer_lease("risk", (), home="hs:{main}").acquire()
    with pytest.raises(FencedError):
        await lease.commit(commit_of(2, letters=LETTERS))
    assert await bus.latest(DEAD.key, 10) == []


@pytest.mark.parametrize("poison", ["string", "the last id there is"])
async def test_a_commit_is_made_where_its_letters_have_no_place_and_says_so(redis_bus: RedisBus, poison: str) -> None:
    if poison == "string":
        await redis_bus.client.set(DEAD.key, "no stream")
    else:
        await redis_bus.client.xadd(DEAD.key, {"m": b"poison"}, id=f"{2**64 - 1}-{2**64 - 1}")
    lease = redis_bus.writer_lease("risk", (), home="hs:{main}")
    await lease.acquire()
    assert not await lease.commit(commit_of(1, outputs=[decision("o-1")], records={"a:b": b"c"}, letters=LETTERS))
    assert (await lease.load()).records == {"a:b": b"c"}
    assert await redis_bus.decision("o-1") == decision("o-1")
    assert await lease.commit(commit_of(2))


async def test_a_function_of_an_earlier_version_leaves_the_letters_to_whoever_commits(redis_bus: RedisBus) -> None:
    """It knows of none. A process of that version may start beside this one, and bring it along."""
    now = "return {'OK', plan.letters and put_letters(keys[plan.letters[1]], plan.letters[2]) or 1}"
    earlier = library_code().replace(now, "return {'OK'}")
    assert earlier != library_code()
    lease = redis_bus.writer_lease("risk", (), home="hs:{main}")
    await lease.acquire()
    await redis_bus.client.function_load(earlier, replace=True)
    try:
        assert not await lease.commit(commit_of(1, letters=LETTERS))
        assert await lease.commit(commit_of(2))
    finally:
        await redis_bus.client.function_load(library_code(), replace=True)
    assert await redis_bus.latest(DEAD.key, 10) == []
    assert (await lease.load()).seq == 2


async def test_a_writer_without_inputs_waits_and_reads_nothing(bus: AnyBus) -> None:
    lease = bus.writer_lease("signals", (), home="hs:{main}")
    await lease.acquire()
    assert list(await lease.read(20)) == []


async def test_a_commit_of_more_rows_than_one_call_takes_is_stored_whole(bus: AnyBus) -> None:
    lease = bus.writer_lease("risk", (), home="hs:{main}")
    await lease.acquire()
    rows: dict[str, bytes | None] = {f"row:{number}": str(number).encode() for number in range(2_500)}
    await lease.commit(commit_of(1, records=rows))
    gone = {f"row:{number}": None for number in range(0, 2_500, 2)}
    await lease.commit(commit_of(2, records={**gone, "row:new": b"x"}))
    left = {key: body for key, body in rows.items() if key not in gone}
    assert dict((await lease.load()).records) == {**left, "row:new": b"x"}


async def test_an_order_that_was_decided_before_gets_the_stored_decision_and_nothing_is_written(bus: AnyBus) -> None:
    lease = bus.writer_lease("risk", (), home="hs:{main}")
    await lease.acquire()
    await lease.commit(commit_of(1, outputs=[decision("o-1")]))
    other = decision("o-1", verdict="reject", quantity_approved=Decimal(0))
    with pytest.raises(AlreadyDecidedError) as caught:
        await lease.commit(commit_of(2, outputs=[other, decision("o-2")], records={"a:b": b"c"}))
    assert caught.value.decisions == (decision("o-1"),)
    assert (await lease.load()).seq == 1
    assert (await lease.load()).records == {}
    assert len(await bus.latest(MAIN.of(DECIDED), 10)) == 1


async def test_a_writer_that_was_taken_over_is_fenced(bus: AnyBus) -> None:
    old = bus.writer_lease("risk", (), home="hs:{main}")
    await old.acquire()
    await old.release()
    new = bus.writer_lease("risk", (), home="hs:{main}")
    await new.acquire()
    with pytest.raises(FencedError):
        await old.commit(commit_of(1))
    with pytest.raises(FencedError):
        await old.renew()
    await new.commit(commit_of(1))
    await new.renew()


async def test_a_commit_out_of_sequence_is_refused(bus: AnyBus) -> None:
    lease = bus.writer_lease("risk", (), home="hs:{main}")
    await lease.acquire()
    await lease.commit(commit_of(1))
    with pytest.raises(CommitRefusedError, match="sequence"):
        await lease.commit(commit_of(1))


async def test_a_commit_after_one_that_the_store_has_not_says_that_the_store_went_back(bus: AnyBus) -> None:
    lease = bus.writer_lease("risk", (), home="hs:{main}")
    await lease.acquire()
    with pytest.raises(StateGoneError, match="commit 1 was made, the server has 0"):
        await lease.commit(commit_of(2))


async def test_an_epoch_that_went_back_means_a_store_that_went_back_and_no_other_writer(bus: AnyBus) -> None:
    lease = bus.writer_lease("risk", (), home="hs:{main}")
    await lease.acquire()
    await lease.acquire()
    if isinstance(bus, MemoryBus):
        bus.server.machines["hs:{main}", "risk"].epoch = 1
    else:
        await bus.client.hset("hs:{main}:meta:risk", "epoch", 1)
    for use in (lease.renew(), lease.commit(commit_of(1))):
        with pytest.raises(StateGoneError, match="back at epoch 1"):
            await use


async def test_the_store_itself_refuses_reserved_heat_over_the_limit(bus: AnyBus) -> None:
    lease = bus.writer_lease("risk", (), home="hs:{main}")
    await lease.acquire()
    await lease.commit(commit_of(1, reservation_checks=[ReservationCheck("a", 6_000.0, 5_000.0, 16_000.0)]))
    with pytest.raises(CommitRefusedError, match="order b"):
        await lease.commit(
            commit_of(
                2, outputs=[decision("b")], reservation_checks=[ReservationCheck("b", 5_001.0, 5_000.0, 16_000.0)]
            )
        )
    assert await bus.decision("b") is None
    fitting = [ReservationCheck("a", 0.0), ReservationCheck("b", 5_001.0, 9_000.0, 16_000.0)]
    await lease.commit(commit_of(2, outputs=[decision("b")], reservation_checks=fitting))
    assert isinstance(await bus.decision("b"), OrderDecided)


async def test_bytes_that_are_no_message_come_with_the_reason(bus: AnyBus) -> None:
    lease = bus.writer_lease("risk", (ProposedKey,), home="hs:{main}")
    await lease.acquire()
    for body in (b"\xc1", encode(bar())):
        if isinstance(bus, MemoryBus):
            bus.append_bytes(ProposedKey, body)
        else:
            await bus.client.xadd(ProposedKey, {"m": body})
    entries = await lease.read(500)
    assert [entry.message for entry in entries] == [None, None]
    assert [entry.fault[0] for entry in entries if entry.fault] == ["$", "$.type"]


async def test_an_entry_without_the_message_field_comes_with_the_reason(redis_bus: RedisBus) -> None:
    lease = redis_bus.writer_lease("signals", (SIGNALS.key,), home="{hs:signals}")
    await lease.acquire()
    await redis_bus.client.xadd(SIGNALS.key, {"message": b"x"})
    [entry] = await lease.read(500)
    assert entry.fault == ("m", "the entry has no field `m` with the message")


async def test_what_was_begun_is_counted_until_it_ended_and_by_every_holder_of_the_lease(bus: AnyBus) -> None:
    first = bus.writer_lease("risk", [ProposedKey], home=MAIN.home)
    await first.acquire()
    assert [await first.begin_try("a"), await first.begin_try("a"), await first.begin_try("b")] == [1, 2, 1]
    await first.release()
    second = bus.writer_lease("risk", [ProposedKey], home=MAIN.home)
    await second.acquire()
    assert await second.begin_try("a") == 3
    await second.end_try("a")
    await second.end_try("never begun")
    assert [await second.begin_try("a"), await second.begin_try("b")] == [1, 2]
    other = bus.writer_lease("sizing", [ProposedKey], home=MAIN.home)
    assert await other.begin_try("a") == 1
