"""What a rule found is said in one word, so that nobody has to read the sentence for it."""

import math
from typing import Any, get_args

import pytest
from msgspec import structs

from shared.domain.risk.state.halts import NewHalt
from shared.messages.orders import Finding, Shortfall
from tests.domain.risk.gate.rule_scenes import BTC, ETH, D, Scene, book_with, harness_with, no_book, row_of
from tests.domain.risk.risk_harness import RiskHarness


def _pass(seconds: float) -> Scene:
    return lambda harness: harness.pass_time(seconds) and None


def _no_atr(harness: RiskHarness) -> None:
    history = harness.machine.state.daily[ETH]
    history.latest = structs.replace(history.latest, atr=None)


def _no_adv(harness: RiskHarness) -> None:
    history = harness.machine.state.daily[ETH]
    history.latest = structs.replace(history.latest, adv_usdt=None)


def _halted(harness: RiskHarness) -> None:
    harness.list_pair(ETH, status="halted")


def _silent_execution(harness: RiskHarness) -> None:
    harness.buy(BTC, "0.1")
    harness.pass_time(31)
    harness.mark(ETH, 1_500.0)
    harness.book(ETH)


def _stale_nav(harness: RiskHarness) -> None:
    harness.fill(harness.buy(BTC, "0.1"))
    harness.pass_time(31)
    harness.mark(ETH, 1_500.0)
    harness.book(ETH)


FOUND: list[tuple[str, str, dict[str, Any], Scene, dict[str, Any]]] = [
    ("known_and_valid", "pair_off", {}, _halted, {}),
    ("known_and_valid", "pair_off", {}, lambda harness: harness.machine.state.listings.clear(), {}),
    ("known_and_valid", "invalid", {}, _pass(0), {"stop": 2_000}),
    ("known_and_valid", "invalid", {}, _pass(0), {"reduce_only": True}),
    ("fresh_mark", "stale", {}, _pass(6), {}),
    ("fresh_mark", "stale", {}, lambda harness: harness.mark(ETH, 1_500.0, age_seconds=-60), {}),
    ("fresh_nav", "stale", {"nav_age_seconds": 30.0}, _stale_nav, {}),
    ("known_ledger", "unacknowledged", {"ledger_age_seconds": 30.0}, _silent_execution, {}),
    ("order_size", "limit", {"max_order_usdt": 10.0}, _pass(0), {}),
    ("price_collar", "missing", {}, no_book, {}),
    ("price_collar", "missing", {}, book_with(asks=()), {}),
    ("price_collar", "limit", {"price_collar": 0.01}, book_with(asks=((1_600.0, 1.0),)), {}),
    ("price_collar", "limit", {"price_collar": 0.01}, _pass(0), {"order_type": "limit", "limit_price": D(1_600)}),
    ("known_atr", "missing", {}, _no_atr, {}),
    ("pair_cap_adv", "missing", {}, _no_adv, {}),
    ("spread_at_size", "median_spread", {}, book_with(spread=0.003, median_spread=0.003), {}),
    ("spread_at_size", "limit", {}, book_with(spread=0.01), {}),
    ("spread_at_size", "thin_book", {}, book_with(spread=None), {}),
    ("spread_at_size", "stale", {}, _pass(121), {}),
    ("open_orders", "limit", {"max_open_orders": 1}, lambda harness: harness.buy(BTC, "0.1") and None, {}),
    ("throttle", "throttled", {"repeats_per_minute": 1}, lambda harness: harness.buy(ETH, "0.1") and None, {}),
    ("drawdown", "missing", {}, lambda harness: setattr(harness.machine.state.ledger, "cash", math.nan), {}),
    ("cash", "limit", {}, _pass(0), {}),
    ("portfolio_heat", "limit", {}, _pass(0), {}),
    ("known_and_valid", "open", {}, _pass(0), {}),
    ("fresh_mark", "open", {}, _pass(0), {}),
    ("halted", "open", {}, _pass(0), {}),
]


@pytest.mark.parametrize(
    ("rule", "code", "limits", "scene", "order"), FOUND, ids=[f"{rule}-{code}" for rule, code, *_ in FOUND]
)
def test_every_rule_says_in_a_word_what_it_found(
    rule: str, code: str, limits: dict[str, Any], scene: Scene, order: dict[str, Any]
) -> None:
    harness = harness_with(**({"book_age_seconds": 120.0} | limits))
    harness.book(BTC)
    harness.book(ETH)
    harness.fill(harness.buy(BTC, "0.1"))  # so that there is a high-water mark
    harness.pass_time(2)
    harness.mark(ETH, 1_500.0)
    harness.mark(BTC, 20_000.0)
    scene(harness)
    decided = harness.buy(ETH, "0.1", **order)
    assert row_of(decided, rule).code == code
    assert {row.code for row in decided.ceilings} <= set(get_args(Finding))
    for row in decided.ceilings:
        assert row.code != "open" or row.quantity > 0, row


def test_a_halt_is_a_finding_and_sets_the_verdicts_code() -> None:
    harness = harness_with()
    halt = NewHalt(symbol="", trigger="operator", reason="a look at the books")
    harness.machine.state.halts.begin(harness.told[-1], halt)
    decided = harness.buy(ETH, "0.1")
    assert (decided.binding, decided.code) == ("halted", "halted")


def test_a_verdict_has_the_code_of_the_rule_that_set_it() -> None:
    harness = harness_with(pair_cap_nav=0.01)
    assert harness.buy(ETH, "0.1").code == "open"
    trimmed = harness.buy(ETH, "100")
    assert (trimmed.verdict, trimmed.binding, trimmed.code) == ("trim", "pair_cap_nav", "limit")
    harness.pass_time(6)
    stale = harness.buy(ETH, "0.1")
    assert (stale.verdict, stale.binding, stale.code) == ("reject", "fresh_mark", "stale")


def test_what_the_exchanges_lots_and_minima_make_of_an_order_has_codes_of_its_own() -> None:
    harness = harness_with(pair_cap_nav=0.00001)
    small = harness.buy(ETH, "1")
    assert (small.verdict, small.binding, small.code) == ("reject", "pair_cap_nav", "below_minimum")
    assert small.shortfall == Shortfall(
        D("0.0013"), D("0.0001"), D(5), filter="NOTIONAL", least=D("0.0034"), worth_usdt=D("1.95")
    )
    harness = harness_with()
    too_small = harness.buy(ETH, "0.001")
    assert (too_small.binding, too_small.code) == ("minimum", "below_minimum")
    assert too_small.shortfall is not None
    harness.list_pair(ETH, max_quantity=D(2))
    assert (harness.buy(ETH, "3").binding, harness.buy(ETH, "3").code) == ("max_quantity", "lot_size")
    broken = harness.buy(ETH, "1.00005")
    assert (broken.binding, broken.code, broken.shortfall) == ("lot_step", "lot_size", None)


@pytest.mark.parametrize(
    ("tight", "rule"),
    [
        ({"pair_cap_nav": 0.00001}, "pair_cap_nav"),
        ({"sector_cap_nav": 0.00001}, "sector_cap"),
        ({"pair_cap_adv": 1e-9}, "pair_cap_adv"),
        ({"heat": 0.000001}, "portfolio_heat"),
        ({"equity_at_risk": 0.000001}, "equity_at_risk"),
        ({"max_order_usdt": 0.01}, "order_size"),
    ],
)
def test_a_limit_that_leaves_less_than_the_exchange_takes_is_named_before_its_filter(
    tight: dict[str, float], rule: str
) -> None:
    """Nobody looks for a bigger order where a cap is used up."""
    decided = harness_with(**tight).buy(ETH, "1")
    assert (decided.verdict, decided.binding, decided.code) == ("reject", rule, "below_minimum")
    assert decided.reason.startswith(f"{rule} has "), decided.reason
    assert "; what that leaves, 0.00" in decided.reason
    assert decided.reason.count("(NOTIONAL)") + decided.reason.count("(LOT_SIZE)") == 1


def test_a_sell_that_the_exchange_would_refuse_is_dust_with_the_minimum_that_it_misses() -> None:
    harness = harness_with()
    harness.fill(harness.buy(ETH, "1"))
    plain = harness.sell(ETH, "0.5")
    assert (plain.verdict, plain.code, plain.shortfall) == ("approve", "open", None)
    dust = harness.sell(ETH, "0.001")
    assert (dust.verdict, dust.binding, dust.code) == ("reject", "minimum", "dust")
    assert dust.shortfall == Shortfall(
        D("0.001"), D("0.0001"), D(5), filter="NOTIONAL", least=D("0.0034"), worth_usdt=D("1.5")
    )
    assert (harness.sell(ETH, "9").verdict, harness.sell(ETH, "9").code) == ("trim", "limit")
    nothing = harness.sell(BTC, "1")
    assert (nothing.verdict, nothing.binding, nothing.code) == ("reject", "position", "limit")
    assert harness.sell(ETH, "0").code == "invalid"
