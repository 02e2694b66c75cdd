"""``heatsink data``: a store made, looked at and mended from the command line."""

import asyncio
import json
import signal
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from services.cli.__main__ import app
from services.exchange_sim.exchange import ExchangeOptions
from shared.adapters.klines.columns import Columns
from shared.adapters.klines.manifest import NAME
from shared.adapters.klines.store import KlineStore
from tests.adapters.klines.kline_samples import SOURCE, hourly
from tests.exchange_sim.sim_stage import stage
from tests.patience import PATIENCE_SECONDS
from tests.shipped import bare_environ

TOO_MANY = 429
ROOT = Path(__file__).parents[3]


def heatsink(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["data", *map(str, arguments)])


def csv(path: Path, bars: Columns) -> Path:
    rows = zip(bars.open_ms.tolist(), *(column.tolist() for column in bars.values[:5]), strict=True)
    path.write_text("\n".join(",".join(map(str, row)) for row in rows))
    return path


def brought(folder: Path) -> Path:
    """A store with forty hours of two pairs; its folder."""
    files = [
        csv(folder / f"{pair}_USDT-1h.csv", hourly(list(range(40)), seed)) for seed, pair in enumerate(["BTC", "ETH"])
    ]
    result = heatsink("import", *files, "--store", folder / "store")
    assert result.exit_code == 0, result.output
    return folder / "store"


def test_import_says_what_came_in_and_the_digest_of_all(tmp_path: Path) -> None:
    store = brought(tmp_path)
    again = heatsink("import", tmp_path, "--store", store)
    assert again.exit_code == 0
    lines = [line.split() for line in again.stdout.splitlines()]
    assert lines[0] == ["2", "files", "into", str(store / "binance")]
    assert lines[2] == ["1h", "2", "0", "0", "80"]
    assert lines[-1][-1] == KlineStore(store / "binance").digest()[:16]
    assert "left out: 2 files of a store" in again.stdout  # it lies in the folder


def test_a_bad_file_is_named_with_exit_code_1(tmp_path: Path) -> None:
    bars = hourly([1, 2, 3])
    bars.high[1] = 1.0
    path = csv(tmp_path / "BTCUSDT_1h.csv", bars)
    result = heatsink("import", path, "--store", tmp_path / "store")
    assert result.exit_code == 1
    assert "1 fault, so nothing was written" in result.stderr
    assert "BTCUSDT_1h.csv: BTCUSDT 1h: column high: 1.0 of BTCUSDT at 2023-12-28T02:00 is under" in result.stderr
    assert not (tmp_path / "store" / "binance" / NAME).exists()


def test_bars_that_differ_are_refused_until_the_operator_says_which_count(tmp_path: Path) -> None:
    store, bars = brought(tmp_path), hourly(list(range(40)))
    bars.close[5] = bars.high[5]
    path = csv(tmp_path / "BTC_USDT-1h.csv", bars)
    refused = heatsink("import", path, "--store", store)
    assert (refused.exit_code, "say whether to keep what is stored or to replace it" in refused.stderr) == (1, True)
    replaced = heatsink("import", path, "--store", store, "--conflicts", "replace", "--json")
    assert json.loads(replaced.stdout) == {"timeframe": "1h", "symbol": "BTCUSDT", "added": 0, "changed": 1, "same": 39}


def test_a_unit_is_read_and_a_wrong_one_named(tmp_path: Path) -> None:
    path = csv(tmp_path / "1000SHIBUSDT_1h.csv", hourly([1, 2]))
    wrong = heatsink("import", path, "--store", tmp_path / "store", "--unit", "1000SHIBUSDT")
    assert (wrong.exit_code, "write it like 1000SHIBUSDT=SHIBUSDT:1000" in wrong.stderr) == (1, True)
    unit = "1000SHIBUSDT=SHIBUSDT:1000"
    assert heatsink("import", path, "--store", tmp_path / "store", "--unit", unit).exit_code == 0
    assert list(KlineStore(tmp_path / "store" / "binance").spans("1h")) == ["SHIBUSDT"]


def test_list_shows_what_is_there_and_what_of_the_universe_is_not(tmp_path: Path) -> None:
    store = brought(tmp_path)
    result = heatsink("list", "--store", store)
    assert result.exit_code == 0
    assert ["1h", "BTCUSDT", "2023-12-28", "00:00", "2023-12-29", "15:00", "40", "100.00", "%"] in [
        line.split() for line in result.stdout.splitlines()
    ]
    assert "of 36 pairs of universe.toml there is nothing: BNB/USDT" in result.stdout
    rows = [json.loads(line) for line in heatsink("list", "--store", store, "--json").stdout.splitlines()]
    assert [(row["symbol"], row["bars"], row["coverage"]) for row in rows] == [
        ("BTCUSDT", 40, 1.0),
        ("ETHUSDT", 40, 1.0),
    ]


def test_verify_ends_with_1_when_something_is_wrong(tmp_path: Path) -> None:
    store = brought(tmp_path)
    sound = heatsink("verify", "--store", store)
    assert (sound.exit_code, "nothing is wrong" in sound.stdout) == (0, True)
    later = hourly([50])
    later.quote_volume[:] = later.close * later.volume
    KlineStore(store / "binance").write("1h", "BTCUSDT", later, SOURCE)
    gap = heatsink("verify", "--store", store)
    assert (gap.exit_code, "BTCUSDT 1h  lacks 10 bars from 2023-12-29T16:00 on" in gap.stdout) == (1, True)
    assert heatsink("verify", "--store", store, "--allow-gaps").exit_code == 0
    file = store / "binance" / "timeframe=1h" / "symbol=ETHUSDT" / "2023.parquet"
    file.write_bytes(file.read_bytes() + b"x")
    changed = heatsink("verify", "--store", store, "--allow-gaps", "--json")
    findings = [json.loads(line) for line in changed.stdout.splitlines()]
    assert changed.exit_code == 1
    assert {finding["what"] for finding in findings if finding["wrong"]} == {"timeframe=1h/symbol=ETHUSDT/2023.parquet"}


@pytest.mark.parametrize("verb", ["list", "verify"])
def test_where_there_is_no_store_that_is_said_with_a_remedy(tmp_path: Path, verb: str) -> None:
    for options in ((), ("--exchange", "binance")):
        result = heatsink(verb, "--store", tmp_path, *options)
        assert (result.exit_code, "Make one with heatsink data import" in result.stderr) == (1, True)
    assert heatsink(verb, "--store", tmp_path, "--exchange", "../x").exit_code == 2


@pytest.mark.sockets
async def test_download_fetches_what_is_missing_from_a_simulated_exchange(tmp_path: Path) -> None:
    wanted = ("download", "--pairs", "BTC/USDT,POL/USDT", "--from", "2024-12-20", "--to", "2024-12-25")
    async with stage() as shop:
        options = (*wanted, "--store", str(tmp_path), "--url", shop.url, "--timeframe", "1h,1d")
        result = await asyncio.to_thread(heatsink, *options)
        again = await asyncio.to_thread(heatsink, *options, "--json")
    store = KlineStore(tmp_path / "sim")
    assert store.timeframes == ("1h", "1d")
    assert len(store.read("1h", {"BTCUSDT"}, 0, 1 << 62)["BTCUSDT"]) == 5 * 24
    assert "BTC/USDT" not in result.stdout  # only what could not be had is named
    told = [json.loads(line) for line in again.stdout.splitlines()]
    assert {row["symbol"] for row in told} == {"BTC/USDT", "POL/USDT", "MATIC/USDT"}
    assert sum(row["bars"] for row in told) == 0


def test_a_download_that_cannot_be_is_refused_before_anything_is_asked(tmp_path: Path) -> None:
    result = heatsink("download", "--from", "1.1.2024", "--store", tmp_path)
    assert (result.exit_code, "--from 1.1.2024: no date; write it like 2022-11-01" in result.stderr) == (1, True)


@pytest.mark.processes
async def test_ctrl_c_keeps_what_came_and_the_same_command_goes_on(tmp_path: Path) -> None:
    """The exchange allows so little weight that the download has to pause in the middle; there it is interrupted."""
    command = [
        sys.executable, "-m", "services.cli", "data", "download", "--pairs", "BTC/USDT", "--from", "2024-10-01",
        "--to", "2024-12-30", "--timeframe", "1m", "--store", str(tmp_path), "--url",
    ]  # fmt: skip
    async with stage(options=ExchangeOptions(weight_per_minute=200)) as shop:
        process = await asyncio.create_subprocess_exec(
            *command, shop.url, cwd=ROOT, env=bare_environ(), stdout=PIPE, stderr=PIPE
        )
        async with asyncio.timeout(PATIENCE_SECONDS):
            while (await shop.get("/api/v3/ping"))[0] != TOO_MANY:
                await asyncio.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, errors = await process.communicate()
    assert process.returncode == 1, errors
    assert b"interrupted; what came is stored, and the same command goes on from there" in errors
    assert b"Traceback" not in errors
    came = len(KlineStore(tmp_path / "sim").read("1m", {"BTCUSDT"}, 0, 1 << 62)["BTCUSDT"])
    assert 1_000 <= came < 90 * 1440
