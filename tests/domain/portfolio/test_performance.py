"""Drawdown and Sharpe ratio, against numpy and by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.portfolio.performance import MOST_DAYS, DailyNavs, drawdown_of, sharpe_of
from shared.domain.timeframes import DAY_NS

RETURNS = st.lists(st.floats(-0.2, 0.2), min_size=2, max_size=200)


def test_the_sharpe_ratio_by_hand() -> None:
    """Mean 0.01, sample standard deviation 0.01: exactly sqrt(365)."""
    assert sharpe_of([0.0, 0.01, 0.02]) == pytest.approx(math.sqrt(365), rel=1e-12)


@given(RETURNS)
def test_the_sharpe_ratio_is_numpys(returns: list[float]) -> None:
    deviation = float(np.std(returns, ddof=1))
    found = sharpe_of(returns)
    if found is None:
        assert deviation < 1e-11
    else:
        assert found == pytest.approx(float(np.mean(returns)) / deviation * math.sqrt(365), rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("returns", [[], [0.01], [0.01, 0.01, 0.01], [0.0, 0.0], [0.1, math.nan]])
def test_a_ratio_that_nobody_can_know_is_none(returns: list[float]) -> None:
    assert sharpe_of(returns) is None


@given(st.lists(st.floats(1_000.0, 1e6), min_size=1, max_size=100))
def test_the_worst_drawdown_is_numpys(navs: list[float]) -> None:
    peak = worst = 0.0
    for nav in navs:
        peak = max(peak, nav)
        worst = max(worst, drawdown_of(peak, nav))
    running = np.maximum.accumulate(navs)
    assert worst == pytest.approx(float(np.max((running - navs) / running)), abs=1e-12)


def test_the_first_snapshot_of_a_utc_day_is_the_days_nav() -> None:
    days = DailyNavs()
    for time_ns, nav in ((0, 100.0), (DAY_NS - 1, 90.0), (DAY_NS, 110.0), (DAY_NS + 1, 50.0), (2 * DAY_NS, 99.0)):
        days = days.with_nav(time_ns, nav)
    assert days.navs == (100.0, 110.0, 99.0)
    assert days.returns == pytest.approx([0.1, -0.1])


def test_a_return_over_missed_days_counts_once_and_the_days_are_counted() -> None:
    days = DailyNavs().with_nav(10 * DAY_NS, 100.0).with_nav(14 * DAY_NS, 80.0)
    assert days.returns == pytest.approx([-0.2])
    assert days.missed == 3


def test_days_are_bounded() -> None:
    days = DailyNavs()
    for day in range(MOST_DAYS + 10):
        days = days.with_nav(day * DAY_NS, 100.0 + day)
    assert len(days.navs) == MOST_DAYS
    assert days.navs[-1] == 100.0 + MOST_DAYS + 9
