"""The deflated Sharpe ratio, against the example of its paper and by hand."""

from math import sqrt
from random import Random
from statistics import NormalDist

import pytest

from services.backtest.statistics.ratios import probability_of_sharpe_over, standard_error
from services.backtest.sweep.deflated import best_by_luck, deflated_sharpe, expected_best

# Bailey and Lopez de Prado (2014): of 100 trials the best has an annual Sharpe ratio of 2.5 over 1,250 days, of which a
# year has 250; the variance of the annual ratios is 1/2, skew is -3 and kurtosis 10. They find a deflated ratio of
# 0.9004 over the threshold 0.1132, and 0.9505 if there had been 46 trials; for normal returns, 0.9505 with 88.
SHARPE, DAYS, SPREAD = 2.5 / sqrt(250), 1250, 0.5 / 250


def deflated(trials: int, skew: float, kurtosis: float) -> float:
    error = standard_error(SHARPE, DAYS, skew, kurtosis)
    return NormalDist().cdf((SHARPE - expected_best(SPREAD, trials)) / error)


def test_the_example_of_the_paper_comes_out() -> None:
    assert expected_best(SPREAD, 100) == pytest.approx(0.1132, abs=5e-5)
    assert deflated(100, -3.0, 10.0) == pytest.approx(0.9004, abs=5e-5)
    assert deflated(46, -3.0, 10.0) == pytest.approx(0.9505, abs=5e-5)
    assert deflated(88, 0.0, 3.0) == pytest.approx(0.9505, abs=5e-5)


def test_the_best_of_two_by_luck_is_as_by_hand() -> None:
    """Z(1 - 1/2) = 0; Z(1 - 1/(2e)) = Z(0.816060) = 0.900447; x 0.577216 = 0.519752, x sqrt(variance 2) = 0.735040."""
    assert best_by_luck([1.0, 3.0]) == pytest.approx(0.735040, abs=5e-5)


def test_the_best_of_very_many_is_near_the_extreme_of_as_many_draws() -> None:
    dice = Random(5)
    best = sum(max(dice.gauss(0.0, 1.0) for _ in range(200)) for _ in range(300)) / 300
    assert expected_best(1.0, 200) == pytest.approx(best, rel=0.05)


def test_one_trial_owes_nothing_to_luck() -> None:
    returns = [0.01, -0.005, 0.004, 0.002] * 20
    assert best_by_luck([2.0]) == best_by_luck([]) == best_by_luck([1.0, 1.0]) == 0.0
    assert deflated_sharpe(returns, 0.0) == probability_of_sharpe_over(0.0, returns)


def test_a_trial_without_a_ratio_counts_as_a_trial() -> None:
    assert best_by_luck([1.0, 3.0, None]) > best_by_luck([1.0, 3.0])


def test_more_luck_leaves_less() -> None:
    returns = [0.01, -0.005, 0.004, 0.002] * 20
    figures = [deflated_sharpe(returns, luck) for luck in (0.0, 1.0, 5.0)]
    assert figures == sorted(figures, key=lambda each: -(each or 0.0))
    assert deflated_sharpe([], 0.0) is None
