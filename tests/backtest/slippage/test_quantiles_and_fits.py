"""Y by quantile regression: the closed form is where the loss is least, and covers what was asked for."""

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.backtest.slippage.fitting import LEAST_SAMPLES, fit_class, fitted_factor
from services.backtest.slippage.judging import Cost
from services.backtest.slippage.quantiles import in_bp, pinball_loss, quantile, weighted_quantile
from shared.domain.plan import Costs
from shared.domain.timeframes import MINUTE_NS
from tests.examples import examples

UNITS = st.floats(1e-6, 0.05)
WALKED = st.floats(0.0, 0.2)
HALF_SPREAD = 0.0005


def cost(walked: float, unit: float = 0.001, minute: int = 0, *, stress: bool = False) -> Cost:
    return Cost(minute * MINUTE_NS, stress, unit, walked)


def total_loss(part: list[Cost], factor: float, wanted: float) -> float:
    return sum(pinball_loss(HALF_SPREAD + factor * each.unit - each.walked, wanted) for each in part)


def test_a_quantile_is_the_least_value_with_enough_at_or_below_it() -> None:
    ordered = [1.0, 2.0, 3.0, 4.0]
    assert [quantile(ordered, share) for share in (0.0, 0.25, 0.26, 0.5, 0.99, 1.0)] == [1.0, 1.0, 2.0, 2.0, 4.0, 4.0]


def test_weights_move_a_quantile_and_without_any_there_is_none() -> None:
    assert weighted_quantile([(1.0, 1.0), (2.0, 1.0), (3.0, 8.0)], 0.5) == 3.0
    assert weighted_quantile([(3.0, 1.0), (1.0, 1.0)], 0.5) == 1.0
    assert weighted_quantile([], 0.5) is None
    assert weighted_quantile([(1.0, 0.0)], 0.5) is None


def test_what_is_infinite_has_no_basis_points() -> None:
    assert in_bp(0.000123) == 1.23
    assert in_bp(inf) is None
    assert in_bp(-inf) is None


@examples(200)
@given(
    st.lists(st.builds(cost, WALKED, UNITS), min_size=1, max_size=40),
    st.sampled_from((0.05, 0.5, 0.9, 0.95, 0.99)),
    st.lists(st.floats(0.0, 50.0), min_size=1, max_size=20),
)
def test_no_other_factor_has_a_smaller_loss(part: list[Cost], wanted: float, others: list[float]) -> None:
    found = fitted_factor(part, HALF_SPREAD, wanted)
    assert found is not None
    least = total_loss(part, found, wanted)
    nearby = [max(0.0, found + step) for step in (-1e-3, 1e-3)]
    assert all(least <= total_loss(part, other, wanted) + 1e-12 for other in [*others, *nearby])


@examples(100)
@given(st.lists(WALKED, min_size=1, max_size=60), st.sampled_from((0.5, 0.9, 0.95)))
def test_where_all_units_are_alike_the_wanted_share_is_covered(walked: list[float], wanted: float) -> None:
    found = fitted_factor([cost(each) for each in walked], HALF_SPREAD, wanted)
    assert found is not None
    covered = sum(HALF_SPREAD + found * 0.001 >= each - 1e-12 for each in walked)
    assert covered >= wanted * len(walked) - 1e-9


def test_a_factor_that_made_books_is_found_again() -> None:
    units = [0.0005 * (1 + number % 7) for number in range(400)]
    part = [cost(HALF_SPREAD + 1.7 * unit, unit) for unit in units]
    assert fitted_factor(part, HALF_SPREAD, 0.95) == pytest.approx(1.7)


def test_books_too_thin_for_more_than_may_be_missed_leave_no_factor() -> None:
    part = [cost(0.001)] * 94 + [cost(inf)] * 6
    assert fitted_factor(part, HALF_SPREAD, 0.95) is None
    assert fitted_factor(part, HALF_SPREAD, 0.94) is not None


def test_a_factor_is_never_below_nothing_and_pairs_that_do_not_move_have_none() -> None:
    assert fitted_factor([cost(0.0)] * 10, HALF_SPREAD) == 0.0
    assert fitted_factor([cost(0.1, unit=0.0)], HALF_SPREAD) is None


# --- halves by time ---------------------------------------------------------------------------------------------------


def test_what_comes_later_is_judged_and_never_fitted() -> None:
    """Calm first, then ten times dearer: the fit knows nothing of it, and the judgement says so."""
    calm = [cost(HALF_SPREAD + 0.001, minute=minute) for minute in range(200)]
    dear = [cost(HALF_SPREAD + 0.010, minute=minute, stress=True) for minute in range(200, 400)]
    fit = fit_class("mid", 3, {1_000.0: dear + calm}, Costs(half_spread=HALF_SPREAD, slippage_factor=20.0))
    assert fit is not None
    assert fit.fitted == pytest.approx(1.0)
    assert (fit.too_cheap_before, fit.too_cheap_after) == (0.0, 1.0)
    assert (fit.samples_fitted, fit.samples_judged) == (200, 200)
    assert (fit.stress_fitted, fit.stress_judged) == (0, 200)
    assert fit.over_after_bp == pytest.approx(-90.0)


def test_samples_of_one_moment_stay_in_one_half() -> None:
    part = [cost(0.001, minute=number // 40) for number in range(400)]
    fit = fit_class("thin", 40, {1_000.0: part}, Costs())
    assert fit is not None
    assert fit.samples_fitted == fit.samples_judged == 200
    assert fit.split_ns == 5 * MINUTE_NS


def test_too_few_samples_are_not_fitted() -> None:
    few = [cost(0.001, minute=minute) for minute in range(2 * LEAST_SAMPLES - 1)]
    assert fit_class("mid", 1, {1_000.0: few}, Costs()) is None
    assert fit_class("mid", 1, {1_000.0: [*few, cost(0.001, minute=999)]}, Costs()) is not None
    assert fit_class("mid", 0, {}, Costs()) is None
