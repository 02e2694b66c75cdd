"""What-if: the largest order that would be approved now, from the gate's own rules, changing nothing at all."""

from dataclasses import dataclass
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from shared.adapters.codec import decode, encode
from shared.domain.plan import Limits
from shared.domain.risk.gate.rules import RULES
from shared.domain.risk.gate.what_if import ROOMS_A_MESSAGE
from shared.domain.stops import stop_below
from shared.messages.ask import Room, RoomAnswered, RoomAsked
from shared.messages.base import MAX_MESSAGE_BYTES
from shared.messages.catalogue import ANSWERS
from shared.messages.control import Halt
from shared.messages.market import PairListed
from tests.domain.risk.risk_harness import PRICES, UNIVERSE, RiskHarness
from tests.examples import examples
from tests.samples import T0

D = Decimal
STEP = D("0.0001")  # lot step of every pair on the harness
symbols = st.sampled_from(UNIVERSE.symbols)


def asked(symbol: str = "", **changes: object) -> RoomAsked:
    return structs.replace(RoomAsked(id="ask-1", time_ns=T0, reply_to="hs:reply:1", symbol=symbol), **changes)


def answers(harness: RiskHarness, question: RoomAsked) -> list[RoomAnswered]:
    made = harness.handle(question)
    assert all(isinstance(message, RoomAnswered) for message in made)
    return made  # type: ignore[return-value]


def room(harness: RiskHarness, symbol: str, **changes: object) -> Room:
    [answer] = answers(harness, asked(symbol, **changes))
    [found] = answer.rooms
    return found


@dataclass(frozen=True)
class Everything:
    """All that a question must leave alone."""

    records: bytes
    totals: tuple[object, ...]
    reservation_checks: int
    throttle: str
    halts: int
    seq: int


def everything(harness: RiskHarness) -> Everything:
    state = harness.machine.state
    rows = {
        f"{kind}:{name}": row
        for kind in harness.machine.records.kinds
        for name, row in harness.machine.records.rows(kind, msgspec.Struct)
    }
    heat = state.heat
    totals = (heat.holdings, heat.open_risk, heat.reserved_risk, heat.reserved_cash, dict(heat.sectors), state.now_ns)
    pairs = tuple(tuple(getattr(pair, name) for name in pair.__slots__) for pair in heat.pairs.values())
    throttle = repr(sorted((name, repr(value)) for name, value in vars(state.effective.throttle).items()))
    known = (len(state.daily), len(state.books), len(state.listings), state.effective.policy, state.limits, state.phase)
    return Everything(
        records=msgspec.msgpack.encode(rows, order="deterministic"),
        totals=(*totals, pairs, known),
        reservation_checks=len(state.reservation_checks),
        throttle=throttle,
        halts=len(state.halts.all()),
        seq=len(harness.machine.gate.take_repeats()),
    )


# --- the same code as the gate ----------------------------------------------------------------------------------------


@examples(60)
@given(st.lists(st.tuples(symbols, st.floats(0.05, 1.0), st.floats(0.6, 0.99)), max_size=6), symbols, st.booleans())
def test_the_answer_is_approved_whole_and_one_lot_step_more_is_trimmed(
    before: list[tuple[str, float, float]], symbol: str, over: bool
) -> None:
    harness = RiskHarness(limits=Limits(heat=0.03, mark_age_seconds=1e9))
    for each, size, stop in before:
        price = PRICES[each.partition("/")[0]]
        decided = harness.buy(each, str(round(10_000 * size / price, 4)), stop=round(price * stop, 6))
        if decided.quantity_approved and size > 0.5:  # the others stay on order
            harness.fill(decided)
    found = room(harness, symbol)
    if not found.quantity:
        assert harness.buy(symbol, "1000000", stop=str(found.stop_price)).verdict == "reject"
        return
    assert found.quantity % STEP == 0
    if over:
        decided = harness.buy(symbol, str(found.quantity + STEP), stop=str(found.stop_price))
        assert (decided.verdict, decided.quantity_approved) == ("trim", found.quantity)
        assert (decided.binding, decided.reason) == (found.binding, found.reason)
    else:
        assert harness.buy(symbol, str(found.quantity), stop=str(found.stop_price)).verdict == "approve"


@pytest.mark.parametrize("lot", ["0.0001", "0.1", "1", "4"])
def test_a_ceiling_at_a_whole_lot_step_is_answered_with_that_step_and_not_the_one_below(lot: str) -> None:
    """Float rounding must not cost a step: 0.3 / 0.1 is less than 3."""
    harness = RiskHarness(limits=Limits(pair_cap_nav=0.012, equity_at_risk=0.05))
    harness.list_pair("BNB/USDT", quantity_step=D(lot))
    found = room(harness, "BNB/USDT")
    assert found.quantity == D(8), "1.2 % of 200,000 USDT at 300 USDT each"
    assert found.quantity.as_tuple().exponent == D(lot).as_tuple().exponent, "written in lot steps, without noise"
    assert harness.buy("BNB/USDT", str(D(8) + D(lot)), stop=str(found.stop_price)).quantity_approved == D(8)


def test_all_rules_answer_for_one_pair() -> None:
    found = room(RiskHarness(), "ETH/USDT")
    assert [ceiling.rule for ceiling in found.ceilings] == [rule.__name__ for rule in RULES]
    least = min(found.ceilings, key=lambda ceiling: ceiling.quantity)
    assert found.binding == least.rule
    assert found.quantity <= D(str(least.quantity)) < found.quantity + STEP
    assert found.notional_usdt == pytest.approx(float(found.quantity) * 1500.0)


def test_an_order_of_the_exchanges_largest_size_is_the_most_there_is() -> None:
    harness = RiskHarness()
    harness.list_pair("ADA/USDT", max_quantity=D(100))
    found = room(harness, "ADA/USDT")
    assert (found.quantity, found.binding) == (D(100), "max_quantity")


# --- nothing changes --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("symbol", ["", "ETH/USDT", "DOGE/USDT"])
def test_a_question_changes_no_record_no_total_no_guard_and_no_count(symbol: str) -> None:
    harness = RiskHarness()
    harness.fill(harness.buy("BTC/USDT", "0.1"))
    harness.buy("ETH/USDT", "1")
    harness.sell("BTC/USDT", "0.05")
    before = everything(harness)
    harness.machine.records.drain()
    for number in range(3):
        answers(harness, asked(symbol, id=f"ask-{number}"))
    assert harness.machine.records.drain() == {}
    assert everything(harness) == before
    assert harness.buy("ETH/USDT", "1").seq == 4, "questions are not numbered among the decisions"


def test_the_same_question_at_the_same_moment_gets_the_same_answer() -> None:
    harness = RiskHarness()
    assert answers(harness, asked("ETH/USDT")) == answers(harness, asked("ETH/USDT"))


def test_room_shrinks_by_what_others_have_reserved() -> None:
    harness = RiskHarness(limits=Limits(sector_cap_nav=0.06, equity_at_risk=0.05))
    before = room(harness, "ETH/USDT")
    harness.buy("BTC/USDT", "0.3")
    after = room(harness, "ETH/USDT")
    assert (before.binding, after.binding) == ("pair_cap_nav", "sector_cap")
    assert after.notional_usdt == pytest.approx(0.06 * 200_000 - 0.3 * 20_000, abs=1)


# --- the stop ---------------------------------------------------------------------------------------------------------


def test_without_a_stop_it_is_the_one_that_sizing_would_set() -> None:
    harness = RiskHarness()
    atr = harness.machine.state.daily["ETH/USDT"].latest.atr
    assert atr is not None
    distance = harness.plan.sizing.stop_atr * max(atr, harness.plan.limits.atr_floor * 1500.0)
    assert room(harness, "ETH/USDT").stop_price == stop_below(1500.0, distance, D("0.0001"))


def test_a_calm_pair_gets_the_stop_of_the_floor() -> None:
    harness = RiskHarness(limits=Limits(atr_floor=0.05))
    assert room(harness, "ETH/USDT").stop_price == D("1410"), "1500 - 1.2 x 5 % of it"


def test_a_stop_that_was_asked_about_is_used_as_it_is() -> None:
    harness = RiskHarness(limits=Limits(pair_cap_nav=0.25, sector_cap_nav=0.25))
    near, far = (room(harness, "ETH/USDT", stop_price=D(stop)) for stop in ("1450", "1000"))
    assert (near.stop_price, far.stop_price) == (D(1450), D(1000))
    assert near.binding == far.binding == "equity_at_risk"
    assert near.quantity / far.quantity == 10


def test_a_limit_price_over_the_collar_has_no_room() -> None:
    found = room(RiskHarness(), "ETH/USDT", limit_price=D(1600))
    assert (found.quantity, found.binding) == (D(0), "price_collar")


# --- what closes the gate is told -------------------------------------------------------------------------------------


def test_a_halted_pair_has_no_room_and_the_others_have() -> None:
    harness = RiskHarness()
    harness.handle(Halt(id="h", time_ns=harness.now_ns, who="ana", reason="odd prices", symbol="ETH/USDT"))
    halted = room(harness, "ETH/USDT")
    assert (halted.quantity, halted.binding) == (D(0), "halted")
    assert "odd prices" in halted.reason
    assert room(harness, "BTC/USDT").quantity > 0


def test_a_stale_mark_is_named() -> None:
    harness = RiskHarness()
    harness.pass_time(60)
    found = room(harness, "ETH/USDT")
    assert (found.quantity, found.binding, found.reason) == (D(0), "fresh_mark", "mark of ETH/USDT is stale")


def test_a_pair_without_price_says_so_and_names_no_stop() -> None:
    harness = RiskHarness()
    harness.machine.state.heat.pairs["ETH/USDT"].mark = 0.0
    found = room(harness, "ETH/USDT")
    assert (found.quantity, found.stop_price, found.reason) == (D(0), None, "mark of ETH/USDT is missing")


def test_a_pair_without_atr_says_so_and_names_no_stop() -> None:
    harness = RiskHarness()
    del harness.machine.state.daily["ETH/USDT"]
    found = room(harness, "ETH/USDT")
    assert (found.quantity, found.stop_price, found.reason) == (D(0), None, "ATR is unknown")


def test_a_pair_outside_the_universe_gets_a_reason_in_place_of_a_room() -> None:
    for text in ("DOGE/USDT", "nonsense", "x" * 5_000):
        [answer] = answers(RiskHarness(), asked(text))
        assert answer.rooms == ()
        assert "is not in the universe" in answer.reason
        assert decode(encode(answer), ANSWERS.messages) == answer


def test_the_throttle_counts_by_the_asking_strategy() -> None:
    harness = RiskHarness(limits=Limits(repeats_per_minute=2, book_age_seconds=0.0, max_order_usdt=1e9), exact=True)
    for _ in range(2):
        harness.buy("ADA/USDT", "100")
    assert room(harness, "ADA/USDT", strategy="donchian").binding == "throttle"
    assert room(harness, "ADA/USDT", strategy="other").quantity > 0


# --- the message ------------------------------------------------------------------------------------------------------


def test_every_pair_at_once_comes_in_the_order_of_the_universe_with_the_binding_ceiling_alone() -> None:
    harness = RiskHarness()
    [answer] = answers(harness, asked())
    assert tuple(found.symbol for found in answer.rooms) == UNIVERSE.symbols
    for found in answer.rooms:
        assert [ceiling.rule for ceiling in found.ceilings] == [found.binding]
        assert found.quantity == room(harness, found.symbol).quantity


def test_the_answer_goes_to_the_askers_channel_with_nav_heat_policy_and_phase() -> None:
    harness = RiskHarness()
    harness.fill(harness.buy("BTC/USDT", "0.1"))
    snapshot = harness.snapshot
    for symbol in UNIVERSE.symbols:
        harness.mark(symbol, PRICES[symbol.partition("/")[0]])
    [answer] = answers(harness, asked("ETH/USDT"))
    assert (answer.reply_to, answer.cause, answer.part, answer.parts) == ("hs:reply:1", "ask-1", 1, 1)
    assert answer.nav == pytest.approx(snapshot.nav)
    assert answer.heat == pytest.approx(snapshot.heat)
    assert (answer.policy, answer.phase) == (harness.machine.state.effective.policy, "live")
    assert decode(encode(answer), ANSWERS.messages) == answer


def test_hundreds_of_pairs_with_long_reasons_come_in_messages_that_can_be_read() -> None:
    from shared.domain.plan import PhasePlan, Plan
    from shared.domain.risk.machine import RiskMachine
    from shared.domain.universe import Pair, Universe

    universe = Universe(pairs=tuple(Pair(base=f"C{n}", quote="USDT", sector="One") for n in range(120)))
    plan = Plan(phases=(PhasePlan(name="live", scale=1.0),), phase="live")
    machine = RiskMachine(plan, universe, portfolio="main", starting_cash_usdt=1e6, speed=1.0)
    for symbol in universe.symbols:
        listing = PairListed(id="l", time_ns=T0, symbol=symbol, status="halted", reason="\u20ac" * 1024)
        machine.handle(listing)
    parts = [message for message in machine.handle(asked()) if isinstance(message, RoomAnswered)]
    assert [len(part.rooms) for part in parts] == [ROOMS_A_MESSAGE, ROOMS_A_MESSAGE, 20]
    assert [(part.part, part.parts) for part in parts] == [(1, 3), (2, 3), (3, 3)]
    assert len({part.id for part in parts}) == 3
    assert all(len(encode(part)) <= MAX_MESSAGE_BYTES for part in parts)


def test_a_renamed_pair_is_answered_under_the_name_that_trades() -> None:
    from datetime import date

    from shared.domain.universe import Rename

    harness = RiskHarness()
    state = harness.machine.state
    state.universe = structs.replace(state.universe, renames=(Rename(old="ETH", new="BNB", cutover=date(2022, 1, 1)),))
    harness.list_pair("ETH/USDT", status="renamed")
    assert room(harness, "ETH/USDT").symbol == "BNB/USDT"
