"""The size of a full position: the plan's table, the caps, and what happens when something is missing."""

import math
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.bars.series import DailyHistory
from shared.domain.plan import Limits, SizingPlan
from shared.domain.sizing.size import Account, Size, size_of, whole_lots
from shared.messages.market import PairListed
from tests.domain.market_scripts import DAY, T0, D, days, listed

FINE = listed(quantity_step=D("0.00001"), min_quantity=D("0.00001"))


def history(atr_pct: float, *, price: float = 100.0, adv_usdt: float = 1e9, count: int = 60) -> DailyHistory:
    daily = DailyHistory(atr_days=10, adv_days=20)
    for bar in days(count, price=price, atr_pct=atr_pct, adv_usdt=adv_usdt):
        daily.add(bar)
    return daily


def size(
    atr_pct: float = 0.1,
    *,
    price: float = 100.0,
    nav: float | None = 200_000.0,
    scale: float = 1.0,
    pair: PairListed | None = FINE,
    daily: DailyHistory | None = None,
    time_ns: int = T0,
    limits: Limits = Limits(),
    **changes: float,
) -> Size:
    return size_of(
        price=price,
        time_ns=time_ns,
        account=Account(nav, scale),
        daily=(
            daily or history(atr_pct, price=price if math.isfinite(price) and price > 0 else 100.0, **changes)
        ).latest,  # type: ignore[arg-type]
        listed=pair,
        limits=limits,
        sizing=SizingPlan(),
    )


@pytest.mark.parametrize(
    ("atr_pct", "equity_at_risk_size", "after_the_cap", "risk", "binding"),
    [
        (0.03, 27_778, 10_000, 0.0018, "pair_cap_nav"),
        (0.05, 16_667, 10_000, 0.0030, "pair_cap_nav"),
        (0.06, 13_889, 10_000, 0.0036, "pair_cap_nav"),
        (0.07, 11_905, 10_000, 0.0042, "pair_cap_nav"),
        (0.08, 10_417, 10_000, 0.0048, "pair_cap_nav"),
        (0.10, 8_333, 8_333, 0.0050, "equity_at_risk"),
    ],
)
def test_the_table_of_risk_maths(
    atr_pct: float, equity_at_risk_size: float, after_the_cap: float, risk: float, binding: str
) -> None:
    capped, uncapped = size(atr_pct), size(atr_pct, limits=Limits(pair_cap_nav=1.0))
    assert float(uncapped.quantity) * 100 == pytest.approx(equity_at_risk_size, abs=0.6)
    assert uncapped.binding == "equity_at_risk"
    assert float(capped.quantity) * 100 == pytest.approx(after_the_cap, abs=0.6)
    assert float(capped.quantity) * capped.stop_distance / 200_000 == pytest.approx(risk, abs=5e-6)
    assert capped.binding == binding
    assert capped.equity_at_risk_usdt == pytest.approx(1_000)
    assert capped.stop_distance == pytest.approx(1.2 * atr_pct * 100)
    assert capped.stop_price == pytest.approx(100 - 1.2 * atr_pct * 100)


def test_the_phase_scales_the_equity_at_risk() -> None:
    assert float(size(0.1, scale=0.25).quantity) == pytest.approx(8_333.33 / 4 / 100, abs=1e-4)
    assert float(size(0.2, scale=2.0).quantity) == pytest.approx(8_333.33 / 100, abs=1e-4)


def test_the_pair_cap_by_volume_binds_in_a_thin_market() -> None:
    thin = size(0.1, adv_usdt=30_000)
    assert (thin.binding, thin.quantity) == ("pair_cap_adv", D(60))
    assert size(0.1, adv_usdt=50_000).binding == "equity_at_risk"


def test_the_floor_under_atr_binds_in_a_market_that_stands_still_and_says_so() -> None:
    still = size(0.0001, limits=Limits(pair_cap_nav=1.0))
    assert still.binding == "atr_floor"
    assert still.stop_distance == pytest.approx(1.2)
    assert float(still.quantity) == pytest.approx(1_000 / 1.2, abs=1e-4)
    assert size(0.0001).binding == "pair_cap_nav"


def test_a_size_below_the_exchange_minimum_is_zero_and_says_so() -> None:
    small = size(0.1, nav=100.0, pair=listed(min_notional=D(5), quantity_step=D("0.00001"), min_quantity=D("0.00001")))
    assert (small.quantity, small.binding, small.is_known) == (D(0), "min_notional", True)
    coarse = size(0.1, nav=1_000.0, pair=listed(quantity_step=D(1), min_quantity=D(1)))
    assert (coarse.quantity, coarse.binding, coarse.is_known) == (D(0), "min_quantity", True)


@pytest.mark.parametrize(
    ("told", "given_"),
    [
        ("pair", {"pair": None}),
        ("pair", {"pair": listed(status="halted")}),
        ("history", {"count": 59}),
        ("history", {"time_ns": T0 + 4 * DAY}),
        ("adv", {"adv_usdt": 0.0}),
        ("nav", {"nav": None}),
        ("nav", {"nav": 0.0}),
        ("nav", {"nav": -5.0}),
        ("nav", {"nav": math.nan}),
        ("nav", {"nav": math.inf}),
        ("price", {"price": math.nan}),
        ("price", {"price": math.inf}),
        ("price", {"price": 0.0}),
    ],
)
def test_whatever_is_missing_makes_the_size_zero_and_is_named(told: str, given_: dict[str, object]) -> None:
    closed = size(**given_)  # type: ignore[arg-type]
    assert (closed.quantity, closed.binding, closed.is_known) == (D(0), told, False)
    assert all(math.isfinite(figure) for figure in (closed.price, closed.atr, closed.adv_usdt, closed.stop_distance))


def test_a_missing_atr_is_named() -> None:
    young = DailyHistory(atr_days=100, adv_days=20)
    for bar in days(60):
        young.add(bar)
    assert size(daily=young).binding == "atr"
    dead = history(0.0)
    assert size(daily=dead, limits=Limits(atr_floor=0.0)).binding == "atr"


def test_the_stop_distance_stands_without_nav_and_volume() -> None:
    assert size(0.1, nav=None).stop_distance == pytest.approx(12)
    assert size(0.1, adv_usdt=0.0).stop_distance == pytest.approx(12)
    assert size(0.1, pair=None).stop_distance == 0
    assert size(0.1, time_ns=T0 + 4 * DAY).stop_distance == 0


def test_a_stop_distance_above_the_price_leaves_a_stop_price_of_zero() -> None:
    assert size(0.9).stop_price == 0


@given(
    price=st.floats(1e-6, 1e6),
    atr_pct=st.floats(0, 1.5),
    nav=st.floats(1.0, 1e9),
    adv_usdt=st.floats(1.0, 1e11),
    scale=st.floats(0.01, 4),
    step=st.sampled_from(["0.00000001", "0.00001", "0.001", "0.1", "1", "1000"]),
)
def test_a_size_is_never_above_any_cap_and_a_whole_number_of_lots(
    price: float, atr_pct: float, nav: float, adv_usdt: float, scale: float, step: str
) -> None:
    limits, pair = Limits(), listed(quantity_step=D(step), min_quantity=D(step))
    daily = history(atr_pct, price=price, adv_usdt=adv_usdt)
    full = size(price=price, nav=nav, scale=scale, pair=pair, daily=daily)
    held = float(full.quantity)
    exact = 1 + 1e-12
    assert held * full.stop_distance <= nav * limits.equity_at_risk * scale * exact
    assert held * price <= nav * limits.pair_cap_nav * exact
    assert held * price <= adv_usdt * limits.pair_cap_adv * exact
    assert full.stop_distance >= 1.2 * limits.atr_floor * price / exact
    assert full.quantity % D(step) == 0
    assert full.is_known
    if full.quantity:
        assert full.quantity >= pair.min_quantity
        assert held * price >= 5


@given(st.floats(0, 1e12), st.sampled_from(["0.00000001", "0.00001", "0.01", "0.1", "1", "1000"]))
def test_cutting_to_the_lot_step_gives_the_largest_multiple_that_is_not_above(quantity: float, step: str) -> None:
    booked = whole_lots(quantity, D(step))
    assert booked <= Decimal(quantity) < booked + D(step)
    assert booked % D(step) == 0
