"""``heatsink sweep``."""

import inspect
import json
import re
import shlex
from dataclasses import fields
from pathlib import Path

import pytest
from typer.testing import CliRunner

from services.backtest.request import Request
from services.backtest.sweep.sweep import Sweeper
from services.cli.__main__ import app
from services.cli.verbs.backtest_options import backtest_request
from services.cli.views.sweep import print_sweep
from tests.backtest.sweep.sweep_stage import backtest_of, here, request_of, unwatched
from tests.docs.command_line import COMMANDS
from tests.domain.strategies.files import config_with, says


def words(folder: Path, *more: str) -> list[str]:
    """A sweep over the small market."""
    asked = backtest_of(folder)
    dates = ["--from", asked.start, "--to", asked.end, "--pairs", asked.pairs]
    return [
        "sweep",
        *dates,
        "--store",
        str(asked.store),
        "--out",
        str(folder / "out"),
        "--config",
        str(asked.config_dir),
        *more,
    ]


def test_wrong_settings_are_told_with_the_code_for_configuration(tmp_path: Path) -> None:
    result = CliRunner().invoke(
        app, words(tmp_path, "--grid", "limits.heet=0.04,0.06", "--grid", "phases.live.scale=1,x")
    )
    assert result.exit_code == 78
    assert "limits.heet" in result.stderr
    assert 'Did you mean "limits.heat"?' in result.stderr
    assert "phases" in result.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.processes
def test_a_strategy_file_is_tried_before_anything_runs(tmp_path: Path) -> None:
    config = config_with(tmp_path, says("'long'"))
    result = CliRunner().invoke(app, words(tmp_path, "--config", str(config), "--grid", "limits.heat=0.04,0.06"))
    assert result.exit_code == 78
    assert "on_bar returned 'long'" in result.stderr


def test_what_makes_no_sense_is_told_in_a_sentence(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, words(tmp_path, "--grid", "limits.heat"))
    assert result.exit_code == 1
    assert result.stderr == "--grid limits.heat: write KEY=VALUE,VALUE, such as limits.heat=0.04,0.06,0.08\n"
    result = CliRunner().invoke(app, words(tmp_path))
    assert result.stderr.startswith("say what to try: --grid")
    (tmp_path / "empty").mkdir()
    nothing = ("--grid", "limits.heat=0.05,0.06", "--store", str(tmp_path / "empty"))
    result = CliRunner().invoke(app, words(tmp_path, *nothing))
    assert result.exit_code == 1
    assert "no store of klines, and no recording; heatsink data import makes a store" in result.stderr


def test_the_command_of_a_row_gives_its_digest(tmp_path: Path) -> None:
    swept = Sweeper(request_of(tmp_path, grids=("strategies.donchian.entry=10,20",))).run(here, unwatched)
    for row in swept.rows:
        report = tmp_path / f"report-{row.trial}"
        again = [*shlex.split(row.command)[1:], "--no-variants", "--quiet", "--out", str(report)]
        result = CliRunner().invoke(app, again)
        assert result.exit_code == 0, result.output
        assert row.measured is not None
        assert json.loads((report / "report.json").read_text())["digest"] == row.measured.digest


OTHERWISE = {
    "market": "jumping",
    "fill": "next_open",
    "books": "none",
    "bars": "1h",
    "resume_after_hours": 6.5,
    "by_evidence": True,
    "cost_factor": 2.0,
    "changes": ("strategies.momentum.timeframe=1h", "breakers.off=gap,liquidity"),
}


def test_every_option_of_a_backtest_stands_here() -> None:
    always = {"store", "config_dir", "start", "end", "pairs"}  # of the small market
    assert {*OTHERWISE, *always} == {each.name for each in fields(Request)}


@pytest.mark.parametrize(
    "changed",
    [
        {},
        OTHERWISE,
        {"resume_after_hours": None, "start": "", "end": "", "pairs": ""},
    ],
)
def test_the_command_of_a_row_is_read_as_the_request_that_it_was_made_of(
    tmp_path: Path, changed: dict[str, object]
) -> None:
    request = backtest_of(tmp_path, **changed)
    program, verb, *rest = shlex.split(request.command)
    assert (program, verb) == ("heatsink", "backtest")
    given = COMMANDS["backtest"].make_context("backtest", rest).params
    options = {name: given[name] for name in inspect.signature(backtest_request).parameters}
    assert backtest_request(**options) == request


def test_processes_and_a_cluster_are_not_asked_for_at_once(tmp_path: Path) -> None:
    both = ("--grid", "limits.heat=0.05", "--workers", "2", "--cluster", "tcp://127.0.0.1:9")
    result = CliRunner().invoke(app, words(tmp_path, *both))
    assert result.exit_code == 2
    assert "leave out --workers, or" in result.stderr


def test_the_table_has_the_best_first_and_says_how_much_is_luck(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    swept = Sweeper(request_of(tmp_path)).run(here, unwatched)
    print_sweep(swept, tmp_path / "out" / "sweep.html")
    told = capsys.readouterr().out
    assert told.startswith("4 settings swept, 2024-03-01 to 2024-03-13, by sharpe\n")
    assert [line.split()[0] for line in told.splitlines()[2:6]] == ["1", "2", "3", "4"]
    assert re.search(r"4 trials: without any skill, the best would show a Sharpe ratio of \d+\.\d\d\.", told)
    assert f"The best again: {swept.rows[0].command}\n" in told
