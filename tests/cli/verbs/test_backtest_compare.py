"""``heatsink backtest compare`` as it is typed: its exit codes, and what is wrong use."""

import asyncio
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from services.backtest.decisions import read_decisions, write_decisions
from services.cli.__main__ import app
from tests.backtest.reports import write_report
from tests.cli.verbs.sample_server import publish
from tests.samples import decision


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(tmp_path_factory.mktemp("run"))


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["backtest", "compare", *(str(each) for each in arguments)])


def test_it_exits_with_0_where_nothing_differs_and_with_1_where_something_does(report: Path, tmp_path: Path) -> None:
    assert run(report, report).exit_code == 0
    (tmp_path / "report.json").write_bytes((report / "report.json").read_bytes())
    write_decisions(list(read_decisions(report))[1:], tmp_path)
    result = run(report, tmp_path)
    assert result.exit_code == 1
    assert "1 only in A" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("nowhere", "nowhere"), "nowhere: no report.json there"),
        (("{report}", "{report}", "--from", "soon"), "--from soon: no date"),
        (("{report}", "{report}", "--redis-url", "redis://127.0.0.1:1/0"), "B and --redis-url: name one of them"),
        ((), "Missing argument"),
    ],
)
def test_wrong_use_exits_with_2(report: Path, arguments: tuple[str, ...], told: str) -> None:
    result = run(*(each.format(report=report) for each in arguments))
    assert result.exit_code == 2
    assert told in result.output


@pytest.mark.sockets
def test_a_server_that_is_away_exits_with_2(report: Path, tmp_path: Path) -> None:
    result = run(report, "--redis-url", "redis://127.0.0.1:1/0", "--data", tmp_path)
    assert result.exit_code == 2
    assert "Redis is away" in result.stderr


def test_a_stack_that_ran_at_another_time_exits_with_2(report: Path, valkey_server: str, tmp_path: Path) -> None:
    asyncio.run(publish(valkey_server, [decision("o-1")]))
    result = run(report, "--redis-url", valkey_server, "--data", tmp_path)
    assert result.exit_code == 2
    assert "there is no time of which both know" in result.stderr
