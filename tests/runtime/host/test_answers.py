"""Whoever sends a message hears what became of it where it listens: on both buses, by stream and by PUBLISH."""

import json
from decimal import Decimal

import msgpack
import pytest

from services.sizing.service import spec_of as sizing_spec
from shared.adapters.clocks import ManualClock
from shared.adapters.codec import decode, encode
from shared.adapters.memory_bus import MemoryBus
from shared.adapters.redis.bus import RedisBus
from shared.config.model import Settings
from shared.messages.ask import RoomAnswered
from shared.messages.base import Message
from shared.messages.catalogue import ASK, AUDIT, CONTROL, DEAD, DECIDED, MARKS, PROPOSED, SIGNALS, Topic
from shared.messages.dead_letter import MessageRefused
from shared.messages.orders import CancelProposed, OrderDecided, ProposalRefused, StopRaised
from shared.messages.portfolio import CommandRefused
from shared.messages.signals import SignalRefused
from shared.ports.errors import BusLostError
from shared.ports.writer_lease import Commit
from shared.runtime.host import MachineHost
from shared.runtime.host.inbox import QUESTIONS_KEPT
from shared.runtime.logs import get_logger
from tests.domain.market_scripts import HOUR, UNIVERSE, days, flat, listed, nav, one_hour_plan, signal
from tests.domain.market_scripts import T0 as SIGNALS_T0
from tests.keys import MAIN
from tests.runtime.host.risk_stage import a_market, risk_host, settle, started
from tests.samples import T0, proposal

AnyBus = MemoryBus | RedisBus
SMALL = Decimal("0.01")
Decided, Proposed = MAIN.of(DECIDED), MAIN.of(PROPOSED)


@pytest.fixture
async def clock(bus: AnyBus) -> ManualClock:
    return await a_market(bus)


def changed(message: Message, **fields: object) -> bytes:
    packed: bytes = msgpack.packb(msgpack.unpackb(encode(message)) | fields)
    return packed


async def write(bus: AnyBus, key: str, body: bytes) -> None:
    if isinstance(bus, MemoryBus):
        bus.append_bytes(key, body)
    else:
        await bus.client.xadd(key, {"m": body})


async def on(bus: AnyBus, topic: Topic) -> list[Message]:
    """All on a topic's stream, oldest first."""
    return list(reversed(await bus.latest(MAIN.of(topic), 1_000)))


async def refusals(bus: AnyBus) -> list[ProposalRefused]:
    return [message for message in await on(bus, DECIDED) if isinstance(message, ProposalRefused)]


@pytest.mark.parametrize(
    ("body", "cause", "reason"),
    [
        (changed(proposal("o-1"), quantity=0.1), "o-1", "quantity: expected a decimal string"),
        (changed(proposal("o-1"), symbol=None), "o-1", "symbol: Expected `str`, got nil; it is required"),
        (changed(proposal("o-1"), id="x" * 40), "x" * 40, "id: it has 40 characters; at most 36 are taken"),
        (
            changed(proposal("o-1"), type="OrderPropsed"),
            "o-1",
            "type: Invalid value 'OrderPropsed'; did you mean 'OrderP",
        ),
        (json.dumps({"type": "OrderProposed", "id": "o-1"}).encode(), "o-1", "this is JSON; write it as MessagePack"),
        (encode(proposal("o-1"))[:-3], "", "not MessagePack"),
    ],
)
@pytest.mark.parametrize("by_publish", [False, True])
async def test_a_malformed_proposal_is_answered_under_its_id_as_far_as_it_can_be_read(
    bus: AnyBus, clock: ManualClock, body: bytes, cause: str, reason: str, *, by_publish: bool
) -> None:
    host = await started(bus, clock)
    async with bus.listen(Decided) as listener:
        if by_publish:
            await host.inbox.take(Proposed, body)
        else:
            await write(bus, Proposed, body)
        await settle(host)
        heard = await listener.next(2.0)
    [told] = await refusals(bus)
    assert heard is not None
    assert decode(heard[1]) == told
    assert (told.cause, told.order_id, told.code) == (cause, cause, "malformed")
    assert reason in told.reason
    [dead] = await on(bus, DEAD)
    assert isinstance(dead, MessageRefused)
    assert dead.body == body


async def test_a_proposal_that_was_mended_is_decided_under_the_same_id(bus: AnyBus, clock: ManualClock) -> None:
    host = await started(bus, clock)
    await write(bus, Proposed, changed(proposal("o-1", quantity=SMALL), side="long"))
    await settle(host)
    await bus.publish([proposal("o-1", quantity=SMALL)])
    await settle(host)
    told, decided = await on(bus, DECIDED)
    assert isinstance(told, ProposalRefused)
    assert isinstance(decided, OrderDecided)
    assert (decided.order_id, decided.verdict) == ("o-1", "approve")


async def test_nil_for_what_was_left_out_is_decided(bus: AnyBus, clock: ManualClock) -> None:
    host = await started(bus, clock)
    for number in range(5):
        await write(bus, Proposed, changed(proposal(f"o-{number}", quantity=SMALL), expires_ns=None, limit_price=None))
    await settle(host)
    assert [type(message) for message in await on(bus, DECIDED)] == [OrderDecided] * 5
    assert await on(bus, DEAD) == []


async def test_a_refusal_is_given_once_whatever_ends_the_process_meanwhile(bus: AnyBus, clock: ManualClock) -> None:
    host = await started(bus, clock)

    async def dies(_: Commit) -> None:
        raise BusLostError("gone")

    host.lease.commit = dies  # type: ignore[method-assign]
    await write(bus, Proposed, changed(proposal("o-1"), quantity=0.1))
    with pytest.raises(BusLostError):
        await settle(host)
    await host.lease.release()
    await settle(await started(bus, clock))
    assert [told.cause for told in await refusals(bus)] == ["o-1"]


async def test_a_cancel_of_an_unknown_order_and_a_stop_for_nothing_held_are_answered(
    bus: AnyBus, clock: ManualClock
) -> None:
    host = await started(bus, clock)
    await bus.publish(
        [
            CancelProposed(id="c-1", time_ns=0, order_id="nope"),
            StopRaised(id="r-1", time_ns=0, symbol="BTC/USDT", stop_price=Decimal(1)),
        ]
    )
    await settle(host)
    assert [(told.cause, told.code) for told in await refusals(bus)] == [
        ("c-1", "unknown_order"),
        ("r-1", "nothing_held"),
    ]


@pytest.mark.parametrize("by_publish", [False, True])
async def test_an_id_with_another_body_is_told_and_its_verdict_is_repeated(
    bus: AnyBus, clock: ManualClock, *, by_publish: bool
) -> None:
    host = await started(bus, clock)
    await bus.publish([proposal("o-1", quantity=SMALL)])
    await settle(host)
    [first] = await on(bus, DECIDED)
    other = proposal("o-1", quantity=2 * SMALL)
    async with bus.listen(Decided) as listener:
        if by_publish:
            await host.inbox.take(Proposed, encode(other))
        else:
            await bus.publish([other])
        await settle(host)
        heard = [await listener.next(2.0), await listener.next(2.0)]
    told, repeated = (decode(item[1]) for item in heard if item)
    assert isinstance(told, ProposalRefused)
    assert (told.order_id, told.code, told.field) == ("o-1", "other_body", "quantity")
    assert repeated == first
    assert await on(bus, DECIDED) == [first, told]


async def test_a_malformed_command_is_answered_on_the_audit_stream(bus: AnyBus, clock: ManualClock) -> None:
    host = await started(bus, clock)
    body = msgpack.packb({"type": "Halt", "id": "h-1", "time_ns": 0, "who": "ana", "reason": "x", "mode": "stop"})
    await write(bus, MAIN.of(CONTROL), body)
    await settle(host)
    told = [message for message in await on(bus, AUDIT) if isinstance(message, CommandRefused)]
    assert [(each.cause, each.command, each.who) for each in told] == [("h-1", "Halt", "ana")]
    assert told[0].reason.startswith("mode: Invalid enum value 'stop'")


async def test_a_malformed_question_is_answered_on_its_channel(bus: AnyBus, clock: ManualClock) -> None:
    host = await started(bus, clock)
    question = {"type": "RoomAsked", "id": "q-1", "time_ns": 0, "reply_to": "hs:mine", "stop_price": 1.5}
    async with bus.listen("hs:mine") as listener:
        await host.inbox.take(MAIN.of(ASK), msgpack.packb(question))
        await settle(host)
        heard = await listener.next(2.0)
    assert heard is not None
    answer = decode(heard[1])
    assert isinstance(answer, RoomAnswered)
    assert answer.cause == "q-1"
    assert answer.reason.startswith("stop_price: expected a decimal string")


async def test_bytes_on_a_market_channel_take_no_places_of_questions(bus: AnyBus, clock: ManualClock) -> None:
    host = await started(bus, clock)
    for _ in range(QUESTIONS_KEPT):
        await host.inbox.take(MARKS.key, b"junk")
    assert not host.inbox.all_questions()


async def test_a_signal_of_a_misspelt_strategy_and_a_malformed_one_are_answered_on_the_audit_stream(
    bus: AnyBus,
) -> None:
    await bus.publish([listed(), nav()])
    await bus.publish_bars([*days(60), flat(0)])
    clock = ManualClock(SIGNALS_T0 + HOUR)
    spec = sizing_spec(Settings(universe=UNIVERSE, plan=one_hour_plan()), clock)
    host = MachineHost(spec, bus, clock, get_logger())
    await host.recover()
    await bus.publish([signal(1.0, hour=1, name="trned")])
    await write(bus, SIGNALS.key, changed(signal(1.0, hour=1), strength=7, id="mine-1"))
    await settle(host)
    told = [message for message in await on(bus, AUDIT) if isinstance(message, SignalRefused)]
    assert [each.code for each in told] == ["unknown_strategy", "malformed"]
    assert told[0].reason.endswith("did you mean 'trend'?")
    assert (told[1].cause, told[1].strategy, told[1].field) == ("mine-1", "trend", "strength")
    assert await on(bus, PROPOSED) == []


async def test_an_entry_whose_message_stands_in_another_field_is_answered_all_the_same(
    redis_bus: RedisBus,
) -> None:
    clock = await a_market(redis_bus)
    host = risk_host(redis_bus, clock)
    await host.recover()
    await redis_bus.client.xadd(Proposed, {"message": encode(proposal("o-1", time_ns=T0))})
    await settle(host)
    [told] = await refusals(redis_bus)
    assert (told.order_id, told.reason) == ("o-1", "m: the entry has no field `m` with the message")
