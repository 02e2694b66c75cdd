"""Replay: what the file says, digit for digit, and nothing that it does not say."""

import asyncio
from pathlib import Path

import aiohttp
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from services.exchange_sim.frames import fixed
from services.exchange_sim.market.bars import INTERVALS, added_up, interval_of_length
from services.exchange_sim.market.market import Market
from services.exchange_sim.market.replayed import ReplayedMarket
from shared.domain.timeframes import DAY_MS, HOUR_MS, MINUTE_MS
from tests.exchange_sim.sim_stage import ms, running_exchange
from tests.patience import PATIENCE_SECONDS

HOURLY = "hourly_spot.parquet"
START_MS = ms("2022-11-01")


@pytest.fixture(scope="module")
def hourly(data_dir: Path) -> Market:
    return Market(ReplayedMarket(data_dir / HOURLY, START_MS))


def all_rows(path: Path, start_ms: int, end_ms: int) -> dict[str, list[tuple[float, ...]]]:
    """The file itself, read without our own reader: symbol to open time, open, high, low, close, volume."""
    time = pc.field("open_time")
    table = pq.read_table(path, filters=(time >= start_ms) & (time < end_ms))
    columns = ("open_time", "open", "high", "low", "close", "volume")
    found: dict[str, list[tuple[float, ...]]] = {}
    for symbol, *row in sorted(zip(*(table[name].to_pylist() for name in ("symbol", *columns)), strict=True)):
        found.setdefault(symbol, []).append(tuple(row))
    return found


def rows_of(path: Path, symbol: str, start_ms: int, end_ms: int) -> list[tuple[float, ...]]:
    return all_rows(path, start_ms, end_ms)[symbol]


@pytest.mark.parametrize("symbol", ["BTCUSDT", "SHIBUSDT", "APTUSDT"])
def test_every_bar_of_the_file_is_replayed_as_it_is(hourly: Market, data_dir: Path, symbol: str) -> None:
    end_ms = START_MS + 15 * DAY_MS  # with the fall of FTX in it
    bars = hourly.closed_between(symbol, INTERVALS["1h"], START_MS, end_ms)
    assert [bar[:6] for bar in bars] == rows_of(data_dir / HOURLY, symbol, START_MS, end_ms)
    for bar in bars:
        assert tuple(float(fixed(value)) for value in bar[1:]) == bar[1:]  # and survives the wire


@pytest.mark.sockets
async def test_a_replay_at_full_speed_streams_every_bar_of_every_pair_once(hourly: Market, data_dir: Path) -> None:
    """Two days of 37 pairs in about three seconds, over real sockets."""
    symbols = [listing.instrument.symbol for listing in hourly.listed(START_MS)]
    heard: dict[str, list[tuple[float, ...]]] = {symbol: [] for symbol in symbols}
    streams = "/".join(f"{symbol.lower()}@kline_1h" for symbol in symbols)
    async with (
        running_exchange(speed=57_600.0, market=hourly, start_ms=START_MS) as (_, host),
        aiohttp.ClientSession() as http,
        http.ws_connect(f"http://{host}/stream?streams={streams}") as socket,
        asyncio.timeout(PATIENCE_SECONDS),
    ):
        while min(len(bars) for bars in heard.values()) < 48:
            kline = (await socket.receive_json())["data"]["k"]
            if kline["x"]:
                heard[kline["s"]].append((kline["t"], *(float(kline[name]) for name in "ohlcv")))
    file = all_rows(data_dir / HOURLY, START_MS, START_MS + 20 * DAY_MS)
    for symbol, bars in heard.items():
        assert bars == [row for row in file[symbol] if bars[0][0] <= row[0] <= bars[-1][0]]


def test_the_history_before_the_start_is_enough_to_warm_up(hourly: Market, data_dir: Path) -> None:
    now_ms = START_MS + 5 * MINUTE_MS
    days = hourly.klines("BTCUSDT", INTERVALS["1d"], now_ms=now_ms, limit=91)
    hours = hourly.klines("BTCUSDT", INTERVALS["1h"], now_ms=now_ms, limit=200)
    assert (days.count, hours.count) == (91, 200)
    first_ms = int(days.open_ms[0])
    of_file = rows_of(data_dir / HOURLY, "BTCUSDT", first_ms, first_ms + DAY_MS)
    assert days.high[0] == max(row[2] for row in of_file)
    assert days.low[0] == min(row[3] for row in of_file)
    assert (days.open[0], days.close[0]) == (of_file[0][1], of_file[-1][4])
    assert days.volume[0] == pytest.approx(sum(row[5] for row in of_file))


def test_finer_bars_add_up_to_the_bar_of_the_file(hourly: Market, data_dir: Path) -> None:
    crash_ms = ms("2022-11-08")
    minutes = hourly.klines("SOLUSDT", INTERVALS["1m"], now_ms=crash_ms + DAY_MS, start_ms=crash_ms, limit=960)
    assert minutes.count == 960
    hours = added_up(minutes, INTERVALS["1h"])
    expected = rows_of(data_dir / HOURLY, "SOLUSDT", crash_ms, crash_ms + 16 * HOUR_MS)
    assert [bar[:5] for bar in hours] == [row[:5] for row in expected]
    assert hours.volume == pytest.approx([row[5] for row in expected])


def test_the_price_stays_inside_the_bar_of_the_file(hourly: Market, data_dir: Path) -> None:
    for _, _, high, low, _, _ in (rows := rows_of(data_dir / HOURLY, "BTCUSDT", START_MS, START_MS + 3 * DAY_MS)):
        assert low <= high
    for index, (open_ms, _, high, low, _, _) in enumerate(rows):
        price = hourly.price_at("BTCUSDT", (int(open_ms) + 37_000 * index) * 1_000_000)
        assert price is not None
        assert low <= price <= high


def test_an_hour_without_trading_stays_a_hole(data_dir: Path) -> None:
    halt_ms = ms("2023-03-24T13:00")
    market = Market(ReplayedMarket(data_dir / HOURLY, ms("2023-03-20")))
    hours = market.closed_between("BTCUSDT", INTERVALS["1h"], halt_ms - 2 * HOUR_MS, halt_ms + 3 * HOUR_MS)
    assert hours.open_ms.tolist() == [halt_ms + hours * HOUR_MS for hours in (-2, -1, 1, 2)]
    assert market.forming("BTCUSDT", INTERVALS["1h"], halt_ms + 20 * MINUTE_MS).count == 0
    assert market.closed_between("BTCUSDT", INTERVALS["15m"], halt_ms, halt_ms + HOUR_MS).count == 0
    assert market.is_trading("BTCUSDT", halt_ms - MINUTE_MS)
    assert not market.is_trading("BTCUSDT", halt_ms + 20 * MINUTE_MS)
    before = hours.close[1]
    assert market.price_at("BTCUSDT", (halt_ms + 20 * MINUTE_MS) * 1_000_000) == before
    day = market.klines("BTCUSDT", INTERVALS["1d"], now_ms=halt_ms + 2 * DAY_MS, start_ms=ms("2023-03-24"), limit=1)
    assert day.count == 1
    asked = market.klines("BTCUSDT", INTERVALS["1h"], now_ms=halt_ms + DAY_MS, end_ms=halt_ms + HOUR_MS, limit=3)
    assert asked.open_ms.tolist() == [halt_ms + hours * HOUR_MS for hours in (-2, -1, 1)]


def test_a_symbol_is_listed_when_its_data_begins_and_breaks_when_it_ends(data_dir: Path) -> None:
    start_ms = ms("2023-03-01")
    market = Market(ReplayedMarket(data_dir / HOURLY, start_ms))
    arbitrum = market.listings["ARBUSDT"].instrument
    assert market.find("ARBUSDT", start_ms) is None
    assert market.status("ARBUSDT", arbitrum.first_ms) == "TRADING"
    end_ms = ms("2023-12-30T01:00")
    assert market.status("QNTUSDT", ms("2023-12-29")) == "TRADING"
    assert market.status("QNTUSDT", end_ms + DAY_MS) == "BREAK"
    assert market.forming("QNTUSDT", INTERVALS["1h"], end_ms + DAY_MS).count == 0
    late = Market(ReplayedMarket(data_dir / HOURLY, ms("2024-08-01")))
    assert "QNTUSDT" not in late.listings  # it has no data then


def test_daily_and_mixed_recordings_are_replayed_too(data_dir: Path) -> None:
    days = ReplayedMarket(data_dir / "daily.parquet", ms("2024-09-01"))
    assert interval_of_length(days.base_ms).name == "1d"
    daily = Market(days)
    assert daily.status("MATICUSDT", ms("2024-09-12")) == "BREAK"
    assert daily.find("POLUSDT", ms("2024-09-12")) is None
    assert daily.find("POLUSDT", ms("2024-09-13")) is not None
    in_hole = Market(ReplayedMarket(data_dir / "daily.parquet", ms("2024-01-15")))
    for market in (daily, in_hole):  # a hole of a year, begun long ago and two weeks ago
        assert market.find("GMXUSDT", ms("2024-09-13")) is None
        assert market.find("GMXUSDT", ms("2025-01-02")) is not None
    quarters = ReplayedMarket(data_dir / "crash_windows.parquet", ms("2025-10-10"))
    assert interval_of_length(quarters.base_ms).name == "15m"
    assert len(Market(quarters).listed(ms("2025-10-10T21:00"))) == 38


def recording(path: Path, **columns: list[object]) -> Path:
    pq.write_table(pa.table(columns), path)
    return path


def test_what_comes_after_the_first_chunk_is_loaded_when_time_gets_there(tmp_path: Path) -> None:
    count = 25_000
    opens = (START_MS - 60 * MINUTE_MS + np.arange(count) * MINUTE_MS).tolist()
    prices = (100 + np.arange(count) % 50).astype(float).tolist()
    path = recording(
        tmp_path / "minutes.parquet", symbol=["ABCUSDT"] * count, open_time=opens, open=prices, high=prices,
        low=prices, close=prices, volume=[1.5] * count, quote_volume=[None] * (count - 1) + [7.0],
    )  # fmt: skip
    market = Market(ReplayedMarket(path, START_MS))
    end_ms = opens[-1] + MINUTE_MS
    minutes = market.closed_between("ABCUSDT", INTERVALS["1m"], opens[0], end_ms)
    assert minutes.open_ms.tolist() == opens
    assert minutes.close.tolist() == prices
    assert minutes.quote_volume[0] == 150.0  # close x volume where the file does not know
    assert minutes.quote_volume[-1] == 7.0
    assert market.status("ABCUSDT", end_ms) == "BREAK"


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"symbol": ["ABCUSDT"], "open_time": [START_MS]}, "no column open, high, low, close, volume"),
        (
            {name: [1.0] for name in ("open", "high", "low", "close", "volume")}
            | {"symbol": ["ABCUSDT"], "open_time": [START_MS]},
            "does not tell how long a bar is",
        ),
        (
            {name: [1.0, 1.0] for name in ("open", "high", "low", "close", "volume")}
            | {"symbol": ["ABCEUR"] * 2, "open_time": [START_MS, START_MS + HOUR_MS]},
            "no symbol against USDT",
        ),
        (
            {name: [1.0, 1.0] for name in ("open", "high", "low", "close", "volume")}
            | {"symbol": ["ABCUSDT"] * 2, "open_time": [START_MS - DAY_MS, START_MS - DAY_MS + HOUR_MS]},
            "none at 2022-11-01",
        ),
    ],
)
def test_a_recording_that_cannot_be_replayed_says_why(
    tmp_path: Path, columns: dict[str, list[object]], reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        ReplayedMarket(recording(tmp_path / "odd.parquet", **columns), START_MS)
