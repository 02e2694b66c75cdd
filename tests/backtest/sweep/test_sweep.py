"""A sweep gives what its runs give one by one, and goes on where it was ended."""

import csv
import json
import pickle
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from services.backtest.backtest import backtest
from services.backtest.request import options_of
from services.backtest.sweep import files
from services.backtest.sweep.journal import NAME
from services.backtest.sweep.sweep import Sweeper
from services.backtest.sweep.trials import Trial, date_of
from shared.adapters.klines.store import KlineStore
from shared.application.errors import UserError
from shared.config.faults import ConfigError
from tests.adapters.klines.kline_samples import SOURCE
from tests.backtest.sweep.sweep_stage import DAYS, backtest_of, digests, here, request_of, unwatched, walk

pytestmark = pytest.mark.long


def alone(trial: Trial) -> str:
    """The digest of a trial's run as a backtest of its own."""
    return backtest(options_of(trial.request), variants=False).backtest.digest


def test_every_row_is_the_run_that_its_settings_give_alone(tmp_path: Path) -> None:
    sweeper = Sweeper(request_of(tmp_path))
    swept = sweeper.run(here, unwatched)
    assert digests(swept) == {trial.number: alone(trial) for trial in sweeper.trials}
    assert len(set(digests(swept).values())) == 4
    sharpes = [row.measured.sharpe for row in swept.rows if row.measured is not None]
    assert sharpes == sorted(sharpes, key=lambda each: -(each or 0.0))
    assert [row.rank for row in swept.rows] == [1, 2, 3, 4]


def test_what_the_journal_has_is_not_run_again(tmp_path: Path) -> None:
    request = request_of(tmp_path)
    first = Sweeper(request).run(here, unwatched)
    journal = tmp_path / "out" / NAME
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(lines[:2]) + lines[2][:50])
    seen: list[tuple[int, int]] = []
    second = Sweeper(request).run(here, lambda done, total: seen.append((done, total)))
    assert seen == [(2, 4), (3, 4), (4, 4)]
    assert second == first


def test_a_store_that_has_other_bars_is_run_anew(tmp_path: Path) -> None:
    request = request_of(tmp_path, grids=("strategies.donchian.entry=10",))
    Sweeper(request).run(here, unwatched)
    other = walk(9, DAYS)
    changed = replace(other, close=np.minimum(other.close, other.high))
    KlineStore(tmp_path / "store" / "binance").write("1h", "BNBUSDT", changed, SOURCE)
    seen: list[int] = []
    Sweeper(request).run(here, lambda done, _all: seen.append(done))
    assert seen[0] == 0


def test_wrong_keys_and_values_are_told_all_at_once_before_anything_runs(tmp_path: Path) -> None:
    grids = ("limits.heet=0.04,0.06", "strategies.donchian.entry=10,-3", "limits.heat=0.05,7")
    with pytest.raises(ConfigError) as told:
        Sweeper(request_of(tmp_path, grids=grids))
    assert {fault.key for fault in told.value.faults} >= {"limits.heet", "limits.heat"}
    assert any("entry" in str(fault) for fault in told.value.faults)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"grids": ()}, "say what to try: --grid"),
        ({"grids": (), "ranges": ("limits.heat=0.01..0.1",)}, "say how many to try: --random 50"),
        ({"grids": (), "count": 5}, "--random: say of what"),
        ({"by": "luck"}, "--by luck: choose one of sharpe"),
        ({"grids": ("strategies.momentum.timeframe=1h,4h",)}, "strategies.momentum.timeframe: --set has it"),
        ({"walk": "90d/30d"}, "it takes 120 days, and there are 12"),
    ],
)
def test_a_sweep_that_makes_no_sense_is_told(tmp_path: Path, changed: dict[str, object], told: str) -> None:
    with pytest.raises(UserError, match=re.escape(told)):
        Sweeper(request_of(tmp_path, **changed))


def test_settings_that_do_not_go_together_and_missing_bars_are_rows_with_their_reason(tmp_path: Path) -> None:
    together = ("strategies.momentum.fast=10,30", "strategies.momentum.slow=20,40")
    swept = Sweeper(request_of(tmp_path, grids=together)).run(here, unwatched)
    assert [row.rank for row in swept.rows] == [1, 2, 3, 0]
    assert swept.rows[-1].changes == {"strategies.momentum.fast": "30", "strategies.momentum.slow": "20"}
    assert swept.rows[-1].reason.startswith("refused: ")
    assert (swept.setup.runs, swept.setup.failed) == (4, 1)

    frames = request_of(tmp_path, grids=("strategies.donchian.timeframe=15m,1h",), out=tmp_path / "frames")
    swept = Sweeper(frames).run(here, unwatched)
    assert [row.rank for row in swept.rows] == [1, 0]
    assert swept.rows[1].reason.startswith(
        "bars 15m: the store has 1h, and these strategies decide on others: donchian"
    )


def test_a_sweep_that_the_store_has_no_bars_for_at_all_is_told_before_it_begins(tmp_path: Path) -> None:
    request = request_of(tmp_path, grids=("strategies.donchian.timeframe=15m,30m",))
    with pytest.raises(UserError, match=r"bars 15m: the store has 1h, .* --set strategies\.donchian\.timeframe=1h"):
        Sweeper(request)


def test_a_task_carries_no_bars(tmp_path: Path) -> None:
    sweeper = Sweeper(request_of(tmp_path))
    task = sweeper.trials[0].task(sweeper.data, sweeper.code)
    assert task is not None
    assert task.options.store.is_absolute()
    assert len(pickle.dumps(task)) < 50_000


def test_dates_that_were_left_out_stand_in_the_commands(tmp_path: Path) -> None:
    asked = backtest_of(tmp_path, start="", end="")
    sweeper = Sweeper(request_of(tmp_path, backtest=asked))
    [(start, end)] = {(trial.request.start, trial.request.end) for trial in sweeper.trials}
    options = options_of(asked)
    assert (start, end) == (date_of(options.start_ms), date_of(options.end_ms))
    assert options_of(sweeper.trials[0].request) == sweeper.trials[0].options


def test_a_walk_chooses_in_the_sample_and_judges_after_it(tmp_path: Path) -> None:
    request = request_of(tmp_path, walk="6d/3d")
    sweeper = Sweeper(request)
    walked = sweeper.run(here, unwatched)
    assert [(fold.in_from, fold.in_to, fold.out_to) for fold in walked.folds] == [
        ("2024-03-01", "2024-03-07", "2024-03-10"),
        ("2024-03-04", "2024-03-10", "2024-03-13"),
    ]
    for fold in walked.folds:
        samples = [row for row in walked.rows if row.fold == fold.fold]
        sharpes = [row.measured.sharpe for row in samples if row.measured is not None]
        assert fold.chosen is not None
        assert fold.out is not None
        assert fold.out.measured is not None
        assert fold.chosen == samples[0]
        assert fold.chosen.measured is not None
        assert fold.chosen.measured.sharpe == max(each for each in sharpes if each is not None)
        trial = sweeper.trials[fold.chosen.trial - 1]
        after = trial.request.__class__(**{**vars(trial.request), "start": fold.in_to, "end": fold.out_to})
        assert fold.out.command == after.command
        assert fold.out.measured.digest == backtest(options_of(after), variants=False).backtest.digest
    assert walked.stitched is not None
    assert walked.stitched.days == 6
    assert (walked.setup.runs, walked.setup.luck) == (10, None)
    assert Sweeper(request).run(here, unwatched) == walked


def test_random_trials_are_the_same_again(tmp_path: Path) -> None:
    request = request_of(tmp_path, grids=(), ranges=("strategies.donchian.entry=5..40",), count=2, seed=4)
    first = Sweeper(request).run(here, unwatched)
    again = Sweeper(replace(request, out=tmp_path / "again")).run(here, unwatched)
    assert digests(again) == digests(first)
    assert first.setup.tried[0].about == "whole numbers from 5 to 40, linear"
    assert first.setup.seed == 4


def test_random_trials_of_two_settings_are_dots_on_the_page(tmp_path: Path) -> None:
    ranges = ("strategies.donchian.entry=5..40", "limits.equity_at_risk=0.002..0.006:log")
    swept = Sweeper(request_of(tmp_path, grids=(), ranges=ranges, count=3)).run(here, unwatched)
    page = files.write(swept, tmp_path / "out").read_text()
    assert page.count("<circle ") == 3
    assert page.count(' best">') == 1
    assert all(f"{key} = {value}" in page for row in swept.rows for key, value in row.changes.items())


def test_the_files_say_the_same_as_the_result(tmp_path: Path) -> None:
    swept = Sweeper(request_of(tmp_path)).run(here, unwatched)
    page = files.write(swept, tmp_path / "out").read_text()
    rows = list(csv.DictReader((tmp_path / "out" / "rows.csv").read_text().splitlines()))
    assert [row["command"] for row in rows] == [row.command for row in swept.rows]
    assert [row["digest"] for row in rows] == [row.measured.digest for row in swept.rows if row.measured is not None]
    assert [row["limits.equity_at_risk"] for row in rows] == [
        row.changes["limits.equity_at_risk"] for row in swept.rows
    ]
    written = json.loads((tmp_path / "out" / "sweep.json").read_text())
    assert written["setup"]["luck"] == swept.setup.luck
    assert [row["rank"] for row in written["rows"]] == [1, 2, 3, 4]
    for row in swept.rows:
        assert row.command in page
    assert page.count("<rect") == 4
    assert page.count('best"') == 1
    assert not re.search(r"<script|https?://|@import|url\(", page)


def test_the_page_of_a_walk_has_a_row_for_each_fold(tmp_path: Path) -> None:
    request = request_of(tmp_path, grids=("strategies.donchian.entry=10,20",), walk="7d/4d")
    walked = Sweeper(request).run(here, unwatched)
    page = files.write(walked, tmp_path / "out").read_text()
    [fold] = csv.DictReader((tmp_path / "out" / "folds.csv").read_text().splitlines())
    assert fold["out_command"] in page
    assert fold["in_sharpe"]
    assert "Out of sample, 4 days in all" in page


def test_what_people_wrote_is_text_on_the_page(tmp_path: Path) -> None:
    grids = ("strategies.donchian.entry=10",)
    swept = Sweeper(request_of(tmp_path, grids=grids, out=tmp_path / "<b>&out")).run(here, unwatched)
    page = files.write(swept, tmp_path / "<b>&out").read_text()
    assert "<b>" not in page
    assert "&lt;b&gt;&amp;out" in page
