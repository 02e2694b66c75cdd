"""Sizing keeps still while a halt is over a pair, and asks at once when the last one ends."""

from datetime import date

import pytest
from msgspec import structs

from shared.domain.sizing.halts import HALT
from shared.domain.sizing.machine import SizingMachine
from shared.domain.universe import Pair, Rename, Universe
from shared.messages.halts import ResumeAsked
from shared.messages.orders import ImportDecided, WriteOffDecided
from shared.messages.portfolio import PositionMarked
from tests.domain.market_scripts import (
    BTC,
    ETH,
    HOUR,
    T0,
    UNIVERSE,
    D,
    approval_of,
    days,
    flat,
    kinds,
    listed,
    nav,
    one_hour_plan,
    play,
    signal,
    time,
)
from tests.domain.sizing.sizing_scenes import (
    FULL,
    close,
    executed,
    fill,
    halted,
    holding,
    only_order,
    orders,
    quantity_held,
    ready,
    rejection_of,
    restarted,
    resumed,
)

MATIC, POL = "MATIC/USDT", "POL/USDT"
RENAMED = Universe(
    pairs=(Pair(base="MATIC", quote="USDT", sector="L2"),),
    renames=(Rename(old="MATIC", new="POL", cutover=date(2022, 11, 2), ratio=D(2)),),
)


def wanting(*symbols: str) -> SizingMachine:
    """Halted altogether before the strategy wants full positions, an hour in."""
    machine = ready()
    play(machine, halted(trigger="feed"))
    for symbol in symbols or (BTC,):
        assert kinds(play(machine, flat(0, symbol=symbol), signal(1.0, symbol=symbol, hour=1))) == ["PositionSized"]
    return machine


@pytest.mark.parametrize("scope", ["", BTC])
def test_no_purchase_is_proposed_under_a_halt_and_every_bar_is_sized(scope: str) -> None:
    machine = ready()
    play(machine, halted(scope))
    assert kinds(play(machine, flat(0), signal(1.0, hour=1), flat(1), flat(2))) == ["PositionSized"] * 3


def test_what_is_wanted_still_is_proposed_the_moment_the_halt_ends() -> None:
    machine = wanting(BTC, ETH)
    end = resumed(trigger="feed", hour=1.2)
    made = orders(play(machine, time(1.2), end))
    assert [(order.symbol, order.quantity, order.cause) for order in made] == [(BTC, FULL, end.id), (ETH, FULL, end.id)]
    assert len({order.id for order in made}) == 2
    assert made[0].expires_ns == T0 + int(1.2 * HOUR) + HOUR


def test_the_halt_of_one_pair_holds_back_that_pair_only() -> None:
    machine = ready()
    play(machine, halted(BTC), flat(0), flat(0, symbol=ETH))
    assert orders(play(machine, signal(1.0, hour=1))) == []
    assert only_order(play(machine, signal(1.0, symbol=ETH, hour=1))).symbol == ETH
    assert only_order(play(machine, resumed(BTC, hour=1.1))).symbol == BTC


def test_a_signal_that_ended_meanwhile_is_not_proposed_when_the_halt_ends() -> None:
    machine = wanting()
    assert orders(play(machine, signal(0.0, hour=1.1), resumed(trigger="feed", hour=1.2))) == []


def test_nothing_is_proposed_on_a_bar_that_has_grown_old_when_the_halt_ends() -> None:
    machine = wanting()
    assert orders(play(machine, time(2.5), resumed(trigger="feed", hour=2.5))) == []
    assert only_order(play(machine, flat(2))).quantity == FULL


def test_of_two_halts_over_a_scope_the_last_to_end_counts() -> None:
    machine = wanting()
    play(machine, halted(trigger="drawdown"))
    assert orders(play(machine, resumed(trigger="feed", hour=1.1), flat(1))) == []
    assert only_order(play(machine, resumed(trigger="drawdown", hour=2.1))).quantity == FULL


@pytest.mark.parametrize("order", [("", BTC), (BTC, "")])
def test_a_pair_under_its_own_halt_and_the_portfolios_waits_for_both(order: tuple[str, str]) -> None:
    machine = ready()
    play(machine, halted(""), halted(BTC), flat(0), flat(0, symbol=ETH), signal(1.0, hour=1))
    play(machine, signal(1.0, symbol=ETH, hour=1))
    first = orders(play(machine, resumed(order[0], hour=1.1)))
    assert [each.symbol for each in first] == ([ETH] if order[0] == "" else [])
    second = orders(play(machine, resumed(order[1], hour=1.2)))
    assert [each.symbol for each in second] == ([BTC] if order[1] == BTC else [BTC, ETH])


def test_sales_and_stops_pass_under_a_halt() -> None:
    machine = ready()
    holding(machine)
    play(machine, halted(), halted(BTC))
    assert kinds(play(machine, flat(1, 110.0))) == ["PositionSized", "StopRaised"]
    less = only_order(play(machine, nav(120_000.0, hour=2), flat(2, 100.0)))
    assert (less.side, less.quantity) == ("sell", FULL - D(50))
    play(machine, approval_of(less), close(less.id, "cancelled"))
    assert only_order(play(machine, signal(0.0, hour=3))).quantity == FULL


def test_halts_heard_twice_and_ends_heard_twice_change_nothing() -> None:
    machine = wanting()
    play(machine, halted(trigger="feed"), halted(trigger="feed", hour=0.5, mode="reducing"))
    assert machine.records.count(HALT) == 1
    end = resumed(trigger="feed", hour=1.1)
    order = only_order(play(machine, end))
    assert play(machine, end, rejection_of(order, "cash"), end) == []
    assert machine.records.count(HALT) == 0


def test_the_end_of_a_halt_that_was_never_heard_of_leads_to_nothing() -> None:
    machine = ready()
    order = only_order(play(machine, flat(0), signal(1.0, hour=1)))
    assert play(machine, rejection_of(order, "halted"), resumed(), resumed(BTC), resumed("XYZ/USDT")) == []
    asked = ResumeAsked(id="asked", time_ns=T0, confirm="code")
    assert play(machine, halted("XYZ/USDT"), asked) == []
    assert machine.records.count(HALT) == 0


def test_an_order_that_met_a_halt_on_its_way_is_proposed_again_when_it_ends() -> None:
    """The verdict comes before or after the halt is heard of, and by then the halt may even be over."""
    for script in ("verdict, halt, end", "halt, verdict, end"):
        machine = ready()
        order = only_order(play(machine, flat(0), signal(1.0, hour=1)))
        told = {"verdict": rejection_of(order, "halted"), "halt": halted(), "end": resumed(hour=1.2)}
        *before, last = (told[name] for name in script.split(", "))
        assert play(machine, *before) == []
        again = only_order(play(machine, last))
        assert (again.quantity, again.id != order.id) == (FULL, True)
    late = ready()
    order = only_order(play(late, flat(0), signal(1.0, hour=1)))
    assert play(late, halted(), resumed(hour=1.1), rejection_of(order, "halted")) == []
    assert only_order(play(late, flat(1))).quantity == FULL


def test_an_entry_that_a_halt_cancelled_is_proposed_again_when_it_ends() -> None:
    machine = ready()
    order = only_order(play(machine, flat(0), signal(1.0, hour=1)))
    assert play(machine, approval_of(order), halted(), close(order.id, "cancelled")) == []
    assert only_order(play(machine, resumed(hour=1.2))).quantity == FULL


def test_a_restart_under_a_halt_forgets_neither_the_halt_nor_the_wish() -> None:
    machine = wanting()
    again = restarted(machine, *days(60), flat(0))
    assert kinds(play(again, time(2), flat(1))) == ["PositionSized"]
    assert only_order(play(again, resumed(trigger="feed", hour=2.1))).quantity == FULL


def test_a_halt_goes_along_with_a_pair_to_its_new_name() -> None:
    """Risk ends it under the old name and begins it under the new one."""
    machine = ready(universe=RENAMED)
    play(machine, halted(MATIC), flat(0, symbol=MATIC), signal(1.0, symbol=MATIC, hour=1))
    play(machine, listed(MATIC, status="renamed"), listed(POL, formerly=MATIC, ratio=D(2)))
    assert orders(play(machine, resumed(MATIC, hour=25), halted(POL, hour=25))) == []
    assert kinds(play(machine, flat(25, 50.0, symbol=POL))) == ["PositionSized"]
    order = only_order(play(machine, resumed(POL, hour=26.1)))
    assert (order.symbol, order.quantity) == (POL, FULL * 2)


def test_a_halt_under_the_former_name_holds_the_new_one_back_until_it_ends() -> None:
    machine = ready(universe=RENAMED)
    play(machine, halted(MATIC, trigger="feed"), signal(1.0, symbol=POL, hour=25))
    play(machine, listed(MATIC, status="renamed"), listed(POL, formerly=MATIC, ratio=D(2)))
    assert kinds(play(machine, flat(25, 50.0, symbol=POL))) == ["PositionSized"]
    assert only_order(play(machine, resumed(MATIC, trigger="feed", hour=26.1))).symbol == POL


def test_first_nav_under_a_halt_leads_to_orders_only_when_the_halt_ends() -> None:
    fresh = SizingMachine(one_hour_plan(), UNIVERSE, "main")
    play(fresh, listed(), *days(60), halted(), flat(0), signal(1.0, hour=1))
    assert play(fresh, nav(hour=1)) == []
    executed(fresh, only_order(play(fresh, resumed(hour=1.1))))


def test_while_a_fill_is_not_believed_sizing_holds_what_the_portfolio_says() -> None:
    machine = ready()
    order = holding(machine)
    play(machine, fill(order, quantity="50", trade="false"), halted(BTC, trigger="false_fill"))
    assert quantity_held(machine) == order.quantity + 50
    held = PositionMarked(
        symbol=BTC, sector="Majors", quantity=order.quantity, mark=100.0, stop=D(88), open_risk_usdt=0.0,
        notional_usdt=0.0,
    )  # fmt: skip
    play(machine, structs.replace(nav(), positions=(held,)))
    assert quantity_held(machine) == order.quantity
    play(machine, nav())
    assert quantity_held(machine) == 0
    play(machine, resumed(BTC, trigger="false_fill"), fill(order, quantity="50", trade="true"), nav())
    assert quantity_held(machine) == 50


def test_a_pair_that_was_written_off_is_neither_held_nor_on_order() -> None:
    machine = ready()
    holding(machine)
    play(machine, WriteOffDecided(id="w", time_ns=T0, symbol=BTC))
    assert quantity_held(machine) == 0


def test_a_position_that_came_in_is_held_once_and_follows_the_strategies_from_then_on() -> None:
    machine = ready()
    imported = ImportDecided(id="i", time_ns=T0, symbol=BTC, quantity=D(2), stop_price=D(90))
    play(machine, imported)
    assert quantity_held(machine) == 2
    assert orders(play(machine, flat(1))) == []  # no strategy has a say in it yet
    [sale] = orders(play(machine, signal(0.0, hour=2)))
    assert (sale.side, sale.quantity) == ("sell", 2)
    executed(machine, sale)
    play(machine, imported)
    assert quantity_held(machine) == 0
