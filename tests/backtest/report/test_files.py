"""The files beside the page: JSON with everything, CSV for other programs, each whole or not at all."""

import csv
import json
from decimal import Decimal
from io import StringIO
from pathlib import Path

import msgspec
import pytest
from hypothesis import given

from services.backtest import report
from services.backtest.report.csv_files import as_csv
from services.backtest.report.json_file import as_json
from services.backtest.result import Backtest, Run
from services.backtest.statistics import figures_of
from tests.backtest.believable import backtest
from tests.backtest.odd_runs import odd_runs
from tests.examples import examples

NAMES = {"trades.csv", "fills.csv", "curve.csv", "halts.csv", "verdicts.csv", "monthly.csv"}


@pytest.fixture(scope="module")
def usual() -> Backtest:
    return backtest()


def rows_of(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(content.decode())))


def test_all_files_are_written_and_nothing_else(usual: Backtest, tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "first"
    paths = report.write(usual, folder)
    assert {path.name for path in paths} == NAMES | {"report.html", "report.json"}
    assert sorted(folder.iterdir()) == sorted(paths)
    before = [path.read_bytes() for path in paths]
    assert [path.read_bytes() for path in report.write(usual, folder)] == before


def test_json_has_the_whole_run_again(usual: Backtest) -> None:
    body = as_json(usual, figures_of(usual.run))
    found = json.loads(body)
    assert msgspec.convert(found["run"], Run, strict=False) == usual.run
    assert found["digest"] == usual.digest
    assert found["version"] == 1
    assert found["figures"]["performance"]["nav_end"] == usual.run.curve.nav[-1]
    assert [each["name"] for each in found["variants"]] == [each.name for each in usual.variants]


@given(run=odd_runs())
@examples(50)
def test_json_and_csv_of_any_run_can_be_read_again(run: Run) -> None:
    made = Backtest(run=run, variants=(), digest="")
    figures = figures_of(run)
    body = as_json(made, figures)
    assert b"NaN" not in body
    assert b"Infinity" not in body
    assert msgspec.convert(json.loads(body)["run"], Run, strict=False) == run
    files = {name: rows_of(content) for name, content in as_csv(made, figures).items()}
    assert files.keys() == NAMES
    assert len(files["trades.csv"]) == len(run.trades)
    assert len(files["curve.csv"]) == len(run.curve.time_ns)
    assert len(files["halts.csv"]) == len(run.halts)


def test_amounts_of_the_trades_add_up_to_the_change_of_nav(usual: Backtest) -> None:
    rows = rows_of(as_csv(usual, figures_of(usual.run))["trades.csv"])
    net = sum(Decimal(row["net"]) for row in rows)
    assert float(net) == pytest.approx(usual.run.curve.nav[-1] - usual.run.starting_nav, abs=0.005)
    assert rows[0]["opened"].endswith(".000Z")
    assert {row["open"] for row in rows} == {"yes", "no"}


def test_no_cell_is_a_formula_for_a_spreadsheet(usual: Backtest) -> None:
    halts = tuple(msgspec.structs.replace(halt, reason='=HYPERLINK("x")') for halt in usual.run.halts)
    made = msgspec.structs.replace(usual, run=msgspec.structs.replace(usual.run, halts=halts))
    rows = rows_of(as_csv(made, figures_of(made.run))["halts.csv"])
    assert {row["reason"] for row in rows} == {'\'=HYPERLINK("x")'}
    assert any(row["saved"].startswith("-") for row in rows)  # a number stays one


def test_a_file_that_is_there_is_replaced_whole(usual: Backtest, tmp_path: Path) -> None:
    (tmp_path / "report.html").write_text("an older one")
    report.write(usual, tmp_path)
    assert (tmp_path / "report.html").read_text().startswith("<!doctype html>")
    assert not list(tmp_path.glob(".*"))
