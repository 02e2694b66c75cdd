"""``heatsink backtest`` and ``heatsink backtest check`` as somebody types them, over a small store."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from services.backtest.decisions import read_decisions
from services.cli.__main__ import app
from shared.adapters.books.files import HeardBook
from shared.adapters.books.recorder import BookRecorder
from shared.adapters.klines.manifest import Source
from shared.adapters.klines.store import KlineStore
from shared.domain.timeframes import iso_ns
from shared.messages.market import BookSampled
from tests.backtest.random_market import random_reader
from tests.shipped import SHIPPED

Run = Callable[..., Result]
DAYS = ("--from", "2024-01-01", "--to", "2024-01-04")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three pairs of the shipped universe in quarters of an hour, for the shipped strategies."""
    path = tmp_path_factory.mktemp("data") / "binance"
    reader = random_reader(5, bar="15m", days=4)
    with KlineStore(path).writing() as writer:
        for symbol in ("BTCUSDT", "ETHUSDT", "SOLUSDT"):
            writer.write("15m", symbol, reader.columns[symbol], Source(name="made up"))
    return path


@pytest.fixture
def run(store: Path) -> Run:
    def invoke(*arguments: str) -> Result:
        given = ["backtest", *arguments, "--config", str(SHIPPED)]
        return CliRunner().invoke(app, given if "--store" in arguments else [*given, "--store", str(store)])

    return invoke


@pytest.mark.processes
def test_a_backtest_prints_a_summary_and_leaves_a_report_that_its_command_makes_again(run: Run, tmp_path: Path) -> None:
    first, again = tmp_path / "first", tmp_path / "again"
    result = run(*DAYS, "--out", str(first))
    assert result.exit_code == 0, result.output
    assert "Backtest, 2024-01-01 to 2024-01-03" in result.stdout
    assert "jumping market" in result.stdout
    assert f"report: {first / 'report.html'}" in result.stdout
    names = {path.name for path in first.iterdir()}
    assert {"report.html", "report.json", "trades.csv", "fills.csv", "curve.csv", "halts.csv", "decisions.csv"} <= names
    told = json.loads((first / "report.json").read_text())
    assert told["run"]["setup"]["command"].startswith("heatsink backtest --from 2024-01-01 --to 2024-01-04 --config")
    assert len(told["variants"]) == 5
    assert len(list(read_decisions(first))) > 5
    run(*DAYS, "--out", str(again))
    for path in first.iterdir():
        assert path.read_bytes() == (again / path.name).read_bytes(), path.name


def test_another_setting_makes_another_run_and_compare_names_the_first_decision(run: Run, tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    run(*DAYS, "--no-variants", "--out", str(one))
    run(*DAYS, "--no-variants", "--out", str(other), "--set", "limits.pair_cap_nav=0.01")
    result = CliRunner().invoke(app, ["backtest", "compare", str(one), str(other)])
    assert result.exit_code == 1
    assert "first" in result.stdout
    same = CliRunner().invoke(app, ["backtest", "compare", str(one), str(one)])
    assert same.exit_code == 0


def test_check_shows_every_proof(run: Run) -> None:
    result = run("check", *DAYS, "--cuts", "1")
    assert result.exit_code == 0, result.output
    for proof in ("data cut at", "twice the history", "order within a bar"):
        assert proof in result.stdout


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--from", "yesterday"), "--from yesterday: no date; write it like 2022-11-01"),
        (("--from", "1066-10-14"), "--from 1066-10-14: no date; write it like 2022-11-01"),
        (("--from", "2024-01-01T12:00"), "a backtest begins and ends at 00:00 UTC"),
        (("--from", "2024-01-04", "--to", "2024-01-01"), "the end has to come after the start"),
        (("--from", "2030-01-01", "--to", "2030-02-01"), "from 2030-01-01: the store has bars from 2023-10-03"),
        ((*DAYS, "--pairs", "BTCC"), '--pairs: BTCC is not in the universe. Did you mean "BTC"?'),
        ((*DAYS, "--set", "limits.heat"), "--set limits.heat: write KEY=VALUE, such as limits.heat=0.06"),
        ((*DAYS, "--set", "limits.heet=0.1"), 'Did you mean "limits.heat"?'),
        ((*DAYS, "--bars", "7m"), "--bars 7m: no timeframe; choose one of"),
        ((*DAYS, "--bars", "1m"), "--bars 1m: the store has 15m; leave --bars out, or import 1m"),
        ((*DAYS, "--bars", "1h"), "bars 1h: bars of 15m are needed too, and close within them"),
        (("--from", "2030-01-01"), "--from 2030-01-01: the store has bars from 2023-10-03 to"),
        (("--to", "2020-01-01"), "a size needs 60 days before it"),
        ((*DAYS, "--books", "nowhere"), "--books nowhere: no recorded books are there"),
        ((*DAYS, "--store", "nowhere"), "--store nowhere: there is nothing. Import klines first"),
    ],
)
def test_what_cannot_be_run_is_told_in_a_sentence(run: Run, arguments: tuple[str, ...], told: str) -> None:
    result = run(*arguments, "--no-variants", "--quiet")
    assert result.exit_code != 0
    assert told in " ".join(result.stderr.split())


def test_recorded_books_that_cannot_be_read_are_told_in_a_sentence(run: Run, tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text("{")
    result = run(*DAYS, "--books", str(tmp_path), "--no-variants", "--quiet")
    assert result.exit_code == 1
    assert "not a readable manifest of recorded books" in result.stderr


@pytest.mark.parametrize("below", ["", "deeper"])
def test_a_folder_that_takes_no_report_is_told_before_the_run(run: Run, tmp_path: Path, below: str) -> None:
    taken = tmp_path / "taken"
    taken.write_text("a file")
    result = run(*DAYS, "--no-variants", "--out", str(taken / below))
    assert result.exit_code == 1
    assert result.stdout == ""  # nothing was run
    assert result.stderr.startswith(f"--out {taken / below}: nothing can be written there (")
    assert taken.read_text() == "a file"


def test_the_folder_above_a_store_is_told_with_the_store_in_it(run: Run, store: Path) -> None:
    result = run(*DAYS, "--store", str(store.parent))
    assert result.exit_code == 1
    assert f"no store of klines, a folder of them; write --store {store}" in " ".join(result.stderr.split())


def test_without_dates_too_the_strategies_that_the_store_has_no_bars_for_are_named(run: Run, tmp_path: Path) -> None:
    with KlineStore(tmp_path / "binance").writing() as writer:
        columns = random_reader(5, bar="1h", days=4).columns["BTCUSDT"]
        writer.write("1h", "BTCUSDT", columns, Source(name="made up"))
    result = run("--store", str(tmp_path / "binance"))
    assert result.exit_code == 1
    assert "momentum (15m)" in result.stderr
    assert "--set strategies.momentum.timeframe=1h" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "phases"),
    [
        ((), "Phases by date: dry_run from 2024-01-01 (0.25 x risk)"),
        (
            ("--set", "phase=live", "--set", "phases.scaled.from_day=17"),
            "Phases by date: live from 2024-01-01 (1 x risk), scaled from 2024-01-03 (2 x risk)",
        ),
        (
            ("--set", "phase=live", "--by-evidence", "--set", "ramp.rehearsal=true"),
            "Phases by evidence: live from 2024-01-01 (1 x risk)",
        ),
    ],
)
def test_a_run_begins_in_the_phase_that_was_asked_for_and_says_so(
    run: Run, arguments: tuple[str, ...], phases: str
) -> None:
    result = run(*DAYS, "--no-variants", *arguments)
    assert result.exit_code == 0, result.output
    assert phases in " ".join(result.stdout.split())


def test_a_phase_that_would_let_nothing_in_is_refused(run: Run) -> None:
    result = run(*DAYS, "--no-variants", "--set", "phase=live", "--by-evidence")
    assert result.exit_code == 1
    assert result.stderr.strip().endswith("add --set ramp.rehearsal=true")


def test_recorded_books_of_another_time_are_refused_with_the_time_that_they_have(run: Run, tmp_path: Path) -> None:
    time_ns = iso_ns("2026-05-04T12:00")
    levels = ((100.0, 5.0),)
    book = BookSampled(
        id="book-BTCUSDT-1",
        time_ns=time_ns,
        symbol="BTC/USDT",
        bids=levels,
        asks=((100.1, 5.0),),
        size_usdt=25_000.0,
        spread=0.001,
        median_spread=0.001,
    )
    with BookRecorder(tmp_path / "books", "sim") as recorder:
        recorder.take(HeardBook(book=book))
    result = run(*DAYS, "--no-variants", "--books", str(tmp_path / "books"))
    assert result.exit_code == 1
    told = " ".join(result.stderr.split())
    assert "there are books from 2026-05-04 to 2026-05-04, and none from 2024-01-01 to 2024-01-04" in told
