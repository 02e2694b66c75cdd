"""What is nothing is exactly nothing, whatever sums of floats leave of it; and no sentence shows the rest."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.risk.gate.ceilings import budget
from shared.domain.risk.gate.view import View
from shared.domain.words import counted, figure
from tests.domain.risk.gate.rule_scenes import harness_with
from tests.domain.risk.risk_harness import PRICES
from tests.examples import examples
from tests.samples import proposal

SYMBOLS = tuple(f"{base}/USDT" for base in PRICES)
ORDERS = st.lists(st.tuples(st.sampled_from(SYMBOLS), st.integers(10, 5_000), st.sampled_from("cfp")), min_size=1)


@examples(100)
@given(ORDERS, st.booleans())
def test_with_no_order_open_nothing_is_reserved_and_with_nothing_held_nothing_is_at_risk(
    orders: list[tuple[str, int, str]], sells: bool
) -> None:
    harness = harness_with(cash=50_000_000.0)
    heat = harness.machine.state.heat
    decided = []
    for symbol, size_usdt, _ in orders:
        lots = round(size_usdt / PRICES[symbol.partition("/")[0]], 4)
        decided.append(harness.buy(symbol, f"{max(lots, 0.0034):.4f}"))
    for each, (_, _, end) in zip(decided, orders, strict=True):
        if end == "p" and each.quantity_approved > 1:
            harness.fill(each, quantity="1")
        if end == "f":
            harness.fill(each)
        else:
            harness.close(each, "cancelled")
    assert (heat.reserved_risk, heat.reserved_cash, heat.reserved_notional) == (0.0, 0.0, 0.0)
    assert harness.snapshot.heat_reserved == 0.0
    if sells:
        for position in list(harness.machine.state.ledger.positions()):
            sold = harness.sell(position.symbol, str(position.quantity))
            if sold.quantity_approved:
                harness.fill(sold)
        if not list(harness.machine.state.ledger.positions()):
            assert (heat.holdings, heat.open_risk, set(heat.sectors.values())) == (0.0, 0.0, {0.0})


def test_a_budget_that_is_used_up_says_so_without_a_negative_rest() -> None:
    harness = harness_with(sector_cap_nav=0.1)
    harness.fill(harness.buy("SOL/USDT", "600"))
    harness.pass_time(1)
    harness.mark("SOL/USDT", 45.0)
    used_up = harness.buy("SOL/USDT", "1")
    assert used_up.reason == "sector_cap is used up: 27,000.00 of 20,898.20 USDT"


@pytest.mark.parametrize("residue", [4.5e-13, 1e-14, 0.0])
def test_what_float_sums_take_beyond_a_budget_is_nothing(residue: float) -> None:
    harness = harness_with()
    view = View(proposal(), harness.machine.state)
    ceiling = budget("cash", view, 249.9, 249.9 + residue, 100.0)
    assert (ceiling.headroom, ceiling.quantity) == (0.0, 0.0)


def test_what_float_sums_leave_of_a_budget_buys_less_than_anybody_sells() -> None:
    view = View(proposal(), harness_with().machine.state)
    ceiling = budget("cash", view, 249.9, 249.9 - 4.5e-13, 100.0)
    assert 0.0 < ceiling.quantity < 1e-14
    assert ceiling.headroom == ceiling.limit - ceiling.used


def test_figures_in_sentences_have_no_exponent_and_nouns_their_number() -> None:
    assert [figure(value) for value in (0.0000123, 1_500.0, 123_456_789.5, 1e-9)] == [
        "0.0000123", "1500", "123456790", "0.000000001",
    ]  # fmt: skip
    assert (counted(1, "order"), counted(2, "order"), counted(1_234, "pair")) == ("1 order", "2 orders", "1,234 pairs")
