"""The books through renames, leftovers of another universe, clocks that were wrong, and texts of any length."""

from datetime import date
from decimal import Decimal

import pytest
from msgspec import Struct, structs

from shared.adapters.codec import decode, encode
from shared.domain.plan import Limits, Plan
from shared.domain.risk.commands.breaches import limit_breaches
from shared.domain.risk.machine import RiskMachine
from shared.domain.risk.state.reservations import OpenOrder
from shared.domain.universe import Pair, Rename, Universe
from shared.messages.base import TimePassed
from shared.messages.control import Flatten, Halt, Resume
from shared.messages.halts import Halted, Resumed
from shared.messages.market import MarkChanged, PairListed
from shared.messages.orders import (
    CancelDecided,
    OrderClosed,
    OrderFilled,
    OrderProposed,
    StopApproved,
    StopPlaced,
    StopRaised,
)
from tests.domain.market_scripts import days
from tests.domain.risk.approvals import take
from tests.domain.risk.risk_harness import PRICES, UNIVERSE, D, RiskHarness, relaxed
from tests.samples import T0, fill, proposal

OLD, NEW = "MATIC/USDT", "POL/USDT"
HOUR_SECONDS = 3_600
FAR = 2**63 - 1


def renaming(ratio: str = "1") -> RiskMachine:
    """A portfolio whose one pair is renamed, ``ratio`` new units for each old one; 100 old ones were bought at 1."""
    rename = Rename(old="MATIC", new="POL", cutover=date(2024, 9, 13), ratio=D(ratio))
    universe = Universe(pairs=(Pair(base="MATIC", quote="USDT", sector="Layer 2"),), renames=(rename,))
    machine = RiskMachine(Plan(), universe, portfolio="main", starting_cash_usdt=1_000.0, speed=1.0)
    take(machine, trade("buy", OLD, "100", "1", stop="0.9"))
    return machine


def trade(side: str, symbol: str, quantity: str, price: str, stop: str | None = None) -> OrderFilled:
    return fill(
        f"o-{side}-{symbol[:3]}-{quantity}", trade=f"t-{side}-{symbol}-{quantity}", side=side, symbol=symbol,
        quantity=D(quantity), price=D(price), fee_usdt=D(0), stop_price=D(stop) if stop else None,
    )  # fmt: skip


def renamed(ratio: str = "1") -> PairListed:
    return PairListed(id="renamed", time_ns=T0, symbol=NEW, status="trading", formerly=OLD, ratio=D(ratio))


def stop_at(symbol: str, price: str) -> StopPlaced:
    return StopPlaced(id="s", time_ns=T0, order_id="stop-1", symbol=symbol, stop_price=D(price), quantity=D(1))


def raise_stop(machine: RiskMachine, placed: StopPlaced) -> None:
    """A stop that the gate let through rests there, whatever name the position has in the ledger."""
    for position in machine.state.ledger.positions():
        is_renamed = position.symbol == NEW and placed.symbol == OLD
        ratio = machine.state.universe.renames[0].ratio if is_renamed else D(1)
        machine.state.ledger.approve_stop(position.symbol, placed.stop_price / ratio)
    machine.handle(placed)


# --- renames ----------------------------------------------------------------------------------------------------------


def test_a_sale_under_the_new_name_is_booked_although_the_rename_was_not_heard_of_yet() -> None:
    machine = renaming()
    take(machine, trade("sell", NEW, "100", "1.1"))
    machine.handle(renamed())
    assert machine.state.ledger.positions() == []
    assert machine.state.ledger.account.cash == D("1010.00000000")
    assert machine.state.heat.holdings == 0


def test_a_sale_under_the_old_name_is_booked_although_the_rename_was_heard_of_before() -> None:
    machine = renaming("3")
    machine.handle(renamed("3"))
    take(machine, trade("sell", OLD, "40", "1.5"))
    [left] = machine.state.ledger.positions()
    assert (left.symbol, left.quantity, left.cost) == (NEW, D(180), D("60.00000000"))
    assert machine.state.ledger.account.cash == D("960.00000000")


@pytest.mark.parametrize(("name", "price"), [(NEW, "0.25"), (OLD, "0.5")])
@pytest.mark.parametrize("was_heard", [True, False])
def test_a_stop_that_fills_far_below_its_price_halts_the_pair_by_whatever_name_it_fills(
    name: str, price: str, *, was_heard: bool
) -> None:
    machine = renaming("2")
    if was_heard:
        machine.handle(renamed("2"))
    filled = trade("sell", name, "200" if name == NEW else "100", price)
    made = machine.handle(structs.replace(filled, order_id="stop-1", stop=True))
    assert machine.state.ledger.positions() == []
    [halt] = [each for each in made if isinstance(each, Halted)]
    assert (halt.trigger, halt.symbol) == ("gap", NEW if was_heard else name)
    assert halt.reason == "a stop filled 44.44% below its price"


def test_a_sell_under_the_old_name_after_the_rename_is_told_where_to_sell() -> None:
    machine = renaming()
    machine.handle(renamed())
    [decided] = machine.handle(proposal(order_id="s", symbol=OLD, side="sell", quantity=D(10), stop_price=None))
    assert decided.reason.endswith("it is held as POL/USDT now: sell that")  # type: ignore[attr-defined]


def test_a_purchase_under_the_old_name_after_the_rename_adds_to_the_one_position() -> None:
    machine = renaming("2")
    machine.handle(renamed("2"))
    take(machine, trade("buy", OLD, "50", "1", stop="0.96"))
    [held] = machine.state.ledger.positions()
    assert (held.symbol, held.quantity, held.stop) == (NEW, D(300), D("0.48"))


def test_the_stop_that_execution_moves_to_the_new_name_moves_the_position_with_it() -> None:
    machine = renaming()
    raise_stop(machine, stop_at(NEW, "0.95"))
    [held] = machine.state.ledger.positions()
    assert (held.symbol, held.quantity, held.stop) == (NEW, D(100), D("0.95"))
    assert machine.state.heat.pairs[OLD].quantity == 0
    assert machine.state.heat.pairs[NEW].quantity == 100


def test_a_last_stop_under_the_old_name_is_raised_in_new_units() -> None:
    machine = renaming("2")
    machine.handle(renamed("2"))
    raise_stop(machine, stop_at(OLD, "0.98"))
    assert machine.state.ledger.positions()[0].stop == D("0.49")


def test_a_halt_of_a_pair_goes_on_under_its_new_name() -> None:
    machine = renaming()
    machine.handle(Halt(id="halt", time_ns=T0, who="operator", reason="odd prints", symbol=OLD))
    resumed, halted, *_ = machine.handle(renamed())
    assert isinstance(halted, Halted)
    assert isinstance(resumed, Resumed)
    assert (halted.symbol, halted.reason, resumed.symbol) == (NEW, "odd prints", OLD)
    assert [halt.symbol for halt in machine.state.halts.all()] == [NEW]
    machine.handle(Resume(id="resume", time_ns=T0, who="operator", reason="seen", symbol=NEW))
    machine.handle(renamed())  # heard again, as after every start of market_data
    assert not machine.state.halts.all()


def traded_as_new() -> RiskMachine:
    """The same portfolio some time after the rename: the old name is given up."""
    machine = renaming()
    machine.handle(listed(OLD, status="renamed"))
    machine.handle(renamed())
    return machine


def listed(symbol: str, **changes: object) -> PairListed:
    return structs.replace(PairListed(id="listed", time_ns=T0, symbol=symbol, status="trading"), **changes)


def halts_of(machine: RiskMachine) -> list[tuple[str, str]]:
    return [(halt.symbol, halt.trigger) for halt in machine.state.halts.all()]


@pytest.mark.parametrize("name", [OLD, NEW])
def test_a_halt_or_resume_under_either_name_acts_on_the_one_that_trades_now(name: str) -> None:
    machine = traded_as_new()
    machine.handle(Halt(id="h", time_ns=T0, who="ana", reason="odd prints", symbol=name))
    assert halts_of(machine) == [(NEW, "operator")]
    [bought] = machine.handle(proposal("o", symbol=NEW, quantity=D(1), stop_price=D("0.9"), time_ns=T0))
    [row] = [row for row in bought.ceilings if row.rule == "halted"]  # type: ignore[attr-defined]
    assert (row.quantity, row.reason) == (0, "POL/USDT halted: odd prints")
    machine.handle(Resume(id="r", time_ns=T0, who="ana", reason="fine", symbol=name))
    assert halts_of(machine) == []


def test_before_the_rename_a_halt_under_the_name_to_come_acts_on_the_one_that_trades() -> None:
    machine = renaming()
    machine.handle(listed(OLD))
    machine.handle(Halt(id="h", time_ns=T0, who="ana", reason="odd prints", symbol=NEW))
    assert halts_of(machine) == [(OLD, "operator")]


def test_a_halt_that_was_left_under_the_former_name_is_ended_with_the_others() -> None:
    machine = renaming()
    machine.handle(Halt(id="h", time_ns=T0, who="ana", reason="odd prints", symbol=OLD))
    machine.handle(listed(OLD, status="renamed"))
    machine.handle(listed(NEW))
    assert halts_of(machine) == [(OLD, "operator")]
    machine.handle(Resume(id="r", time_ns=T0, who="ana", reason="fine", symbol=NEW))
    assert halts_of(machine) == []


@pytest.mark.parametrize("name", [OLD, NEW])
def test_flattening_under_either_name_sells_what_is_held_and_cancels_entries_of_both(name: str) -> None:
    machine = traded_as_new()
    for symbol in (OLD, NEW):
        order = OpenOrder(
            order_id=f"o-{symbol[:3]}", symbol=symbol, side="buy", quantity=D(1), filled=D(0),
            unit_risk=0.1, unit_notional=1.0, unit_cash=1.0,
        )  # fmt: skip
        machine.state.reservations.open(order, 1.0)
    made = machine.handle(Flatten(id="f", time_ns=T0, who="ana", reason="out", symbol=name))
    assert {each.order_id for each in made if isinstance(each, CancelDecided)} == {"o-MAT", "o-POL"}
    assert [(each.symbol, each.quantity) for each in made if isinstance(each, OrderProposed)] == [(NEW, D(100))]


def test_a_flattening_that_waits_for_a_sell_goes_on_after_the_pair_got_another_name() -> None:
    machine = renaming()
    machine.handle(proposal("resting", symbol=OLD, side="sell", quantity=D(100), stop_price=None, time_ns=T0))
    made = machine.handle(Flatten(id="f", time_ns=T0, who="ana", reason="out"))
    assert [type(each) for each in made] == [CancelDecided]
    machine.handle(listed(OLD, status="renamed"))
    machine.handle(renamed())
    made = machine.handle(
        OrderClosed(
            id="c", time_ns=T0, order_id="resting", symbol=OLD, ending="cancelled", quantity_filled=D(0)
        )
    )  # fmt: skip
    assert [(each.symbol, each.quantity) for each in made if isinstance(each, OrderProposed)] == [(NEW, D(100))]


def test_a_halt_that_moves_to_a_new_name_keeps_since_when_it_stands() -> None:
    machine = renaming()
    machine.handle(Halt(id="h", time_ns=T0, who="ana", reason="odd prints", symbol=OLD))
    machine.handle(structs.replace(renamed(), time_ns=T0 + HOUR_SECONDS * 1_000_000_000))
    [halt] = machine.state.halts.all()
    assert (halt.symbol, halt.since_ns, halt.time_ns) == (NEW, T0, T0 + HOUR_SECONDS * 1_000_000_000)


# --- what is held outside the universe --------------------------------------------------------------------------------


def restarted(harness: RiskHarness, universe: Universe) -> RiskMachine:
    """Another machine on the harness's records, with the harness's market."""
    machine = RiskMachine(harness.plan, universe, portfolio="main", starting_cash_usdt=1.0, speed=1.0)
    kinds = harness.machine.records.kinds
    machine.records.load(
        {f"{kind}:{name}": row for kind in kinds for name, row in harness.machine.records.rows(kind, Struct)}
    )
    machine.restored()
    machine.handle(TimePassed(id="time", time_ns=harness.now_ns))
    for symbol in UNIVERSE.symbols:
        machine.state.daily, machine.state.listings = harness.machine.state.daily, harness.machine.state.listings
        price = PRICES[symbol.partition("/")[0]]
        machine.handle(MarkChanged(id="mark", time_ns=harness.now_ns, symbol=symbol, price=price))
    return machine


def test_a_position_in_a_pair_that_left_the_universe_closes_the_gate_by_its_name() -> None:
    harness = RiskHarness()
    harness.fill(harness.buy("SOL/USDT", "100"))
    smaller = Universe(pairs=tuple(pair for pair in UNIVERSE.pairs if pair.base != "SOL"))
    machine = restarted(harness, smaller)
    [decided] = machine.handle(proposal("after", quantity=D("0.01"), time_ns=harness.now_ns))
    assert decided.verdict == "reject"  # type: ignore[attr-defined]
    assert decided.reason == "NAV is unknown: no price of SOL/USDT, which is held"  # type: ignore[attr-defined]
    [sold] = machine.handle(proposal("out", symbol="SOL/USDT", side="sell", quantity=D(100), stop_price=None))
    assert sold.verdict == "approve"  # type: ignore[attr-defined]


def test_an_open_order_in_a_pair_that_left_the_universe_still_counts_as_heat() -> None:
    harness = RiskHarness()
    harness.buy("SOL/USDT", "100")
    smaller = Universe(pairs=tuple(pair for pair in UNIVERSE.pairs if pair.base != "SOL"))
    machine = restarted(harness, smaller)
    assert machine.state.heat.reserved_risk == pytest.approx(harness.machine.state.heat.reserved_risk)
    assert machine.state.heat.reserved_risk > 0


def test_a_restart_with_a_lower_heat_limit_approves_nothing_over_it() -> None:
    harness = RiskHarness()
    harness.fill(harness.buy("SOL/USDT", "300"))
    lower = structs.replace(harness.plan, limits=structs.replace(harness.plan.limits, heat=0.001))
    harness.plan = lower
    machine = restarted(harness, UNIVERSE)
    [decided] = machine.handle(proposal("after", quantity=D("0.01"), time_ns=harness.now_ns))
    assert (decided.verdict, decided.binding) == ("reject", "portfolio_heat")  # type: ignore[attr-defined]


# --- clocks -----------------------------------------------------------------------------------------------------------


def test_a_price_of_a_time_to_come_does_not_pass_for_fresh() -> None:
    harness = RiskHarness()
    harness.mark("BTC/USDT", 20_000.0, age_seconds=-HOUR_SECONDS)
    decided = harness.buy("BTC/USDT", "0.1")
    assert (decided.verdict, decided.binding) == ("reject", "fresh_mark")
    assert decided.reason == "mark of BTC/USDT is of a time to come: 3600.0 s ahead of the clock"


def test_a_clock_that_was_ahead_and_is_set_right_freezes_no_price() -> None:
    harness = RiskHarness()
    harness.pass_time(HOUR_SECONDS)
    harness.mark("BTC/USDT", 20_000.0)
    harness.pass_time(-HOUR_SECONDS)
    harness.pass_time(60)
    harness.mark("BTC/USDT", 15_000.0)
    decided = harness.buy("BTC/USDT", "0.1", stop=14_000)
    assert (decided.verdict, decided.mark) == ("approve", 15_000.0)
    harness.pass_time(60)
    assert harness.buy("BTC/USDT", "0.01", stop=14_000).binding == "fresh_mark"


def test_what_is_held_at_a_price_of_a_time_to_come_closes_the_gate_by_its_name() -> None:
    harness = RiskHarness(limits=structs.replace(relaxed(Limits()), nav_age_seconds=30.0), exact=True)
    harness.fill(harness.buy("SOL/USDT", "1"))
    harness.pass_time(HOUR_SECONDS)
    for symbol, price in (("BTC/USDT", 20_000.0), ("SOL/USDT", 30.0)):
        harness.mark(symbol, price)
    harness.pass_time(-HOUR_SECONDS)
    harness.mark("BTC/USDT", 20_000.0)
    decided = harness.buy("BTC/USDT", "0.01")
    assert (decided.verdict, decided.binding) == ("reject", "fresh_nav")
    assert decided.reason == "NAV is stale: the mark of SOL/USDT, which is held, is of a time to come: 3600.0 s ahead"
    harness.mark("SOL/USDT", 30.0)
    assert harness.buy("BTC/USDT", "0.01").verdict == "approve"


def test_an_order_that_was_decided_at_a_time_to_come_is_not_taken_for_acknowledged() -> None:
    harness = RiskHarness(limits=structs.replace(relaxed(Limits()), ledger_age_seconds=30.0), exact=True)
    harness.pass_time(HOUR_SECONDS)
    for symbol, price in (("BTC/USDT", 20_000.0), ("SOL/USDT", 30.0)):
        harness.mark(symbol, price)
    harness.buy("SOL/USDT", "1")
    harness.pass_time(-HOUR_SECONDS)
    harness.mark("BTC/USDT", 20_000.0)
    decided = harness.buy("BTC/USDT", "0.01")
    assert (decided.verdict, decided.binding) == ("reject", "known_ledger")
    assert "decided at a time to come" in decided.reason


def test_a_stop_raised_by_a_client_with_a_wrong_clock_rests_from_now_on() -> None:
    harness = RiskHarness()
    harness.fill(harness.buy("BTC/USDT", "0.1"))
    [approved] = harness.handle(StopRaised(id="raise", time_ns=FAR, symbol="BTC/USDT", stop_price=D(19_500)))
    assert isinstance(approved, StopApproved)
    assert approved.time_ns == harness.now_ns


# --- what a decision can hold -----------------------------------------------------------------------------------------


def test_the_longest_reason_of_a_halt_makes_no_decision_that_nobody_can_read() -> None:
    harness = RiskHarness()
    harness.handle(Halt(id="halt", time_ns=T0, who="operator", reason="r" * 1024))
    decided = harness.buy("BTC/USDT", "0.1")
    assert decode(encode(decided)) == decided
    assert (decided.verdict, decided.binding, len(decided.reason)) == ("reject", "halted", 1024)


def test_a_limit_below_its_own_stop_is_no_order() -> None:
    decided = RiskHarness().buy("BTC/USDT", "0.1", stop=19_000, order_type="limit", limit_price=D(18_000))
    assert (decided.verdict, decided.binding) == ("reject", "known_and_valid")
    assert decided.reason == "stop_price 19000 must be below the price 18000"


@pytest.mark.parametrize("digits", ["0.9999999999999999999999999999", "1.234567890123456789012345678"])
def test_no_more_is_approved_than_was_asked_for_however_many_digits_that_has(digits: str) -> None:
    decided = RiskHarness().buy("SOL/USDT", digits)
    assert D(0) < decided.quantity_approved <= decided.quantity_requested == D(digits)
    assert decided.quantity_approved % D("0.0001") == Decimal(0)


def test_a_trim_to_a_ceiling_that_floats_put_a_hair_below_a_step_gives_the_step() -> None:
    trimmed = RiskHarness().buy("ADA/USDT", "75000", stop="0.3")
    assert trimmed.quantity_approved == D("10000.0000")
    assert RiskHarness().buy("ADA/USDT", "10000", stop="0.3").verdict == "approve"


def test_a_pair_over_its_cap_by_both_its_names_together_is_told_once() -> None:
    machine = renaming()
    machine.handle(TimePassed(id="t", time_ns=T0))
    for symbol in (OLD, NEW):
        machine.handle(MarkChanged(id="m", time_ns=T0, symbol=symbol, price=1.0))
    machine.state.heat.reserve(machine.state.heat.pairs[NEW], 0.0, 40.0, 40.0)
    machine.state.use_limits(structs.replace(machine.state.limits, pair_cap_nav=0.12, sector_cap_nav=1.0))
    assert [line for line in limit_breaches(machine.state) if "POL" in line or "MATIC" in line] == [
        "MATIC/USDT: $140 held and on order, the cap is $120 (12.00% of NAV)"
    ]


@pytest.mark.parametrize("ratio", ["1", "2", "1000"])
@pytest.mark.parametrize("is_restarted", [False, True])
def test_daily_figures_go_on_through_a_rename_in_units_of_the_new_name(ratio: str, is_restarted: bool) -> None:
    machine = renaming(ratio)
    for bar in days(70, symbol=OLD, price=1.0, atr_pct=0.08, adv_usdt=5e7):
        machine.warm(bar) if is_restarted else machine.handle(bar)
    machine.handle(renamed(ratio))
    old, new = (machine.state.history(symbol).latest for symbol in (OLD, NEW))
    assert (new.days, new.adv_usdt) == (old.days, old.adv_usdt) == (70, pytest.approx(5e7))
    assert old.atr == pytest.approx(0.08)
    assert new.atr == pytest.approx(0.08 / float(ratio))
    for bar in days(1, symbol=NEW, price=1.0 / float(ratio), atr_pct=0.08, adv_usdt=5e7, until=24):
        machine.handle(bar)
    assert machine.state.history(NEW).latest.days == 71
    assert machine.state.history(NEW).latest.atr == pytest.approx(0.08 / float(ratio))
