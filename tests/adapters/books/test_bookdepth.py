"""Binance's bookDepth as it is published: zipped CSV, plain CSV, and the same rows as parquet."""

import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.adapters.books.bookdepth import DepthSample, read_bookdepth
from shared.adapters.books.errors import BooksError
from tests.examples import examples

TEXT = """timestamp,percentage,depth,notional
2023-01-01 00:00:09,-1,100.5,1600000.25
2023-01-01 00:00:09,1,90,1500000
2023-01-01 00:00:39,-0.2,10,160000
"""
FIRST_NS, SECOND_NS = 1_672_531_209_000_000_000, 1_672_531_239_000_000_000
EXPECTED = [
    DepthSample("BTC/USDT", FIRST_NS, {-1.0: (100.5, 1_600_000.25), 1.0: (90.0, 1_500_000.0)}),
    DepthSample("BTC/USDT", SECOND_NS, {-0.2: (10.0, 160_000.0)}),
]


def written(folder: Path, text: str, name: str = "BTCUSDT-bookDepth-2023-01-01.csv") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_a_csv_is_read_in_the_order_of_the_file(tmp_path: Path) -> None:
    assert list(read_bookdepth(written(tmp_path, TEXT))) == EXPECTED


def test_a_zip_is_read_as_it_is_published(tmp_path: Path) -> None:
    path = tmp_path / "BTCUSDT-bookDepth-2023-01-01.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("BTCUSDT-bookDepth-2023-01-01.csv", TEXT)
    assert list(read_bookdepth(path)) == EXPECTED


def test_parquet_with_the_other_name_of_the_time_is_read(data_dir: Path) -> None:
    samples = list(read_bookdepth(data_dir / "bookdepth_um_futures_BTCUSDT_2025-10-10.parquet"))
    assert len(samples) == 2_879
    assert samples[0].symbol == "BTC/USDT"
    assert samples[0].time_ns == 1_760_054_407_000_000_000  # 2025-10-10 00:00:07 UTC
    assert sorted(samples[0].buckets) == [-5.0, -4.0, -3.0, -2.0, -1.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    assert samples[0].buckets[-5.0] == (8243.012, 979_983_314.2056)


@pytest.mark.parametrize(
    ("row", "named"),
    [
        ("2023-01-01 00:00:09,-1,-5,100", "row 4: depth = '-5' cannot be"),
        ("2023-01-01 00:00:09,-1,5,nan", "row 4: notional = 'nan' cannot be"),
        ("2023-01-01 00:00:09,one,5,5", "row 4: percentage = 'one' cannot be"),
        ("yesterday,-1,5,5", "row 4: timestamp = 'yesterday' cannot be"),
        ("2023-01-01 00:00:09,-1", "row 4: depth = None cannot be"),
    ],
)
def test_a_row_that_cannot_be_is_named_with_its_field(tmp_path: Path, row: str, named: str) -> None:
    with pytest.raises(BooksError, match=named):
        list(read_bookdepth(written(tmp_path, f"{TEXT}{row}\n")))


def test_a_missing_column_and_a_name_without_a_symbol_say_what_is_expected(tmp_path: Path) -> None:
    with pytest.raises(BooksError, match="no column timestamp, notional; expected timestamp, percentage"):
        list(read_bookdepth(written(tmp_path, "percentage,depth\n1,2\n")))
    with pytest.raises(BooksError, match="its name has no symbol; it is named like BTCUSDT-bookDepth"):
        list(read_bookdepth(written(tmp_path, TEXT, "depth.csv")))


@pytest.mark.parametrize("suffix", ["zip", "parquet", "csv"])
@examples(30)
@given(content=st.binary(max_size=200))
def test_whatever_a_file_holds_is_read_or_named(
    tmp_path_factory: pytest.TempPathFactory, suffix: str, content: bytes
) -> None:
    path = tmp_path_factory.mktemp("odd") / f"BTCUSDT-bookDepth-2023-01-01.{suffix}"
    path.write_bytes(content)
    try:
        list(read_bookdepth(path))
    except BooksError as error:
        assert str(path) in str(error)


def test_a_zip_of_two_files_is_named(tmp_path: Path) -> None:
    path = tmp_path / "BTCUSDT-bookDepth-2023-01-01.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.csv", TEXT)
        archive.writestr("b.csv", TEXT)
    with pytest.raises(BooksError, match="not a readable file of bookDepth"):
        list(read_bookdepth(path))
