"""Every ceiling at its limit, just under it and just over it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest
from msgspec import structs

from shared.domain.risk.gate.rules import RULES
from shared.messages.control import Halt
from shared.messages.orders import OrderDecided
from tests.domain.risk.gate.rule_scenes import BTC, ETH, EXIT, NAV, D, harness_with, row_of, verdict
from tests.domain.risk.risk_harness import PRICES, UNIVERSE, RiskHarness
from tests.samples import bar

# --- ceilings that trim -----------------------------------------------------------------------------------------------


@dataclass
class Trims:
    """Limits under which half a bitcoin (price 20,000, NAV 200,000) is exactly what the rule allows."""

    limits: dict[str, float]
    order: dict[str, Any] = field(default_factory=dict)
    cash: float = NAV
    adds_up: bool = True  # earlier orders count against it


TRIMS = {
    "order_size": Trims({"max_order_usdt": 10_000.0}, adds_up=False),
    "equity_at_risk": Trims({"equity_at_risk": 0.005}, {"stop": 18_000}, adds_up=False),  # counts exit costs, too
    "pair_cap_nav": Trims({"pair_cap_nav": 0.05}),
    "pair_cap_adv": Trims({"pair_cap_adv": 0.0001}),  # of 100M a day
    "sector_cap": Trims({"sector_cap_nav": 0.05}),
    "portfolio_heat": Trims({"heat": 0.5 * (2_000 + 20_000 * EXIT) / NAV}, {"stop": 18_000}),
    "gap_stress": Trims({"gap_shock": 0.2, "gap_stress": 0.01}),
    "cash": Trims({}, cash=10_000 * (1 + EXIT)),
}


@pytest.mark.parametrize("rule", TRIMS)
@pytest.mark.parametrize(
    ("wanted", "outcome"), [("0.4999", "approve"), ("0.5", "approve"), ("0.5001", "trim"), ("7", "trim")]
)
def test_an_order_passes_whole_up_to_the_ceiling_and_is_trimmed_to_it_beyond(
    rule: str, wanted: str, outcome: str
) -> None:
    case = TRIMS[rule]
    decided = harness_with(case.cash, **case.limits).buy(BTC, wanted, **case.order)
    expected = D(wanted) if outcome == "approve" else D("0.5")
    assert verdict(decided) == (outcome, expected, rule if outcome == "trim" else "")
    row = row_of(decided, rule)
    assert row.quantity == pytest.approx(0.5)
    assert row.headroom == pytest.approx(row.limit - row.used)


@pytest.mark.parametrize("rule", [rule for rule, case in TRIMS.items() if case.adds_up])
@pytest.mark.parametrize(("wanted", "outcome"), [("0.1999", "approve"), ("0.2", "approve"), ("0.2001", "trim")])
def test_what_was_approved_before_counts_although_nothing_is_filled(rule: str, wanted: str, outcome: str) -> None:
    case = TRIMS[rule]
    harness = harness_with(case.cash, **case.limits)
    assert harness.buy(BTC, "0.3", **case.order).verdict == "approve"
    decided = harness.buy(BTC, wanted, **case.order)
    expected = D(wanted) if outcome == "approve" else D("0.2")
    assert verdict(decided) == (outcome, expected, rule if outcome == "trim" else "")


@pytest.mark.parametrize("rule", [*(rule for rule, case in TRIMS.items() if case.adds_up), "equity_at_risk"])
def test_what_is_held_counts_like_what_is_on_order(rule: str) -> None:
    case = TRIMS[rule]
    harness = harness_with(case.cash, **case.limits)
    harness.fill(harness.buy(BTC, "0.3", **case.order))
    decided = harness.buy(BTC, "0.3", **case.order)
    assert (decided.verdict, decided.binding) == ("trim", rule)
    row = row_of(decided, rule)
    used = {"portfolio_heat": 0.3 * 2_030, "equity_at_risk": 0.3 * 2_000, "gap_stress": 0.3 * 4_000}.get(rule, 6_000)
    assert row.used == pytest.approx(0.0 if rule == "cash" else used)  # cash that is spent is no longer in the limit
    assert D("0.1990") <= decided.quantity_approved <= D("0.2001")  # the fee of 6 USDT: off NAV, but promised as 9


def test_the_equity_at_risk_of_a_pair_counts_what_is_reserved_in_it() -> None:
    harness = harness_with(equity_at_risk=0.005)
    harness.buy(BTC, "0.3", stop=18_000)
    left = 1_000 - 0.3 * (2_000 + 20_000 * EXIT)
    decided = harness.buy(BTC, "0.3", stop=18_000)
    assert (decided.verdict, decided.binding) == ("trim", "equity_at_risk")
    assert float(decided.quantity_approved) == pytest.approx(left / 2_000, abs=1e-4)


def test_a_full_ceiling_rejects_and_another_pair_is_not_held_to_it() -> None:
    harness = harness_with(pair_cap_nav=0.05)
    assert harness.buy(BTC, "0.5").verdict == "approve"
    assert verdict(harness.buy(BTC, "0.1")) == ("reject", D(0), "pair_cap_nav")
    assert harness.buy(ETH, "1").verdict == "approve"


@pytest.mark.parametrize(("stop", "largest"), [(19_999, "1"), (19_760, "1"), (19_759, "0.9958"), (19_520, "0.5")])
def test_a_stop_nearer_than_the_floor_under_atr_counts_as_if_it_stood_there(stop: int, largest: str) -> None:
    harness = harness_with(equity_at_risk=0.0012, atr_floor=0.01)  # 240 USDT; the floor is 1.2 x 1 % of 20,000
    assert verdict(harness.buy(BTC, "3", stop=stop)) == ("trim", D(largest), "equity_at_risk")


@pytest.mark.parametrize(("wanted", "outcome"), [("0.4999", "approve"), ("0.5", "approve"), ("0.5001", "trim")])
def test_a_market_order_goes_no_further_than_the_book_carries_it_within_the_collar(wanted: str, outcome: str) -> None:
    harness = harness_with(price_collar=0.02, book_age_seconds=120.0)
    harness.book(BTC, bids=((19_900.0, 1.0),), asks=((20_100.0, 0.3), (20_400.0, 0.2), (20_400.1, 9.0)))
    decided = harness.buy(BTC, wanted)
    assert (decided.verdict, decided.quantity_approved) == (outcome, min(D(wanted), D("0.5")))
    assert row_of(decided, "price_collar").quantity == 0.5


BOOK_AT_20_000 = {"bids": ((19_900.0, 1.0),), "asks": ((20_100.0, 0.3), (20_390.0, 0.2), (20_800.0, 9.0))}


@pytest.mark.parametrize(
    ("mark", "reachable"),
    [
        (20_000.0, 0.5),  # where the book was sampled: up to 20,400
        (19_991.0, 0.5),  # 20,390.8 is still over the second level
        (19_990.0, 0.3),  # 20,389.8 is not
        (19_700.0, 0.0),  # the best ask is 2.03 % over the mark
        (21_000.0, 0.5),  # the mark rose: the book's own middle counts
    ],
)
def test_the_book_is_walked_to_the_collar_over_the_mark_or_its_own_middle_whichever_is_lower(
    mark: float, reachable: float
) -> None:
    harness = harness_with(price_collar=0.02, book_age_seconds=120.0)
    harness.book(BTC, **BOOK_AT_20_000)
    harness.pass_time(1)
    harness.mark(BTC, mark)
    decided = harness.buy(BTC, "0.6", stop=18_000)
    assert decided.quantity_approved == D(str(reachable))
    assert (row_of(decided, "price_collar").quantity, decided.binding) == (reachable, "price_collar")


def test_a_book_far_over_the_mark_is_refused_with_both_prices() -> None:
    harness = harness_with(price_collar=0.02, book_age_seconds=120.0)
    harness.book(BTC, **BOOK_AT_20_000)
    harness.pass_time(1)
    harness.mark(BTC, 19_000.0)
    reason = harness.buy(BTC, "0.1", stop=18_000).reason
    assert reason == "book of BTC/USDT asks 20100, which is over 19380"


# --- gates that are open or closed ------------------------------------------------------------------------------------


def aged_mark(age_seconds: float) -> OrderDecided:
    harness = harness_with(mark_age_seconds=5.0)
    harness.mark(BTC, 20_001.0)
    harness.pass_time(age_seconds)
    return harness.buy(BTC, "0.1")


def held_since(seconds: float) -> OrderDecided:
    """Of a pair that is held there was no mark for so long; the pair that is wanted has one."""
    harness = harness_with(nav_age_seconds=30.0)
    harness.fill(harness.buy(ETH, "5"))
    harness.pass_time(seconds)
    harness.mark(BTC, 20_000.0)
    return harness.buy(BTC, "0.1")


def silence_of(seconds: float) -> OrderDecided:
    harness = harness_with(ledger_age_seconds=30.0)
    assert harness.buy(ETH, "5").order_id == "o-1"
    harness.pass_time(seconds)
    harness.mark(BTC, 20_000.0)
    return harness.buy(BTC, "0.1")


def limit_price(price: float) -> OrderDecided:
    return harness_with(price_collar=0.02).buy(BTC, "0.1", stop=18_000, order_type="limit", limit_price=D(str(price)))


def median_spread(spread: float) -> OrderDecided:
    harness = harness_with(book_age_seconds=120.0)
    harness.book(BTC, spread=0.0001, median_spread=spread)
    return harness.buy(BTC, "0.1")


def live_spread(spread: float) -> OrderDecided:
    harness = harness_with(book_age_seconds=120.0, spread_multiple=3.0)
    harness.book(BTC, spread=spread, median_spread=0.001)
    return harness.buy(BTC, "0.1")


def live_spread_of_a_tight_pair(spread: float) -> OrderDecided:
    """Three times a very small median is still within the criterion."""
    harness = harness_with(book_age_seconds=120.0, spread_multiple=3.0)
    harness.book(BTC, spread=spread, median_spread=0.0001)
    return harness.buy(BTC, "0.1")


def aged_book(age_seconds: float) -> OrderDecided:
    harness = harness_with(book_age_seconds=120.0, mark_age_seconds=1e9)
    harness.book(BTC)
    harness.pass_time(age_seconds)
    return harness.buy(BTC, "0.1")


def open_before(orders: float) -> OrderDecided:
    harness = harness_with(max_open_orders=3)
    for _ in range(int(orders)):
        assert harness.buy(BTC, "0.01").verdict == "approve"
    return harness.buy(ETH, "0.1")


def since_three_approvals(seconds: float) -> OrderDecided:
    harness = harness_with(orders_per_second=3, mark_age_seconds=1e9)
    for symbol in (BTC, ETH, "SOL/USDT"):
        assert harness.buy(symbol, "1").verdict == "approve"
    harness.pass_time(seconds)
    return harness.buy("ADA/USDT", "100")


def approved_within_the_second(orders: float) -> OrderDecided:
    harness = harness_with(orders_per_second=3)
    for _ in range(int(orders)):
        assert harness.buy(BTC, "0.01").verdict == "approve"
    return harness.buy(ETH, "0.1")


def since_two_of_a_strategy(seconds: float) -> OrderDecided:
    harness = harness_with(repeats_per_minute=2, mark_age_seconds=1e9)
    for _ in range(2):
        assert harness.buy(BTC, "0.01", strategy="wild").verdict == "approve"
    assert harness.buy(BTC, "0.01", strategy="calm").verdict == "approve"
    assert harness.buy(ETH, "0.1", strategy="wild").verdict == "approve"
    harness.pass_time(seconds)
    return harness.buy(BTC, "0.01", strategy="wild")


def fallen_to(price: float) -> OrderDecided:
    """Five bitcoin for 100,000 and a fee of 100; NAV was 200,000, so at 14,020 it is down by exactly 15 %."""
    harness = harness_with(drawdown=0.15)
    harness.fill(harness.buy(BTC, "5"))
    harness.pass_time(0.5)
    for symbol in UNIVERSE.symbols:
        harness.mark(symbol, price if symbol == BTC else PRICES[symbol.partition("/")[0]])
    return harness.buy(ETH, "0.1")


def halted_pair(other: float) -> OrderDecided:
    harness = harness_with()
    harness.handle(Halt(id="h", time_ns=harness.now_ns, who="ana", reason="news", symbol=BTC))
    return harness.buy(ETH if other else BTC, "0.1")


def stop_at(price: float) -> OrderDecided:
    return harness_with().buy(BTC, "0.1", stop=price)


def stop_of_a_limit_order_at(price: float) -> OrderDecided:
    """It fills at 19,000 or better: a stop above that would sell what it just bought."""
    return harness_with().buy(BTC, "0.1", stop=price, order_type="limit", limit_price=D(19_000))


def days_of_history(days: float) -> OrderDecided:
    """Eleven days make an ATR of ten."""
    harness = harness_with(pair_cap_adv=1.0)
    _history(harness, int(days))
    return harness.buy(ETH, "0.1")


def _history(harness: RiskHarness, days: int) -> None:
    del harness.machine.state.daily[ETH]
    for day in range(30 - days, 30):
        harness.handle(structs.replace(bar(ETH, timeframe="1d", hour=24 * day, close=1_500.0), quote_volume=1e8))


GATES: list[tuple[str, Callable[[float], OrderDecided], tuple[float, ...], tuple[float, ...], str]] = [
    ("fresh_mark", aged_mark, (4.999, 5.0), (5.001,), "stale"),
    ("fresh_mark", aged_mark, (0.0,), (3600.0,), "stale"),
    ("fresh_nav", held_since, (0.0, 4.999, 29.9, 30.0), (30.1, 3600.0), "the mark of ETH/USDT, which is held"),
    ("known_ledger", silence_of, (0.0, 29.9, 30.0), (30.1, 3600.0), "execution has said nothing of order o-1"),
    ("price_collar", limit_price, (19_000.0, 20_399.99, 20_400.0), (20_400.01, 1e6), "limit_price is over 20400"),
    ("price_collar", aged_book, (119.9, 120.0), (120.1,), "book of BTC/USDT is stale"),
    ("spread_at_size", median_spread, (0.0019, 0.002), (0.0021,), "median spread"),
    ("spread_at_size", live_spread, (0.0029, 0.003), (0.0031,), "spread of BTC/USDT"),
    ("spread_at_size", live_spread_of_a_tight_pair, (0.0019, 0.002), (0.0021,), "spread of BTC/USDT"),
    ("open_orders", open_before, (0, 1, 2), (3,), "too many orders"),
    ("throttle", since_three_approvals, (1.0, 1.001), (0.0, 0.999), "3 approvals in a second"),
    ("throttle", approved_within_the_second, (1, 2), (3,), "3 approvals in a second"),
    ("throttle", since_two_of_a_strategy, (60.0,), (0.0, 59.9), "wild repeats itself"),
    ("drawdown", fallen_to, (14_020.1, 14_020.0), (14_019.9, 10_000.0), "drawdown is"),
    ("halted", halted_pair, (1,), (0,), "BTC/USDT halted: news"),
    ("known_and_valid", stop_at, (19_999.9, 1.0), (20_000.0, 20_000.1), "stop_price"),
    ("known_and_valid", stop_of_a_limit_order_at, (18_999.9,), (19_000.0, 19_500.0), "stop_price"),
    ("known_atr", days_of_history, (30, 20), (10, 9), "ATR is unknown"),
]
PASS = [(rule, scene, value) for rule, scene, inside, _, _ in GATES for value in inside]
FAIL = [(rule, scene, value, why) for rule, scene, _, outside, why in GATES for value in outside]


@pytest.mark.parametrize(("rule", "scene", "value"), PASS)
def test_a_gate_is_open_up_to_its_limit(rule: str, scene: Callable[[float], OrderDecided], value: float) -> None:
    decided = scene(value)
    assert (decided.verdict, decided.binding) == ("approve", "")
    assert row_of(decided, rule).reason == ""


@pytest.mark.parametrize(("rule", "scene", "value", "why"), FAIL)
def test_a_gate_is_closed_beyond_its_limit_and_says_why(
    rule: str, scene: Callable[[float], OrderDecided], value: float, why: str
) -> None:
    decided = scene(value)
    assert verdict(decided) == ("reject", D(0), rule)
    assert why in decided.reason
    assert row_of(decided, rule).quantity == 0.0


def test_every_rule_of_the_one_tuple_has_its_tests_here() -> None:
    assert {*TRIMS, *(gate[0] for gate in GATES)} == {rule.__name__ for rule in RULES}


@pytest.mark.parametrize(
    ("listed", "wanted", "outcome"),
    [
        ({"min_notional": D(5)}, "0.00025", ("approve", D("0.00025"), "")),
        ({"min_notional": D(5)}, "0.00024", ("reject", D(0), "minimum")),
        ({"min_quantity": D("0.01")}, "0.01", ("approve", D("0.01"), "")),
        ({"min_quantity": D("0.01")}, "0.00999", ("reject", D(0), "minimum")),
        ({"max_quantity": D(2)}, "2", ("approve", D(2), "")),
        ({"max_quantity": D(2)}, "2.00001", ("trim", D(2), "max_quantity")),
        ({"quantity_step": D("0.001")}, "0.1239999", ("trim", D("0.123"), "lot_step")),
        ({"quantity_step": D("0.001")}, "0.123", ("approve", D("0.123"), "")),
    ],
)
def test_the_exchanges_own_limits_hold_at_their_edges(
    listed: dict[str, Decimal], wanted: str, outcome: tuple[str, Decimal, str]
) -> None:
    harness = harness_with()
    steps = {"quantity_step": D("0.00001"), "min_quantity": D("0.00001"), "min_notional": D(0)} | listed
    harness.list_pair(BTC, **steps)
    assert verdict(harness.buy(BTC, wanted)) == outcome
