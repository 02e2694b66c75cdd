"""The real history beside the repository comes into a store whole, with the holes that it is known to have."""

from pathlib import Path

import numpy as np
import pytest

from shared.adapters.klines.importing import Imported, ImportFaults, ImportOptions, OtherUnit, import_files
from shared.adapters.klines.kline_file import KlineFile
from shared.adapters.klines.overview import series_of
from shared.adapters.klines.store import KlineStore
from shared.adapters.klines.verifying import verify
from tests.exchange_sim.sim_stage import ms

pytestmark = pytest.mark.long

EVER = (0, 1 << 62)
SPOT, FUTURES = frozenset(["spot"]), frozenset(["um_futures"])


def bring(store: KlineStore, *paths: Path, markets: frozenset[str], **options: object) -> Imported:
    return import_files(store, paths, ImportOptions(markets=markets, **options))  # type: ignore[arg-type]


@pytest.mark.wide
def test_spot_comes_in_whole_with_the_holes_that_are_known_and_no_other_finding(tmp_path: Path, data_dir: Path) -> None:
    store = KlineStore(tmp_path)
    files = [data_dir / f"{name}.parquet" for name in ("hourly_spot", "daily", "crash_windows")]
    done = bring(store, *files, markets=SPOT)
    assert sum(written.added for written in done.written.values()) == 1_088_210 + 80_025 + 64_638
    assert dict(done.left_out) == {"bars of the market um_futures": 18_240, "bars of the market coinbase_spot": 16_837}
    assert store.timeframes == ("1m", "5m", "1h", "1d")
    findings = verify(store)
    lacking = {finding.what for finding in findings if finding.wrong}
    assert lacking == {"CRVUSDT 1h", "EGLDUSDT 1h", "MATICUSDT 1h", "GMXUSDT 1d", "OPUSDT 1d", "1h"}  # 1h: 2020-04 on
    assert sum("the exchange stood still" in finding.problem for finding in findings) == 8
    series = {(each.timeframe, each.symbol): each for each in series_of(store)}
    assert (series["1d", "GMXUSDT"].missing, series["1d", "BTCUSDT"].coverage) == (368, 1.0)
    assert series["1d", "GMXUSDT"].coverage == pytest.approx(619 / (619 + 368))
    file = KlineFile(files[1], ms("2022-01-01"))
    wanted, found = file.read(set(file.spans), *EVER), store.read("1d", set(file.spans), *EVER)
    assert all(np.array_equal(found[symbol].close, wanted[symbol].close) for symbol in wanted)


def test_fill_rows_are_taken_only_when_their_market_is_asked_for(tmp_path: Path, data_dir: Path) -> None:
    path, store = data_dir / "daily_fill.parquet", KlineStore(tmp_path)
    with pytest.raises(ImportFaults, match="left out were 5,224 bars of the market um_futures"):
        bring(store, path, markets=SPOT)
    bring(store, path, markets=frozenset())
    assert store.holes("1d")["OPUSDT"] == [(ms("2025-01-01"), 168)]


def test_futures_come_in_with_shib_in_coins(tmp_path: Path, data_dir: Path) -> None:
    store, units = KlineStore(tmp_path), {"1000SHIBUSDT": OtherUnit("SHIBUSDT", 1000.0)}
    bring(store, data_dir / "hourly_um_futures.parquet", markets=FUTURES, units=units)
    spans = store.spans("1h")
    assert (len(spans), "1000SHIBUSDT" in spans) == (38, False)
    shib = store.read("1h", {"SHIBUSDT"}, *EVER)["SHIBUSDT"]
    assert 1e-6 < shib.close.min() < shib.close.max() < 1e-4
