"""Figures are those of empyrical-reloaded, which ``empyrical_oracle.py`` asked and ``empyrical.json`` keeps."""

import json
from itertools import accumulate
from pathlib import Path

import msgspec
import pytest

from services.backtest.result import Run
from services.backtest.statistics import Figures, figures_of
from shared.domain.timeframes import DAY_NS
from tests.backtest.believable import START_NS, made_run
from tests.backtest.statistics import empyrical_oracle as oracle

KEPT = json.loads(Path(__file__).with_name("empyrical.json").read_text())


def run_of(returns: list[float], market: list[float]) -> Run:
    """A run whose NAV, once a day, makes these returns."""
    navs = list(accumulate(returns, lambda nav, each: nav * (1.0 + each), initial=200_000.0))[1:]
    plain = made_run(days=len(returns), trades=0, seed=1)
    once_a_day = {
        name: [values[0]] * len(navs) for name, values in msgspec.structs.asdict(plain.curve).items() if values
    }
    days = [START_NS + (index + 1) * DAY_NS for index in range(len(navs))]
    curve = msgspec.structs.replace(plain.curve, **{**once_a_day, "time_ns": days, "nav": navs})
    return msgspec.structs.replace(plain, curve=curve, market_returns=market)


def ours(figures: Figures) -> dict[str, float | None]:
    """The figures that both have, under the oracle's names."""
    of = figures.performance
    return {
        "total_return": of.total_return,
        "cagr": of.cagr,
        "volatility": of.volatility,
        "sharpe": of.sharpe,
        "sortino": of.sortino,
        "calmar": of.calmar,
        "max_drawdown": of.max_drawdown_daily,
        "beta": of.beta,
        "correlation": of.correlation,
        **{f"{month.year}-{month.month:02}": month.value for month in figures.months},
    }


def approx(value: float | None) -> object:
    """Equal but for the order of additions; None for None."""
    return None if value is None else pytest.approx(value, rel=1e-9)


@pytest.mark.parametrize("scene", oracle.SCENES)
def test_figures_are_those_that_empyrical_gave(scene: str) -> None:
    figures = ours(figures_of(run_of(oracle.returns_of(scene), oracle.market_of(scene))))
    assert figures == {name: approx(value) for name, value in KEPT[scene].items()}


def test_the_figures_that_are_kept_are_those_of_the_library() -> None:
    pytest.importorskip("empyrical", reason="empyrical-reloaded is no requirement: see empyrical_oracle.py")
    for scene in oracle.SCENES:
        assert oracle.figures(scene) == {name: approx(value) for name, value in KEPT[scene].items()}
