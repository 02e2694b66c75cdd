"""Whatever a client sends and whatever is wrong with it: one answer, where it listens, in the step of a good message.

The one table over every kind of message that a client can send. Each row says what is wrong, and what its sender hears:
which field, with its value, and what to do.
"""

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, NamedTuple, get_args

import msgpack
import pytest
from msgspec import structs

from services.execution.service import spec_of as execution_spec
from services.risk.service import spec_of as risk_spec
from services.sizing.service import spec_of as sizing_spec
from shared.adapters.clocks import ManualClock
from shared.adapters.codec import decode, encode
from shared.adapters.memory_bus import MemoryBus
from shared.config.model import ExchangeSettings, Settings
from shared.domain.plan import ClientPlan, RampPlan
from shared.messages.ask import ImportAsked, RoomAnswered, RoomAsked, ShadowAsked, ShadowCounted
from shared.messages.base import Message
from shared.messages.catalogue import ASK, AUDIT, CATALOGUE, DECIDED, EXECUTED, PROPOSED, REPORTED, SIGNALS, Topic
from shared.messages.orders import (
    CancelDecided,
    CancelProposed,
    OrderDecided,
    OrderFilled,
    ProposalRefused,
    Refusal,
    StopApproved,
    StopRaised,
)
from shared.messages.reports import ClosedReported, FillReported, PlacedReported, ReportRefused, StopReported
from shared.messages.signals import SignalRaised, SignalRefused
from shared.ports.errors import BusLostError
from shared.runtime.host import MachineHost
from shared.runtime.host.failures import TRIES
from shared.runtime.logs import get_logger
from tests.domain.risk.risk_harness import UNIVERSE
from tests.keys import MAIN
from tests.runtime.host.process import Process
from tests.runtime.host.risk_stage import PLAN, a_market
from tests.samples import HOUR, T0, proposal

D = Decimal
BTC, ETH = "BTC/USDT", "ETH/USDT"
REPLY = "hs:reply:mine"
NOW = T0 + 30 * 24 * HOUR  # about; what is dated by it is of today
CLIENTS = {"ana": ClientPlan(), "bob": ClientPlan(pairs=(ETH,))}
SETTINGS = Settings(
    universe=UNIVERSE,
    plan=structs.replace(PLAN, clients=CLIENTS, ramp=RampPlan(rehearsal=True)),
    exchange=ExchangeSettings(orders="client"),
)


@dataclass(frozen=True)
class Desk:
    """A client's, before services that stand side by side."""

    bus: MemoryBus
    hosts: list[MachineHost]

    async def send(self, client: str, message: Message, **changes: object) -> None:
        """A message as its sender packs it, a change of a field that no message could have included."""
        await self.put(client, place_of(message), msgpack.packb(msgpack.unpackb(encode(message)) | changes))

    async def put(self, client: str, topic: Topic, body: bytes) -> None:
        if topic is ASK:
            await self.hosts[0].inbox.take(MAIN.of(ASK), body)
        elif topic.client_key:
            queue = MAIN.of_client(client, topic)
            self.bus.server.clients[MAIN.home] = list(dict.fromkeys([*self.bus.server.clients[MAIN.home], client]))
            self.bus.append_bytes(queue, body)
        else:
            self.bus.append_bytes(MAIN.of(topic), body)

    async def publish(self, proposal: Message) -> None:
        await self.hosts[0].inbox.take(MAIN.of(PROPOSED), encode(proposal))

    async def restart_the_gate(self) -> None:
        before = self.hosts[0]
        await before.lease.release()
        self.hosts[0] = MachineHost(risk_spec(SETTINGS, before.clock), self.bus, before.clock, get_logger())
        await self.hosts[0].recover()

    async def step(self) -> None:
        for host in self.hosts:
            await host.lease.renew()
            await host.step(wait_ms=0)

    async def answers(self, topic: Topic) -> list[Message]:
        return await self.bus.latest(MAIN.of(topic), 1_000)


def place_of(message: Message) -> Topic:
    return next(topic for topic in CATALOGUE if type(message) in topic.messages)


def order(name: str, **changes: object) -> Any:
    """One that would be approved."""
    return proposal(name, **({"quantity": D("0.01"), "strategy": "mine", "time_ns": 0} | changes))


@pytest.fixture
async def desk() -> Desk:
    """ana holds 0.01 BTC with a stop, has an order in ETH open, and had one that was cancelled."""
    bus = MemoryBus(MAIN)
    clock: ManualClock = await a_market(bus)
    specs = (risk_spec(SETTINGS, clock), execution_spec(SETTINGS, clock), sizing_spec(SETTINGS, clock))
    hosts = [MachineHost(spec, bus, clock, get_logger()) for spec in specs]
    for host in hosts:
        await host.recover()
    found = Desk(bus, hosts)
    for name, symbol, stop in (("held", BTC, "19500"), ("open", ETH, "1400"), ("gone", ETH, "1400")):
        await found.send("ana", order(name, symbol=symbol, stop_price=D(stop)))
    for _ in range(3):
        await found.step()
    await found.send("ana", fill("t-held", "held"))
    await found.send(
        "ana",
        ClosedReported(id="r-1", time_ns=0, symbol=BTC, order_id="held", ending="filled", quantity_filled=D("0.01")),
    )
    await found.send(
        "ana",
        ClosedReported(id="r-2", time_ns=0, symbol=ETH, order_id="gone", ending="cancelled", quantity_filled=D(0)),
    )
    for _ in range(3):
        await found.step()
    assert [each.trade_id for each in await found.answers(EXECUTED) if isinstance(each, OrderFilled)] == ["t-held"]
    return found


def fill(name: str, order_id: str, **changes: object) -> FillReported:
    fields: dict[str, object] = {
        "id": name, "time_ns": 0, "symbol": BTC, "order_id": order_id, "trade_id": name, "side": "buy",
        "quantity": D("0.01"), "price": D(20_000), "fee_usdt": D("0.2"), "client": "ana",
    }  # fmt: skip
    return FillReported(**(fields | changes))  # type: ignore[arg-type]


def cancel(**changes: object) -> CancelProposed:
    return CancelProposed(**({"id": "x", "time_ns": 0, "order_id": "open"} | changes))  # type: ignore[arg-type]


def stop(**changes: object) -> StopRaised:
    return StopRaised(**({"id": "x", "time_ns": 0, "symbol": BTC, "stop_price": D(19_600)} | changes))  # type: ignore[arg-type]


def signal(**changes: object) -> SignalRaised:
    return SignalRaised(**({"id": "x", "time_ns": 0, "strategy": "momentum", "symbol": BTC, "strength": 1.0} | changes))  # type: ignore[arg-type]


def placed(**changes: object) -> PlacedReported:
    return PlacedReported(
        **({"id": "x", "time_ns": 0, "symbol": ETH, "order_id": "open", "quantity": D("0.01")} | changes)
    )  # type: ignore[arg-type]


def closed(**changes: object) -> ClosedReported:
    fields = {
        "id": "x",
        "time_ns": 0,
        "symbol": ETH,
        "order_id": "open",
        "ending": "cancelled",
        "quantity_filled": D(0),
    }
    return ClosedReported(**(fields | changes))  # type: ignore[arg-type]


def stop_report(**changes: object) -> StopReported:
    fields = {"id": "x", "time_ns": 0, "symbol": BTC, "stop_price": D(19_500), "quantity": D("0.01")}
    return StopReported(**(fields | changes))  # type: ignore[arg-type]


class Row(NamedTuple):
    """sent: by ``client``, with what no message may have in ``wrong``. words: in the answer's reason."""

    sent: Message
    wrong: dict[str, object]
    answer: type[Message]
    code: str
    field: str
    words: str
    client: str = "ana"


V, P, S, R, A = OrderDecided, ProposalRefused, SignalRefused, ReportRefused, RoomAnswered
MS = NOW // 1_000_000
TABLE = [
    # Orders that cannot be read, or come under a name that is taken: refused, and no id is used up.
    Row(order("x"), {"quantity": 0.1}, P, "malformed", "quantity", 'expected a decimal string such as "0.25", got 0.1'),
    Row(order("x"), {"symbol": None}, P, "malformed", "symbol", "symbol: Expected `str`, got nil; it is required"),
    Row(order("x"), {"side": "long"}, P, "malformed", "side", "'long'"),
    Row(order("x"), {"type": "OrderPropsed"}, P, "malformed", "type", "'OrderPropsed'; did you mean 'OrderProposed'"),
    Row(order("x"), {"type": "SignalRaised", "strength": 1.0}, P, "malformed", "type", "SignalRaised"),
    Row(order("held", quantity=D(2)), {}, P, "other_body", "quantity", "quantity is 2, but order held was decided as"),
    Row(order("held"), {}, P, "other_body", "client", "client is bob, but order held was decided as", "bob"),
    # Orders that make no sense, or that a rule refuses: a verdict.
    Row(order("x", portfolio="other"), {}, V, "invalid", "", "portfolio 'other': this is 'main'"),
    Row(order("x", time_ns=MS), {}, V, "invalid", "", f"time_ns {MS}"),
    Row(order("x", expires_ns=MS), {}, V, "invalid", "", f"expires_ns {MS}"),
    Row(order("x", quantity=D(0)), {}, V, "invalid", "", "quantity 0 must be above 0"),
    Row(order("x", stop_price=None), {}, V, "invalid", "", "stop_price is missing: it takes one to open"),
    Row(order("x", order_type="limit"), {}, V, "invalid", "", "limit_price is missing"),
    Row(order("x", symbol="NOPE/USDT"), {}, V, "pair_off", "", "'NOPE/USDT' is not in the universe; add it to univers"),
    Row(order("x", side="sell", symbol=ETH, stop_price=None), {}, V, "limit", "", "nothing to sell: 0 ETH/USDT held"),
    Row(order("x"), {}, V, "not_allowed", "", "symbol BTC/USDT is none of client bob: use one of these", "bob"),
    Row(order("x"), {}, V, "not_allowed", "", "client dan is not registered: the owner adds [clients.dan]", "dan"),
    # Cancels.
    Row(cancel(), {"order_id": 7}, P, "malformed", "order_id", "Expected `str`, got `int`"),
    Row(cancel(order_id="never"), {}, P, "unknown_order", "order_id", "order_id never is no open order"),
    Row(cancel(order_id="gone"), {}, P, "unknown_order", "order_id", "order_id gone is no open order: it is finished"),
    Row(cancel(portfolio="other"), {}, P, "other_portfolio", "portfolio", "portfolio 'other': this is 'main'; send it"),
    Row(cancel(), {}, P, "not_allowed", "order_id", "order_id open is an order of client ana", "bob"),
    # Stops.
    Row(stop(), {"stop_price": 19_600.0}, P, "malformed", "stop_price", "expected a decimal string"),
    Row(stop(symbol=ETH), {}, P, "nothing_held", "symbol", "nothing is held of symbol ETH/USDT: there is no stop to r"),
    Row(stop(stop_price=D(19_000)), {}, P, "lower_stop", "stop_price", "19000 is not above the stop of 19500"),
    Row(stop(stop_price=D(90_000)), {}, P, "stop_above_price", "stop_price", "to sell, propose a sell"),
    Row(stop(portfolio="other"), {}, P, "other_portfolio", "portfolio", "portfolio 'other': this is 'main'"),
    Row(stop(), {}, P, "not_allowed", "symbol", "symbol BTC/USDT is none of client bob", "bob"),
    # Signals.
    Row(signal(), {"strength": 7}, S, "malformed", "strength", "7"),
    Row(signal(strategy="momentun"), {}, S, "unknown_strategy", "strategy", "'momentun' is not in strategies.toml; di"),
    Row(signal(symbol="NOPE/USDT"), {}, S, "unknown_pair", "symbol", "'NOPE/USDT' is not in the universe; add it to"),
    Row(signal(time_ns=MS), {}, S, "odd_time", "time_ns", f"time_ns {MS}"),
    # Reports.
    Row(placed(), {"quantity": 0.01}, R, "malformed", "quantity", "expected a decimal string"),
    Row(placed(order_id="never"), {}, R, "unknown_order", "order_id", "order_id never: nobody approved it; report und"),
    Row(placed(), {}, R, "foreign_order", "client", "client 'bob': this is 'ana''s to report", "bob"),
    Row(fill("x", "open", symbol=ETH, price=D(1_500)), {}, R, "foreign_order", "client", "this is 'ana''s", "bob"),
    Row(placed(quantity=D(9)), {}, R, "too_much", "quantity", "quantity 9: 0.01 of order open was approved; cancel it"),
    Row(fill("x", "open"), {"price": 1.5}, R, "malformed", "price", "expected a decimal string"),
    Row(fill("x", "open"), {}, R, "other_pair", "symbol", "symbol BTC/USDT: order open is of ETH/USDT"),
    Row(fill("x", "open", symbol=ETH, side="sell"), {}, R, "other_side", "side", "side sell: order open was approved"),
    Row(fill("x", "gone", symbol=ETH), {}, R, "ended_order", "order_id", "order_id gone has ended"),
    Row(fill("x", "open", symbol=ETH), {}, R, "out_of_reach", "price", "price 20000 is out of reach"),
    Row(closed(), {"ending": "done"}, R, "malformed", "ending", "'done'"),
    Row(closed(order_id="never"), {}, R, "unknown_order", "order_id", "order_id never: nobody approved it"),
    Row(closed(quantity_filled=D(-1)), {}, R, "bad_amount", "quantity_filled", "quantity_filled -1 must not be below"),
    Row(stop_report(), {"working": "yes"}, R, "malformed", "working", "Expected `bool`, got `str`"),
    Row(stop_report(symbol=ETH), {}, R, "nothing_held", "symbol", "nothing is held of it, so no stop protects it; rep"),
    Row(stop_report(stop_price=D(19_900)), {}, R, "stop_not_approved", "stop_price", "propose it by StopRaised first"),
    # Questions.
    Row(RoomAsked(id="x", time_ns=0, reply_to=REPLY), {"stop_price": 1.5}, A, "", "", "stop_price: expected a decimal"),
    Row(RoomAsked(id="x", time_ns=0, reply_to=REPLY, symbol="NOPE/USDT"), {}, A, "", "", "'NOPE/USDT' is not in the"),
    Row(RoomAsked(id="x", time_ns=MS, reply_to=REPLY), {}, A, "", "", f"time_ns {MS}"),
    Row(ImportAsked(id="x", time_ns=0, reply_to=REPLY, positions=()), {"positions": 7}, A, "", "", "positions: "),
    Row(ShadowAsked(id="x", time_ns=0, reply_to=REPLY), {"type": "ShadowAksed"}, A, "", "", "did you mean 'ShadowAske"),
]  # fmt: skip
WHERE = {V: DECIDED, P: DECIDED, S: AUDIT, R: EXECUTED}


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{type(row.sent).__name__}-{row.code}-{row.words[:24]}")
async def test_what_is_wrong_is_answered_in_the_step_of_a_good_message(desk: Desk, row: Row) -> None:
    async with desk.bus.listen(REPLY) as listener:
        await desk.send(row.client, row.sent, **row.wrong)
        if row.answer is not A:
            await desk.send("ana", order("good"))
        await desk.step()
        if row.answer is A:
            heard = await listener.next(0.01)
            found = [decode(heard[1])] if heard is not None else []
        else:
            found = [each for each in await desk.answers(WHERE[row.answer]) if each.cause == row.sent.id]
            verdicts = [each.order_id for each in await desk.answers(DECIDED) if isinstance(each, OrderDecided)]
            assert "good" in verdicts
    answers: list[Any] = [each for each in found if isinstance(each, row.answer) and is_news(each, row)]
    [answer] = answers
    assert row.words in answer.reason
    if row.answer is not A:
        assert answer.code == row.code
    if row.answer in (P, S, R):
        assert answer.field == row.field
    if isinstance(answer, RoomAnswered):
        assert (answer.cause, answer.rooms) == ("x", ())


def is_news(answer: Message, row: Row) -> bool:
    """Not the verdict that an order under the same id had before."""
    return not isinstance(answer, OrderDecided) or answer.order_id == row.sent.id == "x"


def test_the_table_has_every_kind_of_message_that_a_client_can_send_and_every_code_of_a_refusal() -> None:
    topics = [topic for topic in CATALOGUE if "clients" in topic.writers or topic.client_key]
    kinds = {kind for topic in topics for kind in topic.messages}
    assert {topic.name for topic in topics} == {topic.name for topic in (SIGNALS, PROPOSED, REPORTED, ASK)}
    assert {type(row.sent) for row in TABLE} == kinds
    assert {type(row.sent) for row in TABLE if row.code == "malformed" or row.answer is A} == kinds
    elsewhere = {"failed", "too_old", "not_signed"}  # below, in tests/sizing, and in test_signed_proposals.py
    assert {row.code for row in TABLE if row.answer in (P, S)} == set(get_args(Refusal)) - elsewhere


REPORTS = (placed(), fill("x", "open", symbol=ETH), closed(), stop_report())
ON_PAPER = structs.replace(SETTINGS, exchange=ExchangeSettings(orders="paper"))


@pytest.mark.parametrize("report", REPORTS, ids=lambda report: type(report).__name__)
async def test_a_report_where_orders_fill_on_paper_is_refused_by_what_to_change(report: Message) -> None:
    bus = MemoryBus(MAIN)
    clock = await a_market(bus)
    desk = Desk(bus, [MachineHost(execution_spec(ON_PAPER, clock), bus, clock, get_logger())])
    await desk.hosts[0].recover()
    await desk.send("ana", structs.replace(report, id="read"))
    await desk.send("ana", structs.replace(report, id="odd"), symbol=7)
    await bus.publish([structs.replace(report, id="of-anybody")])
    for _ in range(3):
        await desk.step()
    told = {each.cause: each for each in await desk.answers(EXECUTED) if isinstance(each, ReportRefused)}
    assert {name: (each.code, each.client, each.halts) for name, each in told.items()} == {
        "read": ("on_paper", "ana", False),
        "odd": ("malformed", "ana", False),
        "of-anybody": ("on_paper", "", False),
    }
    assert 'write orders = "client" under [exchange] in stack.toml' in told["read"].reason
    assert told["odd"].field == "symbol"


FAILED = [
    (risk_spec, SETTINGS, order("x"), DECIDED, ProposalRefused),
    (risk_spec, SETTINGS, cancel(), DECIDED, ProposalRefused),
    (risk_spec, SETTINGS, stop(), DECIDED, ProposalRefused),
    *((execution_spec, SETTINGS, report, EXECUTED, ReportRefused) for report in REPORTS[:1]),
    *((execution_spec, ON_PAPER, report, EXECUTED, ReportRefused) for report in REPORTS),
    (sizing_spec, SETTINGS, signal(), AUDIT, SignalRefused),
]


@pytest.mark.parametrize(
    ("spec_of", "settings", "message", "topic", "kind"), FAILED, ids=lambda value: getattr(value, "__name__", "")
)
async def test_who_sent_what_a_machine_fails_at_is_told_once(
    spec_of: Any, settings: Settings, message: Message, topic: Topic, kind: type[Message]
) -> None:
    bus = MemoryBus(MAIN)
    clock = await a_market(bus)
    process = Process(bus, lambda: replace(failing(spec_of(settings, clock), type(message))), clock)
    await process.settle()
    desk = Desk(bus, [])
    await desk.put("ana", place_of(message), encode(message))
    await process.settle()
    [told] = [each for each in await desk.answers(topic) if isinstance(each, kind)]
    assert isinstance(told, ProposalRefused | ReportRefused | SignalRefused)
    assert (told.cause, told.code, told.field) == (message.id, "failed", "$")
    assert "failed at it, so it was set aside and not handled: ZeroDivisionError: nothing fits" in told.reason
    assert "Send no more like it until an operator has looked (heatsink tail dead --last 5)" in told.reason
    assert told.entry


QUESTIONS = (
    RoomAsked(id="q", time_ns=0, reply_to=REPLY, symbol=BTC),
    ImportAsked(id="q", time_ns=0, reply_to=REPLY, positions=()),
    ShadowAsked(id="q", time_ns=0, reply_to=REPLY),
)


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: type(question).__name__)
async def test_whoever_asks_what_the_gate_fails_at_is_told_each_time(question: Message) -> None:
    bus = MemoryBus(MAIN)
    clock = await a_market(bus)
    process = Process(bus, lambda: replace(failing(risk_spec(SETTINGS, clock), type(question))), clock)
    answers = []
    async with bus.listen(REPLY) as listener:
        for number in range(TRIES + 2):
            await process.settle()
            assert process.host is not None
            await process.host.inbox.take(MAIN.of(ASK), encode(structs.replace(question, id=f"q-{number}")))
            await process.settle()
            while (heard := await listener.next(0.01)) is not None:
                answers.append(decode(heard[1]))
    assert [each.cause for each in answers] == [f"q-{number}" for number in range(TRIES + 2)]
    for each in answers:
        assert isinstance(each, RoomAnswered)
        assert each.rooms == ()
        assert each.reason.startswith("risk failed at this question: ZeroDivisionError: nothing fits. Ask no more like")
    assert process.starts == 1 + TRIES, "it starts over no more"


WAITING = (
    *(RoomAsked(id=f"q-{number}", time_ns=0, reply_to=REPLY, symbol=BTC) for number in range(3)),
    ShadowAsked(id="poison", time_ns=0, reply_to=REPLY),
    *(RoomAsked(id=f"q-{number}", time_ns=0, reply_to=REPLY, symbol=ETH) for number in range(3, 30)),
)


@pytest.mark.parametrize("ends", ["at a question", "at the commit", "at the answers"])
async def test_questions_beside_one_that_ends_the_host_and_behind_it_are_answered_by_the_next(ends: str) -> None:
    bus = MemoryBus(MAIN)
    clock = await a_market(bus)
    fails_at = "poison" if ends == "at a question" else "nothing"
    process = Process(bus, lambda: failing(risk_spec(SETTINGS, clock), ShadowAsked, fails_at), clock)
    await process.settle()
    host, heard = process.host, []
    assert host is not None
    for question in WAITING:
        await host.inbox.take(MAIN.of(ASK), encode(question))
    await host.inbox.take(MAIN.of(PROPOSED), b"junk")
    if ends == "at the commit":
        host.lease.commit = is_lost  # type: ignore[method-assign]
    elif ends == "at the answers":
        host.inbox.answer = is_lost  # type: ignore[method-assign]
    async with bus.listen(REPLY) as listener:
        await process.settle()
        while (copy := await listener.next(0.01)) is not None:
            heard.append(decode(copy[1]))
    answers = [each for each in heard if isinstance(each, RoomAnswered | ShadowCounted)]
    assert sorted(each.cause for each in answers) == sorted(each.id for each in WAITING)
    assert process.starts == 2
    told = {each.cause for each in answers if isinstance(each, RoomAnswered) and each.reason}
    assert told == ({"poison"} if ends == "at a question" else set())
    [refused] = [each for each in await bus.latest(MAIN.of(DECIDED), 10) if isinstance(each, ProposalRefused)]
    assert refused.code == "malformed"


async def is_lost(*_: object) -> None:
    raise BusLostError("gone")


def failing(spec: Any, kind: type[Message], named: str = "") -> Any:
    """The service's own machine, with a bug."""
    handle = spec.machine.handle

    def broken(message: Message) -> Any:
        if isinstance(message, kind) and named in message.id:
            raise ZeroDivisionError("nothing fits")
        return handle(message)

    spec.machine.handle = broken
    return spec


CANCEL = CancelProposed(id="c-1", time_ns=0, order_id="open")
RAISED = StopRaised(id="r-1", time_ns=0, symbol=BTC, stop_price=D(19_600))


@pytest.mark.parametrize("word", [CANCEL, RAISED], ids=lambda word: word.id)
@pytest.mark.parametrize("restarted", [False, True])
async def test_a_cancel_or_a_raised_stop_that_comes_again_hears_the_same_by_whichever_way(
    desk: Desk, word: Message, *, restarted: bool
) -> None:
    """What a client may have missed the first time. It acts once: execution is told of one end, one stop."""
    await desk.publish(word)
    await desk.step()
    [first] = [each for each in await desk.answers(DECIDED) if each.cause == word.id]
    assert not isinstance(first, ProposalRefused)
    if restarted:
        await desk.restart_the_gate()
    async with desk.bus.listen(MAIN.of(DECIDED)) as listener:
        await desk.publish(word)
        await desk.step()
        by_publish = await listener.next(0.01)
        await desk.bus.publish([word])
        await desk.step()
        by_stream = await listener.next(0.01)
    assert [decode(each[1]) for each in (by_publish, by_stream) if each is not None] == [first, first]
    awaited = [each for each in await desk.answers(EXECUTED) if each.cause == first.id]
    assert len({each.id for each in awaited}) == 1


async def test_what_was_refused_and_is_mended_under_its_id_is_looked_at_anew_by_publish_too(desk: Desk) -> None:
    refused = (cancel(id="c-1", order_id="never"), stop(id="r-1", stop_price=D(19_000)))
    mended = (CANCEL, RAISED)
    for word in (*refused, *mended):
        await desk.publish(word)
        await desk.step()
    told = [(each.cause, type(each)) for each in reversed(await desk.answers(DECIDED)) if each.cause in ("c-1", "r-1")]
    assert told == [
        ("c-1", ProposalRefused), ("r-1", ProposalRefused), ("c-1", CancelDecided), ("r-1", StopApproved)
    ]  # fmt: skip


async def test_an_old_copy_of_a_refused_stop_raises_none_and_its_sender_hears_the_refusal_again(desk: Desk) -> None:
    await desk.publish(stop(id="r-1", stop_price=D(19_000)))
    await desk.step()
    await desk.publish(stop(id="r-1", stop_price=D(19_000)))
    async with desk.bus.listen(MAIN.of(DECIDED)) as listener:
        await desk.restart_the_gate()
        await desk.publish(stop(id="r-1", stop_price=D(19_000)))
        await desk.step()
        heard = await listener.next(0.01)
    [refusal] = [each for each in await desk.answers(DECIDED) if each.cause == "r-1"]
    assert heard is not None
    assert decode(heard[1]) == refusal
