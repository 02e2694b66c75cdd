"""What the exchange sends has the keys and types of frames captured from Binance."""

import gzip
import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.exchange_sim.sim_stage import HOUR_MS, stage

pytestmark = pytest.mark.sockets


def shape(value: Any) -> Any:
    """Keys and types; numbers in text are told from other text; lists by their first entry."""
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    if isinstance(value, str):
        return "number in text" if re.fullmatch(r"-?\d+(\.\d+)?", value) else "text"
    return type(value).__name__


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines() if line.strip()]


def captured_frames(data_dir: Path) -> dict[str, Any]:
    """One captured payload a stream kind."""
    found: dict[str, Any] = {}
    for name in ("ws_combined_stream_2021-10-11.jsonl", "ws_and_rest_frames_cryptomsgparser.jsonl"):
        for line in lines(data_dir / "wire" / name):
            frame = line["frame"]
            if "stream" in frame:
                kind = frame["stream"].partition("@")[2]
                data = frame["data"]
                if kind and not (kind.startswith("depth@") and not (data["b"] and data["a"])):
                    found.setdefault(kind, data)
    return found


def documented(data_dir: Path, heading: str) -> Any:
    """The first example under a heading of the official documentation."""
    for line in lines(data_dir / "wire" / "docs_examples_binance_spot_api.jsonl"):
        if line["heading"][-1] == heading and "body" in line:
            return line["body"]
    raise AssertionError(f"no documented example under {heading!r}")


async def test_stream_frames_have_the_captured_shape(data_dir: Path) -> None:
    captured = captured_frames(data_dir)
    kinds = ("kline_1m", "bookTicker", "depth@100ms", "depth20")
    async with stage() as sim, sim.listening(*(f"btcusdt@{kind}" for kind in kinds)) as ear:
        sim.pass_time(61_000)
        sim.pass_time(61_000)
        heard = {frame["stream"].partition("@")[2]: frame["data"] for frame in await ear.heard()}
        for kind in kinds:
            assert shape(heard[kind]) == shape(captured[kind]), kind
            assert list(heard[kind]) == list(captured[kind])


async def test_mini_tickers_have_the_documented_shape(data_dir: Path) -> None:
    example = shape(documented(data_dir, "Individual Symbol Mini Ticker Stream"))
    async with stage() as sim, sim.listening("btcusdt@miniTicker", "!miniTicker@arr") as ear:
        sim.pass_time(61_000)
        heard = {frame["stream"]: frame["data"] for frame in await ear.heard()}
        assert shape(heard["btcusdt@miniTicker"]) == example
        assert shape(heard["!miniTicker@arr"]) == [example]


async def test_rest_answers_have_the_recorded_shape(data_dir: Path) -> None:
    recorded = {
        re.sub(r"\?.*", "", line["uri"]).rpartition("/")[2]: line
        for line in lines(data_dir / "wire" / "rest_cassettes_binancer_2021-12-17.jsonl")
        if "body" in line
    }
    async with stage() as sim:
        sim.pass_time(HOUR_MS)
        for path, query in (
            ("time", {}),
            ("ping", {}),
            ("depth", {"symbol": "ETHUSDT", "limit": "5"}),
            ("klines", {"symbol": "ETHUSDT", "interval": "1d", "limit": "1"}),
        ):
            _, answer = await sim.get(f"/api/v3/{path}", **query)
            assert shape(answer) == shape(recorded[path]["body"]), path
        _, average = await sim.get("/api/v3/avgPrice", symbol="ETHUSDT")
        assert shape(recorded["avgPrice"]["body"]).items() <= shape(average).items()


@pytest.mark.parametrize(
    ("path", "heading"),
    [
        ("ticker/24hr", "24hr ticker price change statistics"),
        ("ticker/bookTicker", "Symbol order book ticker"),
        ("ticker/price", "Symbol price ticker"),
        ("avgPrice", "Current average price"),
    ],
)
async def test_tickers_have_the_documented_shape(data_dir: Path, path: str, heading: str) -> None:
    async with stage() as sim:
        _, answer = await sim.get(f"/api/v3/{path}", symbol="BTCUSDT")
        assert shape(answer) == shape(documented(data_dir, heading))


async def test_exchange_info_has_every_key_and_filter_of_the_captured_one(data_dir: Path) -> None:
    captured = json.loads(gzip.decompress((data_dir / "wire" / "exchangeInfo_2024-09-08_full.json.gz").read_bytes()))
    theirs = next(symbol for symbol in captured["symbols"] if symbol["symbol"] == "BTCUSDT")
    async with stage() as sim:
        _, info = await sim.get("/api/v3/exchangeInfo")
        ours = next(symbol for symbol in info["symbols"] if symbol["symbol"] == "BTCUSDT")
        assert list(info) == list(captured)
        assert [limit["rateLimitType"] for limit in info["rateLimits"]] == [
            limit["rateLimitType"] for limit in captured["rateLimits"]
        ]
        plain = {key: shape(value) for key, value in theirs.items() if key != "filters"}
        assert plain.items() <= {key: shape(value) for key, value in ours.items()}.items()
        our_filters = {one["filterType"]: shape(one) for one in ours["filters"]}
        for one in theirs["filters"]:
            assert our_filters[one["filterType"]] == shape(one)
