"""``heatsink data verify`` names what is wrong with a store, and only that."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest

from shared.adapters.klines.columns import Columns
from shared.adapters.klines.manifest import load_manifest, save_manifest
from shared.adapters.klines.store import KlineStore
from shared.adapters.klines.verifying import Finding, gaps_of, verify
from shared.adapters.klines.year_file import write_file
from shared.adapters.whole_files import NEW, hash_of
from tests.adapters.klines.kline_samples import SOURCE, START_MS, hourly

NAME = "timeframe=1h/symbol=BTCUSDT/2023.parquet"
HOUR_MS = 3_600_000


@pytest.fixture
def store(tmp_path: Path) -> KlineStore:
    store = KlineStore(tmp_path / "binance")
    bars = hourly(list(range(40)))
    fair = Columns(bars.open_ms, *bars.values[:5], bars.close * bars.volume)
    store.write("1h", "BTCUSDT", fair, SOURCE)
    return store


def found_in(store: KlineStore) -> list[Finding]:
    return verify(KlineStore(store.path))


def test_a_sound_store_has_no_findings(store: KlineStore) -> None:
    assert found_in(store) == []
    assert verify(KlineStore(store.path / "nothing")) == []


def rewritten(store: KlineStore, change: Callable[[Columns], Columns], *, claimed: bool = True) -> None:
    """Change the bars of the file. claimed: the manifest names its hash, as if somebody had covered it up."""
    path = store.path / NAME
    bars = store.read("1h", {"BTCUSDT"}, 0, 1 << 62)["BTCUSDT"]
    write_file(path, change(Columns(bars.open_ms.copy(), *(values.copy() for values in bars.values))))
    if claimed:
        manifest = load_manifest(store.path)
        entry = msgspec.structs.replace(manifest.files[NAME], sha256=hash_of(path))
        save_manifest(store.path, msgspec.structs.replace(manifest, files={NAME: entry}))


def doubled(columns: Columns) -> Columns:
    return columns.at(np.array([0, 1, 1, 2, 3]))


def shifted(columns: Columns) -> Columns:
    columns.open_ms[3] += 60_000
    return columns


def upside_down(columns: Columns) -> Columns:
    columns.high[3] = columns.low[3] / 2
    return columns


def one_price(columns: Columns) -> Columns:
    columns.close[3] = (columns.close[3] + columns.low[3]) / 2
    return columns


def unpaid(columns: Columns) -> Columns:
    columns.quote_volume[3] *= 3
    return columns


def of_another_year(columns: Columns) -> Columns:
    columns.open_ms[:] += 366 * 24 * HOUR_MS
    return columns


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (doubled, "column open_time: 1703725200000 of BTCUSDT at 2023-12-28T01:00 is a second row of one bar"),
        (shifted, "of BTCUSDT at 2023-12-28T03:01 is not on the grid of 1h bars"),
        (upside_down, "is under its open or close"),
        (one_price, "the manifest is wrong about its content"),
        (unpaid, "at 2023-12-28T03:00 cannot be (the first of 1 bars)"),
        (of_another_year, "it has bars of another year"),
    ],
)
def test_bars_that_cannot_be_are_named_even_if_the_manifest_was_changed_with_them(
    store: KlineStore, change: Callable[[Columns], Columns], problem: str
) -> None:
    rewritten(store, change)
    findings = found_in(store)
    assert all(finding.wrong and finding.what == NAME for finding in findings)
    assert any(problem in finding.problem for finding in findings), findings


def test_a_file_whose_hash_is_not_the_manifests_is_named(store: KlineStore) -> None:
    rewritten(store, one_price, claimed=False)
    (finding,) = found_in(store)
    assert finding.problem.startswith("its hash is not the one in the manifest")


def test_a_file_that_is_gone_broken_or_strange_is_named(store: KlineStore) -> None:
    path = store.path / NAME
    whole = path.read_bytes()
    path.write_bytes(whole[:200])
    assert [finding.problem[:40] for finding in found_in(store)] == [
        "its hash is not the one in the manifest:", "not a readable parquet file: Parquet mag"
    ]  # fmt: skip
    path.rename(path.with_name("2019.parquet"))
    assert [(finding.what[-12:], finding.problem[:20]) for finding in found_in(store)] == [
        ("2023.parquet", "the manifest names i"), ("2019.parquet", "not in the manifest,")
    ]  # fmt: skip
    path.with_name("2019.parquet").unlink()
    path.with_name(f"2023.parquet{NEW}").write_bytes(whole)  # a writer died between the manifest and the file
    assert [finding.wrong for finding in found_in(store)] == [False]


def test_a_gap_of_one_symbol_is_wrong_and_one_of_all_was_the_exchanges() -> None:
    spans = dict.fromkeys(("A", "B", "C", "D"), (START_MS, START_MS + 100 * HOUR_MS))
    everybody = (START_MS + 10 * HOUR_MS, 2)
    holes = {symbol: [everybody] for symbol in spans}
    holes["B"] = [everybody, (START_MS + 20 * HOUR_MS, 3), (START_MS + 40 * HOUR_MS, 1)]
    assert list(gaps_of("1h", holes, spans)) == [
        Finding(
            "1h",
            "no bar of any of 4 symbols from 2023-12-28T10:00 on, 2 bars: the exchange stood still",
            wrong=False,
            is_gap=True,
        ),
        Finding(
            "B 1h",
            "lacks 3 bars from 2023-12-28T20:00 on; 4 bars in 2 places, this is the longest",
            wrong=True,
            is_gap=True,
        ),
    ]


def test_a_hole_of_all_symbols_that_lasts_for_days_is_no_halt_of_an_exchange() -> None:
    spans = dict.fromkeys(("A", "B", "C", "D"), (START_MS, START_MS + 100 * HOUR_MS))
    (finding,) = gaps_of("1h", {symbol: [(START_MS + HOUR_MS, 25)] for symbol in spans}, spans)
    assert finding.wrong


def test_a_hole_of_a_few_symbols_says_nothing_of_the_exchange() -> None:
    spans = dict.fromkeys(("A", "B"), (START_MS, START_MS + 100 * HOUR_MS))
    findings = list(gaps_of("1h", {symbol: [(START_MS + HOUR_MS, 1)] for symbol in spans}, spans))
    assert [(finding.what, finding.wrong) for finding in findings] == [("A 1h", True), ("B 1h", True)]
