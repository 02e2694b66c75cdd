"""What the paper exchange charges: spread, square-root slippage, fees, and rounding against the order."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.execution.paper.prices import Depth, Quote, fee_usdt, slippage, taker_price, touch
from shared.domain.execution.paper.triggers import (
    limit_passed_by_bar,
    limit_passed_by_quote,
    stop_touched_by_bar,
    stop_touched_by_quote,
)
from shared.domain.plan import Costs
from shared.messages.orders import Side
from tests.domain.market_scripts import D, ohlc

COSTS = Costs()
DEEP = Depth(adv_usdt=1e15, sigma_day=0.05)


def quote(price: float, bid: float = 0.0, ask: float = 0.0) -> Quote:
    return Quote(price, bid, ask, 0)


# --- prices -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("adv", "basis_points"), [(1e6, 50), (5e6, 22), (20e6, 11), (100e6, 5), (1e9, 1.6)])
def test_ten_thousand_dollars_slip_as_the_square_root_law_says(adv: float, basis_points: float) -> None:
    assert slippage(10_000, Depth(adv, 0.05), COSTS) * 1e4 == pytest.approx(basis_points, abs=0.5)


def test_an_unknown_depth_costs_more_than_any_pair_that_qualifies() -> None:
    thinnest = Depth(adv_usdt=40e6, sigma_day=0.10)
    for unknown in (Depth(), Depth(adv_usdt=None, sigma_day=0.1), Depth(adv_usdt=0.0, sigma_day=float("nan"))):
        assert slippage(10_000, unknown, COSTS) == pytest.approx(0.01)
        assert slippage(10_000, unknown, COSTS) > slippage(10_000, thinnest, COSTS)


def test_slippage_never_takes_more_than_half_the_price() -> None:
    assert slippage(1e15, Depth(), COSTS) == 0.5
    assert taker_price("sell", D(10**12), 100.0, depth=Depth(), costs=COSTS, step=D("0.01")) == D("50.00")


def test_the_touch_is_the_other_side_of_the_book_or_half_a_spread_from_the_mark() -> None:
    assert touch("buy", quote(100, 99.9, 100.2), COSTS) == 100.2
    assert touch("sell", quote(100, 99.9, 100.2), COSTS) == 99.9
    assert touch("buy", quote(100), COSTS) == pytest.approx(100.05)
    assert touch("sell", quote(100), COSTS) == pytest.approx(99.95)


def test_prices_are_rounded_against_the_order() -> None:
    assert taker_price("buy", D(1), 100.001, depth=DEEP, costs=COSTS, step=D("0.01")) == D("100.01")
    assert taker_price("sell", D(1), 99.999, depth=DEEP, costs=COSTS, step=D("0.01")) == D("99.99")
    assert taker_price("sell", D(1), 0.004, depth=DEEP, costs=COSTS, step=D("0.01")) == D("0.01")


def test_the_fee_is_a_fraction_of_the_notional() -> None:
    assert fee_usdt(D("0.31"), D("20510.25"), COSTS) == D("6.35817750")
    assert fee_usdt(D(1), D(1), Costs(fee=0.0)) == 0


@given(
    st.sampled_from(["buy", "sell"]),
    st.decimals("0.001", "1e6", places=3),
    st.floats(0.01, 1e5),
    st.one_of(st.none(), st.floats(1e4, 1e11)),
    st.one_of(st.none(), st.floats(0, 1)),
    st.sampled_from(["0.0001", "0.01", "1"]),
)
def test_no_order_ever_fills_better_than_the_touch(
    side: Side, quantity: Decimal, touched: float, adv: float | None, sigma: float | None, step: str
) -> None:
    price = taker_price(side, quantity, touched, depth=Depth(adv, sigma), costs=COSTS, step=D(step))
    assert price % D(step) == 0
    assert price > 0
    if side == "buy":
        assert price >= Decimal(repr(touched)) - Decimal("1e-12")
    else:
        assert price <= max(Decimal(repr(touched)), D(step))


@given(st.floats(0, 1e7), st.floats(0, 1e7))
def test_a_larger_order_never_slips_less(one: float, other: float) -> None:
    depth = Depth(1e7, 0.05)
    assert slippage(min(one, other), depth, COSTS) <= slippage(max(one, other), depth, COSTS)


# --- triggers -----------------------------------------------------------------------------------------------------


def test_a_stop_is_reached_by_a_mark_at_or_below_it() -> None:
    assert stop_touched_by_quote(90.0, quote(90.01), COSTS) is None
    assert stop_touched_by_quote(90.0, quote(90.0, 89.9, 90.1), COSTS) == 89.9
    assert stop_touched_by_quote(90.0, quote(90.0), COSTS) == pytest.approx(89.955)


def test_a_gap_fills_at_the_gap_and_never_at_the_stop() -> None:
    assert stop_touched_by_quote(90.0, quote(50.0, 49.9, 50.1), COSTS) == 49.9
    assert stop_touched_by_bar(90.0, ohlc(0, 50, 95, 40, 92), COSTS) == pytest.approx(50 * 0.9995)


def test_a_bid_above_the_stop_does_not_fill_above_the_stop() -> None:
    assert stop_touched_by_quote(90.0, quote(89.0, 91.0, 92.0), COSTS) == 90.0


def test_a_bar_that_trades_down_to_the_stop_fills_at_the_stop() -> None:
    assert stop_touched_by_bar(90.0, ohlc(0, 100, 101, 90, 95), COSTS) == pytest.approx(90 * 0.9995)
    assert stop_touched_by_bar(90.0, ohlc(0, 100, 101, 20, 95), COSTS) == pytest.approx(90 * 0.9995)
    assert stop_touched_by_bar(90.0, ohlc(0, 100, 101, 90.01, 95), COSTS) is None


def test_a_limit_fills_when_the_price_trades_through_it_and_not_when_it_touches() -> None:
    assert not limit_passed_by_quote("buy", 95.0, quote(94.9, 94.8, 95.0))
    assert limit_passed_by_quote("buy", 95.0, quote(94.9, 94.8, 94.99))
    assert limit_passed_by_quote("buy", 95.0, quote(94.9))
    assert not limit_passed_by_quote("sell", 105.0, quote(105.1, 105.0, 105.2))
    assert limit_passed_by_quote("sell", 105.0, quote(105.1, 105.01, 105.2))
    assert limit_passed_by_bar("buy", 95.0, ohlc(0, 100, 101, 94.99, 100))
    assert not limit_passed_by_bar("buy", 95.0, ohlc(0, 100, 101, 95, 100))
    assert limit_passed_by_bar("sell", 105.0, ohlc(0, 100, 105.01, 99, 100))
    assert not limit_passed_by_bar("sell", 105.0, ohlc(0, 100, 105, 99, 100))


@given(st.floats(1, 1e5), st.floats(1, 1e5), st.floats(0, 0.5), st.floats(0, 0.5))
def test_a_stop_never_begins_to_sell_above_itself_or_above_the_market(
    stop: float, open_: float, up: float, down: float
) -> None:
    bar = ohlc(0, open_, open_ * (1 + up), open_ * (1 - down), open_)
    touched = stop_touched_by_bar(stop, bar, COSTS)
    assert (touched is None) == (bar.low > stop)
    if touched is not None:
        assert touched <= stop
        assert touched <= open_
