"""What a front end hears of an order: the verdict, a refusal, or that there is none yet. The gate is played by hand."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from msgspec import structs

from shared.adapters.memory_bus import MemoryBus
from shared.adapters.redis.bus import RedisBus
from shared.application.proposing import Answer, Asked, Taken, Unknown, Verdicts
from shared.messages.base import Message
from shared.messages.catalogue import PROPOSED
from shared.messages.orders import OrderDecided, OrderProposed, ProposalRefused
from shared.ports.bus import MOST_WAITING
from shared.ports.errors import NotTakenError
from tests.keys import MAIN
from tests.patience import PATIENCE_SECONDS
from tests.samples import T0, D, decision, proposal

Buses = MemoryBus | RedisBus
ORDER = proposal(trace="http-1")
AT_ONCE = 0.05


def decided_on(order: OrderProposed, **changes: object) -> OrderDecided:
    fields: dict[str, object] = {
        "trace": order.trace_id, "quantity_requested": order.quantity, "limit_price": order.limit_price,
        "stop_price": order.stop_price, "strategy": order.strategy,
    }  # fmt: skip
    return decision(order.id, **(fields | changes))


def refused(order_id: str, code: str = "other_body", **changes: str) -> ProposalRefused:
    return ProposalRefused(
        id=f"refused-{order_id}", time_ns=T0, cause=order_id, order_id=order_id, symbol="BTC/USDT", code=code,
        **({"what": "OrderProposed", "field": "quantity", "reason": "it is another order"} | changes),
    )  # fmt: skip


@asynccontextmanager
async def following(bus: Buses) -> AsyncIterator[Verdicts]:
    verdicts = Verdicts(bus)
    await verdicts.begin()
    async with asyncio.timeout(PATIENCE_SECONDS), asyncio.TaskGroup() as group:
        follower = group.create_task(verdicts.follow())
        yield verdicts
        follower.cancel()


async def queued(bus: Buses, client: str = "ana") -> list[Message]:
    return await bus.latest(bus.keys.of_client(client), 10)


async def answered(bus: Buses, verdicts: Verdicts, asked: Asked, *said: Message) -> Answer:
    """What is heard when the gate says this once the order is in its queue."""
    before = len(await queued(bus))
    async with asyncio.TaskGroup() as group:
        asking = group.create_task(verdicts.propose(asked, PATIENCE_SECONDS))
        while len(await queued(bus)) == before:
            await asyncio.sleep(0.01)
        await bus.publish(said)
    return asking.result()


async def test_an_order_stands_in_its_clients_queue_and_its_verdict_is_heard(bus: Buses) -> None:
    async with following(bus) as verdicts:
        other = decided_on(structs.replace(ORDER, id="o-2"))
        answer = await answered(bus, verdicts, Asked(ORDER, "ana"), other, decided_on(ORDER))
        assert answer == decided_on(ORDER)
        assert await queued(bus) == [structs.replace(ORDER, client="ana")]


async def test_all_who_wait_for_one_order_hear_its_verdict(bus: Buses) -> None:
    async with following(bus) as verdicts, asyncio.TaskGroup() as group:
        first = group.create_task(verdicts.propose(Asked(ORDER, "ana"), PATIENCE_SECONDS))
        second = await answered(bus, verdicts, Asked(ORDER, "ana"), decided_on(ORDER))
        assert await first == second == decided_on(ORDER)


async def test_no_verdict_in_time_is_unknown_and_has_arrived(bus: Buses) -> None:
    async with following(bus) as verdicts:
        answer = await verdicts.propose(Asked(ORDER, "ana"), AT_ONCE)
        assert isinstance(answer, Unknown)
        assert answer.arrived == "yes"
        found = await verdicts.find(ORDER.id, "ana")
        assert isinstance(found, Unknown)
        assert await verdicts.find(ORDER.id, "bob") is None
        assert await verdicts.find("o-9", "ana") is None


async def test_a_verdict_on_another_order_of_this_id_is_not_taken_for_ones_own(bus: Buses) -> None:
    async with following(bus) as verdicts:
        for other in (
            {"quantity_requested": D("9")}, {"symbol": "ETH/USDT"}, {"side": "sell"}, {"trace": "of-somebody-else"},
        ):  # fmt: skip
            answer = await answered(bus, verdicts, Asked(ORDER, "ana"), decided_on(ORDER, **other))
            assert isinstance(answer, Taken), other


async def test_what_was_left_to_the_moment_may_differ_when_it_is_asked_again(bus: Buses) -> None:
    asked = Asked(ORDER, "ana", frozenset({"quantity"}))
    assert asked.is_of(decided_on(ORDER, quantity_requested=D("9")))
    assert not asked.is_of(decided_on(ORDER, quantity_requested=D("9"), stop_price=D("1")))
    assert not asked.is_of(decided_on(ORDER, quantity_requested=D("9"), trace="another-body"))


async def test_a_refusal_is_heard_and_found_again(bus: Buses) -> None:
    async with following(bus) as verdicts:
        assert await answered(bus, verdicts, Asked(ORDER, "ana"), refused(ORDER.id)) == refused(ORDER.id)
        assert await verdicts.find(ORDER.id, "ana") == refused(ORDER.id)


OF_OTHERS = (
    {"source": MAIN.of_client("bob"), "entry": "1-0"},
    {"source": MAIN.of(PROPOSED), "entry": "1-0"},
    {"source": MAIN.of_client("ana"), "entry": "9-9"},  # of the same client, and not this entry
    {"what": "StopRaised"},
)


@pytest.mark.parametrize("of_another", OF_OTHERS)
async def test_the_refusal_of_what_another_sent_under_the_same_id_is_no_answer(
    bus: Buses, of_another: dict[str, str]
) -> None:
    async with following(bus) as verdicts:
        told = refused(ORDER.id, "malformed", **of_another)
        assert await answered(bus, verdicts, Asked(ORDER, "ana"), told, decided_on(ORDER)) == decided_on(ORDER)


async def test_the_refusal_of_anothers_is_not_found(bus: Buses) -> None:
    await bus.publish([refused("o-9", "malformed", **OF_OTHERS[0])])
    assert await Verdicts(bus).find("o-9", "ana") is None
    assert isinstance(await Verdicts(bus).find("o-9", "bob"), ProposalRefused)


async def test_the_refusal_of_ones_own_entry_is_heard_and_that_of_an_entry_before_it_is_not(bus: Buses) -> None:
    queue = MAIN.of_client("ana")
    async with following(bus) as verdicts:
        first = await bus.propose(ORDER, "ana")
        assert first == (await bus.stream_ends([queue]))[queue]
        earlier = refused(ORDER.id, "not_signed", source=queue, entry=str(first))
        async with asyncio.TaskGroup() as group:
            asking = group.create_task(verdicts.propose(Asked(ORDER, "ana"), PATIENCE_SECONDS))
            while (second := (await bus.stream_ends([queue]))[queue]) == first:
                await asyncio.sleep(0.01)
            mine = structs.replace(earlier, id="refused-mine", entry=second)
            await bus.publish([earlier, mine])
        assert asking.result() == mine


async def test_an_order_that_was_refused_and_sent_again_waits_and_its_old_refusal_is_not_found(bus: Buses) -> None:
    verdicts, queue = Verdicts(bus), MAIN.of_client("ana")
    first = await bus.propose(ORDER, "ana")
    told = refused(ORDER.id, "not_signed", source=queue, entry=str(first))
    await bus.publish([told])
    await bus.propose(structs.replace(ORDER, id="o-2"), "ana")
    assert await verdicts.find(ORDER.id, "ana") == told
    second = await bus.propose(ORDER, "ana")
    found = await verdicts.find(ORDER.id, "ana")
    assert isinstance(found, Unknown)
    assert found.arrived == "yes"
    again = structs.replace(told, id="refused-again", entry=str(second))
    await bus.publish([again])
    assert await verdicts.find(ORDER.id, "ana") == again


async def test_a_full_queue_takes_nothing_and_says_so(bus: Buses) -> None:
    async with following(bus) as verdicts:
        for number in range(MOST_WAITING):
            await bus.propose(structs.replace(ORDER, id=f"many-{number}"), "ana")
        with pytest.raises(NotTakenError, match="QUOTA"):
            await verdicts.propose(Asked(ORDER, "ana"), AT_ONCE)
        assert isinstance(await verdicts.propose(Asked(ORDER, "bob"), AT_ONCE), Unknown), "of another client"
