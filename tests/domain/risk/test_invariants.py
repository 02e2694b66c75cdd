"""What must hold for any portfolio and any stream of orders."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.plan import Limits
from shared.messages.orders import OrderDecided
from tests.domain.risk.risk_harness import PRICES, UNIVERSE, RiskHarness
from tests.examples import examples

D = Decimal
symbols = st.sampled_from(UNIVERSE.symbols)
actions = st.lists(
    st.tuples(
        st.sampled_from(["buy", "buy", "buy", "sell", "mark", "fill", "part", "cancel", "stop"]),
        symbols,
        st.floats(0.001, 1.5),
        st.floats(0.5, 0.999),
    ),
    max_size=40,
)


def play(harness: RiskHarness, steps: list[tuple[str, str, float, float]]) -> list[OrderDecided]:
    """Random but sensible life of a portfolio; returns every decision."""
    decisions: list[OrderDecided] = []
    waiting: list[OrderDecided] = []
    for action, symbol, size, stop in steps:
        pair = harness.machine.state.heat.pairs[symbol]
        quantity = str(round(30_000 * size / PRICES[symbol.partition("/")[0]], 4))
        if action == "buy":
            decided = harness.buy(symbol, quantity, stop=round(pair.mark * stop, 6))
            decisions.append(decided)
            waiting += [decided] if decided.quantity_approved else []
        elif action == "sell":
            decided = harness.sell(symbol, quantity)
            decisions.append(decided)
            waiting += [decided] if decided.quantity_approved else []
        elif action == "mark":
            harness.pass_time(1)
            for each in UNIVERSE.symbols:
                harness.mark(
                    each, harness.machine.state.heat.pairs[each].mark * (0.9 + size / 5 if each == symbol else 1.0)
                )
        elif action == "stop":
            harness.stop_placed(symbol, str(round(pair.mark * stop, 6)))
        elif waiting and action in ("fill", "cancel"):
            decided = waiting.pop()
            order = harness.machine.state.reservations.get(decided.order_id)
            if action == "fill" and order is not None:
                harness.fill(decided, quantity=str(order.left))
                harness.close(decided)
            else:
                harness.close(decided, "cancelled")
        elif waiting and action == "part":
            decided = waiting[-1]
            half = (decided.quantity_approved / 2).quantize(D("0.0001"))
            order = harness.machine.state.reservations.get(decided.order_id)
            if order and 0 < half < order.left:
                harness.fill(decided, quantity=str(half))
    return decisions


@examples(60)
@given(actions)
def test_nothing_is_approved_past_any_limit_and_totals_stay_right(steps: list[tuple[str, str, float, float]]) -> None:
    harness = RiskHarness(limits=Limits(heat=0.03, mark_age_seconds=1e9))
    for decided in play(harness, steps):
        if decided.side == "sell" or not decided.quantity_approved:
            continue
        quantity = float(decided.quantity_approved)
        for row in decided.ceilings:
            assert quantity <= row.quantity * (1 + 1e-9)
        assert decided.heat_after <= 0.03 * (1 + 1e-9)
        assert decided.quantity_approved <= decided.quantity_requested
    heat = harness.machine.state.heat
    kept = (heat.holdings, heat.open_risk, heat.reserved_risk, heat.reserved_cash, *heat.sectors.values())
    heat.resum()
    afresh = (heat.holdings, heat.open_risk, heat.reserved_risk, heat.reserved_cash, *heat.sectors.values())
    assert kept == pytest.approx(afresh, rel=1e-9, abs=1e-6)


@examples(40)
@given(actions)
def test_a_restart_from_the_records_gives_the_same_portfolio(steps: list[tuple[str, str, float, float]]) -> None:
    harness = RiskHarness(limits=Limits(mark_age_seconds=1e9))
    play(harness, steps)
    other = RiskHarness(limits=Limits(mark_age_seconds=1e9))
    rows = {
        f"{kind}:{name}": row
        for kind in harness.machine.records.kinds
        for name, row in harness.machine.records.rows(kind, object)  # type: ignore[type-var]
    }
    other.machine.records.load(rows)
    other.machine.restored()
    other.now_ns = harness.now_ns
    for symbol in UNIVERSE.symbols:
        other.mark(symbol, harness.machine.state.heat.pairs[symbol].mark)
    one, two = harness.snapshot, other.snapshot
    assert two.cash == one.cash
    assert two.nav == pytest.approx(one.nav, rel=1e-9)
    assert two.heat == pytest.approx(one.heat, rel=1e-9, abs=1e-12)
    assert [row.quantity for row in two.positions] == [row.quantity for row in one.positions]


@examples(40)
@given(symbols, st.floats(0.01, 3.0), st.floats(0.5, 0.999))
def test_a_trim_is_the_largest_tradable_quantity(symbol: str, size: float, stop: float) -> None:
    price = PRICES[symbol.partition("/")[0]]
    quantity = str(round(30_000 * size / price, 4))
    decided = RiskHarness().buy(symbol, quantity, stop=round(price * stop, 6))
    if decided.verdict != "trim":
        return
    step = D("0.0001")
    again = RiskHarness().buy(symbol, str(decided.quantity_approved), stop=round(price * stop, 6))
    more = RiskHarness().buy(symbol, str(decided.quantity_approved + step), stop=round(price * stop, 6))
    assert again.verdict == "approve"
    assert more.verdict == "trim"
