"""Figures that are told by hand, and what holds of the figures of any run."""

from decimal import Decimal
from itertools import pairwise
from math import isfinite

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.backtest.result import Run
from services.backtest.statistics import Figures, figures_of, variant_of
from services.backtest.statistics.figures import Day
from services.backtest.statistics.scorecard import Score
from shared.domain.timeframes import DAY_NS, HOUR_NS, MS_NS
from tests.backtest.believable import START_NS, made_run
from tests.backtest.odd_runs import odd_runs
from tests.backtest.statistics.test_figures_against_empyrical import run_of
from tests.examples import examples


def numbers_in(value: object) -> list[float]:
    """Every float, however deep."""
    if isinstance(value, float):
        return [value]
    if isinstance(value, dict):
        return [number for item in value.values() for number in numbers_in(item)]
    if isinstance(value, list | tuple):
        return [number for item in value for number in numbers_in(item)]
    return numbers_in(msgspec.structs.asdict(value)) if isinstance(value, msgspec.Struct) else []


def with_trades(*nets: int) -> Run:
    """A run with trades that made so much, in this order."""
    plain = made_run(days=30, trades=len(nets), seed=3)
    trades = tuple(
        msgspec.structs.replace(
            trade, net=Decimal(net), invested=Decimal(1_000), opened_ns=START_NS, closed_ns=START_NS + index * HOUR_NS
        )
        for index, (trade, net) in enumerate(zip(plain.trades, nets, strict=True), 1)
    )
    return msgspec.structs.replace(plain, trades=trades)


@given(run=odd_runs())
@examples(200)
def test_no_figure_of_any_run_is_nan_or_infinite(run: Run) -> None:
    figures = figures_of(run)
    assert [number for number in numbers_in(figures) if not isfinite(number)] == []
    assert [number for number in numbers_in(variant_of("odd", run)) if not isfinite(number)] == []


@given(run=odd_runs())
@examples(100)
def test_groups_months_and_years_add_up_to_the_whole(run: Run) -> None:
    figures = figures_of(run)
    for groups in (figures.by_pair, figures.by_sector, figures.by_strategy, figures.by_entry, figures.by_exit):
        assert sum((group.net for group in groups), Decimal(0)) == figures.waterfall.net
        assert sum(group.trades for group in groups) == len(run.trades)
    for parts in (figures.months, figures.years):
        growth = 1.0
        for part in parts:
            growth *= 1.0 + part.value
        assert growth - 1.0 == pytest.approx(figures.performance.total_return, abs=1e-9)


@given(run=odd_runs())
@examples(100)
def test_drawdowns_never_overlap_and_the_deepest_is_first(run: Run) -> None:
    found = figures_of(run).drawdowns
    assert [each.depth for each in found] == sorted((each.depth for each in found), reverse=True)
    spans = sorted((each.begin_ns, each.end_ns or run.end_ns + HOUR_NS) for each in found)
    for (begin_ns, end_ns), (next_ns, _) in pairwise(spans):
        assert begin_ns < end_ns <= next_ns
    assert all(each.begin_ns < each.bottom_ns for each in found)


def test_the_waterfall_reconciles_with_the_change_of_nav() -> None:
    run = made_run(days=60, trades=200, seed=5)
    waterfall = figures_of(run).waterfall
    assert waterfall.reconciles
    assert waterfall.gross - waterfall.costs == waterfall.net
    missing = msgspec.structs.replace(run, trades=run.trades[1:])
    assert not figures_of(missing).waterfall.reconciles


def test_a_day_ends_at_midnight_and_a_missed_one_returns_nothing() -> None:
    run = run_of([0.10, 0.20, 0.0], [0.0, 0.0, 0.0])
    days = [START_NS + DAY_NS, START_NS + DAY_NS + HOUR_NS, START_NS + 3 * DAY_NS]
    curve = msgspec.structs.replace(run.curve, time_ns=days, nav=[220_000.0, 110_000.0, 121_000.0])
    figures = figures_of(msgspec.structs.replace(run, curve=curve))
    assert figures.performance.days == 3
    assert figures.performance.worst_day == Day(begin_ns=START_NS + DAY_NS, value=-0.5)
    assert figures.performance.best_day is not None
    assert figures.performance.best_day.value == pytest.approx(0.10)


def test_the_market_beside_a_run_is_that_of_the_same_days() -> None:
    returns, market = [0.01, -0.02, 0.03, 0.0], [0.02, -0.03, 0.05, 0.01]
    run = run_of(returns, market)
    closes = msgspec.structs.replace(run.curve, time_ns=[at - MS_NS for at in run.curve.time_ns])
    binance = msgspec.structs.replace(run, curve=closes, end_ns=run.end_ns - MS_NS)
    assert figures_of(binance).performance.beta == figures_of(run).performance.beta is not None
    assert figures_of(binance).months[0].market == pytest.approx(0.0492587)
    shifted = msgspec.structs.replace(run, market_returns=[*market, 0.5])
    assert figures_of(shifted).performance.beta is None
    partly = msgspec.structs.replace(run, start_ns=run.start_ns + HOUR_NS, market_returns=market[1:])
    assert figures_of(partly).months[0].market == pytest.approx(1.0492587 / 1.02 - 1.0)


def test_a_run_that_loses_everything_says_so() -> None:
    figures = figures_of(run_of([0.01, -1.0, 0.0], []))
    assert figures.performance.total_return == figures.performance.cagr == -1.0
    assert figures.performance.max_drawdown_daily == 1.0


def test_streaks_go_by_the_order_in_which_trades_ended() -> None:
    trades = figures_of(with_trades(5, 6, 0, 7, -1, -2, -3, 8)).trades
    assert (trades.streak.wins, trades.streak.losses) == (2, 3)


def test_profit_factor_expectancy_and_quality_are_what_they_are_by_hand() -> None:
    trades = figures_of(with_trades(300, -100, 100, -100)).trades
    assert (trades.profit_factor, trades.expectancy, trades.win_rate) == (2.0, 50.0, 0.5)
    assert trades.expectancy_share == pytest.approx(0.05)
    assert (trades.average_win, trades.average_loss, trades.best, trades.worst) == (200.0, -100.0, 300.0, -100.0)
    assert trades.sqn == pytest.approx(2.0 * 50.0 / 191.48542155126764)
    assert figures_of(with_trades(1, 2)).trades.profit_factor is None


def test_the_interval_of_sharpe_is_that_of_lo_for_returns_like_a_normal() -> None:
    """sqrt((1 + SR^2 / 2) / n): a symmetric series of five values has the moments of a normal up to the fourth."""
    third = 3.0**0.5
    returns = [0.0] * 4 + [third * 0.01, -third * 0.01]
    returns = [0.0005 + each for each in returns * 50]
    performance = figures_of(run_of(returns, [])).performance
    assert performance.sharpe is not None
    assert performance.sharpe_low is not None
    daily = performance.sharpe / 365**0.5
    error = ((1.0 + daily**2 / 2.0) / (len(returns) - 1)) ** 0.5 * 365**0.5
    assert performance.sharpe - performance.sharpe_low == pytest.approx(1.959964 * error, rel=1e-6)


@given(wins=st.integers(0, 400))
@examples(20)
def test_the_scorecard_names_every_line_of_the_plan(wins: int) -> None:
    figures = figures_of(made_run(days=1 + wins % 40, trades=wins, seed=wins))
    assert [line.name for line in figures.scorecard] == [
        "capital utilisation",
        "Sharpe ratio",
        "drawdown",
        "portfolio heat",
        "no pair over its share of NAV",
        "no sector over its share of NAV",
        "loss of one day",
        "weekly risk review",
    ]
    assert all(line.share is None or 0.0 <= line.share <= 1.0 for line in figures.scorecard)


@pytest.mark.parametrize(("most", "outcome", "share"), [(0.0799, "met", 1.0), (0.08, "not met", 0.5)])
def test_heat_at_its_limit_is_not_under_it(most: float, outcome: str, share: float) -> None:
    run = run_of([0.01, 0.02], [])
    curve = msgspec.structs.replace(run.curve, heat=[0.01, most])
    assert (line := heat_line(figures_of(msgspec.structs.replace(run, curve=curve)))).outcome == outcome
    assert line.share == share


def heat_line(figures: Figures) -> Score:
    return next(line for line in figures.scorecard if line.name == "portfolio heat")


def test_a_crisis_is_told_as_far_as_the_run_covers_it() -> None:
    run = made_run(days=140, trades=100, seed=2)  # 2021-01-01 until 2021-05-21
    (crisis,) = figures_of(run).crises
    assert (crisis.name, crisis.partial) == ("May 2021: China, leverage", True)
    assert crisis.end_ns == START_NS + 140 * DAY_NS
