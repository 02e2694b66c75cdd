"""Binance's JSON, genuinely captured where there are captures, as our structs."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from shared.adapters.binance.frames import (
    MalformedError,
    best_price,
    kline_frame,
    kline_row,
    listed_pair,
    order_book,
)

KLINE: dict[str, Any] = {
    "e": "kline",
    "E": 1667264400012,
    "s": "BTCUSDT",
    "k": {
        "t": 1667260800000, "T": 1667264399999, "s": "BTCUSDT", "i": "1h", "f": 1, "L": 2, "o": "20490.10",
        "c": "20512.50", "h": "20530.00", "l": "20480.00", "v": "1200.5", "n": 4321, "x": True, "q": "24600000.1",
        "V": "600", "Q": "12300000", "B": "0",
    },
}  # fmt: skip


def changed(**fields: Any) -> dict[str, Any]:
    return {**KLINE, "k": {**KLINE["k"], **fields}}


def captured(path: Path, kind: str) -> list[dict[str, Any]]:
    """Payloads of one stream kind out of a capture of combined streams."""
    frames = [json.loads(line)["frame"] for line in path.read_text().splitlines()]
    return [frame["data"] for frame in frames if kind in frame.get("stream", "")]


def test_a_closed_kline_is_read_with_its_closed_flag_quote_volume_trades_and_event_time() -> None:
    frame = kline_frame(KLINE, "BTC/USDT")
    assert frame.closed
    assert frame.event_time_ns == 1_667_264_400_012_000_000
    kline = frame.kline
    assert (kline.symbol, kline.timeframe, kline.open_time_ns) == ("BTC/USDT", "1h", 1_667_260_800_000_000_000)
    assert (kline.open, kline.high, kline.low, kline.close) == (20490.1, 20530.0, 20480.0, 20512.5)
    assert (kline.volume, kline.quote_volume, kline.trades) == (1200.5, 24_600_000.1, 4321)


@pytest.mark.parametrize("flag", [False, 1, "true", None])
def test_only_a_true_closed_flag_counts_as_closed(flag: object) -> None:
    assert not kline_frame(changed(x=flag), "BTC/USDT").closed


def test_a_bar_that_is_called_closed_before_its_end_is_refused() -> None:
    with pytest.raises(MalformedError, match="closed at"):
        kline_frame({**KLINE, "E": 1667262600000}, "BTC/USDT")


@pytest.mark.parametrize(
    "fields",
    [
        {"o": "nan"},
        {"c": "inf"},
        {"l": "0"},
        {"l": "-1"},
        {"h": "20500"},
        {"v": "-1"},
        {"q": "nan"},
        {"o": None},
        {"t": "soon"},
        {"T": 1667260800000},
    ],
)
def test_an_impossible_bar_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(MalformedError):
        kline_frame(changed(**fields), "BTC/USDT")


def test_times_that_came_as_text_are_read_as_the_numbers_they_are() -> None:
    as_text = changed(t=str(KLINE["k"]["t"]), T=str(KLINE["k"]["T"]))
    assert kline_frame({**as_text, "E": str(KLINE["E"])}, "BTC/USDT") == kline_frame(KLINE, "BTC/USDT")
    with pytest.raises(MalformedError, match="closed at"):
        kline_frame({**as_text, "E": "1667262600000"}, "BTC/USDT")
    with pytest.raises(MalformedError):
        kline_frame({**KLINE, "E": "soon"}, "BTC/USDT")


@pytest.mark.parametrize("message", [{}, {"k": {}}, {"k": [], "E": 1}, {**KLINE, "E": None}])
def test_a_frame_without_its_fields_is_refused(message: dict[str, Any]) -> None:
    with pytest.raises(MalformedError):
        kline_frame(message, "BTC/USDT")


def test_captured_kline_frames_are_read(data_dir: Path) -> None:
    frames = captured(data_dir / "wire" / "ws_combined_stream_2021-10-11.jsonl", "@kline")
    frames += captured(data_dir / "wire" / "ws_and_rest_frames_cryptomsgparser.jsonl", "@kline")
    assert len(frames) == 3
    for message in frames:
        frame = kline_frame(message, "X/Y")
        assert not frame.closed
        assert frame.kline.close_time_ns - frame.kline.open_time_ns == 59_999_000_000
        assert frame.kline.quote_volume == float(message["k"]["q"])


def test_captured_book_tickers_are_read(data_dir: Path) -> None:
    frames = captured(data_dir / "wire" / "ws_combined_stream_2021-10-11.jsonl", "@bookTicker")
    assert len(frames) == 84
    for message in frames:
        price = best_price(message, "X/Y", bid="b", ask="a", seen_steady_ns=1)
        assert price is not None
        assert (price.bid, price.ask) == (float(message["b"]), float(message["a"]))


def test_an_empty_side_of_the_book_is_no_price_and_a_crossed_book_is_refused() -> None:
    assert best_price({"b": "0.00", "a": "10"}, "X/Y", bid="b", ask="a", seen_steady_ns=1) is None
    with pytest.raises(MalformedError):
        best_price({"b": "11", "a": "10"}, "X/Y", bid="b", ask="a", seen_steady_ns=1)
    with pytest.raises(MalformedError):
        best_price({"b": "nan", "a": "10"}, "X/Y", bid="b", ask="a", seen_steady_ns=1)


def test_captured_rest_klines_and_books_are_read(data_dir: Path) -> None:
    cassettes = (data_dir / "wire" / "rest_cassettes_binancer_2021-12-17.jsonl").read_text().splitlines()
    rows = {row["uri"].split("/")[-1].split("?")[0]: row.get("body") for row in map(json.loads, cassettes)}
    (kline,) = [kline_row(row, "ETH/USDT", "1d") for row in rows["klines"]]
    assert (kline.open, kline.open_time_ns) == (3959.11, 1_639_699_200_000_000_000)
    assert kline.quote_volume > kline.volume > 0
    book = order_book(rows["depth"], "ETH/USDT")
    assert book.bids[0][0] < book.asks[0][0]


@pytest.mark.parametrize("row", [[], [1, "1"], "kline", [1, "1", "1", "1", "1", "x", 2, "1", 1]])
def test_a_short_or_wrong_kline_row_is_refused(row: Any) -> None:
    with pytest.raises(MalformedError):
        kline_row(row, "ETH/USDT", "1d")


def test_filters_of_today_and_of_2021_are_read(data_dir: Path) -> None:
    for name, notional in (("2024-09-08", "5"), ("2021-10-11", "10")):
        body = json.loads((data_dir / "wire" / f"exchangeInfo_{name}_universe.json").read_text())
        pairs = {pair.symbol: pair for pair in map(listed_pair, body["symbols"])}
        bitcoin = pairs["BTC/USDT"]
        assert (bitcoin.status, bitcoin.price_step, bitcoin.quantity_step) == (
            "trading",
            Decimal("0.01"),
            Decimal("0.00001"),
        )
        assert (bitcoin.min_quantity, bitcoin.min_notional) == (Decimal("0.00001"), Decimal(notional))
        assert all(pair.price_step > 0 and pair.quantity_step > 0 for pair in pairs.values())


def test_every_filter_of_an_order_is_read(data_dir: Path) -> None:
    for name, bands, at_market in (
        ("2024-09-08", ("5", "0.2", "5", "0.2"), (True, Decimal(9000000))),
        ("2021-10-11", ("5", "0.2", "5", "0.2"), (True, Decimal(0))),
    ):
        body = json.loads((data_dir / "wire" / f"exchangeInfo_{name}_universe.json").read_text())
        bitcoin = {pair.symbol: pair for pair in map(listed_pair, body["symbols"])}["BTC/USDT"]
        assert (bitcoin.min_price, bitcoin.max_price) == (Decimal("0.01"), Decimal(1000000))
        assert bitcoin.max_quantity > bitcoin.market_max_quantity > 0
        assert (bitcoin.market_min_quantity, bitcoin.market_quantity_step) == (0, 0)
        stated = (
            bitcoin.bid_multiplier_up, bitcoin.bid_multiplier_down,
            bitcoin.ask_multiplier_up, bitcoin.ask_multiplier_down,
        )  # fmt: skip
        assert stated == tuple(map(Decimal, bands))
        assert (bitcoin.min_notional_at_market, bitcoin.max_notional) == at_market


@pytest.mark.parametrize("value", ["NaN", "-1", "Infinity", "", None])
def test_a_filter_that_is_no_amount_makes_the_symbol_malformed(value: Any) -> None:
    lot = {"filterType": "LOT_SIZE", "minQty": value, "maxQty": "9000", "stepSize": "0.1"}
    row = {"symbol": "BTCUSDT", "baseAsset": "BTC", "quoteAsset": "USDT", "status": "TRADING", "filters": [lot]}
    with pytest.raises(MalformedError, match="BTCUSDT"):
        listed_pair(row)


@pytest.mark.parametrize("status", ["HALT", "BREAK", "END_OF_DAY", "CANCEL_ONLY", "SOMETHING_NEW"])
def test_every_status_but_trading_is_halted(status: str) -> None:
    row = {"symbol": "BTCUSDT", "baseAsset": "BTC", "quoteAsset": "USDT", "status": status, "filters": []}
    pair = listed_pair(row)
    assert (pair.status, pair.venue_status) == ("halted", status)


def test_a_symbol_without_its_fields_is_refused() -> None:
    with pytest.raises(MalformedError, match="BTCUSDT"):
        listed_pair({"symbol": "BTCUSDT", "filters": []})
