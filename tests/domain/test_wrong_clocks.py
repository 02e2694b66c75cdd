"""Clocks that were wrong, as sizing and paper execution meet them."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.adapters.codec import decode, encode
from shared.domain.execution.paper.machine import PaperExecution
from shared.domain.plan import Plan
from shared.domain.sizing.machine import SizingMachine
from shared.domain.strategies.machine import SignalsMachine
from shared.messages.base import Message
from shared.messages.orders import OrderClosed, OrderProposed
from shared.messages.portfolio import PhaseChanged
from shared.messages.signals import PositionSized
from tests.domain.market_scripts import (
    HOUR,
    T0,
    UNIVERSE,
    D,
    approval_of,
    days,
    decided,
    flat,
    kinds,
    listed,
    mark,
    nav,
    one_hour_plan,
    play,
    signal,
    strategy,
    time,
)
from tests.examples import examples

AHEAD = T0 + 30 * 24 * HOUR
SECOND = 1_000_000_000


def test_a_signal_of_a_time_to_come_leads_to_an_order_that_can_be_read() -> None:
    sizing = SizingMachine(one_hour_plan(), UNIVERSE, "main")
    play(sizing, listed(), *days(60), nav(), time(1), flat(0))
    [order] = play(sizing, msgspec.structs.replace(signal(1.0, hour=1), time_ns=AHEAD))
    assert isinstance(order, OrderProposed)
    assert decode(encode(order)) == order
    assert order.expires_ns == T0 + 2 * HOUR


def test_a_signal_of_a_time_to_come_does_not_drown_those_that_follow() -> None:
    sizing = SizingMachine(one_hour_plan(), UNIVERSE, "main")
    play(sizing, listed(), *days(60), nav(), time(1), flat(0), msgspec.structs.replace(signal(0.0), time_ns=AHEAD))
    play(sizing, time(2), flat(1))
    assert kinds(play(sizing, signal(1.0, hour=2))) == ["OrderProposed"]


@pytest.mark.parametrize("price", [1e-14, 1e-300, 1e17])
def test_an_absurd_price_is_sized_without_harm(price: float) -> None:
    sizing = SizingMachine(one_hour_plan(), UNIVERSE, "main")
    made = play(sizing, listed(), *days(60, price=price), nav(), time(1), flat(0, price), signal(1.0, hour=1))
    for message in made:
        assert decode(encode(message)) == message


def test_stops_do_not_wait_for_a_clock_that_was_set_back() -> None:
    paper = PaperExecution(one_hour_plan(), UNIVERSE, quote_age_limit_ns=5 * SECOND)
    play(paper, listed(), *days(60), time(1), mark(100, hour=1), decided(hour=1, stop_price=D(90)))
    play(paper, time(5), mark(100, hour=5), time(1.1))
    assert kinds(play(paper, mark(80, hour=1.1))) == ["OrderFilled", "OrderClosed"]


# --- a clock that was ahead and is set right --------------------------------------------------------------------------


@pytest.mark.parametrize("ahead", [0.01, 1.0, 24.0])
def test_signals_follow_a_clock_that_was_set_back(ahead: float) -> None:
    signals = SignalsMachine(Plan(strategies=(strategy("trend", entry=2, exit=2),)), UNIVERSE, service="signals")
    play(signals, *(flat(hour, 10) for hour in range(3)), time(3 + ahead), time(3))
    assert kinds(play(signals, time(4), flat(3, 11))) == ["SignalRaised"]


@pytest.mark.parametrize("ahead", [0.01, 1.0, 24.0])
def test_sizing_follows_a_clock_that_was_set_back_with_exits_and_raised_stops(ahead: float) -> None:
    sizing = SizingMachine(one_hour_plan(), UNIVERSE, "main")
    play(sizing, listed(), *days(60), nav(), time(1), flat(0))
    [order] = play(sizing, signal(1.0, hour=1))
    assert isinstance(order, OrderProposed)
    approved = approval_of(order)
    paper = PaperExecution(one_hour_plan(), UNIVERSE)
    play(sizing, approved, *play(paper, listed(), mark(100, hour=1), approved))
    play(sizing, time(2 + ahead), time(2))
    assert kinds(play(sizing, flat(1, 130))) == ["PositionSized", "StopRaised"]
    assert kinds(play(sizing, time(3), flat(2, 130), signal(0.0, hour=3)))[-1] == "OrderProposed"


@examples(50)
@given(st.lists(st.lists(st.floats(-1e4, 1e4), max_size=3), min_size=12, max_size=12))
def test_whatever_a_clock_showed_meanwhile_what_follows_from_a_bar_is_the_same(steps: list[list[float]]) -> None:
    """It was set forward and back between any two bars, and is right when the next one comes."""
    plan = one_hour_plan(strategies=(strategy("trend", entry=2, exit=2),))
    closes = [10, 10, 11, 12, 11, 9, 9, 10, 12, 13, 9, 8]
    said: list[list[Message]] = []
    for shown in (steps, [[]] * len(closes)):
        signals, sizing = SignalsMachine(plan, UNIVERSE, service="signals"), SizingMachine(plan, UNIVERSE, "main")
        play(sizing, listed(), *days(60, price=10.0), nav())
        made: list[Message] = []
        for hour, (close, ahead) in enumerate(zip(closes, shown, strict=True)):
            clock = [time(max(0.0, hour + 1 + hours)) for hours in ahead] + [time(hour + 1)]
            play(sizing, *clock)
            raised = play(signals, *clock, flat(hour, close))
            made += [*raised, *play(sizing, flat(hour, close), *raised)]
        said.append(made)
    assert said[0] == said[1]
    assert {"SignalRaised", "PositionSized", "OrderProposed"} <= set(kinds(said[0]))


def test_a_signal_that_was_taken_while_the_clock_was_ahead_keeps_no_later_one_out() -> None:
    sizing = SizingMachine(one_hour_plan(), UNIVERSE, "main")
    play(sizing, listed(), *days(60), nav(), time(25), signal(0.0, hour=25), time(1), flat(0))
    assert kinds(play(sizing, signal(1.0, hour=1))) == ["OrderProposed"]


def phase_changed(phase: str, *, hour: float) -> PhaseChanged:
    return PhaseChanged(
        id=f"phase-{hour}", time_ns=T0 + int(hour * HOUR), phase_before="dry_run", phase=phase, scale=1.0, who="ana",
        reason="fine",
    )  # fmt: skip


def test_nav_and_phase_of_a_clock_that_was_ahead_keep_no_later_ones_out() -> None:
    sizing = SizingMachine(one_hour_plan(), UNIVERSE, "main")
    ahead = phase_changed("scaled", hour=24)
    play(sizing, listed(), *days(60), nav(400_000.0, hour=24), ahead, time(1), nav(200_000.0, hour=1))
    play(sizing, phase_changed("live", hour=1))
    [sized] = play(sizing, flat(0))
    assert isinstance(sized, PositionSized)
    assert (sized.equity_at_risk_usdt, sized.phase_scale) == (1_000.0, 1.0)


def test_stops_do_not_wait_for_a_market_data_whose_clock_was_ahead() -> None:
    paper = PaperExecution(one_hour_plan(), UNIVERSE, quote_age_limit_ns=5 * SECOND)
    play(paper, listed(), *days(60), time(1), mark(100, hour=1), decided(hour=1, stop_price=D(90)))
    play(paper, mark(100, hour=2), time(1.1))
    assert kinds(play(paper, mark(80, hour=1.1))) == ["OrderFilled", "OrderClosed"]


def test_nothing_fills_at_a_price_of_a_time_to_come() -> None:
    paper = PaperExecution(one_hour_plan(), UNIVERSE, quote_age_limit_ns=5 * SECOND)
    play(paper, listed(), *days(60), time(1), mark(100, hour=2))
    [ended] = play(paper, decided(hour=1))
    assert isinstance(ended, OrderClosed)
    assert (ended.ending, ended.reason) == ("rejected", "no price")
