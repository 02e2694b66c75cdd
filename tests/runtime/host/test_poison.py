"""Whatever a machine fails at, and wherever: it is tried a few times, set aside and told of, and the service lives."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from services.risk.service import spec_of
from shared.adapters.clocks import ManualClock
from shared.adapters.codec import encode
from shared.adapters.memory_bus import MemoryBus
from shared.adapters.memory_lease import MemoryWriterLease
from shared.adapters.redis.bus import RedisBus
from shared.adapters.redis.keys import decision_key
from shared.config.model import Settings
from shared.messages.ask import ShadowAsked
from shared.messages.base import MAX_MESSAGE_BYTES, Message, TimePassed
from shared.messages.catalogue import ASK, AUDIT, DEAD, DECIDED, MARKS, SET_ASIDE
from shared.messages.dead_letter import EntrySetAside, MessageRefused
from shared.messages.halts import Alerted
from shared.messages.market import MarkChanged
from shared.messages.orders import OrderDecided
from shared.ports.errors import BusLostError
from shared.ports.writer_lease import Commit, Snapshot
from shared.runtime.host.failures import PASSED_OVER, START, TRIES
from tests.domain.risk.risk_harness import UNIVERSE
from tests.keys import MAIN
from tests.runtime.host.process import Process
from tests.runtime.host.scripted_machine import PROPOSALS, Script, ScriptedMachine, scripted_spec
from tests.samples import T0, decision, proposal

AnyBus = MemoryBus | RedisBus


@pytest.fixture
def memory_bus() -> MemoryBus:
    return MemoryBus(MAIN)


def process_of(bus: AnyBus, script: Script, **place: Any) -> Process:
    return Process(bus, lambda: replace(scripted_spec(script), **place))


def seen_by(process: Process) -> dict[str, int]:
    assert process.host is not None
    assert isinstance(process.host.spec.machine, ScriptedMachine)
    return process.host.spec.machine.seen


def failing_at(*ids: str) -> Script:
    def script(message: Message) -> Sequence[Message]:
        if message.id in ids:
            raise ZeroDivisionError(f"nothing fits {message.id}")
        return ()

    return script


async def dead(bus: AnyBus) -> list[MessageRefused]:
    return [each for each in reversed(await bus.latest(DEAD.key, 100)) if isinstance(each, MessageRefused)]


async def set_aside(bus: AnyBus) -> list[EntrySetAside]:
    return [each for each in reversed(await bus.latest(SET_ASIDE.key, 100)) if isinstance(each, EntrySetAside)]


async def alerted(bus: AnyBus) -> list[str]:
    return [each.cause for each in reversed(await bus.latest(MAIN.of(AUDIT), 1000))]


async def test_an_entry_that_a_machine_fails_at_is_set_aside_and_its_neighbours_are_handled_once(bus: AnyBus) -> None:
    process = process_of(bus, failing_at("poison"))
    await process.settle()
    await bus.publish([proposal("before"), proposal("poison", symbol="ETH/USDT"), proposal("after")])
    await process.settle()
    assert await alerted(bus) == ["before", "after"]
    assert {name: times for name, times in seen_by(process).items() if name in ("before", "poison", "after")} == {
        "before": 1,
        "after": 1,
    }
    assert process.starts == 1 + TRIES
    [letter] = await dead(bus)
    assert (letter.cause, letter.source, letter.consumer) == ("poison", PROPOSALS, "risk")
    assert letter.reason == "risk fails at it: ZeroDivisionError: nothing fits poison"
    [aside] = await set_aside(bus)
    assert (aside.service, aside.portfolio, aside.symbol) == ("risk", "main", "ETH/USDT")
    assert (aside.source, aside.entry, aside.message) == (PROPOSALS, letter.entry, "OrderProposed")
    assert aside.reason == "ZeroDivisionError: nothing fits poison"


async def test_the_machine_hears_of_what_was_set_aside_in_the_commit_that_passes_over_it(bus: AnyBus) -> None:
    def script(message: Message) -> Sequence[Message]:
        if message.id == "poison":
            raise KeyError("BTC")
        if isinstance(message, EntrySetAside):
            return [Alerted(id="alert", time_ns=T0, cause=message.cause, trigger="heat", reason=message.reason)]
        return ()

    process = process_of(bus, script)
    await bus.publish([proposal("poison"), proposal("next")])
    await process.settle()
    alerts = [each for each in reversed(await bus.latest(MAIN.of(AUDIT), 10)) if isinstance(each, Alerted)]
    assert [alert.cause for alert in alerts] == ["poison", "next"]
    assert alerts[0].reason == "KeyError: 'BTC'"


async def test_several_poison_entries_are_set_aside_one_after_the_other(bus: AnyBus) -> None:
    names = [f"o-{number}" for number in range(8)]
    process = process_of(bus, failing_at("o-2", "o-3", "o-7"))
    await bus.publish([proposal(name) for name in names])
    await process.settle()
    assert await alerted(bus) == ["o-0", "o-1", "o-4", "o-5", "o-6"]
    assert [letter.cause for letter in await dead(bus)] == ["o-2", "o-3", "o-7"]


async def test_what_only_fails_after_a_neighbour_is_handled_once_it_comes_alone(bus: AnyBus) -> None:
    spoilt: list[str] = []

    def script(message: Message) -> Sequence[Message]:
        if message.id == "spoils" and not spoilt:
            spoilt.append("once")
        elif message.id == "victim" and len(spoilt) == 1:
            spoilt.append("over")
            raise ValueError("half of it is missing")
        return ()

    process = process_of(bus, script)
    await bus.publish([proposal("spoils"), proposal("victim")])
    await process.settle()
    assert await alerted(bus) == ["spoils", "victim"]
    assert not await set_aside(bus)
    assert process.starts == 2


async def test_a_poison_entry_of_the_history_is_passed_over_at_the_start(bus: AnyBus) -> None:
    first = process_of(bus, lambda _: ())
    await bus.publish([proposal("a"), proposal("poison"), proposal("b")])
    await first.settle()
    assert first.host is not None
    await first.host.lease.release()
    second = process_of(bus, failing_at("poison"), warm=(PROPOSALS,))
    await second.settle()
    await bus.publish([proposal("c")])
    await second.settle()
    assert await alerted(bus) == ["a", "poison", "b", "c"]
    assert [aside.cause for aside in await set_aside(bus)] == ["poison"]
    assert second.starts == 2


async def test_what_was_told_once_is_not_told_again_by_the_next_host_of_the_process(bus: AnyBus) -> None:
    process = process_of(bus, failing_at("poison"), warm=(PROPOSALS,))
    await bus.publish([proposal("poison")])
    await process.settle()
    assert process.host is not None
    await process.host.lease.release()
    process.host = None
    await process.settle()
    assert [aside.cause for aside in await set_aside(bus)] == ["poison"]
    assert process.starts == 2 + TRIES


async def test_a_server_that_goes_away_in_between_loses_nothing_of_what_is_to_be_told(memory_bus: MemoryBus) -> None:
    process = process_of(memory_bus, failing_at("poison"))
    publish, left = memory_bus.publish, [2]

    async def lose_some(messages: Sequence[Message]) -> None:
        if any(isinstance(each, MessageRefused | EntrySetAside) for each in messages) and left[0]:
            left[0] -= 1
            raise BusLostError("gone")
        await publish(messages)

    await memory_bus.publish([proposal("poison"), proposal("next")])
    memory_bus.publish = lose_some  # type: ignore[method-assign]
    await process.settle()
    assert not left[0]
    assert [aside.cause for aside in await set_aside(memory_bus)] == ["poison"]
    assert await alerted(memory_bus) == ["next"]


# --- what comes by a channel ------------------------------------------------------------------------------------------


def mark(number: int, symbol: str) -> MarkChanged:
    return MarkChanged(id=f"mark-{symbol}-{number}", time_ns=T0 + number, symbol=symbol, price=1.0 + number)


async def test_a_pair_whose_marks_cannot_be_handled_is_passed_over_and_the_others_go_on(bus: AnyBus) -> None:
    def script(message: Message) -> Sequence[Message]:
        if isinstance(message, MarkChanged) and message.symbol == "ETH/USDT":
            raise OverflowError("too much")
        return ()

    process = process_of(bus, script, latest=(MARKS,))
    for number in range(5):
        marks = [mark(number, symbol) for symbol in ("BTC/USDT", "ETH/USDT")]
        await bus.set_marks(marks)
        if process.host is not None:
            for each in marks:
                process.host.inbox.renew(each)
        await process.settle()
    assert [aside.symbol for aside in await set_aside(bus)] == ["ETH/USDT"]
    assert "mark-BTC/USDT-4" in seen_by(process)
    assert process.starts == 1 + TRIES


async def test_a_pair_that_was_passed_over_is_tried_again_after_a_while(memory_bus: MemoryBus) -> None:
    handled: list[str] = []

    def script(message: Message) -> Sequence[Message]:
        if isinstance(message, MarkChanged):
            if message.price < 100.0:
                raise OverflowError("too little")
            handled.append(message.id)
        return ()

    process = process_of(memory_bus, script, latest=(MARKS,))
    await memory_bus.set_marks([mark(0, "ETH/USDT")])
    for number in range(PASSED_OVER + 10):
        await process.settle()
        assert process.host is not None
        process.host.inbox.renew(mark(number, "ETH/USDT"))
    await process.settle()
    assert len(handled) >= 9
    assert len(await set_aside(memory_bus)) == 1


async def test_a_question_that_cannot_be_handled_halts_nothing_and_does_not_end_the_service_again(
    memory_bus: MemoryBus,
) -> None:
    def script(message: Message) -> Sequence[Message]:
        if isinstance(message, ShadowAsked):
            raise TypeError("who asks")
        return ()

    process = process_of(memory_bus, script, questions=MAIN.of(ASK))
    for number in range(10):
        await process.settle()
        assert process.host is not None
        process.host.inbox.ask(ShadowAsked(id=f"q-{number}", time_ns=T0, reply_to="hs:me"))
    await process.settle()
    assert process.starts == 1 + TRIES
    assert not await set_aside(memory_bus)
    assert [letter.source for letter in await dead(memory_bus)] == [MAIN.of(ASK)]


async def test_a_machine_that_fails_at_the_time_goes_on_without_it_and_hears_so_at_every_step(
    memory_bus: MemoryBus,
) -> None:
    asides: list[EntrySetAside] = []

    def script(message: Message) -> Sequence[Message]:
        if isinstance(message, TimePassed):
            raise TypeError("no such day")
        if isinstance(message, EntrySetAside):
            asides.append(message)
        return ()

    process = process_of(memory_bus, script)
    await process.settle()
    for number in range(3):
        await memory_bus.publish([proposal(f"o-{number}")])
        await process.settle()
    assert await alerted(memory_bus) == ["o-0", "o-1", "o-2"]
    assert [(aside.source, aside.symbol) for aside in await set_aside(memory_bus)] == [("time", "")]
    assert len(asides) >= 3
    assert process.starts == 1 + TRIES


# --- what cannot be written -------------------------------------------------------------------------------------------


async def test_what_leads_to_a_commit_that_cannot_be_made_is_set_aside_too(bus: AnyBus) -> None:
    def script(message: Message) -> Sequence[Message]:
        if message.id != "poison":
            return ()
        return [Alerted(id="alert", time_ns=T0, trigger="heat", reason="x" * MAX_MESSAGE_BYTES)]

    process = process_of(bus, script)
    await bus.publish([proposal("before"), proposal("poison"), proposal("after")])
    await process.settle()
    assert await alerted(bus) == ["before", "after"]
    [aside] = await set_aside(bus)
    assert aside.cause == "poison"
    assert "at most" in aside.reason


# --- what ends the process --------------------------------------------------------------------------------------------


async def die_until_set_aside(bus: AnyBus, script: Script, cause: str, **place: Any) -> None:
    """Start process after process, each of which dies, until the entry is set aside."""
    deaths = 0
    while cause not in [aside.cause for aside in await set_aside(bus)]:
        process = process_of(bus, script, **place)
        try:
            await process.settle()
        except SystemExit:
            deaths += 1
            assert deaths < 10, "it kills for ever"
            assert process.host is not None
            await process.host.lease.release()


def deadly_at(entry_id: str, *failing: str) -> Script:
    """Fails at some, and ends the process at one."""
    fail = failing_at(*failing)

    def script(message: Message) -> Sequence[Message]:
        if message.id == entry_id:
            raise SystemExit("killed")  # no exception that a host could handle
        return fail(message)

    return script


async def test_an_entry_that_kills_the_process_is_set_aside_after_some_starts(bus: AnyBus) -> None:
    await bus.publish([proposal("before"), proposal("poison"), proposal("after")])
    await die_until_set_aside(bus, deadly_at("poison"), "poison")
    assert await alerted(bus) == ["before", "after"]
    [aside] = await set_aside(bus)
    assert (aside.cause, aside.reason) == ("poison", "ProcessEndedError: the process ended while it handled this")


async def test_deaths_are_counted_though_every_start_fails_at_the_history_first(bus: AnyBus) -> None:
    """A host that fails at the history must leave pending to the next one what it was to handle."""
    script = deadly_at("deadly", "history")
    await bus.publish([proposal("history")])
    process = process_of(bus, script, warm=(PROPOSALS,))
    await process.settle()
    assert process.host is not None
    await process.host.lease.release()
    await bus.publish([proposal("deadly"), proposal("after")])
    await die_until_set_aside(bus, script, "deadly", warm=(PROPOSALS,))
    assert await alerted(bus) == ["after"]


async def handled_and_ended(bus: AnyBus, *names: str) -> None:
    """A process handles these and ends, so that they are history."""
    process = process_of(bus, lambda _: ())
    await bus.publish([proposal(name) for name in names])
    await process.settle()
    assert process.host is not None
    await process.host.lease.release()


async def test_an_entry_that_kills_the_process_when_it_is_read_again_is_set_aside_after_some_starts(
    bus: AnyBus,
) -> None:
    await handled_and_ended(bus, "before", "deadly", "raises", "after")
    await die_until_set_aside(bus, deadly_at("deadly", "raises"), "deadly", warm=(PROPOSALS,))
    reasons = {aside.cause: aside.reason for aside in await set_aside(bus)}
    assert reasons["deadly"] == "ProcessEndedError: the process ended while it handled this"
    assert set(reasons) == {"deadly", "raises"}


@pytest.mark.parametrize("is_history", [False, True])
async def test_an_entry_that_killed_processes_is_not_shown_to_those_that_come_later(
    bus: AnyBus, *, is_history: bool
) -> None:
    """Whether it was handled or read again when it was set aside."""
    if is_history:
        await handled_and_ended(bus, "before", "deadly")
    else:
        await bus.publish([proposal("before"), proposal("deadly")])
    script = deadly_at("deadly")
    await die_until_set_aside(bus, script, "deadly", warm=(PROPOSALS,))
    for number in range(TRIES + 2):
        process = process_of(bus, script, warm=(PROPOSALS,))
        await bus.publish([proposal(f"later-{number}")])
        await process.settle()
        assert process.starts == 1
        assert process.host is not None
        await process.host.lease.release()
    assert (await alerted(bus))[-TRIES - 2 :] == [f"later-{number}" for number in range(TRIES + 2)]


async def test_starts_that_were_killed_condemn_no_entry_of_the_history(bus: AnyBus) -> None:
    names = [f"o-{number}" for number in range(6)]
    await handled_and_ended(bus, *names)
    for name in names:  # whoever killed them, and wherever they were
        process = process_of(bus, deadly_at(name), warm=(PROPOSALS,))
        with pytest.raises(SystemExit):
            await process.settle()
        assert process.host is not None
        await process.host.lease.release()
    process = process_of(bus, lambda _: (), warm=(PROPOSALS,))
    await process.settle()
    assert not await set_aside(bus)
    assert process.host is not None
    assert await process.host.lease.begin_try(START) == 1


async def test_a_process_that_lives_counts_its_own_starts_once(memory_bus: MemoryBus) -> None:
    """Or a server that goes away again and again would make every start a slow one."""
    await handled_and_ended(memory_bus, "o-1")
    lease_of, left, begun = memory_bus.writer_lease, [2 * TRIES], list[str]()

    def flaky_lease(*arguments: Any, **place: Any) -> MemoryWriterLease:
        lease = lease_of(*arguments, **place)
        load, begin_try = lease.load, lease.begin_try

        async def lose_some() -> Snapshot:
            if left[0]:
                left[0] -= 1
                raise BusLostError("gone")
            return await load()

        async def begin_noted(what: str) -> int:
            begun.append(what)
            return await begin_try(what)

        lease.load, lease.begin_try = lose_some, begin_noted  # type: ignore[method-assign]
        return lease

    memory_bus.writer_lease = flaky_lease  # type: ignore[method-assign]
    process = process_of(memory_bus, lambda _: (), warm=(PROPOSALS,))
    await process.settle()
    assert process.starts == 1 + 2 * TRIES
    assert begun == [START]


async def test_a_server_that_goes_away_again_and_again_condemns_no_entry(memory_bus: MemoryBus) -> None:
    process = process_of(memory_bus, failing_at("poison"))
    await memory_bus.publish([proposal("poison"), proposal("innocent")])
    lease_of, left = memory_bus.writer_lease, [0]

    def flaky_lease(*arguments: Any, **place: Any) -> MemoryWriterLease:
        lease = lease_of(*arguments, **place)
        whole = lease.commit

        async def lose_some(commit: Commit) -> bool:
            if left[0] < 8 and any(each.cause == "innocent" for each in commit.outputs):
                left[0] += 1
                raise BusLostError("gone")
            return await whole(commit)

        lease.commit = lose_some  # type: ignore[method-assign]
        return lease

    memory_bus.writer_lease = flaky_lease  # type: ignore[method-assign]
    await process.settle()
    assert left == [8]
    assert [aside.cause for aside in await set_aside(memory_bus)] == ["poison"]
    assert await alerted(memory_bus) == ["innocent"]


async def test_an_order_in_place_of_whose_decision_another_stands_is_set_aside_and_the_gate_lives(
    redis_bus: RedisBus,
) -> None:
    clock = ManualClock(T0)
    process = Process(redis_bus, lambda: spec_of(Settings(universe=UNIVERSE), clock), clock)
    await process.settle()
    await redis_bus.client.set(decision_key(MAIN, "o-1"), encode(decision("o-2")))
    await redis_bus.publish([proposal("o-1"), proposal("o-3")])
    await process.settle()
    decided = await redis_bus.latest(MAIN.of(DECIDED), 10)
    assert [each.order_id for each in decided if isinstance(each, OrderDecided)] == ["o-3"]
    assert [each.cause for each in await set_aside(redis_bus)] == ["o-1"]
