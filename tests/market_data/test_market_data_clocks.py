"""Clocks that are set, ours or the exchange's: prices move on, bars come, and no price grows younger by it."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.market_data.exchange_time import ExchangeTime
from services.market_data.marks import Marks
from shared.adapters.binance.exchange import open_exchange
from shared.adapters.clocks import ManualClock, SteppedClock
from shared.adapters.memory_bus import MemoryBus
from shared.messages.market import MarkChanged
from shared.ports.clock import Clock
from shared.ports.exchange import BestPrice, Stream
from tests.examples import examples
from tests.keys import MAIN
from tests.market_data.market_stage import LogLines, market_stage
from tests.market_data.test_market_data_watch import context

pytestmark = pytest.mark.sockets

SECOND_NS = 1_000_000_000
BTC = "BTC/USDT"


class ToldTime:
    """An exchange that is asked for its time only."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock

    async def server_time_ns(self) -> int:
        return self.clock.now_ns()


def asked(clock: Clock, exchanges_clock: Clock) -> tuple[ExchangeTime, LogLines]:
    log = LogLines()
    return ExchangeTime(ToldTime(exchanges_clock), clock, log), log  # type: ignore[arg-type]


def price(bid: float, clock: Clock) -> BestPrice:
    return BestPrice(symbol=BTC, bid=bid, ask=bid + 1.0, seen_steady_ns=clock.steady_ns())


# --- ours -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ahead_seconds", [30.0, 3_600.0])
def test_a_mark_moves_on_at_once_when_our_clock_was_ahead_and_is_set_right(ahead_seconds: float) -> None:
    clock = ManualClock(100_000 * SECOND_NS)
    clock.step(ahead_seconds)
    marks = Marks(context(clock, MemoryBus(MAIN)))
    marks.update(price(100.0, clock))
    marks.due()
    clock.step(-ahead_seconds)
    clock.time_ns += SECOND_NS
    assert marks.update(price(200.0, clock))
    (mark,) = marks.due()
    assert (mark.bid, mark.time_ns) == (200.0, clock.now_ns())


class Heard:
    """A feed whose socket was last heard at a steady time."""

    def __init__(self) -> None:
        self.at_ns = 0

    def last_heard_steady_ns(self, stream: Stream) -> int:
        return self.at_ns


@examples(200)
@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("pass"), st.floats(0.0, 60.0)),
            st.tuples(st.just("step"), st.floats(-7_200.0, 7_200.0)),
            st.tuples(st.just("price"), st.sampled_from([100.0, 101.0, 102.0])),
            st.tuples(st.sampled_from(["socket", "doubt", "say"]), st.just(0.0)),
        ),
        max_size=40,
    )
)
def test_the_age_of_a_restated_price_is_the_time_since_it_was_really_heard(history: list[tuple[str, float]]) -> None:
    clock, feed = ManualClock(10**9 * SECOND_NS), Heard()
    marks = Marks(replace(context(clock, MemoryBus(MAIN)), feed=feed))  # type: ignore[arg-type]
    evidence_ns = socket_ns = 0
    bid: float | None = None
    for what, value in history:
        if what == "pass":
            clock.time_ns += int(value * SECOND_NS)
        elif what == "step":
            clock.step(value)
        elif what == "price":
            bid = value
            marks.update(price(value, clock))
            evidence_ns = clock.steady_ns()
        elif what == "socket":
            feed.at_ns = socket_ns = clock.steady_ns()
        elif what == "doubt":
            marks.doubt_all()
        else:
            for mark in marks.due():
                assert mark.bid == bid
                age_ns = clock.now_ns() - mark.time_ns
                since = clock.steady_ns() - (evidence_ns if BTC in marks.doubtful else max(evidence_ns, socket_ns))
                assert age_ns == since


def test_our_own_clock_moves_nothing_of_what_is_known_of_the_exchange_s() -> None:
    clock = ManualClock(1_000 * SECOND_NS)
    time, _ = asked(clock, clock)
    assert time.saw(1_000 * SECOND_NS)
    clock.step(-500.0)
    assert time.saw(1_000 * SECOND_NS + 1)
    assert time.now_ns() == 1_000 * SECOND_NS


# --- the exchange's ---------------------------------------------------------------------------------------------------


async def test_an_exchange_whose_clock_was_set_back_is_noticed_said_and_followed() -> None:
    passing = ManualClock(1_000 * SECOND_NS)
    theirs = SteppedClock(passing)
    time, log = asked(passing, theirs)
    await time.ask()
    theirs.step_ns = -30 * SECOND_NS
    passing.time_ns += SECOND_NS
    assert time.saw(theirs.now_ns())  # old, as a late frame is too
    assert time.wants_asking
    await time.ask()
    assert (time.proven_ns, time.now_ns(), time.steps_back) == (971 * SECOND_NS, 971 * SECOND_NS, 1)
    assert log.all("exchange_clock_stepped")[0]["market_seconds"] == -30.0


async def test_an_exchange_whose_clock_was_set_forward_is_believed_once_it_says_so_itself() -> None:
    passing = ManualClock(1_000 * SECOND_NS)
    theirs = SteppedClock(passing)
    time, log = asked(passing, theirs)
    await time.ask()
    theirs.step_ns = 3_600 * SECOND_NS
    passing.time_ns += SECOND_NS
    assert not time.saw(theirs.now_ns())
    await time.ask()
    assert time.saw(theirs.now_ns())
    assert time.steps_back == 0
    assert log.all("exchange_clock_stepped")[0]["market_seconds"] == 3_600.0


async def test_a_late_frame_is_asked_about_and_no_step() -> None:
    clock = ManualClock(1_000 * SECOND_NS)
    time, log = asked(clock, clock)
    await time.ask()
    clock.time_ns += SECOND_NS
    assert time.saw(990 * SECOND_NS)
    assert time.wants_asking
    await time.ask()
    assert not time.wants_asking
    assert (time.proven_ns, time.steps_back, log.lines) == (1_001 * SECOND_NS, 0, [])


@examples(100)
@given(
    st.lists(st.tuples(st.floats(0.0, 100.0), st.floats(-7_200.0, 7_200.0), st.floats(-7_200.0, 7_200.0)), max_size=12)
)
async def test_after_each_answer_nothing_is_proven_that_the_exchange_has_not_reached(
    history: list[tuple[float, float, float]],
) -> None:
    """Whatever either clock was set to."""
    passing = ManualClock(10**9 * SECOND_NS)
    ours, theirs = SteppedClock(passing), SteppedClock(passing)
    time, _ = asked(ours, theirs)
    for seconds, our_step, their_step in history:
        passing.time_ns += int(seconds * SECOND_NS)
        ours.step_ns += int(our_step * SECOND_NS)
        theirs.step_ns += int(their_step * SECOND_NS)
        time.saw(theirs.now_ns())
        await time.ask()
        assert time.proven_ns == theirs.now_ns()
        assert abs(time.now_ns() - theirs.now_ns()) <= 1_000


# --- the whole service ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step_seconds", [-30.0, 30.0, -3_600.0])
async def test_marks_and_bars_go_on_when_our_clock_is_set(step_seconds: float) -> None:
    async with market_stage() as stage:
        clock = SteppedClock(stage.clock)
        stage.clock = clock  # type: ignore[assignment]
        clock.step_ns = -int(step_seconds * SECOND_NS)
        async with stage.follow():
            await stage.until_calm()
            clock.step_ns = 0
            stepped_ns = clock.now_ns()

            async def are_restated() -> bool:
                marks = (await stage.bus.marks()).values()
                return all(abs(mark.time_ns - clock.now_ns()) < 5 * 7200 * SECOND_NS for mark in marks)

            await stage.until(are_restated)
            await stage.until_published(BTC, "15m", 4)
            await stage.check_all((BTC, "ETH/USDT"))
            marks = (await stage.bus.marks()).values()
            assert all(mark.time_ns > stepped_ns for mark in marks if isinstance(mark, MarkChanged))


@pytest.mark.parametrize("step_seconds", [-3.0, 3.0])
async def test_when_the_exchange_s_clock_is_set_it_is_said_and_no_bar_is_early_or_missing(step_seconds: float) -> None:
    """By six hours of market time: it sends once more what it has sent, or skips what it has to send."""
    async with market_stage() as stage, stage.follow():
        await stage.until_calm()
        stage.inflict(fault="clock_step", step_seconds=step_seconds)
        await stage.until(lambda: stage.log.all("exchange_clock_stepped"))
        told_seconds = stage.log.all("exchange_clock_stepped")[0]["market_seconds"] / 7200
        assert told_seconds == pytest.approx(step_seconds, abs=0.5)
        before = await stage.bus.marks()

        async def has_moved_on() -> bool:
            return (await stage.bus.marks())[BTC].price != before[BTC].price

        await stage.until(has_moved_on)
        await stage.until_published(BTC, "15m", 2)  # after a step back: later than all that was published before it
        await stage.check_all((BTC, "ETH/USDT"))
        await stage.until_calm()


async def test_a_service_without_answers_has_its_own_clock_for_the_time() -> None:
    clock = ManualClock(1_000 * SECOND_NS)
    exchange = open_exchange("http://127.0.0.1:9", clock, weight_per_minute=6000)
    time = ExchangeTime(exchange, clock, LogLines())
    assert (time.now_ns(), time.proven_ns, time.wants_asking) == (1_000 * SECOND_NS, 0, True)
