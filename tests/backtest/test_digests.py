"""Two backtests that may come out differently have different digests: a sweep finds its finished runs by them."""

from dataclasses import fields, replace
from pathlib import Path

import pytest
from msgspec import structs

from services.backtest.digests import config_digest
from services.backtest.options import BacktestOptions
from shared.config.load import load_settings
from tests.shipped import SHIPPED

SETTINGS = load_settings(SHIPPED, {})
OPTIONS = BacktestOptions(settings=SETTINGS, store=Path("store"), start_ms=0, end_ms=86_400_000)
OTHERWISE = {
    "settings": structs.replace(SETTINGS, plan=structs.replace(SETTINGS.plan, strategies=SETTINGS.plan.strategies[:1])),
    "start_ms": 86_400_000,
    "end_ms": 2 * 86_400_000,
    "pairs": ("BTC/USDT",),
    "bars": "1m",
    "market": "jumping",
    "fill": "next_open",
    "resume_after_hours": None,
    "by_evidence": True,
    "cost_factor": 2.0,
    "books": "none",
    "history_factor": 2,
}
THE_SAME = {"store": Path("elsewhere"), "books_path": Path("books"), "every_bar": True, "command": "heatsink backtest"}


def test_every_option_stands_here() -> None:
    assert {*OTHERWISE, *THE_SAME} == {each.name for each in fields(BacktestOptions)}


@pytest.mark.parametrize("name", OTHERWISE)
def test_an_option_that_changes_the_run_changes_the_digest(name: str) -> None:
    assert config_digest(replace(OPTIONS, **{name: OTHERWISE[name]})) != config_digest(OPTIONS)


@pytest.mark.parametrize("name", THE_SAME)
def test_where_things_lie_and_how_it_was_called_does_not(name: str) -> None:
    assert config_digest(replace(OPTIONS, **{name: THE_SAME[name]})) == config_digest(OPTIONS)


def test_a_backtest_trades_on_paper_whoever_executes_in_the_stack() -> None:
    exchange = structs.replace(SETTINGS.exchange, orders="client")
    options = replace(OPTIONS, settings=structs.replace(SETTINGS, exchange=exchange))
    assert options.run_settings.exchange.orders == "paper"
