"""What ``heatsink up --replay`` says of a recording before anything starts, and how a run ends that had no exchange."""

import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from services.cli.up.options import Prepared, UpOptions, prepare_settings
from shared.config.faults import ConfigError, Fault
from tests.shipped import SHIPPED

ROOT = Path(__file__).parents[3]
DAY_MS = 86_400_000
FIRST_MS = 1_640_995_200_000  # 2022-01-01
END_SECONDS = 120


def recording(folder: Path, days: dict[str, range], **columns: pa.Array) -> Path:
    """Daily klines; days: of each symbol, counted from 2022-01-01."""
    rows = [(symbol, FIRST_MS + day * DAY_MS) for symbol, spans in days.items() for day in spans]
    table = {"symbol": [row[0] for row in rows], "open_time": [row[1] for row in rows]}
    prices = {name: [1.0] * len(rows) for name in ("open", "high", "low", "close", "volume")}
    path = folder / "klines.parquet"
    pq.write_table(pa.table({**table, **prices, **columns}), path)
    return path


def prepared(path: Path, start: str) -> Prepared:
    return prepare_settings(UpOptions(data_dir=Path("unused"), config_dir=SHIPPED, replay=path, start=start))


def fault(path: Path, start: str = "2022-02-01") -> Fault:
    with pytest.raises(ConfigError) as caught:
        prepared(path, start)
    (found,) = caught.value.faults
    assert found.file == "command line"
    return found


def test_a_file_that_is_no_parquet_is_a_fault_of_the_option(tmp_path: Path) -> None:
    path = tmp_path / "klines.parquet"
    path.write_text("symbol,open_time")
    assert (fault(path).key, "not a readable parquet file" in fault(path).problem) == ("--replay", True)


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    path = recording(tmp_path, {"BTCUSDT": range(90)})
    pq.write_table(pq.read_table(path).drop(["volume"]), path)
    assert "no column volume" in fault(path).problem


def test_times_that_are_no_milliseconds_are_told_as_what_they_are(tmp_path: Path) -> None:
    path = recording(tmp_path, {"BTCUSDT": range(3)}, open_time=pa.array(["2022-01-01", "2022-01-02", "2022-01-03"]))
    assert "column open_time holds string" in fault(path).problem


def test_a_date_outside_of_the_recording_is_a_fault_of_from(tmp_path: Path) -> None:
    found = fault(recording(tmp_path, {"BTCUSDT": range(90)}), "2023-05-01")
    assert (found.key, found.value) == ("--from", "2023-05-01")
    assert "klines from 2022-01-01T00:00 to 2022-03-31T00:00" in found.problem


def test_pairs_with_too_short_a_history_are_named_with_their_days(tmp_path: Path) -> None:
    spans = {"BTCUSDT": range(90), "ETHUSDT": range(60, 90), "SOLUSDT": range(73, 90), "ADAUSDT": range(80, 90)}
    assert prepared(recording(tmp_path, spans), "2022-03-15").short_history == (
        "sizes are 0 until there are 60 days of history; before the start there are 0 days of SOL, 13 days of ETH"
    )
    assert prepared(recording(tmp_path, {"BTCUSDT": range(90)}), "2022-03-15").short_history == ""


def test_a_recording_of_none_of_our_pairs_is_a_fault(tmp_path: Path) -> None:
    found = fault(recording(tmp_path, {"ABCUSDT": range(90)}))
    assert found.key == "--replay"
    assert found.problem == "it has ABCUSDT, and none of them is a pair of universe.toml"


def test_what_a_recording_lacks_after_the_start_is_told(tmp_path: Path) -> None:
    path = recording(tmp_path, {"BTCUSDT": range(90), "ETHUSDT": range(90)})
    table = pq.read_table(path)
    kept = [day not in (10, 70, 71, 72, 90 + 80) for day in range(180)]
    pq.write_table(table.filter(pa.array(kept)), path)
    assert prepared(path, "2022-03-05").holes == (
        "the recording lacks 4 bars of 2 pairs, the longest time 3 d of BTC from 2022-03-12 00:00:00 on"
    )


def test_the_run_ends_with_the_recording_or_at_a_date_before(tmp_path: Path) -> None:
    path = recording(tmp_path, {"BTCUSDT": range(90), "DOGEUSDT": range(80)})
    whole = prepared(path, "2022-03-15")
    assert (whole.end_ns // 1_000_000, whole.end_reason) == (
        FIRST_MS + 90 * DAY_MS,
        "the recording ends at 2022-04-01 00:00:00",
    )
    options = UpOptions(data_dir=Path("unused"), config_dir=SHIPPED, replay=path, start="2022-03-15", end="2022-03-20")
    assert prepare_settings(options).end_reason == "2022-03-20 00:00:00 has come (--to)"


@pytest.mark.parametrize("end", ["2026-05-04", "2020-01-01", "soon", "9999-01-01"])
def test_a_date_that_does_not_come_after_the_start_is_a_fault_of_to(end: str) -> None:
    with pytest.raises(ConfigError) as caught:
        prepare_settings(UpOptions(data_dir=Path("unused"), config_dir=SHIPPED, end=end))
    (found,) = caught.value.faults
    assert (found.key, found.value) == ("--to", end)
    assert "Write one after 2026-05-04" in found.remedy


def run_with(
    monkeypatch: pytest.MonkeyPatch, folder: Path, *arguments: str, seconds: str = "1", **variables: str
) -> "subprocess.CompletedProcess[str]":
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    command = (
        sys.executable,
        "-m",
        "services.cli",
        "up",
        "--data",
        str(folder / "d"),
        "--quiet",
        "--duration",
        seconds,
    )
    return subprocess.run(
        (*command, *arguments), cwd=ROOT, capture_output=True, text=True, timeout=END_SECONDS, check=False
    )


def test_a_script_of_faults_that_the_exchange_would_refuse_is_a_fault_before_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "faults.toml").write_text("not = [toml")
    monkeypatch.setenv("HEATSINK_SIMULATOR__FAULTS", str(tmp_path / "faults.toml"))
    with pytest.raises(ConfigError, match="line 1, column 8"):
        prepare_settings(UpOptions(data_dir=Path("unused"), config_dir=SHIPPED))


@pytest.mark.stack
def test_what_the_exchange_refuses_ends_the_run_with_its_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    line = '{"level":"error","event":"config_refused","faults":"the market is closed"}'
    (broken / "sitecustomize.py").write_text(
        "import os, sys\n"
        "if 'services.exchange_sim' in sys.orig_argv:\n"
        f"    print({line!r}, flush=True)\n    os._exit(78)\n"
    )
    result = run_with(monkeypatch, tmp_path, PYTHONPATH=str(broken))
    assert result.returncode == 78
    told = (
        "failed: exchange_sim refused what it was given and was not started again (exit code 78): the market is closed"
    )
    assert result.stderr.splitlines()[-1] == told


@pytest.mark.wide
@pytest.mark.stack
def test_the_end_of_the_recording_ends_the_run_with_a_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = recording(tmp_path, {"BTCUSDT": range(90)})
    arguments = ("--replay", str(path), "--from", "2022-03-31", "--speed", "86400")
    result = run_with(monkeypatch, tmp_path, *arguments, seconds="100")
    assert result.returncode == 0, result.stderr
    assert "ended           the recording ends at 2022-04-01 00:00:00" in result.stdout
    assert "market_ended" in result.stderr


@pytest.mark.stack
def test_a_run_whose_exchange_crashes_at_every_start_ends_with_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "sitecustomize.py").write_text(
        "import sys\nif 'services.exchange_sim' in sys.orig_argv:\n    sys.exit('the market is out of order')\n"
    )
    result = run_with(monkeypatch, tmp_path, PYTHONPATH=str(broken))
    assert result.returncode == 1
    told = "failed: exchange_sim ended by itself 3 times in a row (exit code 1): SystemExit: the market is out of order"
    assert result.stderr.splitlines()[-1] == told
