"""What every bus does for those who watch it and for the start of a service, in memory and on a real server."""

import asyncio
from collections.abc import Iterator

import pytest
from msgspec import Struct

from shared.adapters.codec import TooLongError, encode
from shared.adapters.memory_bus import MemoryBus
from shared.adapters.redis.bus import RedisBus
from shared.adapters.redis.keys import services_key
from shared.messages.ask import ShadowAsked
from shared.messages.base import MAX_MESSAGE_BYTES
from shared.messages.catalogue import ASK, BARS, DECIDED, PROPOSED, SIGNALS
from shared.messages.keys import Keys
from shared.ports.bus import Bus, Heartbeat
from shared.ports.clock import ClockOrigin
from shared.ports.streams import Reader
from tests.contracts.test_bus import commit_of
from tests.keys import MAIN
from tests.patience import PATIENCE_SECONDS
from tests.samples import T0, bar, decision, proposal

AnyBus = MemoryBus | RedisBus
Bars, Decided, Proposed = MAIN.of(BARS, "1h"), MAIN.of(DECIDED), MAIN.of(PROPOSED)


def methods_of(protocol: type) -> Iterator[str]:
    for parent in protocol.__mro__[:-2]:  # without Protocol's own parents
        yield from (name for name, value in vars(parent).items() if callable(value) and not name.startswith("_"))


@pytest.mark.parametrize("kind", [MemoryBus, RedisBus])
def test_a_bus_has_a_method_of_its_own_for_everything_in_the_port(kind: type) -> None:
    """Otherwise the empty body of the protocol would answer, with None."""
    names = set(methods_of(Bus))
    assert {"publish", "read_from", "listen", "writer_lease", "heartbeats", "clock_origin"} <= names
    assert [name for name in sorted(names) if getattr(kind, name) is getattr(Bus, name)] == []


def of_portfolio(bus: AnyBus, name: str) -> AnyBus:
    """A bus on the same server, for another portfolio."""
    return (
        MemoryBus(Keys(name), bus.server)
        if isinstance(bus, MemoryBus)
        else RedisBus(bus.client, Keys(name), clustered=bus.clustered)
    )


# --- streams ----------------------------------------------------------------------------------------------------------


async def test_the_end_of_a_stream_is_a_cursor_for_what_comes_after_it(bus: AnyBus) -> None:
    await bus.publish([proposal("before")])
    cursors = await bus.stream_ends([Proposed, Decided])
    assert cursors[Decided] == "0-0"
    assert await bus.read_from(cursors, 10) == []
    await bus.publish([proposal("a"), proposal("b")])
    entries = await bus.read_from(cursors, 1_000)
    assert [entry.message for entry in entries] == [proposal("a"), proposal("b")]
    assert cursors == {Decided: "0-0", Proposed: entries[-1].id}
    assert await bus.read_from(cursors, 10) == []


async def test_reading_from_the_beginning_goes_on_page_by_page_in_the_order_of_the_streams(bus: AnyBus) -> None:
    await bus.publish([proposal(f"o-{number}") for number in range(700)])
    await bus.publish_bars([bar(hour=hour) for hour in range(3)])
    cursors = {Bars: "0", Proposed: "0"}
    pages = [await bus.read_from(cursors, 10) for _ in range(3)]
    assert [len(page) for page in pages] == [503, 200, 0]
    assert [entry.stream for entry in pages[0]] == [Bars] * 3 + [Proposed] * 500
    found = [entry.message.id for page in pages for entry in page if entry.message and entry.stream == Proposed]
    assert found == [f"o-{number}" for number in range(700)]


async def test_who_begins_with_what_is_new_misses_nothing_between_two_looks(bus: AnyBus) -> None:
    await bus.publish([proposal("before")])
    cursors = {Proposed: "$", Decided: "$"}
    assert await bus.read_from(cursors, 10) == []
    await bus.publish([proposal("between")])
    assert [entry.message for entry in await bus.read_from(cursors, 10)] == [proposal("between")]


async def test_who_waits_is_woken_by_what_comes(bus: AnyBus) -> None:
    cursors = await bus.stream_ends([Proposed])
    async with asyncio.timeout(PATIENCE_SECONDS), asyncio.TaskGroup() as group:
        reading = group.create_task(bus.read_from(cursors, 2_000))
        await asyncio.sleep(0.02)
        await bus.publish([proposal("late")])
    assert [entry.message for entry in reading.result()] == [proposal("late")]


async def test_what_cannot_be_read_is_left_out_of_the_latest_and_told_where_entries_are_read(bus: AnyBus) -> None:
    await bus.publish([proposal("a")])
    if isinstance(bus, MemoryBus):
        bus.append_bytes(Proposed, b"\xc1")
    else:
        await bus.client.xadd(Proposed, {"m": b"\xc1"})
    await bus.publish([proposal("b")])
    assert await bus.latest(Proposed, 3) == [proposal("b"), proposal("a")]
    entries = await bus.read_from({Proposed: "0"}, 10)
    assert [entry.fault is None for entry in entries] == [True, False, True]


async def test_readers_are_told_with_what_they_were_not_given_and_what_they_have_in_work(bus: AnyBus) -> None:
    assert await bus.readers([Proposed, SIGNALS.key]) == []
    lease = bus.writer_lease("risk", (Proposed,), home="hs:{main}")
    await lease.acquire()
    await bus.publish([proposal("a"), proposal("b")])
    assert await bus.readers([SIGNALS.key, Proposed]) == [Reader(Proposed, "risk:main:1", 2, 0)]
    [first, second] = await lease.read(500)
    assert await bus.readers([Proposed]) == [Reader(Proposed, "risk:main:1", 0, 2)]
    handled = [(Proposed, first.id), (Proposed, second.id)]
    await lease.commit(commit_of(1, cursors={Proposed: second.id}, handled=handled))
    assert await bus.readers([Proposed]) == [Reader(Proposed, "risk:main:1", 0, 0)]


async def test_of_messages_that_go_out_together_all_are_written_or_none(bus: AnyBus) -> None:
    with pytest.raises(TooLongError):
        await bus.publish([proposal("a"), proposal("b", trace="x" * MAX_MESSAGE_BYTES)])
    assert await bus.latest(Proposed, 2) == []


async def test_a_question_is_heard_and_kept_nowhere(bus: AnyBus) -> None:
    question = ShadowAsked(id="q-1", time_ns=T0, reply_to="hs:reply:1")
    async with bus.listen(MAIN.of(ASK)) as listener:
        await bus.echo([question])
        assert await listener.next(2.0) == (MAIN.of(ASK), encode(question))
    assert await bus.latest(MAIN.of(ASK)) == []


async def test_what_is_published_is_heard_by_everybody_who_listens_and_by_nobody_else(bus: AnyBus) -> None:
    async with bus.listen(Proposed) as one, bus.listen(Decided, Proposed) as other, bus.listen(Decided) as neither:
        await bus.publish([proposal("a")])
        assert await one.next(2.0) == await other.next(2.0) == (Proposed, encode(proposal("a")))
        assert await neither.next(0.02) is None


# --- machines ---------------------------------------------------------------------------------------------------------


class Row(Struct, frozen=True):
    number: int


async def test_committed_records_are_read_by_kind_in_the_order_of_their_names(bus: AnyBus) -> None:
    lease = bus.writer_lease("risk", (), home="hs:{main}")
    await lease.acquire()
    rows = {f"row:{name}": encode(Row(number)) for number, name in enumerate("cab")}
    await lease.commit(commit_of(1, records={**rows, "rows:x": encode(Row(9)), "other:x": encode(Row(9))}))
    assert list((await bus.stored_records("risk", "row", Row)).items()) == [("a", Row(1)), ("b", Row(2)), ("c", Row(0))]
    assert await bus.stored_records("risk", "none", Row) == {}
    assert await bus.stored_records("sizing", "row", Row) == {}


async def test_a_second_writer_waits_until_the_first_gives_the_lease_back(bus: AnyBus) -> None:
    first, second = (bus.writer_lease("risk", (), home="hs:{main}") for _ in range(2))
    assert await first.acquire() == 1
    async with asyncio.timeout(PATIENCE_SECONDS), asyncio.TaskGroup() as group:
        waiting = group.create_task(second.acquire())
        await asyncio.sleep(0.5)
        await first.renew()
        await first.commit(commit_of(1))
        assert not waiting.done()
        await first.release()
    assert waiting.result() == 2


async def test_a_lease_that_nobody_renews_runs_out(bus: AnyBus) -> None:
    first, second = (bus.writer_lease("risk", (), home="hs:{main}") for _ in range(2))
    await first.acquire()
    async with asyncio.timeout(PATIENCE_SECONDS):
        assert await second.acquire() == 2


async def test_entries_that_nobody_handled_are_pending_for_the_next_writer_and_the_others_are_not(bus: AnyBus) -> None:
    first = bus.writer_lease("risk", (Proposed,), home="hs:{main}")
    await first.acquire()
    await bus.publish([proposal(f"o-{number}") for number in range(5)])
    entries = await first.read(500)
    done = [(Proposed, entry.id) for entry in entries[:2]]
    await first.commit(commit_of(1, outputs=[decision("o-0")], cursors={Proposed: entries[1].id}, handled=done))
    await bus.publish([proposal("o-5")])
    await first.release()
    second = bus.writer_lease("risk", (Proposed,), home="hs:{main}")
    await second.acquire()
    found = [*await second.pending(), *await second.read(500)]
    assert [entry.message.id for entry in found if entry.message] == ["o-2", "o-3", "o-4", "o-5"]
    assert list(await second.pending()) == []


async def test_machines_of_two_portfolios_read_one_stream_and_neither_is_shown_the_others_place(bus: AnyBus) -> None:
    other = of_portfolio(bus, "other")
    await bus.publish_bars([bar()])
    signals = bus.writer_lease("signals", (Bars,), home="{hs:signals}")
    await signals.acquire()
    for each in (bus, other):
        lease = each.writer_lease("sizing", (Bars,), home=each.keys.home)
        await lease.acquire()
        assert [entry.message for entry in await lease.read(500)] == [bar()]
    assert {reader.group for reader in await bus.readers([Bars])} == {"signals:1", "sizing:main:1"}
    assert {reader.group for reader in await other.readers([Bars])} == {"signals:1", "sizing:other:1"}


# --- services ---------------------------------------------------------------------------------------------------------


def beat_of(service: str, **changes: object) -> Heartbeat:
    fields = {"service": service, "pid": 1, "state": "starting", "started_wall_ns": T0, "beat_wall_ns": T0}
    return Heartbeat(**(fields | changes))  # type: ignore[arg-type]


async def test_the_last_heartbeat_of_every_service_is_kept(bus: AnyBus) -> None:
    assert await bus.heartbeats() == {}
    later = beat_of("risk", pid=2, state="ready", beat_wall_ns=T0 + 1, facts={"a": 1, "b": 0.5, "c": "x"})
    for beat in (beat_of("risk"), beat_of("sizing"), later):
        await bus.set_heartbeat(beat, "portfolio")
    assert await bus.heartbeats() == {"risk": later, "sizing": beat_of("sizing")}


async def test_a_heartbeat_that_cannot_be_read_hides_no_other(bus: AnyBus) -> None:
    await bus.set_heartbeat(beat_of("risk"), "portfolio")
    key = services_key(MAIN, "portfolio")
    if isinstance(bus, MemoryBus):
        bus.server.heartbeats[key]["sizing"] = b"\xc1"
    else:
        await bus.client.hset(key, "sizing", b"\xc1")
    assert await bus.heartbeats() == {"risk": beat_of("risk")}


async def test_portfolios_see_the_heartbeats_of_the_market_and_their_own(bus: AnyBus) -> None:
    other = of_portfolio(bus, "other")
    await bus.set_heartbeat(beat_of("market_data"), "market")
    await bus.set_heartbeat(beat_of("risk", pid=2), "portfolio")
    await other.set_heartbeat(beat_of("risk", pid=3), "portfolio")
    assert await bus.heartbeats() == {"market_data": beat_of("market_data"), "risk": beat_of("risk", pid=2)}
    assert await other.heartbeats() == {"market_data": beat_of("market_data"), "risk": beat_of("risk", pid=3)}


async def test_what_an_earlier_version_left_among_the_markets_heartbeats_does_not_hide_a_portfolios_own(
    bus: AnyBus,
) -> None:
    """It kept all of them in one hash, where those of portfolios are never renewed after an upgrade."""
    stale, alive = beat_of("risk", pid=1, state="ready"), beat_of("risk", pid=2, beat_wall_ns=T0 + 10**12)
    await bus.set_heartbeat(stale, "market")
    assert await bus.heartbeats() == {"risk": stale}
    await bus.set_heartbeat(alive, "portfolio")
    assert await bus.heartbeats() == {"risk": alive}


async def test_data_are_named_once_and_keep_their_name(bus: AnyBus) -> None:
    assert await bus.identity() == ""
    name = await bus.named_identity()
    assert name
    assert await bus.named_identity() == await bus.identity() == name


async def test_a_name_that_is_no_text_is_another_one(redis_bus: RedisBus) -> None:
    name = await redis_bus.named_identity()
    await redis_bus.client.set("hs:identity", b"\xff" + name.encode())
    assert await redis_bus.identity() not in ("", name)


async def test_the_clock_that_was_set_first_is_in_force(bus: AnyBus) -> None:
    first = ClockOrigin(origin_market_ns=T0, origin_wall_ns=5, speed=60.0)
    assert await bus.clock_origin() is None
    assert await bus.agree_on_clock(first) == first
    assert await bus.agree_on_clock(ClockOrigin(origin_market_ns=0, origin_wall_ns=0, speed=1.0)) == first
    assert await bus.clock_origin() == first
