"""A purchase that was refused or cut is asked for again after 1, 2, 4, 8 ... bars; what reduces risk never waits."""

from datetime import date
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from shared.domain.plan import PhasePlan, Plan
from shared.domain.sizing.machine import SizingMachine
from shared.domain.sizing.position import PairPosition
from shared.domain.sizing.retry_policy import wait_ns
from shared.domain.timeframes import DAY_NS
from shared.domain.universe import Pair, Rename, Universe
from shared.messages.base import Message
from shared.messages.market import BarClosed
from shared.messages.orders import OrderDecided, OrderProposed
from shared.messages.portfolio import LimitsChanged, PhaseChanged
from tests.domain.market_scripts import (
    BTC,
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
    nav,
    one_hour_plan,
    play,
    signal,
    strategy,
)
from tests.domain.sizing.sizing_scenes import (
    FULL,
    close,
    executed,
    fill,
    halted,
    only_order,
    orders,
    ready,
    rejection_of,
    restarted,
    resumed,
    stop_hit,
)

TWO = one_hour_plan(strategies=(strategy("one", weight=0.5), strategy("two", weight=0.5)))


def bars(first: int, last: int, *, symbol: str = BTC, price: float = 100.0) -> list[BarClosed]:
    """Hours, with the days that end within them."""
    found: list[BarClosed] = []
    for hour in range(first, last + 1):
        found.append(flat(hour, price, symbol=symbol))
        if hour % 24 == 23:
            found += days(1, symbol=symbol, price=price, until=hour + 1)
    return found


def asked_at(machine: SizingMachine, first: int, last: int, *, by: str = "sector_cap", symbol: str = BTC) -> list[int]:
    """At which hours it proposes, all of it rejected."""
    hours = []
    for bar in bars(first, last, symbol=symbol):
        for order in orders(play(machine, bar)):
            hours.append((bar.open_time_ns - T0) // HOUR)
            assert play(machine, rejection_of(order, by)) == []
    return hours


def refused(machine: SizingMachine, times: int) -> OrderProposed:
    """Wanting BTC since hour 0 and rejected so often; at last on the bar of hour 2^(times-1) - 1."""
    order = only_order(play(machine, signal(1.0), flat(0)))
    play(machine, rejection_of(order))
    for hour in range(1, 2 ** (times - 1)):
        for again in orders(play(machine, flat(hour))):
            play(machine, rejection_of(again))
            order = again
    return order


def trimmed(order: OrderProposed, to: str) -> list[Message]:
    verdict = approval_of(order, verdict="trim", quantity_approved=D(to), binding="sector_cap")
    return [verdict, fill(order, quantity=to), close(order.id)]


# --- how long -----------------------------------------------------------------------------------------------------


def test_a_refused_purchase_is_asked_for_after_1_2_4_8_16_bars_and_then_once_a_day() -> None:
    machine = ready()
    play(machine, signal(1.0))
    assert asked_at(machine, 0, 110) == [0, 1, 3, 7, 15, 31, 55, 79, 103]


def test_every_bar_is_sized_while_it_waits() -> None:
    machine = ready()
    refused(machine, 3)
    assert kinds(play(machine, *[flat(hour) for hour in range(4, 7)])) == ["PositionSized"] * 3


@given(st.integers(0, 10_000), st.sampled_from([60, 900, 3_600, 86_400, 604_800]))
def test_a_wait_grows_up_to_a_day_or_one_bar(refusals: int, seconds: int) -> None:
    step_ns = seconds * 1_000_000_000
    wait = wait_ns(refusals, step_ns)
    assert wait <= wait_ns(refusals + 1, step_ns) <= max(DAY_NS, step_ns)
    assert wait == 0 if not refusals else wait >= step_ns


def test_a_daily_strategy_asks_once_a_day() -> None:
    machine = ready(one_hour_plan(strategies=(strategy("trend", timeframe="1d"),)))
    order = only_order(play(machine, signal(1.0)))
    for until in range(24, 24 * 6, 24):
        play(machine, rejection_of(order))
        order = only_order(play(machine, *days(1, until=until)))


def test_bars_are_counted_by_the_shortest_timeframe_of_the_plan() -> None:
    machine = ready(one_hour_plan(strategies=(strategy("trend"), strategy("quick", timeframe="15m", weight=0.5))))
    play(machine, signal(1.0))
    quarters = []
    for number in range(16):
        for order in orders(play(machine, flat(number / 4, timeframe="15m"))):
            quarters.append(number)
            play(machine, rejection_of(order))
    assert quarters == [0, 1, 3, 7, 15]


def test_it_is_not_asked_twice_on_one_bar_whatever_changes() -> None:
    machine = ready(TWO)
    play(machine, flat(0))
    order = only_order(play(machine, signal(1.0, name="one", hour=1)))
    assert play(machine, rejection_of(order), signal(1.0, name="two", hour=1.1)) == []
    assert only_order(play(machine, flat(1))).quantity == FULL


def test_an_approval_in_full_ends_the_count() -> None:
    machine = ready()
    order = refused(machine, 4)
    executed(machine, only_order(play(machine, *bars(8, 15))))
    play(machine, *stop_hit(str(FULL)))
    order = only_order(play(machine, flat(16), signal(1.0, hour=17)))
    play(machine, rejection_of(order))
    assert only_order(play(machine, flat(17))).side == "buy"


# --- trims --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("late", [False, True], ids=["verdict first", "fill and end first"])
def test_the_rest_of_a_trimmed_order_is_asked_for_with_the_same_patience(late: bool) -> None:
    machine = ready()
    order = only_order(play(machine, signal(1.0), flat(0)))
    verdict, filled, end = trimmed(order, "40")
    play(machine, *((filled, end, verdict) if late else (verdict, filled, end)))
    rest = only_order(play(machine, flat(1)))
    assert rest.quantity == FULL - D(40)
    play(machine, rejection_of(rest))
    assert asked_at(machine, 2, 20) == [3, 7, 15]


def test_a_trim_that_gives_a_part_worth_having_begins_the_count_anew() -> None:
    """So a position larger than one order may be is built bar by bar."""
    machine = ready()
    play(machine, signal(1.0))
    hours = []
    for hour in range(8):
        for order in orders(play(machine, flat(hour))):
            hours.append(hour)
            play(machine, *trimmed(order, "20" if hour < 3 else "1"))
    assert hours == [0, 1, 2, 3, 5]


def test_an_order_that_the_exchange_would_not_have_is_asked_for_with_the_same_patience() -> None:
    for script in (("verdict", "end"), ("end", "verdict")):
        machine = ready()
        play(machine, signal(1.0))
        hours = []
        for hour in range(10):
            for order in orders(play(machine, flat(hour))):
                hours.append(hour)
                told = {"verdict": approval_of(order), "end": close(order.id, "rejected")}
                play(machine, *(told[name] for name in script))
        assert hours == [0, 1, 3, 7], script


def test_an_order_that_was_trimmed_and_then_failed_at_the_exchange_counts_once() -> None:
    machine = ready()
    play(machine, signal(1.0))
    hours = []
    for hour in range(6):
        for order in orders(play(machine, flat(hour))):
            hours.append(hour)
            play(machine, trimmed(order, "1")[0], close(order.id, "rejected"))
    assert hours == [0, 1, 3]


# --- what ends the wait -------------------------------------------------------------------------------------------


def test_a_target_that_changes_by_more_than_the_band_ends_the_wait() -> None:
    machine = ready(TWO)
    play(machine, signal(1.0, name="one"))
    assert asked_at(machine, 0, 4) == [0, 1, 3]
    play(machine, signal(0.3, name="two", hour=5))
    assert asked_at(machine, 5, 6) == []  # 0.15 more is within the band of 0.2
    more = only_order(play(machine, signal(1.0, name="two", hour=7)))
    assert more.quantity == FULL
    play(machine, rejection_of(more))  # asked on the bar of hour 6
    assert asked_at(machine, 7, 12) == [7, 9]


def test_a_phase_that_changes_the_target_ends_the_wait() -> None:
    ramp = (PhasePlan(name="dry_run", scale=0.25), PhasePlan(name="live", scale=1.0))
    machine = ready(Plan(phase="live", phases=ramp, strategies=(strategy("trend"),)))
    refused(machine, 4)
    changed = PhaseChanged(
        id="phase", time_ns=T0 + 8 * HOUR, phase_before="live", phase="dry_run", scale=0.25, who="ana", reason="x"
    )
    assert only_order(play(machine, changed, flat(8))).quantity == D("20.833")


def test_limits_that_change_end_the_wait_and_not_before_the_next_bar() -> None:
    machine = ready()
    refused(machine, 4)
    wider = LimitsChanged(
        id="limits", time_ns=T0 + 8 * HOUR, who="ana", reason="x", old={"sector_cap_nav": 0.25},
        new={"sector_cap_nav": 0.3}, policy_before="a", policy="b",
    )  # fmt: skip
    assert play(machine, wider, signal(0.99, hour=8)) == []
    assert asked_at(machine, 8, 12) == [8, 9, 11]


def test_a_position_that_changes_ends_the_wait() -> None:
    machine = ready()
    refused(machine, 4)
    bought = structs.replace(decided("x-1", quantity="10", hour=8), strategy="external")
    assert only_order(play(machine, bought, flat(8))).quantity == FULL - D(10)


def test_a_wish_that_was_given_up_and_comes_back_does_not_wait() -> None:
    machine = ready()
    refused(machine, 4)
    assert orders(play(machine, signal(0.0, hour=8))) == []
    assert only_order(play(machine, signal(1.0, hour=8.1))).quantity == FULL


def test_a_wish_that_was_given_up_while_its_order_was_with_the_gate_does_not_wait_either() -> None:
    machine = ready()
    order = only_order(play(machine, flat(0), signal(1.0, hour=1)))
    play(machine, signal(0.0, hour=1.1), rejection_of(order))
    assert only_order(play(machine, signal(1.0, hour=1.2))).quantity == FULL


def test_sales_never_wait() -> None:
    machine = ready()
    order = only_order(play(machine, signal(1.0), flat(0)))
    play(machine, *trimmed(order, "40"))
    for hour in range(1, 8):
        for rest in orders(play(machine, flat(hour))):
            play(machine, rejection_of(rest))
    less = only_order(play(machine, signal(0.2, hour=8)))
    assert (less.side, less.quantity) == ("sell", D(40) - D("16.666"))
    assert play(machine, rejection_of(less, "position")) == []
    out = only_order(play(machine, signal(0.0, hour=8.1)))
    assert (out.side, out.quantity) == ("sell", D(40))


def test_after_a_sale_the_next_purchase_does_not_wait() -> None:
    machine = ready()
    order = only_order(play(machine, signal(1.0), flat(0)))
    play(machine, *trimmed(order, "40"))
    play(machine, rejection_of(only_order(play(machine, flat(1)))))
    less = only_order(play(machine, signal(0.2, hour=2)))
    executed(machine, less)
    assert only_order(play(machine, signal(1.0, hour=2.1))).quantity == FULL - D("16.666")


# --- halts and waits ----------------------------------------------------------------------------------------------


def test_a_halt_does_not_shorten_the_wait_for_another_rule() -> None:
    machine = ready()
    refused(machine, 4)
    assert orders(play(machine, halted(), resumed(hour=8.1), flat(8))) == []
    assert asked_at(machine, 9, 20) == [15]


def test_a_wait_that_ran_out_under_a_halt_is_over_when_the_halt_ends() -> None:
    machine = ready()
    refused(machine, 4)
    assert orders(play(machine, halted(hour=8), *bars(8, 16))) == []
    assert only_order(play(machine, resumed(hour=17))).quantity == FULL


# --- restarts, renames, repeats -----------------------------------------------------------------------------------


def test_the_wait_outlives_the_process() -> None:
    machine = ready()
    refused(machine, 4)
    again = restarted(machine, *days(60), *bars(0, 7))
    assert asked_at(again, 8, 40) == [15, 31]


def test_a_verdict_that_comes_after_a_restart_counts() -> None:
    machine = ready()
    play(machine, signal(1.0))
    order = only_order(play(machine, flat(0)))
    again = restarted(machine, *days(60), flat(0))
    play(again, rejection_of(order))
    assert asked_at(again, 1, 8) == [1, 3, 7]


def test_a_bar_handled_again_after_a_crash_proposes_the_same_order() -> None:
    """The commit was not made: the next process sees the same records and the same entries."""
    machine = ready()
    refused(machine, 3)
    history = (*days(60), *bars(0, 3))
    stored = {key: row for key, row in machine.records.drain().items() if row is not None}
    made = []
    for _ in range(2):
        process = SizingMachine(one_hour_plan(), UNIVERSE, "main")
        process.records.load(stored)
        for bar in history:
            process.warm(bar)
        process.restored()
        made.append(only_order(play(process, *bars(4, 7))))
    assert made[0] == made[1]


def test_a_record_of_an_earlier_version_is_read_and_waits_for_nothing() -> None:
    row = msgspec.msgpack.encode({"quantity": "5", "stop": "88", "trades": ["t-1"], "rejected": True})
    held = msgspec.msgpack.decode(row, type=PairPosition)
    assert (held.quantity, held.stop, held.attempt) == (D(5), D(88), None)


def test_a_verdict_heard_twice_counts_once() -> None:
    machine = ready()
    play(machine, signal(1.0))
    order = only_order(play(machine, flat(0)))
    play(machine, rejection_of(order), rejection_of(order), rejection_of(order))
    assert asked_at(machine, 1, 8) == [1, 3, 7]


def test_a_verdict_on_somebody_elses_order_is_no_answer_to_ours() -> None:
    machine = ready()
    refused(machine, 3)
    other = decided("x-1", verdict="reject", quantity="5", quantity_approved=D(0), binding="cash")
    play(machine, structs.replace(other, strategy="external"))
    assert asked_at(machine, 4, 16) == [7, 15]


def test_the_wait_goes_on_through_a_rename_of_the_pair() -> None:
    universe = Universe(
        pairs=(Pair(base="MATIC", quote="USDT", sector="L2"),),
        renames=(Rename(old="MATIC", new="POL", cutover=date(2022, 11, 2), ratio=Decimal(2)),),
    )
    matic, pol = "MATIC/USDT", "POL/USDT"
    machine = ready(universe=universe)
    play(machine, signal(1.0, symbol=matic))
    assert asked_at(machine, 0, 23, symbol=matic) == [0, 1, 3, 7, 15]
    play(machine, listed(matic, status="renamed"), listed(pol, formerly=matic, ratio=D(2)))
    hours = []
    for hour in range(24, 60):
        for order in orders(play(machine, flat(hour, 50.0, symbol=pol))):
            hours.append(hour)
            assert order.quantity == FULL * 2
            play(machine, rejection_of(order))
    assert hours == [31, 55]


def test_verdicts_of_many_kinds_never_lead_to_two_orders_on_one_bar() -> None:
    machine = ready()
    play(machine, signal(1.0))
    answers: list[OrderDecided] = []
    for hour in range(30):
        made = orders(play(machine, flat(hour), signal(1.0 - hour % 2 / 100, hour=hour + 1), nav(hour=hour + 1)))
        assert len(made) <= 1
        for order in made:
            answers.append(rejection_of(order, ("sector_cap", "halted", "cash", "fresh_mark")[len(answers) % 4]))
            assert play(machine, answers[-1], signal(0.98, hour=hour + 1.1)) == []
    assert len({answer.order_id for answer in answers}) == len(answers) > 5
