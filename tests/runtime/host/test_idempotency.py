"""An order is decided once, however often and by whichever way it comes, and every repeat gets the same answer."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal

import pytest

from shared.adapters.clocks import ManualClock
from shared.adapters.codec import decode, encode
from shared.adapters.memory_bus import MemoryBus
from shared.adapters.redis.bus import RedisBus
from shared.messages.catalogue import DECIDED, PROPOSED
from shared.messages.orders import OrderDecided, ProposalRefused, StopRaised
from shared.ports.errors import AlreadyDecidedError
from shared.ports.streams import Listener
from shared.runtime.host import MachineHost
from tests.contracts.test_bus import commit_of
from tests.keys import MAIN
from tests.patience import PATIENCE_SECONDS
from tests.runtime.host.risk_stage import a_market, decisions, risk_host, settle, started
from tests.samples import T0, proposal

AnyBus = MemoryBus | RedisBus
Decided, Proposed = MAIN.of(DECIDED), MAIN.of(PROPOSED)
SMALL = Decimal("0.01")


@pytest.fixture
async def clock(bus: AnyBus) -> ManualClock:
    return await a_market(bus)


@asynccontextmanager
async def running(host: MachineHost) -> AsyncIterator[None]:
    """The host as in a service, for as long as the block lasts."""
    ready = asyncio.Event()
    async with asyncio.timeout(PATIENCE_SECONDS), asyncio.TaskGroup() as group:
        task = group.create_task(host.run(ready.set))
        await ready.wait()
        yield
        task.cancel()


async def heard(listener: Listener) -> object:
    """The next message on the listener's channels."""
    copy = await listener.next(PATIENCE_SECONDS)
    assert copy is not None
    return decode(copy[1])


async def test_an_order_that_is_only_published_is_decided_and_a_repeat_gets_the_decision_again(
    bus: AnyBus, clock: ManualClock
) -> None:
    order = proposal("o-1", quantity=SMALL)
    async with bus.listen(Decided) as listener, running(risk_host(bus, clock)):
        await bus.echo([order])
        first = await heard(listener)
        await bus.echo([order])
        assert await heard(listener) == first
    assert isinstance(first, OrderDecided)
    assert first.order_id == "o-1"
    assert await decisions(bus) == [first]
    assert await bus.latest(Proposed, 10) == [order]


async def test_a_published_order_that_was_written_too_is_decided_once(bus: AnyBus, clock: ManualClock) -> None:
    order = proposal("o-1", quantity=SMALL)
    async with bus.listen(Decided) as listener, running(risk_host(bus, clock)):
        await bus.publish([order])
        first = await heard(listener)
        await bus.echo([order])  # its stream does not say who wrote it: it stands there twice, and is one order
        assert await heard(listener) == first
    assert await decisions(bus) == [first]


@pytest.mark.parametrize("copy_first", [False, True])
async def test_the_published_copy_of_an_order_that_a_commit_wrote_is_no_repeat_and_a_later_one_is(
    bus: AnyBus, clock: ManualClock, *, copy_first: bool
) -> None:
    host = await started(bus, clock)
    order, last = proposal("o-1", quantity=SMALL), proposal("o-2", quantity=SMALL)
    sizing = bus.writer_lease("sizing", (), home=MAIN.home)
    await sizing.acquire()
    async with bus.listen(Decided) as listener:
        await sizing.commit(commit_of(1, outputs=[order]))
        if not copy_first:
            await settle(host)
        await host.inbox.take(Proposed, encode(order))  # as the commit published it
        await settle(host)
        await host.inbox.take(Proposed, encode(order))  # somebody who heard no answer
        await bus.publish([last])
        await settle(host)
        answers = [await heard(listener) for _ in range(3)]
    assert [told.order_id for told in answers if isinstance(told, OrderDecided)] == ["o-1", "o-1", "o-2"]
    assert answers[0] == answers[1]
    assert await bus.latest(Proposed, 10) == [last, order]


async def test_what_else_is_proposed_by_publish_becomes_durable_once(bus: AnyBus, clock: ManualClock) -> None:
    host = await started(bus, clock)
    raised = StopRaised(id="s-1", time_ns=T0, symbol="BTC/USDT", stop_price=Decimal(19_000))
    for _ in range(2):
        await host.inbox.take(Proposed, encode(raised))
    assert await bus.latest(Proposed, 10) == [raised]


async def test_a_proposal_written_twice_is_decided_once_and_answered_twice(bus: AnyBus, clock: ManualClock) -> None:
    host = risk_host(bus, clock)
    await host.recover()
    async with bus.listen(Decided) as listener:
        await bus.publish([proposal("same")])
        await settle(host)
        await bus.publish([proposal("same")])
        await settle(host)
        answers = [await listener.next(2.0), await listener.next(2.0)]
    assert answers[0] is not None
    assert answers[0] == answers[1]
    assert len(await decisions(bus)) == 1


async def test_an_order_decided_long_ago_gets_the_stored_decision(bus: AnyBus, clock: ManualClock) -> None:
    host = risk_host(bus, clock)
    await host.recover()
    await bus.publish([proposal("old", quantity=Decimal("0.01"))])
    await settle(host)
    machine = host.spec.machine
    machine.gate._decided._values.clear()  # type: ignore[attr-defined]  # as after thousands of other orders
    await bus.publish([proposal("old", quantity=Decimal("0.02")), proposal("new", quantity=Decimal("0.01"))])
    with pytest.raises(AlreadyDecidedError, match="old"):
        await settle(host)
    await host.lease.release()
    successor = risk_host(bus, clock)
    async with bus.listen(Decided) as listener:
        await successor.recover()
        heard = [decode(item[1]) for item in [await listener.next(2.0) for _ in range(3)] if item]
    found = await decisions(bus)
    assert [told.order_id for told in heard if isinstance(told, ProposalRefused)] == ["old"]  # its quantity differs
    assert [told for told in heard if isinstance(told, OrderDecided)] == found[::-1]
    assert [decided.order_id for decided in found] == ["old", "new"]
    assert found[0].quantity_approved == Decimal("0.01")


async def test_a_client_that_goes_on_repeating_forgotten_orders_does_not_keep_the_gate_shut(
    bus: AnyBus, clock: ManualClock
) -> None:
    host = await started(bus, clock)
    await bus.publish([proposal(f"old-{number}", quantity=SMALL) for number in range(3)])
    await settle(host)
    forget(host)
    await bus.publish([proposal("old-0", quantity=SMALL)])
    with pytest.raises(AlreadyDecidedError):
        await settle(host)
    await host.lease.release()
    second = MachineHost(risk_host(bus, clock).spec, bus, clock, host.log, host.memory)
    await second.recover()
    for number in range(3):
        forget(second)
        await bus.publish([proposal(f"old-{number}", quantity=SMALL), proposal(f"new-{number}", quantity=SMALL)])
        await settle(second)
    decided = [decision.order_id for decision in await decisions(bus)]
    assert decided == ["old-0", "old-1", "old-2", "new-0", "new-1", "new-2"]


async def test_an_old_order_that_is_repeated_among_many_new_ones_is_not_forgotten_once_more(
    bus: AnyBus, clock: ManualClock
) -> None:
    """It would be decided again, refused by the store, looked up, forgotten, decided again, for ever."""
    host = await started(bus, clock, orders_remembered=20)
    await bus.publish([proposal(f"o-{number}", quantity=SMALL) for number in range(18)])
    await settle(host)
    await bus.publish([*(proposal(f"new-{number}", quantity=SMALL) for number in range(8)), proposal("o-2")])
    with pytest.raises(AlreadyDecidedError, match="o-2"):
        await settle(host)
    await host.lease.release()
    await started(bus, clock, orders_remembered=20)
    assert [decided.order_id for decided in await decisions(bus)][18:] == [f"new-{number}" for number in range(8)]


def forget(host: MachineHost) -> None:
    """As after thousands of other orders."""
    host.spec.machine.gate._decided._values.clear()  # type: ignore[attr-defined]


async def test_a_stored_decision_is_found_again_after_a_takeover(bus: AnyBus, clock: ManualClock) -> None:
    """The fast way to notice a repeat (memory) and the slow one (the store) agree across epochs."""
    host = await started(bus, clock)
    await bus.publish([proposal("o-1", quantity=SMALL)])
    await settle(host)
    await host.lease.release()
    second = await started(bus, clock)
    await bus.publish([proposal("o-1", quantity=SMALL), proposal("o-2", quantity=SMALL)])
    await settle(second)
    assert [decided.order_id for decided in await decisions(bus)] == ["o-1", "o-2"]
    assert isinstance(await bus.decision("o-1"), OrderDecided)
