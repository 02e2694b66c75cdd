"""What must hold for any order book: nothing is bought beyond the collar around its middle, or where it is too wide."""

from decimal import Decimal

from hypothesis import example, given
from hypothesis import strategies as st
from msgspec import structs

from shared.messages.orders import OrderProposed
from tests.domain.risk.gate.rule_scenes import BTC, D, harness_with
from tests.domain.risk.risk_harness import RiskHarness
from tests.examples import examples
from tests.samples import proposal

STEP = D("0.0001")
MARK = 20_000.0
Levels = list[tuple[float, float]]
LEVELS = st.lists(
    st.tuples(st.floats(0.00001, 0.2), st.floats(0.0, 3.0) | st.sampled_from([0.0, 0.5, 1e6])), min_size=1, max_size=6
)
SPREADS = st.none() | st.floats(0.0, 0.05)
QUANTITIES = st.integers(1, 90_000).map(lambda lots: lots * STEP)
NEAR = [(0.0001, 1.0)]


def harness_with_book(
    collar: float, bids: Levels, asks: Levels, spread: float | None, median: float | None
) -> RiskHarness:
    """Levels: how far from 20,000 USDT, as a fraction, and how much is there."""
    harness = harness_with(price_collar=collar, book_age_seconds=120.0)
    harness.book(
        BTC,
        bids=tuple((MARK * (1 - away), amount) for away, amount in bids),
        asks=tuple((MARK * (1 + away), amount) for away, amount in asks),
        spread=spread,
        median_spread=median,
    )
    return harness


def affordable(harness: RiskHarness, collar: float) -> float:
    """What the book sells within the collar of mark and middle, by another sum than the gate's."""
    book = harness.machine.state.books[BTC].sample
    middle = min(MARK, (book.asks[0][0] + book.bids[0][0]) / 2)
    return sum(amount for price, amount in book.asks if price / middle - 1 <= collar * (1 + 1e-9))


def order(quantity: Decimal, number: int = 0) -> OrderProposed:
    return proposal(order_id=f"b-{number}", symbol=BTC, side="buy", quantity=quantity, stop_price=D(19_000))


@examples(200)
@given(st.floats(0.001, 0.1), LEVELS, LEVELS, SPREADS, SPREADS, QUANTITIES)
@example(0.02, NEAR, [(0.0001, 0.3), (0.03, 9.0)], 0.0004, 0.0004, D(1))
def test_a_market_order_gets_what_the_book_sells_within_the_collar_and_nothing_where_the_spread_is_too_wide(
    collar: float, bids: Levels, asks: Levels, spread: float | None, median: float | None, quantity: Decimal
) -> None:
    harness = harness_with_book(collar, bids, asks, spread, median)
    most, limits = affordable(harness, collar), harness.machine.state.limits
    is_wide = spread is None or median is None or median > limits.spread_median
    is_wide = is_wide or (spread or 0.0) > max(limits.spread_multiple * (median or 0.0), limits.spread_median)
    [decided] = harness.handle(order(quantity))
    approved = decided.quantity_approved  # type: ignore[attr-defined]
    assert float(approved) <= most * (1 + 1e-9)
    if is_wide:
        assert approved == 0
    elif approved < quantity and float(quantity) * MARK >= 5:  # the exchange's minimum is another rule
        assert decided.binding == "price_collar"  # type: ignore[attr-defined]
        assert approved == 0 or float(approved + STEP) > most * (1 - 1e-9)


@examples(100)
@given(st.floats(0.001, 0.1), LEVELS, LEVELS, QUANTITIES, QUANTITIES)
def test_in_any_book_a_smaller_order_gets_all_that_it_wants_of_what_a_larger_one_gets(
    collar: float, bids: Levels, asks: Levels, one: Decimal, other: Decimal
) -> None:
    small, large = sorted((one, other))
    got = []
    for quantity in (small, large):
        [decided] = harness_with_book(collar, bids, asks, 0.0004, 0.0004).handle(order(quantity))
        got.append(decided.quantity_approved)  # type: ignore[attr-defined]
    tradable = small * D(20_000) >= 5  # the exchange's minimum
    assert got[0] == (min(small, got[1]) if tradable else 0)


@examples(100)
@given(st.lists(st.tuples(st.floats(0.001, 0.1), LEVELS), min_size=2, max_size=4), QUANTITIES)
def test_each_order_is_held_to_the_latest_book_and_the_collar_then_in_force(
    times: list[tuple[float, Levels]], quantity: Decimal
) -> None:
    """Whatever is remembered of a book must go when the book or the limits change."""
    harness = harness_with_book(times[0][0], NEAR, times[0][1], 0.0004, 0.0004)
    for number, (collar, asks) in enumerate(times):
        harness.machine.state.use_limits(structs.replace(harness.machine.state.limits, price_collar=collar))
        if number % 2:
            levels = tuple((MARK * (1 + away), amount) for away, amount in asks)
            harness.book(BTC, bids=((MARK * 0.9999, 1.0),), asks=levels)
        [decided] = harness.handle(order(quantity, number))
        assert float(decided.quantity_approved) <= affordable(harness, collar) * (1 + 1e-9)  # type: ignore[attr-defined]
        harness.close(decided, "cancelled")  # type: ignore[arg-type]
