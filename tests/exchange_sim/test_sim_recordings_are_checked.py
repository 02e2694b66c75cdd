"""Every row of a recording is looked at before a market is made of it: what is odd is named."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.exchange_sim.market.bars import INTERVALS
from services.exchange_sim.market.market import Market
from services.exchange_sim.market.replayed import ReplayedMarket
from shared.adapters.klines.believable import price_places, quantity_places
from shared.adapters.klines.columns import RecordingError
from shared.adapters.klines.kline_file import KlineFile
from shared.adapters.klines.recordings import spans_at
from shared.domain.timeframes import DAY_MS, HOUR_MS
from tests.examples import examples
from tests.exchange_sim.sim_stage import ms

START_MS = ms("2022-11-01")
BARS = 48
Columns = dict[str, list[Any]]


def hours(symbol: str = "BTCUSDT", price: float = 20_000.25, volume: float = 12.34567) -> Columns:
    """Two days of hourly klines, the second one from the start on."""
    return {
        "symbol": [symbol] * BARS,
        "open_time": [START_MS - DAY_MS + hour * HOUR_MS for hour in range(BARS)],
        **{name: [price] * BARS for name in ("open", "high", "low", "close")},
        "volume": [volume] * BARS,
        "quote_volume": [price * volume] * BARS,
    }


def written(folder: Path, *parts: Columns) -> Path:
    path = folder / "klines.parquet"
    pq.write_table(pa.concat_tables(pa.table(part) for part in parts), path)
    return path


def problem_of(path: Path) -> str:
    with pytest.raises(RecordingError) as caught:
        KlineFile(path, near_ms=START_MS)
    assert str(caught.value) == f"{path}: {caught.value.problem}"
    return caught.value.problem


def with_row(row: int, **values: object) -> Columns:
    columns = hours()
    for name, value in values.items():
        columns[name][row] = value
    return columns


AT = "of BTCUSDT at 2022-10-31T05:00"
ODD_ROWS = [
    (with_row(5, close=float("nan")), f"column close: nan {AT} is no price from 1e-08 to 1e+12 (the only one)"),
    (with_row(5, low=0.0), f"column low: 0.0 {AT} is no price from 1e-08 to 1e+12 (the only one)"),
    (with_row(5, open=float("inf"), high=float("inf")), f"column open: inf {AT} is no price from 1e-08 to 1e+12"),
    (with_row(5, close=None), f"column close: nan {AT} is no price from 1e-08 to 1e+12"),
    (with_row(5, high=1.0), f"column high: 1.0 {AT} is under its open or close"),
    (with_row(5, low=30_000.0, high=40_000.0), f"column low: 30000.0 {AT} is over its open or close"),
    (with_row(5, volume=-1.0), f"column volume: -1.0 {AT} is no amount from 0 to 1e+18"),
    (with_row(5, quote_volume=float("inf")), f"column quote_volume: inf {AT} is no amount from 0 to 1e+18"),
    (with_row(5, open_time=START_MS), "column open_time: 1667260800000 of BTCUSDT at 2022-11-01T00:00 is a second row"),
    (with_row(5, open_time=START_MS + 60_000), "is not on the grid of 1h bars (the only one)"),
    (with_row(5, symbol="btcusdt"), "column symbol: 'btcusdt' in 1 rows is no symbol"),
    (with_row(5, symbol=None), "column symbol: nothing stands in 1 rows"),
    (with_row(5, open_time=None), "column open_time: nothing stands in 1 rows"),
    (with_row(5, open_time=START_MS * 1_000), "is not in milliseconds since 1970, but microseconds (the only one)"),
    (with_row(5, open_time=START_MS // 1_000), "is not in milliseconds since 1970, but seconds (the only one)"),
    (with_row(5, open_time=0), "column open_time: 0 of BTCUSDT is not in milliseconds since 1970 (the only one)"),
]


@pytest.mark.parametrize(("columns", "problem"), ODD_ROWS)
def test_one_odd_row_is_named_with_column_symbol_time_and_count(tmp_path: Path, columns: Columns, problem: str) -> None:
    assert problem in problem_of(written(tmp_path, columns))


def test_times_that_change_their_unit_in_the_middle_of_the_file_are_counted(tmp_path: Path) -> None:
    columns = hours()
    columns["open_time"] = [time * (1_000 if row >= 30 else 1) for row, time in enumerate(columns["open_time"])]
    assert "but microseconds (the first of 18 rows)" in problem_of(written(tmp_path, columns))


def test_close_times_in_place_of_open_times_are_told_as_what_they_are(tmp_path: Path) -> None:
    columns = hours()
    columns["open_time"] = [time + HOUR_MS - 1 for time in columns["open_time"]]
    assert "is when a bar closed; the time at which it opened is expected (the first of 48" in problem_of(
        written(tmp_path, columns)
    )


def test_rows_that_stand_twice_are_found_in_different_parts_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "klines.parquet"
    pq.write_table(pa.concat_tables([pa.table(hours())] * 2), path, row_group_size=BARS)
    assert "a second row of one bar (the first of 48 rows)" in problem_of(path)


def test_two_lengths_of_bars_without_a_column_that_tells_them_apart_are_a_fault(tmp_path: Path) -> None:
    days = hours("ETHUSDT")
    days["open_time"] = [START_MS + day * DAY_MS for day in range(-30, BARS - 30)]
    told = problem_of(written(tmp_path, hours(), hours("SOLUSDT"), days))
    assert "ETHUSDT has bars 86,400,000 ms apart, where the others are 3,600,000 ms apart" in told


@pytest.mark.parametrize(
    ("column", "values", "problem"),
    [
        ("open_time", pa.array([START_MS // 1_000] * BARS, pa.int32()), "column open_time holds int32"),
        ("open_time", pa.array([float(START_MS)] * BARS), "column open_time holds double"),
        ("quote_volume", pa.array(["1.0"] * BARS), "column quote_volume holds string"),
    ],
)
def test_a_column_of_another_type_is_named(tmp_path: Path, column: str, values: pa.Array, problem: str) -> None:
    table = pa.table(hours())
    path = tmp_path / "klines.parquet"
    pq.write_table(table.set_column(table.column_names.index(column), column, values), path)
    assert problem in problem_of(path)


@pytest.mark.parametrize("interval", [{}, {"interval": ["1h"] * BARS}])
def test_a_file_whose_pages_are_damaged_is_refused(tmp_path: Path, interval: Columns) -> None:
    """Its end, which says what is in it, can be read."""
    path = written(tmp_path, hours() | interval)
    body = bytearray(path.read_bytes())
    places = pq.read_metadata(path).row_group(0)
    for column in range(places.num_columns):
        begins = places.column(column).data_page_offset
        body[begins : begins + 8] = b"\xff" * 8
    path.write_bytes(body)
    assert problem_of(path).startswith("not a readable parquet file: ")


def test_a_quote_volume_that_nobody_knows_is_estimated(tmp_path: Path) -> None:
    columns = hours(volume=2.0)
    columns["quote_volume"] = [None] * BARS
    market = Market(ReplayedMarket(written(tmp_path, columns), START_MS))
    bars = market.klines("BTCUSDT", INTERVALS["1h"], now_ms=START_MS, limit=3)
    assert bars.quote_volume.tolist() == [40_000.5] * 3


def test_a_symbol_may_be_written_with_a_slash(tmp_path: Path) -> None:
    market = Market(ReplayedMarket(written(tmp_path, hours("BTC/USDT"), hours("ETHUSDT", 1_500.5)), START_MS))
    assert set(market.listings) == {"BTCUSDT", "ETHUSDT"}
    assert market.klines("BTCUSDT", INTERVALS["1h"], now_ms=START_MS, limit=5).close.tolist() == [20_000.25] * 5
    both_ways = written(tmp_path, hours("BTC/USDT"), hours("BTCUSDT"))
    assert "a second row of one bar" in problem_of(both_ways)


def test_the_recordings_beside_the_repository_pass(data_dir: Path) -> None:
    for name, when in (
        ("daily", "2024-09-01"), ("daily_fill", "2026-02-01"), ("hourly_spot", "2022-11-01"),
        ("hourly_um_futures", "2025-10-10"), ("crash_windows", "2025-10-10"),
    ):  # fmt: skip
        assert spans_at(KlineFile(data_dir / f"{name}.parquet", near_ms=ms(when)), ms(when))


CHANGES: dict[str, Callable[[float], object]] = {
    "nothing": lambda value: value,
    "not a number": lambda value: float("nan"),
    "endless": lambda value: float("inf"),
    "negative": lambda value: -abs(value) - 1.0,
    "zero": lambda value: 0.0,
    "tiny": lambda value: value * 1e-300,
    "huge": lambda value: value * 1e300,
    "a bit": lambda value: value + 1,
    "a thousand times": lambda value: value * 1_000,
}


@given(
    row=st.integers(0, BARS - 1),
    column=st.sampled_from(("open_time", "open", "high", "low", "close", "volume", "quote_volume")),
    change=st.sampled_from(sorted(CHANGES)),
)
@examples(100)
def test_a_file_with_one_odd_value_is_refused_by_its_column_or_replayed(
    tmp_path_factory: pytest.TempPathFactory, row: int, column: str, change: str
) -> None:
    columns = hours()
    value = CHANGES[change](columns[column][row])
    if column == "open_time":
        if not np.isfinite(float(str(value))) or abs(float(str(value))) >= 2**63:
            return
        value = int(float(str(value)))
    columns[column][row] = value
    path = written(tmp_path_factory.mktemp("odd"), columns)
    try:
        market = Market(ReplayedMarket(path, START_MS))
    except RecordingError as error:
        assert error.problem.startswith("column ")
        return
    for interval in ("1m", "1h", "1d"):
        bars = market.klines("BTCUSDT", INTERVALS[interval], now_ms=START_MS + DAY_MS, limit=3_000)
        assert bars.count
        assert all((price > 0).all() and np.isfinite(price).all() for price in bars.values[:4])
        assert all((amount >= 0).all() and np.isfinite(amount).all() for amount in bars.values[4:])


# --- filters ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("price", "prices", "volumes", "ticks", "lots"),
    [
        (20_000.25, [20_000.25], [12.34567], 2, 5),  # what Binance wrote
        (20_000.25, [20_000.25], [12.0], 2, 5),  # whole coins say nothing of a lot
        (20_000.25, [20_000.12345678], [12.12345678], 2, 5),  # eight decimals say nothing of anything
        (0.000018, [0.00001801], [12_345_678.0], 8, 0),
        (0.38, [0.3812], [1_234.5], 4, 1),
        (1.0, [1.0], [5.0], 4, 0),  # a tick of the whole price is none
        (280.0, [280.1], [0.123], 1, 3),
        (1e-7, [1e-7], [1e9], 8, 0),
    ],
)
def test_the_filters_of_a_recording_are_believable(
    price: float, prices: list[float], volumes: list[float], ticks: int, lots: int
) -> None:
    assert price_places(np.array(prices), price) == ticks
    assert quantity_places(np.array(volumes), price) == lots


def test_whole_volumes_do_not_make_the_lot_a_whole_coin(tmp_path: Path) -> None:
    market = ReplayedMarket(
        written(tmp_path, hours(volume=12.0), hours("ETHUSDT", 1_500.12345678, 7.12345678)), START_MS
    )
    assert [(one.price_places, one.quantity_places) for one in market.instruments] == [(2, 5), (2, 4)]
