"""What the host hears beside its streams: books, and questions that are answered where the asker listens."""

import asyncio
from decimal import Decimal
from itertools import count

import pytest
from msgspec.structs import replace

from services.risk.service import spec_of
from shared.adapters.clocks import ManualClock
from shared.adapters.codec import decode, encode
from shared.adapters.memory_bus import MemoryBus
from shared.adapters.redis.bus import RedisBus
from shared.adapters.resting import Resting
from shared.config.model import Settings
from shared.domain.plan import Plan
from shared.domain.timeframes import SECOND_NS
from shared.messages.ask import RoomAnswered, RoomAsked, ShadowAsked, ShadowCounted
from shared.messages.base import MAX_MESSAGE_BYTES, Message
from shared.messages.catalogue import ASK, BOOKS, CATALOGUE, DECIDED
from shared.messages.market import BookSampled, PairListed
from shared.messages.orders import OrderDecided
from shared.runtime.host import MachineHost
from shared.runtime.host.dead_letters import DeadLetters
from shared.runtime.host.inbox import QUESTIONS_A_STEP, QUESTIONS_KEPT, Inbox
from shared.runtime.logs import get_logger
from tests.domain.risk.risk_harness import CALM, PRICES, UNIVERSE
from tests.keys import MAIN
from tests.market_data.market_stage import LogLines
from tests.patience import PATIENCE_SECONDS
from tests.runtime.host.risk_stage import settle
from tests.samples import T0, bar, book, counted, proposal

AnyBus = MemoryBus | RedisBus
Ask = MAIN.of(ASK)


@pytest.fixture
async def host(bus: AnyBus) -> MachineHost:
    """A risk host that holds every order to the default limits: it needs books."""
    listings: list[Message] = [
        PairListed(id=f"listed-{symbol}", time_ns=T0, symbol=symbol, status="trading", quantity_step=Decimal("0.0001"))
        for symbol in UNIVERSE.symbols
    ]
    bars = [
        bar(symbol, timeframe="1d", hour=24 * day, close=PRICES[symbol.partition("/")[0]])
        for symbol in UNIVERSE.symbols
        for day in range(30)
    ]
    await bus.publish(listings)
    await bus.publish_bars(bars)
    clock = ManualClock(bars[-1].close_time_ns + 1)
    settings = Settings(universe=UNIVERSE, plan=Plan(breakers=CALM))
    return MachineHost(spec_of(settings, clock), bus, clock, get_logger())


def inbox_of(bus: AnyBus, log: LogLines) -> Inbox:
    return Inbox(bus, log, DeadLetters("risk", bus, ManualClock(), log))


def book_now(host: MachineHost, **changes: object) -> BookSampled:
    """A book around the last close."""
    asks, bids = ((20_001.0, 5.0),), ((19_999.0, 5.0),)
    return book(**{"time_ns": host.clock.now_ns(), "asks": asks, "bids": bids, **changes})  # type: ignore[arg-type]


async def begin_with_books(bus: AnyBus, host: MachineHost) -> None:
    await bus.set_books([book_now(host)])
    await host.recover()
    await settle(host)


async def hear(host: MachineHost, channel: str, message: Message) -> None:
    await host.inbox.take(channel, encode(message))


async def verdict_of(host: MachineHost, bus: AnyBus, order_id: str) -> OrderDecided:
    await bus.publish([proposal(order_id, quantity=Decimal("0.01"))])
    await settle(host)
    [found] = await bus.latest(MAIN.of(DECIDED))
    assert isinstance(found, OrderDecided)
    return found


async def test_without_a_book_the_gate_stays_closed_and_says_so(bus: AnyBus, host: MachineHost) -> None:
    await host.recover()
    decided = await verdict_of(host, bus, "o-1")
    assert (decided.verdict, decided.reason) == ("reject", "book of BTC/USDT is missing")


async def test_books_that_are_on_the_bus_count_from_the_start(bus: AnyBus, host: MachineHost) -> None:
    await bus.set_books([book_now(host)])
    await host.recover()
    assert (await verdict_of(host, bus, "o-1")).verdict == "approve"


async def test_a_book_that_is_heard_is_taken_in_before_the_proposals_of_the_step(
    bus: AnyBus, host: MachineHost
) -> None:
    await host.recover()
    thin = book_now(host, spread=None, median_spread=None)
    await hear(host, BOOKS.key, thin)
    await hear(host, BOOKS.key, replace(thin, id="b-2", spread=0.0002, median_spread=0.0002))
    assert (await verdict_of(host, bus, "o-1")).verdict == "approve"  # only the latest of a pair counts


async def test_a_question_is_answered_on_the_askers_channel_and_leaves_no_trace(bus: AnyBus, host: MachineHost) -> None:
    await begin_with_books(bus, host)
    before = await host.lease.load()
    async with bus.listen("hs:reply:1", "hs:{main}:answers") as listener:
        question = RoomAsked(id="q-1", time_ns=T0, reply_to="hs:reply:1", symbol="BTC/USDT", stop_price=Decimal(19_500))
        await hear(host, Ask, question)
        await hear(host, Ask, ShadowAsked(id="q-2", time_ns=T0, reply_to="hs:reply:1"))
        await settle(host)
        heard = [await listener.next(2.0), await listener.next(2.0)]
        assert await listener.next(0.02) is None
    answers = [decode(item[1]) for item in heard if item]
    assert [type(answer) for answer in answers] == [RoomAnswered, ShadowCounted]
    assert isinstance(answers[0], RoomAnswered)
    assert answers[0].cause == "q-1"
    assert answers[0].rooms[0].quantity > 0
    after = await host.lease.load()
    assert (after.seq, after.records) == (before.seq, before.records)
    for topic in (topic for topic in CATALOGUE if topic.durable and "<" not in topic.key):
        latest = await bus.latest(MAIN.of(topic), 1_000)
        assert not [message for message in latest if isinstance(message, RoomAnswered | ShadowCounted)]


@pytest.mark.parametrize("channel", ["hs:{main}:orders:decided", "hs:marks", "elsewhere", "hs:a b"])
async def test_a_reply_channel_that_is_not_the_askers_harms_nobody(
    bus: AnyBus, host: MachineHost, channel: str
) -> None:
    log = LogLines()
    host.inbox = inbox_of(bus, log)
    await bus.set_books([book_now(host)])
    await host.recover()
    async with bus.listen(channel) as listener:
        await hear(host, Ask, ShadowAsked(id="q-1", time_ns=T0, reply_to=channel))
        await settle(host)
        assert await listener.next(0.02) is None
    assert log.all("answer_refused") == [{"question": "q-1", "reply_to": channel}]
    assert (await verdict_of(host, bus, "o-1")).verdict == "approve"


async def test_questions_beyond_the_bound_are_dropped_and_a_step_takes_only_a_few() -> None:
    log = LogLines()
    inbox = inbox_of(MemoryBus(MAIN), log)
    for number in range(QUESTIONS_KEPT + 250):
        inbox.ask(ShadowAsked(id=f"q-{number}", time_ns=T0, reply_to="hs:reply:1"))
    assert [line["count"] for line in log.all("question_dropped")] == [1, 10, 100]
    assert taken(inbox) == [f"q-{number}" for number in range(QUESTIONS_A_STEP)]


def asked(name: str, symbol: str = "") -> RoomAsked:
    return RoomAsked(id=name, time_ns=T0, reply_to="hs:reply:1", symbol=symbol)


def taken(inbox: Inbox) -> list[str]:
    questions = inbox.next_questions()
    inbox.done(questions)
    return [question.id for question in questions]


async def test_a_question_over_all_pairs_has_a_step_of_its_own_and_keeps_its_place() -> None:
    inbox = inbox_of(MemoryBus(MAIN), LogLines())
    one, other = asked("one", "BTC/USDT"), ShadowAsked(id="other", time_ns=T0, reply_to="hs:reply:1")
    for question in (one, asked("all-1"), asked("all-2"), other, one, asked("all-3")):
        inbox.ask(question)
    steps = [taken(inbox) for _ in range(6)]
    assert steps == [["one"], ["all-1"], ["all-2"], ["other", "one"], ["all-3"], []]


# --- questions rest ---------------------------------------------------------------------------------------------------


class Steps:
    """An inbox with many questions, step by step, with a steady time that a test sets."""

    def __init__(self, questions: int) -> None:
        self.now_ns, log, bus = 7 * SECOND_NS, LogLines(), MemoryBus(MAIN)
        letters = DeadLetters("risk", bus, ManualClock(), log)
        self.inbox = Inbox(bus, log, letters, steady_ns=lambda: self.now_ns)
        for number in range(questions):
            self.inbox.ask(asked(f"q-{number}", "BTC/USDT"))

    def step(self, seconds: float, entries: int) -> int:
        """A step that takes so long, with so many entries; returns how many questions it answers."""
        taken = self.inbox.next_questions(entries)
        self.sleep(seconds)
        self.inbox.done(taken)
        return len(taken)

    def sleep(self, seconds: float) -> None:
        self.now_ns += round(seconds * SECOND_NS)


def test_questions_rest_for_four_times_as_long_as_their_step_took_while_entries_come() -> None:
    steps = Steps(60)
    assert steps.inbox.wait_ms(100) == 1
    assert steps.step(0.01, entries=3) == QUESTIONS_A_STEP
    assert [steps.inbox.wait_ms(most) for most in (0, 39, 40, 41, 100)] == [0, 39, 40, 40, 40]
    assert [steps.step(0.01, entries=1) for _ in range(3)] == [0, 0, 0]
    steps.sleep(0.0099)
    assert (steps.step(0.0, entries=0), steps.inbox.wait_ms(100)) == (0, 1)
    steps.sleep(0.0001)
    assert (steps.step(0.01, entries=0), steps.inbox.wait_ms(100)) == (QUESTIONS_A_STEP, 40)  # entries came just now
    steps.sleep(0.04)
    assert (steps.step(0.01, entries=0), steps.inbox.wait_ms(100)) == (QUESTIONS_A_STEP, 100)  # and none is left


def test_questions_do_not_rest_where_no_entry_comes() -> None:
    steps = Steps(60)
    for _ in range(2):
        assert steps.step(0.05, entries=0) == QUESTIONS_A_STEP
        assert steps.inbox.wait_ms(100) == 1


@pytest.mark.parametrize(("seconds_ago", "answered"), [(4.9, 0), (5.0, QUESTIONS_A_STEP)])
def test_entries_count_as_coming_for_some_seconds(seconds_ago: float, answered: int) -> None:
    steps = Steps(60)
    steps.step(0.0, entries=1)
    steps.sleep(seconds_ago - 0.01)
    assert steps.step(0.01, entries=0) == QUESTIONS_A_STEP
    assert steps.step(0.0, entries=0) == answered


def test_a_process_that_slept_does_not_let_questions_rest_as_long() -> None:
    steps = Steps(60)
    assert steps.step(3600.0, entries=1) == QUESTIONS_A_STEP
    assert steps.step(0.1, entries=1) == QUESTIONS_A_STEP  # no entry came for an hour
    assert steps.inbox.wait_ms(1_000) == 400


def test_without_questions_a_step_waits_as_long_as_it_may() -> None:
    steps = Steps(0)
    assert steps.step(0.05, entries=5) == 0
    assert [steps.inbox.wait_ms(most) for most in (0, 100)] == [0, 100]


async def test_a_host_answers_questions_beside_entries_and_decides_those_that_come_while_they_rest(
    bus: AnyBus, host: MachineHost
) -> None:
    await begin_with_books(bus, host)
    looks = count()
    host.inbox._resting = Resting(lambda: next(looks) / 1_000)  # each look at the time is a millisecond later
    waiting, answered = [], 0
    async with bus.listen("hs:reply:1") as listener:
        for number in range(40):
            await hear(host, Ask, asked(f"q-{number}", "BTC/USDT"))
        for number in range(2):
            await bus.publish([proposal(f"o-{number}", quantity=Decimal("0.01"))])
            await host.step(200)
            assert await bus.decision(f"o-{number}") is not None, "its verdict waited for questions"
            waiting.append(len(host.inbox.all_questions()))
        async with asyncio.timeout(PATIENCE_SECONDS):
            while answered < 40:
                await host.step(200)
                while await listener.next(0.02):
                    answered += 1
    assert waiting == [20, 20], "the second step came while they rested"
    assert not host.inbox.all_questions()


async def test_a_flood_of_questions_over_all_pairs_lets_every_step_commit_its_verdicts(
    bus: AnyBus, host: MachineHost
) -> None:
    await begin_with_books(bus, host)
    orders = [f"o-{number}" for number in range(3)]
    async with bus.listen("hs:reply:1") as listener:
        for number in range(60):
            await hear(host, Ask, asked(f"q-{number}"))
        for number, order in enumerate(orders):
            await bus.publish([proposal(order, quantity=Decimal("0.01"))])
            await host.step(200)
            found = await bus.decision(order)
            assert found is not None, "its verdict waited for questions"
            heard = await listener.next(2.0)
            assert heard is not None
            assert decode(heard[1]).cause == f"q-{number}"
            assert await listener.next(0.02) is None, "more than one answer over all pairs in a step"


async def test_an_answer_that_nobody_could_read_is_not_sent() -> None:
    log, bus = LogLines(), MemoryBus(MAIN)
    async with bus.listen("hs:reply:7f3a") as listener:
        await inbox_of(bus, log).answer([counted(by_rule={f"rule {n}": n for n in range(MAX_MESSAGE_BYTES // 10)})])
        assert await listener.next(0.01) is None
    assert log.all("answer_too_long") == [{"question": "asked-2", "answer": "ShadowCounted"}]


async def test_of_a_flood_of_questions_those_beyond_the_bound_are_not_even_read() -> None:
    log = LogLines()
    inbox = inbox_of(MemoryBus(MAIN), log)
    for number in range(QUESTIONS_KEPT):
        inbox.ask(ShadowAsked(id=f"q-{number}", time_ns=T0, reply_to="hs:reply:1"))
    for _ in range(10):
        await inbox.take(MAIN.of(ASK), b"no message")
    assert [line["question"] for line in log.all("question_dropped")] == ["", ""]
    assert not log.all("message_unreadable")
