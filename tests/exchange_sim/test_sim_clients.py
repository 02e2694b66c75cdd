"""Three client libraries, as they are, read from the simulated exchange as they would from Binance.

Each is imported by the test that uses it: together they take as long to import as all other tests.
"""

import asyncio
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import ccxt.pro
import pytest

from services.exchange_sim.faults import Fault
from tests.exchange_sim.sim_stage import MINUTE_MS, running_exchange
from tests.patience import PATIENCE_SECONDS

pytestmark = [pytest.mark.sockets, pytest.mark.filterwarnings("ignore::DeprecationWarning")]


@asynccontextmanager
async def ccxt_client(host: str) -> AsyncIterator[Any]:
    client = ccxt.pro.binance(
        {
            "options": {"fetchMarkets": {"types": ["spot"]}, "fetchCurrencies": False, "fetchMargins": False},
            "urls": {
                "api": {
                    "public": f"http://{host}/api/v3",
                    "private": f"http://{host}/api/v3",
                    "ws": {"spot": f"ws://{host}/stream/ws"},
                }
            },
        }
    )
    try:
        yield client
    finally:
        await client.close()


async def test_ccxt_pro_reads_markets_history_and_books() -> None:
    async with running_exchange() as (_, host), ccxt_client(host) as client:
        markets = await client.load_markets()
        assert sum(market["active"] for market in markets.values()) == 38
        bitcoin = markets["BTC/USDT"]
        assert (bitcoin["precision"]["price"], bitcoin["precision"]["amount"]) == (0.01, 0.00001)
        assert bitcoin["limits"]["cost"]["min"] == 5.0
        assert markets["MATIC/USDT"]["active"] is False
        days = await client.fetch_ohlcv("BTC/USDT", "1d", limit=91)
        assert len(days) == 91
        book = await client.fetch_order_book("SOL/USDT", 20)
        assert len(book["bids"]) == 20
        assert book["bids"][0][0] < book["asks"][0][0]
        tickers = await client.fetch_tickers(["BTC/USDT", "ETH/USDT"])
        assert tickers["BTC/USDT"]["quoteVolume"] > 0
        with pytest.raises(ccxt.BadSymbol):
            await client.publicGetKlines({"symbol": "NOPEUSDT", "interval": "1h"})


async def test_ccxt_pro_watches_klines_quotes_and_books() -> None:
    async with (
        running_exchange(speed=600.0) as (_, host),
        ccxt_client(host) as client,
        asyncio.timeout(PATIENCE_SECONDS),
    ):
        await client.load_markets()
        rows: dict[int, list[float]] = {}
        while len(rows) < 6:
            rows |= {row[0]: list(row) for row in await client.watch_ohlcv("BTC/USDT", "1m")}
        opens = list(rows)
        assert opens == list(range(opens[0], opens[-1] + 1, MINUTE_MS))
        fetched = await client.fetch_ohlcv("BTC/USDT", "1m", since=opens[0], limit=5)
        assert fetched == [rows[open_ms] for open_ms in opens[:5]]
        quotes = await client.watch_bids_asks(["BTC/USDT", "ETH/USDT"])
        assert all(quote["bid"] < quote["ask"] for quote in quotes.values())
        nonces = {(await client.watch_order_book("ETH/USDT"))["nonce"] for _ in range(3)}
        assert len(nonces) > 1


async def test_ccxt_pro_reports_a_ban_as_what_it_is() -> None:
    async with running_exchange() as (exchange, host), ccxt_client(host) as client:
        exchange.inflict(Fault(fault="ban", count=1, seconds=60))
        with pytest.raises(ccxt.DDoSProtection):
            await client.load_markets()


async def test_python_binance_reads_rest_and_streams(monkeypatch: pytest.MonkeyPatch) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # python-binance uses what websockets calls legacy
        from binance import AsyncClient, BinanceSocketManager
    async with running_exchange(speed=600.0) as (_, host), asyncio.timeout(PATIENCE_SECONDS):
        monkeypatch.setattr(AsyncClient, "API_URL", f"http://{host}/api")
        monkeypatch.setattr(BinanceSocketManager, "STREAM_URL", f"ws://{host}/")
        client = await AsyncClient.create()
        try:
            info = await client.get_exchange_info()
            assert sum(symbol["status"] == "TRADING" for symbol in info["symbols"]) == 38
            rows = await client.get_klines(symbol="BTCUSDT", interval="1h", limit=200)
            assert len(rows) == 200
            assert len(rows[0]) == 12
            assert (await client.get_ticker(symbol="BTCUSDT"))["symbol"] == "BTCUSDT"
            manager = BinanceSocketManager(client)
            async with manager.kline_socket("BTCUSDT", interval="1m") as socket:
                closed = [kline for kline in [(await socket.recv())["k"] for _ in range(12)] if kline["x"]]
            opens = [kline["t"] for kline in closed]
            assert len(opens) >= 5
            assert opens == list(range(opens[0], opens[-1] + 1, MINUTE_MS))
            async with manager.multiplex_socket(["ethusdt@bookTicker", "btcusdt@miniTicker"]) as socket:
                streams = {(await socket.recv())["stream"] for _ in range(12)}
            assert streams == {"ethusdt@bookTicker", "btcusdt@miniTicker"}
        finally:
            await client.close_connection()


async def test_binance_sdk_spot_reads_rest_and_streams() -> None:
    from binance_common.configuration import ConfigurationRestAPI, ConfigurationWebSocketStreams
    from binance_sdk_spot.rest_api.models import KlinesIntervalEnum
    from binance_sdk_spot.spot import Spot
    from binance_sdk_spot.websocket_streams.models import KlineIntervalEnum

    async with running_exchange(speed=600.0) as (_, host), asyncio.timeout(PATIENCE_SECONDS):
        client = Spot(
            config_rest_api=ConfigurationRestAPI(api_key="k", api_secret="s", base_path=f"http://{host}"),
            config_ws_streams=ConfigurationWebSocketStreams(stream_url=f"ws://{host}"),
        )

        def over_rest() -> tuple[int, int, str]:
            info = client.rest_api.exchange_info().data()
            rows = client.rest_api.klines("BTCUSDT", KlinesIntervalEnum["INTERVAL_1h"].value, limit=200).data()
            book = client.rest_api.depth("SOLUSDT", limit=5).data()
            assert info.symbols is not None
            return len(info.symbols), len(rows), book.bids[0][0]

        symbols, rows, bid = await asyncio.to_thread(over_rest)
        assert (symbols, rows) == (39, 200)
        assert float(bid) > 0
        connection = await client.websocket_streams.create_connection()
        try:
            klines: asyncio.Queue[Any] = asyncio.Queue(100)
            quotes: asyncio.Queue[Any] = asyncio.Queue(100)
            stream = await connection.kline(symbol="btcusdt", interval=KlineIntervalEnum["INTERVAL_1m"].value)
            stream.on("message", klines.put_nowait)
            touch = await connection.book_ticker(symbol="ethusdt")
            touch.on("message", quotes.put_nowait)
            closed = []
            while len(closed) < 5:
                kline = (await klines.get()).k
                if kline.x:
                    closed.append(kline.t)
            assert closed == list(range(closed[0], closed[-1] + 1, MINUTE_MS))
            assert (await quotes.get()).s == "ETHUSDT"
        finally:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                await connection.close_connection(close_session=True)
