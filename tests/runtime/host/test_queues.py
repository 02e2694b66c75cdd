"""Floods, gaps and a memory that fills, as the gate's host meets them."""

from collections import Counter
from decimal import Decimal

import pytest

from shared.adapters.clocks import ManualClock
from shared.adapters.codec import encode
from shared.adapters.memory_bus import MemoryBus
from shared.adapters.redis.bus import RedisBus
from shared.messages.catalogue import DEAD, DECIDED, HALTS, PROPOSED
from shared.messages.dead_letter import MessageRefused
from shared.messages.halts import Halted
from shared.messages.market import MarkChanged
from shared.messages.orders import OrderDecided, ProposalRefused
from shared.ports.errors import BusLostError
from tests.contracts.test_queues import GIANT, take_out, write
from tests.keys import MAIN
from tests.runtime.host.risk_stage import a_market, decisions, risk_host, settle
from tests.samples import T0, book, proposal

AnyBus = MemoryBus | RedisBus
Proposed, Decided = MAIN.of(PROPOSED), MAIN.of(DECIDED)
SMALL = Decimal("0.01")


@pytest.fixture
async def clock(bus: AnyBus) -> ManualClock:
    return await a_market(bus)


async def halts(bus: AnyBus) -> list[Halted]:
    return [halted for halted in await bus.latest(MAIN.of(HALTS), 100) if isinstance(halted, Halted)]


async def test_every_proposal_of_a_paused_gate_gets_its_verdict_whatever_is_trimmed_meanwhile(
    bus: AnyBus, clock: ManualClock
) -> None:
    host = risk_host(bus, clock)
    await host.recover()
    for number in range(50):
        await bus.propose(proposal(f"o-{number}", quantity=SMALL), "bot")
    await write(bus, MAIN.of_client("bot"), *[b"\xc1 %d" % number for number in range(2_000)])
    for _ in range(3):
        await bus.trim()
    await host.lease.renew()
    await settle(host)
    found = [each.order_id for each in await bus.latest(Decided, 5_000) if isinstance(each, OrderDecided)]
    assert found[::-1] == [f"o-{number}" for number in range(50)]


async def test_an_honest_proposal_waits_for_a_turn_and_not_for_a_flood_of_bad_bodies(
    bus: AnyBus, clock: ManualClock
) -> None:
    host = risk_host(bus, clock)
    await host.recover()
    await bus.propose(proposal("known", quantity=SMALL), "honest")
    await host.lease.renew()
    await settle(host)
    await write(bus, Proposed, *[b"\xc1 %d" % number for number in range(3_000)])
    await bus.propose(proposal("honest-1", quantity=SMALL), "honest")
    await host.step(wait_ms=0)
    assert [decided.order_id for decided in await decisions(bus)] == ["known", "honest-1"]
    assert len(await bus.latest(Decided, 1_000)) < 250  # most of the flood is still to be taken
    await settle(host)


async def test_of_a_flood_of_bad_bodies_the_first_thousand_are_kept_and_all_others_are_counted(
    bus: AnyBus, clock: ManualClock
) -> None:
    host = risk_host(bus, clock)
    await host.recover()
    await write(bus, Proposed, *[b"\xc1 %d" % number for number in range(3_000)])
    await settle(host)
    letters = [letter for letter in await bus.latest(DEAD.key, 4_000) if isinstance(letter, MessageRefused)]
    counted = sum(int(letter.reason.partition("; and ")[2].partition(" more")[0] or 0) for letter in letters)
    assert len(letters) < 1_250
    assert len(letters) + counted == 3_000
    assert host.seq > 10


async def test_a_thousand_repeats_of_one_order_are_answered_once_a_step(bus: AnyBus, clock: ManualClock) -> None:
    host = risk_host(bus, clock)
    await host.recover()
    order = proposal("o-1", quantity=SMALL)
    await bus.publish([order])
    await settle(host)
    await write(bus, Proposed, *[encode(order)] * 1_000)
    async with bus.listen(Decided) as listener:
        steps = 0
        while await host.step(wait_ms=0):
            steps += 1
        heard: Counter[bytes] = Counter()
        while (copy := await listener.next(0.05)) is not None:
            heard[copy[1]] += 1
    assert steps <= 6
    assert list(heard.values()) == [steps]
    assert len(await decisions(bus)) == 1


async def test_a_giant_is_set_aside_by_id_and_size_and_its_neighbours_are_decided(
    bus: AnyBus, clock: ManualClock
) -> None:
    host = risk_host(bus, clock)
    await host.recover()
    await write(bus, Proposed, GIANT, encode(proposal("o-1", quantity=SMALL)))
    await settle(host)
    assert [decided.order_id for decided in await decisions(bus)] == ["o-1"]
    [letter] = [letter for letter in await bus.latest(DEAD.key, 10) if isinstance(letter, MessageRefused)]
    assert letter.size_bytes >= len(GIANT)
    assert (letter.source, len(letter.body)) == (Proposed, 4096)
    [refused] = [each for each in await bus.latest(Decided, 10) if isinstance(each, ProposalRefused)]
    assert refused.entry == letter.entry
    assert "at most 65536 are read" in refused.reason


async def test_the_gate_halts_by_name_when_entries_are_gone_that_it_had_not_read(
    bus: AnyBus, clock: ManualClock
) -> None:
    host = risk_host(bus, clock)
    await host.recover()
    await bus.publish([proposal("before", quantity=SMALL)])
    await settle(host)
    await bus.publish([proposal(f"o-{number}", quantity=SMALL) for number in range(60)])
    await take_out(bus, Proposed, but=2)
    with pytest.raises(BusLostError, match="58 entries"):
        await host.lease.renew()
    await host.lease.release()
    for _ in range(2):
        successor = risk_host(bus, clock)
        await successor.recover()
        await settle(successor)
        await successor.lease.release()
    [halted] = await halts(bus)
    assert (halted.symbol, halted.trigger) == ("", "set_aside")
    assert halted.reason.startswith("risk could not handle 58 entries after ")
    assert halted.reason.endswith(f" of {Proposed}")
    late = await decisions(bus)
    assert [(decided.order_id, decided.binding) for decided in late][1:] == [("o-58", "halted"), ("o-59", "halted")]


async def test_the_host_tells_the_gate_how_full_the_memory_is() -> None:
    bus = MemoryBus(MAIN)
    clock = await a_market(bus)
    host = risk_host(bus, clock)
    await host.recover()
    for percent, halted in ((95, True), (85, True), (50, False)):
        bus.server.memory_used = percent / 100
        await host.look_at_memory()
        await host.step(wait_ms=0)
        await bus.propose(proposal(f"at-{percent}", quantity=SMALL), "bot")
        await host.lease.renew()
        await settle(host)
        assert ((await decisions(bus))[-1].binding == "halted") is halted


async def test_marks_and_books_of_pairs_that_nobody_trades_are_kept_nowhere() -> None:
    bus = MemoryBus(MAIN)
    host = risk_host(bus, await a_market(bus))
    await host.recover()
    host.inbox.take_latest()
    for number in range(500):
        await host.inbox.take("hs:books", encode(book(f"b-{number}", symbol=f"X{number}/USDT")))
        mark = MarkChanged(id=f"m-{number}", time_ns=T0, symbol=f"X{number}/USDT", price=1.0)
        await host.inbox.take("hs:marks", encode(mark))
    await host.inbox.take("hs:books", encode(book("b-known")))
    assert [latest.symbol for latest in host.inbox.take_latest()] == ["BTC/USDT"]
