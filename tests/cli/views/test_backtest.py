"""The summary of a backtest on one screen."""

from io import StringIO
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from rich.console import Console

from services.backtest.result import Backtest, Run
from services.backtest.statistics import figures_of
from services.cli.views.backtest import show_backtest
from tests.backtest.believable import backtest
from tests.backtest.odd_runs import odd_runs
from tests.examples import examples


def shown(made: Backtest, *, width: int = 120, written: tuple[Path, ...] = ()) -> str:
    text = StringIO()
    console = Console(file=text, width=width, highlight=False)
    show_backtest(console, made, figures_of(made.run), written)
    return text.getvalue()


def test_the_summary_says_how_it_was_made_what_it_came_to_and_whether_the_plan_was_met() -> None:
    made = backtest()
    text = shown(made, written=(Path("out/report.html"), Path("out/report.json")))
    assert "2021-01-01 to 2021-04-30: filled at the close, smooth market of 1h bars, books none, 1 x costs" in text
    assert "$200,000 became" in text
    assert "capital utilisation" in text
    assert "not met" in text
    assert "jumping market" in text
    assert text.rstrip().endswith("report: out/report.html")


def test_the_summary_fits_on_one_screen() -> None:
    assert len(shown(backtest()).splitlines()) <= 45


def test_costs_that_do_not_add_up_are_told_loudly() -> None:
    made = backtest()
    wrong = msgspec.structs.replace(made, run=msgspec.structs.replace(made.run, trades=made.run.trades[1:]))
    assert "are not explained by the trades" in shown(wrong)
    assert "are not explained" not in shown(made)


@pytest.mark.parametrize("width", [60, 80, 200])
def test_any_width_of_terminal_will_do(width: int) -> None:
    assert all(len(line) <= width for line in shown(backtest(), width=width).splitlines())


@given(run=odd_runs())
@examples(50)
def test_any_run_can_be_told(run: Run) -> None:
    text = shown(Backtest(run=run, variants=(), digest=""))
    assert "nan" not in text.split()
    assert "no variant was run" in text
