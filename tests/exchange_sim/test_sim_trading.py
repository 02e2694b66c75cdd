"""Orders on the simulated exchange, as an unmodified ccxt places them."""

import asyncio
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import ccxt
import ccxt.pro
import pytest

from services.exchange_sim.exchange import ExchangeOptions
from shared.adapters.clocks import RealClock
from tests.exchange_sim.sim_stage import running_exchange, stage

TRADES = ExchangeOptions(cash_usdt=200_000.0)
pytestmark = [pytest.mark.sockets, pytest.mark.filterwarnings("ignore::DeprecationWarning")]


@asynccontextmanager
async def trader(host: str, key: str = "ana") -> AsyncIterator[Any]:
    api = f"http://{host}/api/v3"
    options = {"fetchMarkets": {"types": ["spot"]}, "fetchCurrencies": False, "fetchMargins": False}
    urls = {"api": {"public": api, "private": api}}
    client = ccxt.pro.binance({"apiKey": key, "secret": "any", "options": options, "urls": urls})
    try:
        yield client
    finally:
        await client.close()


@asynccontextmanager
async def exchange_now() -> AsyncIterator[str]:
    """As fast as wall time, which is what signed requests are dated by."""
    async with running_exchange(speed=1.0, start_ms=RealClock().wall_ns() // 1_000_000, options=TRADES) as (_, host):
        yield host


async def test_a_market_order_walks_the_book_and_pays_its_commission_in_what_arrives() -> None:
    async with exchange_now() as host, trader(host) as client:
        assert (await client.fetch_balance())["USDT"]["free"] == 200_000
        bought = await client.create_order("ETH/USDT", "market", "buy", 0.5)
        assert (bought["status"], bought["filled"]) == ("closed", 0.5)
        trades = await client.fetch_my_trades("ETH/USDT")
        assert sum(trade["amount"] for trade in trades) == 0.5
        fees = sum(Decimal(str(trade["fee"]["cost"])) for trade in trades)
        assert {trade["fee"]["currency"] for trade in trades} == {"ETH"}
        balance = await client.fetch_balance()
        assert Decimal(str(balance["ETH"]["free"])) == Decimal("0.5") - fees
        assert balance["USDT"]["free"] == pytest.approx(200_000 - bought["cost"])
        sold = await client.create_order("ETH/USDT", "market", "sell", 0.4)
        assert sold["filled"] == 0.4
        assert [order["id"] for order in await client.fetch_orders("ETH/USDT")] == [bought["id"], sold["id"]]


async def test_a_limit_order_waits_locks_its_cash_and_is_cancelled() -> None:
    async with exchange_now() as host, trader(host) as client:
        ask = (await client.fetch_order_book("ETH/USDT"))["asks"][0][0]
        low = round(ask * 0.9, 2)
        resting = await client.create_order("ETH/USDT", "limit", "buy", 1, low)
        assert resting["status"] == "open"
        assert (await client.fetch_balance())["USDT"]["used"] == pytest.approx(low)
        assert [order["id"] for order in await client.fetch_open_orders("ETH/USDT")] == [resting["id"]]
        assert (await client.cancel_order(resting["id"], "ETH/USDT"))["status"] == "canceled"
        assert (await client.fetch_balance())["USDT"]["used"] == 0
        with pytest.raises(ccxt.OrderNotFound):
            await client.cancel_order(resting["id"], "ETH/USDT")
        at_once = await client.create_order("ETH/USDT", "limit", "buy", 0.1, round(ask * 1.05, 2))
        assert (at_once["status"], at_once["filled"]) == ("closed", 0.1)
        assert at_once["average"] < ask * 1.01


async def test_a_stop_sells_once_the_price_is_there() -> None:
    async with stage(speed=1.0, options=TRADES) as sim:
        key = {"X-MBX-APIKEY": "ana"}
        signed = {"timestamp": str(sim.now_ms), "signature": "s", "symbol": "ETHUSDT"}
        buy = {"side": "BUY", "type": "MARKET", "quantity": "1"}
        async with sim.http.post(f"{sim.url}/api/v3/order", params=signed | buy, headers=key) as answer:
            bought = await answer.json()
        stop_price = f"{float(bought['fills'][0]['price']) * 0.995:.2f}"
        stop = {"side": "SELL", "type": "STOP_LOSS", "quantity": "0.99", "stopPrice": stop_price}
        async with sim.http.post(f"{sim.url}/api/v3/order", params=signed | stop, headers=key) as answer:
            assert (await answer.json())["status"] == "NEW"
        for _ in range(24 * 60):
            sim.pass_time(60_000)
            again = signed | {"timestamp": str(sim.now_ms)}
            async with sim.http.get(f"{sim.url}/api/v3/allOrders", params=again, headers=key) as answer:
                order = (await answer.json())[-1]
            if order["status"] != "NEW":
                break
        assert (order["status"], order["executedQty"]) == ("FILLED", "0.99000000")
        assert float(order["cummulativeQuoteQty"]) / 0.99 < float(stop_price) * 1.001


async def test_a_stop_of_a_purchase_waits_above_the_price_locks_its_cash_and_buys_there() -> None:
    async with stage(speed=1.0, options=TRADES) as sim:
        key = {"X-MBX-APIKEY": "ana"}
        book = (await sim.get("/api/v3/ticker/bookTicker", symbol="ETHUSDT"))[1]
        stop = {"symbol": "ETHUSDT", "side": "BUY", "type": "STOP_LOSS", "quantity": "1", "signature": "s"}

        async def ask(method: str, path: str, **more: str) -> Any:
            asked = stop | {"timestamp": str(sim.now_ms)} | more
            async with sim.http.request(method, f"{sim.url}/api/v3/{path}", params=asked, headers=key) as answer:
                return await answer.json()

        below = f"{float(book['askPrice']) * 0.99:.2f}"
        assert "would trigger immediately" in (await ask("POST", "order", stopPrice=below))["msg"]
        above = f"{float(book['askPrice']) * 1.005:.2f}"
        assert (await ask("POST", "order", stopPrice=above))["status"] == "NEW"
        [usdt] = [each for each in (await ask("GET", "account"))["balances"] if each["asset"] == "USDT"]
        assert float(usdt["locked"]) == pytest.approx(float(above))
        for _ in range(24 * 60):
            sim.pass_time(60_000)
            order = (await ask("GET", "allOrders"))[-1]
            if order["status"] != "NEW":
                break
        assert (order["status"], order["executedQty"]) == ("FILLED", "1.00000000")
        assert float(order["cummulativeQuoteQty"]) > float(above) * 0.999


@pytest.mark.parametrize(
    ("order", "error"),
    [
        (("ETH/USDT", "market", "buy", 1_000), "insufficient balance"),
        (("ETH/USDT", "market", "sell", 1), "insufficient balance"),
        (("ETH/USDT", "limit", "buy", 0.001, 1_000.0), "NOTIONAL"),
    ],
)
async def test_what_the_exchange_would_refuse_is_refused(order: tuple[Any, ...], error: str) -> None:
    async with exchange_now() as host, trader(host) as client:
        with pytest.raises(ccxt.BaseError, match=error):
            await client.create_order(*order)
        assert (await client.fetch_balance())["USDT"]["free"] == 200_000


async def test_every_key_has_an_account_of_its_own_and_none_is_asked_for_one() -> None:
    async with exchange_now() as host, trader(host) as ana, trader(host, "bert") as bert:
        await ana.create_order("BTC/USDT", "market", "buy", 0.1)
        assert (await bert.fetch_balance())["USDT"]["free"] == 200_000
    async with stage(speed=1.0, options=TRADES) as sim:
        assert (await sim.get("/api/v3/account", timestamp=sim.now_ms, signature="s"))[1]["code"] == -2014


async def test_a_request_that_is_dated_otherwise_is_refused() -> None:
    async with stage(speed=1.0, options=TRADES) as sim:
        for ahead in (5_000, -60_000):
            headers = {"X-MBX-APIKEY": "ana"}
            asked = {"timestamp": str(sim.now_ms + ahead), "signature": "s"}
            async with sim.http.get(f"{sim.url}/api/v3/account", params=asked, headers=headers) as answer:
                assert (await answer.json())["code"] == -1021


async def test_requests_at_once_never_spend_the_same_cash_twice() -> None:
    async with exchange_now() as host, trader(host) as client:
        await client.load_markets()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            price = (await client.fetch_ticker("BTC/USDT"))["last"]
            amount = round(120_000 / price, 4)
            orders = (client.create_order("BTC/USDT", "market", "buy", amount) for _ in range(2))
            done = await asyncio.gather(*orders, return_exceptions=True)
        assert sum(isinstance(each, ccxt.InsufficientFunds) for each in done) == 1
