"""REST answers as Binance does: parameters, limits, weights, errors."""

import aiohttp
import pytest

from services.exchange_sim.exchange import ExchangeOptions
from tests.exchange_sim.sim_stage import DAY_MS, HOUR_MS, START_MS, stage

pytestmark = pytest.mark.sockets

KLINES = "/api/v3/klines"


@pytest.mark.parametrize(
    ("path", "query", "code", "message"),
    [
        (KLINES, {"symbol": "NOPEUSDT", "interval": "1h"}, -1121, "Invalid symbol."),
        (KLINES, {"symbol": "BTCUSDT", "interval": "7h"}, -1120, "Invalid interval."),
        (KLINES, {"interval": "1h"}, -1102, "Mandatory parameter 'symbol' was not sent, was empty/null, or malformed."),
        (KLINES, {"symbol": "BTCUSDT", "interval": "1h", "startTime": "now"}, -1100, "Illegal characters found"),
        (KLINES, {"symbol": "BTCUSDT", "interval": "1h", "limit": "0"}, -1130, "Data sent for parameter 'limit'"),
        ("/api/v3/depth", {"symbol": "btcusdt"}, -1121, "Invalid symbol."),
        ("/api/v3/exchangeInfo", {"symbols": "BTCUSDT"}, -1100, "Illegal characters found"),
        ("/api/v3/exchangeInfo", {"symbol": "BTCUSDT", "symbols": "[]"}, -1128, "Combination of optional parameters"),
    ],
)
async def test_errors_have_binances_code_and_words(path: str, query: dict[str, str], code: int, message: str) -> None:
    async with stage() as sim:
        status, answer = await sim.get(path, **query)
        assert (status, answer["code"]) == (400, code)
        assert answer["msg"].startswith(message)


async def test_an_unknown_path_is_404() -> None:
    async with stage() as sim:
        assert (await sim.get("/api/v3/nothing"))[0] == 404


async def test_klines_honour_start_end_and_limit() -> None:
    async with stage() as sim:
        sim.pass_time(90_000)
        hour = {"symbol": "BTCUSDT", "interval": "1h"}
        _, last = await sim.get(KLINES, **hour, limit=5000)
        assert len(last) == 1000
        assert last[-1][0] == START_MS
        assert last[-1][6] == START_MS + HOUR_MS - 1
        _, between = await sim.get(KLINES, **hour, startTime=START_MS - DAY_MS, endTime=START_MS - 20 * HOUR_MS)
        assert [row[0] for row in between] == [START_MS - hours * HOUR_MS for hours in (24, 23, 22, 21, 20)]
        assert len((await sim.get(KLINES, **hour))[1]) == 500


async def test_exchange_info_shows_one_some_or_all_symbols_and_filters_by_status() -> None:
    async with stage() as sim:
        _, everything = await sim.get("/api/v3/exchangeInfo")
        assert sum(symbol["status"] == "TRADING" for symbol in everything["symbols"]) == 38
        assert everything["serverTime"] == START_MS
        _, one = await sim.get("/api/v3/exchangeInfo", symbol="ETHUSDT")
        assert [symbol["symbol"] for symbol in one["symbols"]] == ["ETHUSDT"]
        _, some = await sim.get("/api/v3/exchangeInfo", symbols='["BTCUSDT","ETHUSDT"]')
        assert [symbol["symbol"] for symbol in some["symbols"]] == ["BTCUSDT", "ETHUSDT"]
        await sim.inflict(fault="status", symbol="ETHUSDT", status="HALT")
        _, halted = await sim.get("/api/v3/exchangeInfo", symbolStatus="HALT")
        assert [symbol["symbol"] for symbol in halted["symbols"]] == ["ETHUSDT"]


async def test_tickers_come_one_by_one_as_a_list_or_all() -> None:
    async with stage() as sim:
        for path in ("/api/v3/ticker/24hr", "/api/v3/ticker/bookTicker", "/api/v3/ticker/price"):
            _, one = await sim.get(path, symbol="BTCUSDT")
            _, some = await sim.get(path, symbols='["ETHUSDT","BTCUSDT"]')
            _, everything = await sim.get(path)
            assert one["symbol"] == "BTCUSDT"
            assert [ticker["symbol"] for ticker in some] == ["ETHUSDT", "BTCUSDT"]
            assert len({ticker["symbol"] for ticker in everything}) == 39  # 38 pairs, and MATIC, which just broke off


async def test_the_book_is_a_book_around_the_last_price() -> None:
    async with stage() as sim:
        sim.pass_time(1_000)
        _, book = await sim.get("/api/v3/depth", symbol="SOLUSDT", limit=1000)
        _, touch = await sim.get("/api/v3/ticker/bookTicker", symbol="SOLUSDT")
        bids, asks = ([float(price) for price, _ in book[side]] for side in ("bids", "asks"))
        assert len(bids) == len(asks) == 1000
        assert bids == sorted(bids, reverse=True)
        assert asks == sorted(asks)
        assert bids[0] < asks[0]
        assert [book["bids"][0][0], book["asks"][0][0]] == [touch["bidPrice"], touch["askPrice"]]
        _, price = await sim.get("/api/v3/ticker/price", symbol="SOLUSDT")
        assert bids[0] <= float(price["price"]) <= asks[0]


async def test_every_answer_tells_the_weight_used_and_a_new_minute_starts_at_zero() -> None:
    async with stage(speed=1.0) as sim:

        async def used(path: str) -> str:
            async with sim.http.get(f"{sim.url}{path}") as response:
                assert response.headers["X-MBX-USED-WEIGHT"] == response.headers["X-MBX-USED-WEIGHT-1M"]
                return response.headers["X-MBX-USED-WEIGHT-1M"]

        paths = (
            "time",
            "klines?symbol=BTCUSDT&interval=1m",
            "exchangeInfo",
            "depth?symbol=BTCUSDT&limit=500",
            "nothing",
        )
        assert [await used(f"/api/v3/{path}") for path in paths[:4]] == ["1", "3", "23", "48"]
        sim.pass_time(60_000)
        assert await used("/api/v3/ping") == "1"


async def test_too_much_weight_is_429_and_whoever_goes_on_is_banned_with_418() -> None:
    async with stage(speed=1.0, options=ExchangeOptions(weight_per_minute=40)) as sim:
        answers: list[tuple[int, str | None]] = []

        async def ask() -> None:
            async with sim.http.get(f"{sim.url}/api/v3/exchangeInfo") as response:
                answers.append((response.status, response.headers.get("Retry-After")))
                if response.status in (418, 429):
                    assert (await response.json())["code"] == -1003

        for _ in range(24):
            await ask()
        statuses = [status for status, _ in answers]
        assert statuses == [200] * 2 + [429] * 20 + [418] * 2
        waits = [int(wait) for _, wait in answers if wait is not None]
        assert all(0 < wait <= 61 for wait in waits[:20])
        assert waits[20] == 121
        sim.pass_time(60_000)  # a new minute does not lift a ban
        await ask()
        sim.pass_time(65_000)
        await ask()
        assert [status for status, _ in answers[-2:]] == [418, 200]


async def test_the_clock_can_be_asked() -> None:
    async with stage(speed=3600.0) as sim:
        sim.pass_time(5_000)
        assert (await sim.get("/api/v3/time")) == (200, {"serverTime": START_MS + 5_000})
        _, clock = await sim.get("/sim/clock")
        assert clock == {"now_ms": START_MS + 5_000, "now_ns": (START_MS + 5_000) * 10**6, "speed": 3600.0}


async def test_a_free_port_is_taken_for_port_0_and_given_back() -> None:
    async with stage() as sim:
        url = sim.url
    async with aiohttp.ClientSession() as http:
        with pytest.raises(aiohttp.ClientConnectionError):
            await http.get(f"{url}/api/v3/ping")
