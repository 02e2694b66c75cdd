"""The Portfolio Blender: what strategies want together, and the one order that leads there."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.sizing.blender import Exposure, LatestSignal, TargetOrder, target_fraction, target_order
from shared.domain.sizing.size import Size
from shared.domain.stops import stop_below
from tests.domain.market_scripts import T0, D, listed

WEIGHTS = {"donchian": 0.5, "momentum": 0.5}
FULL = Size(D(10), "equity_at_risk", 100.0, atr=5.0, adv_usdt=1e9, equity_at_risk_usdt=60.0, stop_distance=6.0)


def signal(strength: float, **changes: object) -> LatestSignal:
    return LatestSignal(strength, T0, **changes)  # type: ignore[arg-type]


def exposure(position: str = "0", buying: str = "0", selling: str = "0") -> Exposure:
    return Exposure(D(position), D(buying), D(selling))


def target(
    fraction: float, held: Exposure | None = None, *, size: Size = FULL, band: float = 0.2, **pair: object
) -> TargetOrder:
    return target_order(fraction, size, held or exposure(), listed(**pair), band)  # type: ignore[arg-type]


# --- the blend ----------------------------------------------------------------------------------------------------


def test_strengths_add_up_by_their_weights() -> None:
    assert target_fraction(WEIGHTS, {"donchian": signal(1.0)}, T0) == 0.5
    assert target_fraction(WEIGHTS, {"donchian": signal(1.0), "momentum": signal(0.5)}, T0) == 0.75
    assert target_fraction(WEIGHTS, {"donchian": signal(1.0), "momentum": signal(1.0)}, T0) == 1.0


def test_a_blend_above_a_full_position_is_cut_to_one() -> None:
    assert target_fraction({"one": 0.8, "two": 0.9}, {"one": signal(1.0), "two": signal(1.0)}, T0) == 1.0


def test_an_expired_signal_counts_for_nothing_and_is_an_opinion() -> None:
    expiring = {"donchian": signal(1.0, expires_ns=T0)}
    assert target_fraction(WEIGHTS, expiring, T0) == 0.5
    assert target_fraction(WEIGHTS, expiring, T0 + 1) == 0.0


def test_a_strategy_outside_the_plan_has_no_opinion() -> None:
    assert target_fraction(WEIGHTS, {"guru": signal(1.0)}, T0) is None


def test_a_spent_signal_counts_for_nothing_and_is_no_opinion() -> None:
    assert target_fraction(WEIGHTS, {"donchian": signal(1.0).as_spent()}, T0) is None


def test_a_strategy_that_wants_nothing_has_an_opinion_and_one_that_was_never_heard_has_none() -> None:
    assert target_fraction(WEIGHTS, {"donchian": signal(0.0)}, T0) == 0.0
    assert target_fraction(WEIGHTS, {}, T0) is None


@given(
    st.dictionaries(st.sampled_from("abcdef"), st.floats(0, 1)),
    st.dictionaries(st.sampled_from("abcdef"), st.floats(0, 1)),
)
def test_a_blend_is_a_fraction_and_the_same_in_whatever_order_signals_came(
    weights: dict[str, float], strengths: dict[str, float]
) -> None:
    signals = {name: signal(strength) for name, strength in strengths.items()}
    mix = target_fraction(weights, signals, T0)
    assert mix is None or 0 <= mix <= 1
    assert target_fraction(weights, dict(reversed(signals.items())), T0) == mix


# --- the order ----------------------------------------------------------------------------------------------------


def test_a_full_target_from_nothing_buys_the_full_size_with_its_stop() -> None:
    assert target(1.0) == TargetOrder("buy", D(10), D("94.00"))


def test_half_a_target_buys_half_the_size() -> None:
    assert target(0.5).quantity == D(5)


def test_what_is_held_and_what_is_in_flight_count_towards_the_target() -> None:
    assert target(1.0, exposure("4", buying="3")) == TargetOrder("buy", D(3), D("94.00"))
    assert not target(1.0, exposure("4", buying="6")).quantity


def test_nothing_is_bought_while_somebody_is_selling() -> None:
    assert target(1.0, exposure("8", selling="2")).reason == "a sale is in flight"


def test_a_difference_inside_the_band_is_left_alone_and_one_at_its_edge_is_not() -> None:
    assert target(1.0, exposure("8.001")).reason == "within the band"
    assert target(1.0, exposure("8")).quantity == D(2)
    assert target(0.5, exposure("6.9")).reason == "within the band"
    assert target(0.5, exposure("7")) == TargetOrder("sell", D(2))


def test_a_target_of_zero_sells_everything_that_the_exchange_takes() -> None:
    assert target(0.0, exposure("10")) == TargetOrder("sell", D(10))
    assert target(0.0, exposure("0.01"), min_notional=D(1)) == TargetOrder("sell", D("0.01"))
    assert target(0.0, exposure("0.01"), min_notional=D("1.01")).reason == "min_notional"  # dust: it would be refused
    assert target(0.0).reason == "nothing to sell"


def test_a_target_of_zero_sells_even_when_no_size_is_known() -> None:
    unknown = Size(D(0), "nav", 100.0)
    assert target(0.0, exposure("10"), size=unknown) == TargetOrder("sell", D(10))


@pytest.mark.parametrize("binding", ["history", "atr", "adv", "nav", "min_notional"])
def test_without_a_size_a_position_is_left_as_it_is(binding: str) -> None:
    assert target(0.5, exposure("10"), size=Size(D(0), binding, 100.0)).reason == binding


def test_a_pair_that_does_not_trade_gets_no_order_at_all() -> None:
    assert target(1.0, status="halted").reason == "pair"
    assert target(0.0, exposure("10"), status="delisted").reason == "pair"
    assert target_order(1.0, FULL, exposure(), None, 0.2).reason == "pair"


def test_a_sell_is_never_more_than_what_is_held_and_not_being_sold() -> None:
    assert target(0.0, exposure("10", selling="7")).quantity == D(3)
    assert target(0.0, exposure("10", selling="10")).reason == "nothing to sell"
    assert target(0.1, exposure("2", buying="9", selling="1")).quantity == D(1)


def test_an_order_is_cut_to_the_lot_step_and_to_the_largest_order() -> None:
    assert target(0.33, quantity_step=D(1)).quantity == D(3)
    assert target(1.0, max_quantity=D("2.5")).quantity == D("2.5")
    assert target(0.0, exposure("10"), max_quantity=D(4)) == TargetOrder("sell", D(4))
    assert target(0.0, exposure("1.23456")).quantity == D("1.234")


def test_an_order_below_the_minima_is_not_proposed() -> None:
    assert target(0.3, exposure(), min_notional=D(301)).reason == "min_notional"
    assert target(0.3, exposure(), min_quantity=D("3.1")).reason == "min_quantity"
    assert target(0.5, exposure("8"), min_notional=D(301)).reason == "min_notional"
    assert target(0.3, exposure(), min_notional=D(301), min_notional_at_market=False).quantity == D("2.999")


def test_an_order_is_no_larger_than_the_exchange_takes_at_the_market() -> None:
    assert target(1.0, exposure(), max_quantity=D(9), market_max_quantity=D("2.5")).quantity == D("2.5")
    assert target(0.0, exposure("10"), market_max_quantity=D(4)) == TargetOrder("sell", D(4))
    assert target(1.0, exposure(), market_quantity_step=D(3)).quantity == D(9)


# --- the stop -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("price", "distance", "step", "stop"),
    [
        (100.0, 6.0, "0.01", "94.00"),
        (100.0, 5.999, "0.01", "94.01"),  # up: less risk
        (100.0, 0.001, "0.01", "99.99"),  # up would be the price itself
        (100.0, 99.999, "0.01", "0.01"),
        (100.0, 250.0, "0.01", "0.01"),  # never zero or below
        (0.00002350, 0.000002, "0.00000001", "0.00002150"),
        (0.5, 0.1, "1", None),  # no step fits below the price
    ],
)
def test_a_stop_is_rounded_up_to_the_price_step_and_stays_below_the_price(
    price: float, distance: float, step: str, stop: str | None
) -> None:
    assert stop_below(price, distance, D(step)) == (None if stop is None else D(stop))


@given(st.floats(1e-5, 1e6), st.floats(0, 2), st.sampled_from(["0.00000001", "0.0001", "0.01", "1"]))
def test_every_stop_is_a_positive_step_strictly_below_the_price(price: float, part: float, step: str) -> None:
    stop = stop_below(price, price * part, D(step))
    if stop is None:
        assert price <= float(D(step)) * (1 + 1e-9)
        return
    assert 0 < stop < Decimal(price)
    assert stop % D(step) == 0
    assert stop >= Decimal(price - price * part) - Decimal(price * 1e-12) or stop + D(step) >= Decimal(price)


@given(
    st.floats(0, 1),
    st.tuples(st.integers(0, 3000), st.integers(0, 3000), st.integers(0, 3000)),
    st.integers(0, 2000),
    st.floats(0, 0.5),
)
def test_an_order_never_overshoots_the_target_and_never_sells_what_is_not_there(
    fraction: float, amounts: tuple[int, int, int], full: int, band: float
) -> None:
    position, buying, selling = (Decimal(amount) / 100 for amount in amounts)
    selling = min(selling, position)
    size = Size(Decimal(full) / 100, "equity_at_risk", 100.0, stop_distance=6.0)
    order = target_order(fraction, size, Exposure(position, buying, selling), listed(min_notional=D(0)), band)
    if order.side == "sell":
        assert order.quantity <= position - selling
        assert order.stop_price is None
    else:
        target = Decimal(fraction) * size.quantity
        assert position + buying - selling + order.quantity <= target * (1 + Decimal("1e-12")) or not order.quantity
        assert not order.quantity or (order.stop_price is not None and order.stop_price < 100)
