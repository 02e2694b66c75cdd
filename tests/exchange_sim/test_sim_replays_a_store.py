"""A store of klines is replayed as a file is, in the timeframe that suits the date."""

from pathlib import Path

import numpy as np
import pytest

from services.cli.up.options import UpOptions, prepare_settings
from services.exchange_sim.market.bars import INTERVALS
from services.exchange_sim.market.market import Market
from services.exchange_sim.market.replayed import ReplayedMarket
from shared.adapters.klines.columns import NoKlinesThenError, RecordingError
from shared.adapters.klines.kline_file import KlineFile
from shared.adapters.klines.recordings import open_recording, spans_at
from shared.adapters.klines.store import KlineStore
from shared.config.faults import ConfigError
from tests.adapters.klines.kline_samples import SOURCE, START_MS, hourly
from tests.exchange_sim.sim_stage import DAY_MS, MINUTE_MS, ms
from tests.shipped import SHIPPED

DAYS = 90
LATER_MS = START_MS + 70 * DAY_MS  # when there is history enough


def store_of(folder: Path) -> KlineStore:
    """Ninety days of hours of two symbols, and of minutes only the days from the seventieth on."""
    store = KlineStore(folder / "store" / "binance")
    for seed, symbol in enumerate(("BTCUSDT", "ETHUSDT")):
        store.write("1h", symbol, hourly(list(range(24 * DAYS)), seed), SOURCE)
    minutes = hourly(list(range(3 * 1440)), bar_ms=MINUTE_MS, start_ms=LATER_MS - DAY_MS)
    store.write("1m", "BTCUSDT", minutes, SOURCE)
    return store


def test_a_store_is_replayed_in_the_timeframe_with_the_most_symbols_and_history(tmp_path: Path) -> None:
    store = store_of(tmp_path)
    market = Market(ReplayedMarket(store.path, LATER_MS))
    found = market.klines("BTCUSDT", INTERVALS["1h"], now_ms=LATER_MS + DAY_MS, start_ms=LATER_MS, limit=10)
    assert np.array_equal(found.close, store.read("1h", {"BTCUSDT"}, LATER_MS, LATER_MS + DAY_MS)["BTCUSDT"].close[:10])
    assert len(market.listed(LATER_MS)) == 2


def test_of_timeframes_that_suit_as_well_the_finest_is_taken_and_a_path_takes_any(tmp_path: Path) -> None:
    store = store_of(tmp_path)
    store.write("5m", "BTCUSDT", hourly(list(range(20_000)), bar_ms=5 * MINUTE_MS), SOURCE)
    store.write("5m", "ETHUSDT", hourly(list(range(20_000)), bar_ms=5 * MINUTE_MS), SOURCE)
    assert open_recording(store.path, START_MS + 65 * DAY_MS).bar_ms == 5 * MINUTE_MS
    assert open_recording(store.path, START_MS + 80 * DAY_MS).bar_ms == 60 * MINUTE_MS  # the others have ended
    assert open_recording(store.path / "timeframe=1m", LATER_MS).bar_ms == MINUTE_MS


def test_up_takes_a_store_beside_a_file(tmp_path: Path) -> None:
    path = store_of(tmp_path).path
    prepared = prepare_settings(
        UpOptions(data_dir=tmp_path, config_dir=SHIPPED, replay=path, start="2024-03-10", end="2024-03-12")
    )
    assert not prepared.holes
    assert not prepared.short_history
    with pytest.raises(ConfigError, match="none at 2030-01-01"):
        prepare_settings(UpOptions(data_dir=tmp_path, config_dir=SHIPPED, replay=path, start="2030-01-01"))


def test_a_store_with_a_changed_file_is_refused_before_anything_starts(tmp_path: Path) -> None:
    store = store_of(tmp_path)
    file = store.path / "timeframe=1h" / "symbol=ETHUSDT" / "2024.parquet"
    file.write_bytes(file.read_bytes() + b" ")
    with pytest.raises(RecordingError, match="not the file that the manifest names"):
        open_recording(store.path, LATER_MS)


@pytest.mark.parametrize("name", ["", "binance", "timeframe=1h"])
def test_a_folder_that_is_no_store_is_named_as_such(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir(exist_ok=True)
    with pytest.raises(RecordingError, match="no store of klines; one is made by heatsink data import"):
        open_recording(tmp_path / name, START_MS)


def test_a_date_that_a_store_does_not_have_is_told_with_those_that_it_has(tmp_path: Path) -> None:
    store = store_of(tmp_path)
    with pytest.raises(NoKlinesThenError, match="has klines from 2023-12-28T00:00 to 2024-03-26T23:00"):
        spans_at(open_recording(store.path, ms("2020-01-01")), ms("2020-01-01"))


def test_real_history_reads_the_same_from_a_store_as_from_its_file(tmp_path: Path, data_dir: Path) -> None:
    start_ms, end_ms = ms("2022-10-01"), ms("2023-02-01")
    file = KlineFile(data_dir / "hourly_spot.parquet", start_ms)
    store = KlineStore(tmp_path)
    with store.writing() as writer:
        for symbol, columns in file.read(set(file.spans), start_ms, end_ms).items():
            writer.write("1h", symbol, columns, SOURCE)
    stored = open_recording(tmp_path, ms("2022-12-15"))
    found, wanted = (each.read(set(file.spans), start_ms, end_ms) for each in (stored, file))
    assert found.keys() == wanted.keys()
    for symbol, columns in wanted.items():
        pairs = zip((columns.open_ms, *columns.values), (found[symbol].open_ms, *found[symbol].values), strict=True)
        assert all(np.array_equal(one, other) for one, other in pairs)
        assert [hole for hole in file.holes[symbol] if start_ms < hole[0] < end_ms] == list(stored.holes[symbol])
