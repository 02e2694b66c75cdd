"""Files as Binance, freqtrade and users of ccxt have them come into the store, or are refused by name as a whole."""

import gzip
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import feather

from shared.adapters.klines.columns import Columns
from shared.adapters.klines.formats.file_names import kind_of_other_klines, named_by
from shared.adapters.klines.formats.tables import times_in_ms
from shared.adapters.klines.importing import Imported, ImportFaults, ImportOptions, OtherUnit, import_files
from shared.adapters.klines.store import KlineStore
from shared.adapters.klines.store_writer import Written
from shared.adapters.klines.verifying import verify
from tests.adapters.klines.kline_samples import START_MS, equal, hourly
from tests.examples import examples
from tests.exchange_sim.sim_stage import ms

HOUR_MS = 3_600_000
HEADER = (
    "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore"
)
EVER = (0, 1 << 62)


@pytest.fixture
def store(tmp_path: Path) -> KlineStore:
    return KlineStore(tmp_path / "store" / "binance")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    return tmp_path / "in"


def bring(store: KlineStore, *paths: Path, **options: Any) -> Imported:
    return import_files(store, paths, ImportOptions(**options))


def faults(store: KlineStore, *paths: Path, **options: Any) -> tuple[str, ...]:
    with pytest.raises(ImportFaults) as caught:
        bring(store, *paths, **options)
    assert not KlineStore(store.path).timeframes
    assert not list(store.path.rglob("*.parquet*"))
    return caught.value.faults


def klines(columns: Columns, per_ms: int = 1, bar_ms: int = HOUR_MS) -> list[str]:
    """Rows as Binance publishes them. per_ms: units of time in a millisecond."""
    rows = zip((columns.open_ms * per_ms).tolist(), *(column.tolist() for column in columns.values), strict=True)
    return [
        f"{time},{o!r},{h!r},{low!r},{c!r},{v!r},{time + bar_ms * per_ms - 1},{q!r},12,1.0,2.0,0"
        for time, o, h, low, c, v, q in rows
    ]


def archive(path: Path, rows: list[str], *, checksum: str | None = "right") -> Path:
    with ZipFile(path, "w") as file:
        file.writestr(f"{path.stem}.csv", "\n".join(rows) + "\n")
    if checksum is not None:
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest() if checksum == "right" else checksum
        path.with_name(f"{path.name}.CHECKSUM").write_text(f"{sha256}  {path.name}\n")
    return path


@pytest.mark.parametrize("header", [[], [HEADER]])
@pytest.mark.parametrize("per_ms", [1, 1000])
def test_binances_archives_are_read_with_names_or_without_in_milliseconds_or_microseconds(
    store: KlineStore, folder: Path, header: list[str], per_ms: int
) -> None:
    bars = hourly(list(range(100)))
    archive(folder / "BTCUSDT-1h-2023-12.zip", header + klines(bars.at(slice(0, 50)), per_ms))
    archive(folder / "BTCUSDT-1h-2024-01-01.zip", header + klines(bars.at(slice(50, 100))))
    done = bring(store, folder)
    assert equal(store.read("1h", {"BTCUSDT"}, *EVER)["BTCUSDT"], bars)
    assert (done.files, done.unchecked, done.written) == (2, 0, {("1h", "BTCUSDT"): Written(100, 0, 0)})
    sources = [source for file in store.manifest.files.values() for source in file.sources]
    assert {source.name for source in sources} == {"BTCUSDT-1h-2023-12.zip", "BTCUSDT-1h-2024-01-01.zip"}
    assert all(len(source.sha256) == 64 for source in sources)


def test_a_day_beside_its_month_adds_nothing(store: KlineStore, folder: Path) -> None:
    bars = hourly(list(range(48)))
    archive(folder / "BTCUSDT-1h-2023-12.zip", klines(bars))
    archive(folder / "BTCUSDT-1h-2023-12-28.zip", klines(bars.at(slice(0, 24))))
    assert bring(store, folder).written == {("1h", "BTCUSDT"): Written(48, 0, 24)}


def test_an_archive_without_a_checksum_is_read_and_counted(store: KlineStore, folder: Path) -> None:
    path = archive(folder / "BTCUSDT-1h-2023-12.zip", klines(hourly([1, 2])), checksum=None)
    assert bring(store, path).unchecked == 1


def good_zip(path: Path) -> None:
    archive(path, klines(hourly([1, 2])))


def of_another_hash(path: Path) -> None:
    archive(path, klines(hourly([1, 2])), checksum="0" * 64)


def no_zip(path: Path) -> None:
    path.write_bytes(b"<html>not found</html>")


def cut(path: Path) -> None:
    archive(path, klines(hourly(list(range(200)))), checksum=None)
    path.write_bytes(path.read_bytes()[:-60])


def two_files(path: Path) -> None:
    with ZipFile(path, "w") as file:
        file.writestr("a.csv", "1")
        file.writestr("b.csv", "1")


def empty(path: Path) -> None:
    archive(path, [""])


def of_seven_columns(path: Path) -> None:
    archive(path, ["1703721600000,1,2,3,4,5,6"])


def ends_early(path: Path) -> None:
    rows = klines(hourly([1, 2, 3]))
    archive(path, [rows[0], rows[1].replace("1703732399999", "1703732000000"), rows[2]])


def off_the_grid(path: Path) -> None:
    archive(path, [*klines(hourly([1, 2])), *klines(hourly([3], start_ms=START_MS + 60_000))])


def off_the_grid_in_microseconds(path: Path) -> None:
    archive(path, [row.replace("00000000,", "00000001,", 1) for row in klines(hourly([1, 2]), 1000)])


def with_text(path: Path) -> None:
    archive(path, [row.replace("12,1.0", "12,n/a").replace(",1", ",one", 1) for row in klines(hourly([1, 2]))])


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (of_another_hash, "its hash is not the one in BTCUSDT-1h-2023-12.zip.CHECKSUM"),
        (no_zip, "not a readable archive: File is not a zip file; download it again"),
        (cut, "not a readable archive"),
        (two_files, "an archive with 2 CSV files; expected one"),
        (empty, "there is nothing in it"),
        (of_seven_columns, "rows of 7 columns without a line of names; expected 6 (open_time, open"),
        (ends_early, "column close_time: the bar that opened at 1703728800000 ends at 1703732000000, which no 1h bar"),
        (off_the_grid, "of BTCUSDT at 2023-12-28T03:01 is not on the grid of 1h bars (the only one)"),
        (off_the_grid_in_microseconds, "are not on a grid of milliseconds"),
        (with_text, "expected numbers"),
    ],
)
def test_a_bad_file_is_named_and_nothing_is_written_of_the_good_ones(
    store: KlineStore, folder: Path, make: Callable[[Path], None], problem: str
) -> None:
    good_zip(folder / "AVAXUSDT-1h-2023-12.zip")
    good_zip(folder / "XRPUSDT-1h-2023-12.zip")
    make(folder / "BTCUSDT-1h-2023-12.zip")
    (fault,) = faults(store, folder)
    assert fault.startswith("BTCUSDT-1h-2023-12.zip: ")
    assert problem in fault


def test_every_bad_file_is_named_at_once(store: KlineStore, folder: Path) -> None:
    for symbol in ("BTCUSDT", "ETHUSDT"):
        no_zip(folder / f"{symbol}-1h-2023-12.zip")
    missing = folder / "SOLUSDT-1h-2023-12.zip"
    other = folder / "notes.txt"
    other.write_text("1")
    found = faults(store, folder, missing, other)
    assert [fault.partition(": ")[2][:14] for fault in found] == [
        "no such file o", "no known forma", "not a readable", "not a readable"
    ]  # fmt: skip


def test_klines_of_mark_prices_and_files_of_no_format_are_left_out_with_a_word(store: KlineStore, folder: Path) -> None:
    good_zip(folder / "BTCUSDT-1h-2023-12.zip")
    (folder / "BTC_USDT_USDT-1h-mark.feather").write_bytes(b"")
    (folder / "markPriceKlines").mkdir()
    no_zip(folder / "markPriceKlines" / "BTCUSDT-1h-2023-12.zip")
    no_zip(folder / "BTCUSDT-aggTrades-2023-12.zip")
    done = bring(store, folder)
    assert done.files == 1
    assert dict(done.left_out) == {
        "files of no known format": 1,
        "files of mark prices, which are no trades": 1,
        "files of markPriceKlines prices, which are no trades": 1,
    }


def freqtrade_table(bars: Columns, unit: str = "ms") -> pa.Table:
    dates = pa.array(bars.open_ms).cast(pa.timestamp("ms", "UTC")).cast(pa.timestamp(unit, "UTC"))
    return pa.table([dates, *bars.values[:5]], names=["date", "open", "high", "low", "close", "volume"])


def ccxt_rows(bars: Columns) -> list[list[float]]:
    return [list(row) for row in zip(bars.open_ms.tolist(), *(c.tolist() for c in bars.values[:5]), strict=True)]


def csv_of(rows: list[list[float]], header: str = "") -> str:
    return "\n".join(filter(None, [header, *(",".join(map(repr, row)) for row in rows)]))


def iso_rows(bars: Columns, zone: str) -> str:
    rows = [
        [
            f"{np.datetime64(int(row[0]), 's' if row[0] < 1e11 else 'ms').astype('M8[s]')}".replace("T", " ") + zone,
            *row[1:],
        ]
        for row in ccxt_rows(bars)
    ]
    return "\n".join(["Date,Open,High,Low,Close,Volume", *(",".join(map(str, row)) for row in rows)])


WRITERS: list[tuple[str, Callable[[Path, Columns], object]]] = [
    ("BTC_USDT-1h.feather", lambda path, bars: feather.write_feather(freqtrade_table(bars), path)),
    ("BTC_USDT-1h.feather", lambda path, bars: feather.write_feather(freqtrade_table(bars, "ns"), path)),
    ("BTC_USDT-1h.parquet", lambda path, bars: pq.write_table(freqtrade_table(bars), path)),
    ("BTC_USDT-1h.json", lambda path, bars: path.write_text(json.dumps(ccxt_rows(bars)))),
    ("BTC_USDT-1h.json.gz", lambda path, bars: path.write_bytes(gzip.compress(json.dumps(ccxt_rows(bars)).encode()))),
    ("BTC-USDT_1h.csv", lambda path, bars: path.write_text(csv_of(ccxt_rows(bars)))),
    (
        "binance_BTCUSDT_1h.csv",
        lambda path, bars: path.write_text(csv_of(ccxt_rows(bars), "timestamp,open,high,low,close,volume")),
    ),
    (
        "BTCUSDT_1h.csv.gz",
        lambda path, bars: path.write_bytes(gzip.compress(csv_of(ccxt_rows(bars), "ts,o,h,l,c,v").encode())),
    ),
    ("BTCUSDT.csv", lambda path, bars: path.write_text(csv_of(ccxt_rows(bars)))),  # its bars tell how long they are
    ("BTCUSDT-1h.csv", lambda path, bars: path.write_text(iso_rows(bars, ""))),
    ("BTCUSDT-1h.csv", lambda path, bars: path.write_text(iso_rows(bars, "+00:00"))),
    ("BTCUSDT-1h.csv", lambda path, bars: path.write_text(iso_rows(bars, "Z"))),
    (
        "BTCUSDT-1h.csv",
        lambda path, bars: path.write_text(csv_of([[row[0] // 1000, *row[1:]] for row in ccxt_rows(bars)])),
    ),
    ("BTCUSDT-1h.json", lambda path, bars: path.write_text(json.dumps([row.split(",") for row in klines(bars)]))),
]


@pytest.mark.parametrize(("name", "write"), WRITERS, ids=[name for name, _ in WRITERS])
def test_files_of_freqtrade_and_of_ccxts_users_are_read(
    store: KlineStore, folder: Path, name: str, write: Callable[[Path, Columns], object]
) -> None:
    bars = hourly([0, 1, 2, 3, 7, 8, *range(20, 60)])
    write(folder / name, bars)
    bring(store, folder)
    found = store.read("1h", {"BTCUSDT"}, *EVER)["BTCUSDT"]
    assert all(
        np.array_equal(mine, theirs)
        for mine, theirs in zip((found.open_ms, *found.values[:5]), (bars.open_ms, *bars.values[:5]), strict=True)
    )


def test_what_neither_name_nor_columns_tell_the_operator_does(store: KlineStore, folder: Path) -> None:
    (folder / "data.csv").write_text(csv_of(ccxt_rows(hourly([1]))))
    assert "neither its name nor a column tells its pair; give it with --symbol" in faults(store, folder)[0]
    assert "tells its timeframe, and there is one bar only" in faults(store, folder, symbol="BTCUSDT")[0]
    bring(store, folder, symbol="BTCUSDT", timeframe="1h")
    assert store.spans("1h") == {"BTCUSDT": (START_MS + HOUR_MS, START_MS + HOUR_MS)}


def recording(bars: dict[str, Columns], **columns: list[Any]) -> pa.Table:
    tables = [
        pa.table(
            [[symbol] * len(each), each.open_ms, *each.values],
            names=["symbol", "open_time", "open", "high", "low", "close", "volume", "quote_volume"],
        )
        for symbol, each in bars.items()
    ]
    table = pa.concat_tables(tables)
    for name, values in columns.items():
        table = table.append_column(name, pa.array(values))
    return table


def test_a_table_of_many_symbols_intervals_and_markets_is_taken_apart(store: KlineStore, folder: Path) -> None:
    hours, minutes = hourly([1, 2, 3]), hourly([1, 2, 3, 4], bar_ms=60_000)
    table = recording(
        {"BTCUSDT": hours, "ETH/USDT": hourly([1, 2], 1), "XRPUSDT": minutes, "SOLUSDT": hourly([5], 3)},
        interval=["1h"] * 5 + ["1m"] * 4 + ["1h"],
        market=["spot"] * 9 + ["um_futures"],
    )
    pq.write_table(table.take(np.random.default_rng(1).permutation(len(table))), folder / "windows.parquet")
    done = bring(store, folder, markets=frozenset(["spot"]))
    assert done.left_out == {"bars of the market um_futures": 1}
    assert {key: sum(written) for key, written in done.written.items()} == {
        ("1h", "BTCUSDT"): 3, ("1h", "ETHUSDT"): 2, ("1m", "XRPUSDT"): 4
    }  # fmt: skip
    assert equal(store.read("1m", {"XRPUSDT"}, *EVER)["XRPUSDT"], minutes)


def test_a_file_of_futures_alone_is_refused_where_spot_is_wanted(store: KlineStore, folder: Path) -> None:
    feather.write_feather(freqtrade_table(hourly([1, 2])), folder / "BTC_USDT_USDT-1h-futures.feather")
    (fault,) = faults(store, folder, markets=frozenset(["spot"]))
    assert fault == (
        "nothing is left to import: left out were 2 bars of the market um_futures. To take them: --market um_futures;"
        " futures have a store of their own, --exchange binanceusdm"
    )


def test_a_folder_without_any_file_of_klines_is_told_what_files_are_known(store: KlineStore, folder: Path) -> None:
    (folder / "notes.txt").write_text("no klines")
    (fault,) = faults(store, folder)
    assert fault.startswith("nothing is left to import: left out were 1 files of no known format; known are ")
    assert "--market" not in fault


def test_a_contract_of_a_thousand_coins_is_stored_in_coins_when_the_operator_says_so(
    store: KlineStore, folder: Path
) -> None:
    bars = hourly([1, 2, 3])
    (folder / "1000SHIBUSDT_1h.csv").write_text(csv_of(ccxt_rows(bars)))
    bring(store, folder, units={"1000SHIBUSDT": OtherUnit("SHIBUSDT", 1000.0)})
    found = store.read("1h", {"SHIBUSDT"}, *EVER)["SHIBUSDT"]
    assert np.allclose(found.close, bars.close / 1000, rtol=1e-12)
    assert np.allclose(found.volume, bars.volume * 1000, rtol=1e-12)
    (source,) = next(iter(store.manifest.files.values())).sources
    assert source.note == "1000SHIBUSDT in units of SHIBUSDT, 1000 for each"


def test_a_quote_volume_that_the_file_calls_an_estimate_is_not_taken_for_one_of_the_exchange(
    store: KlineStore, folder: Path
) -> None:
    bars = hourly([1, 2])
    pq.write_table(recording({"BTCUSDT": bars}, quote_volume_est=[True, False]), folder / "a.parquet")
    bring(store, folder)
    assert next(iter(store.manifest.files.values())).unknown_quote_volume == 1
    found = store.read("1h", {"BTCUSDT"}, *EVER)["BTCUSDT"].quote_volume.tolist()
    assert found == [bars.close[0] * bars.volume[0], bars.quote_volume[1]]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("BTCUSDT-1h-2024-01.zip", ("BTCUSDT", "1h", "")),
        ("spot/monthly/klines/BTCUSDT/1h/BTCUSDT-1h-2024-01.zip", ("BTCUSDT", "1h", "spot")),
        ("futures/um/daily/klines/BTCUSDT/1m/BTCUSDT-1m-2024-01-02.zip", ("BTCUSDT", "1m", "um_futures")),
        ("BTCUSDT_250328-1h-2024-01.zip", ("BTCUSDT_250328", "1h", "um_futures")),
        ("BTC_USDT-1h.feather", ("BTCUSDT", "1h", "")),
        ("BTC_USDT_USDT-4h-futures.feather", ("BTCUSDT", "4h", "um_futures")),
        ("1INCH_USDT-1d.json", ("1INCHUSDT", "1d", "")),
        ("binance_ETHUSDT_15m.csv", ("ETHUSDT", "15m", "")),
        ("hourly_spot.parquet", ("", "", "")),
        ("data.csv", ("", "", "")),
        ("BTCUSDT.csv", ("BTCUSDT", "", "")),
    ],
)
def test_names_of_files_say_pair_timeframe_and_market(name: str, said: tuple[str, str, str]) -> None:
    named = named_by(Path(name))
    assert (named.symbol, named.timeframe, named.market) == said
    assert not kind_of_other_klines(Path(name))


@given(st.integers(ms("2001-10-01"), ms("2090-01-01")), st.sampled_from([1_000, 1_000_000, 1]))
@examples(100)
def test_times_in_any_unit_are_told_by_how_large_they_are(time_ms: int, per_ms: int) -> None:
    assert times_in_ms(pa.chunked_array([[time_ms * per_ms]])).tolist() == [time_ms]
    assert times_in_ms(pa.chunked_array([[time_ms // 1000]])).tolist() == [time_ms // 1000 * 1000]


def mangled(data: st.DataObject, content: bytes) -> bytes:
    """The file, cut, with some bytes changed, or something else altogether."""
    match data.draw(st.sampled_from(["cut", "changed", "other", "words"])):
        case "cut":
            return content[: data.draw(st.integers(0, len(content)))]
        case "changed":
            changed = bytearray(content)
            for place in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=8)):
                changed[place] = data.draw(st.integers(0, 255))
            return bytes(changed)
        case "words":
            words = st.sampled_from(
                [b",", b"\n", b"1", b"-1", b"1e400", b"NaN", b"null", b"[", b"]", b'"', b"open", b"date", b"{"]
            )
            return b"".join(data.draw(st.lists(words, max_size=40)))
        case _:
            return data.draw(st.binary(max_size=200))


@pytest.fixture(scope="module")
def sound_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Content of a good file of every format, by name."""
    folder, bars = tmp_path_factory.mktemp("sound"), hourly(list(range(30)))
    for name, write in WRITERS:
        write(folder / name, bars)
    archive(folder / "BTCUSDT-1h-2023-12.zip", klines(bars), checksum=None)
    pq.write_table(recording({"BTCUSDT": bars}, interval=["1h"] * 30), folder / "many.parquet")
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@given(data=st.data())
@examples(300)
def test_whatever_stands_in_a_file_it_is_read_or_refused_by_name(
    sound_files: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("mangled")
    name = data.draw(st.sampled_from(sorted(sound_files)))
    (folder / name).write_bytes(mangled(data, sound_files[name]))
    store = KlineStore(folder / "store")
    try:
        bring(store, folder / name)
    except ImportFaults as error:
        assert len(error.faults) == 1
        assert name in error.faults[0] or "nothing to import" in error.faults[0]
        assert not store.timeframes
    else:
        told = [finding for finding in verify(store) if finding.wrong and not finding.is_gap]
        assert all("quote volume" in finding.problem for finding in told)  # which the samples invent
