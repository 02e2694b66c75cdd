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


# --- what cannot be meant ---------------------------------------------------------------------------------------------

ODD = (
    "",
    "x",
    "-1",
    "1e400",
    "nan",
    "0",
    "9" * 19,
    "9" * 25,
    "9" * 5_000,
    "1_0",
    "0.00000000000000000000001",
    "\u0661",
)
SIGNED = {
    ("POST", "order"): ("quantity", "price", "stopPrice", "timeInForce", "newClientOrderId", "type", "side", "symbol"),
    ("GET", "order"): ("orderId", "origClientOrderId", "symbol"),
    ("DELETE", "order"): ("orderId", "origClientOrderId", "symbol"),
    ("GET", "openOrders"): ("symbol",),
    ("GET", "allOrders"): ("symbol", "startTime", "endTime", "limit"),
    ("GET", "myTrades"): ("symbol", "startTime", "endTime", "limit", "orderId"),
    ("GET", "account"): ("timestamp", "recvWindow"),
}
OPEN = {
    "klines": ("symbol", "interval", "startTime", "endTime", "limit"),
    "depth": ("symbol", "limit"),
    "ticker/24hr": ("symbol", "symbols", "type"),
    "exchangeInfo": ("symbol", "symbols", "symbolStatus"),
}


async def test_whatever_a_parameter_says_the_answer_is_binances_and_no_failure_of_the_simulator() -> None:
    async with stage(speed=1.0, options=ExchangeOptions(cash_usdt=200_000.0, weight_per_minute=10**9)) as sim:
        limit = {"symbol": "ETHUSDT", "side": "BUY", "type": "STOP_LOSS_LIMIT", "quantity": "1"}
        whole = limit | {"price": "90000", "stopPrice": "90000", "interval": "1h"}
        asked = [(method, path, name, odd) for (method, path), names in SIGNED.items() for name in names for odd in ODD]
        asked += [("GET", path, name, odd) for path, names in OPEN.items() for name in names for odd in ODD]
        for method, path, name, odd in asked:
            query = (whole if path in ("order", "klines") else {"symbol": "ETHUSDT"}) | {
                "timestamp": str(sim.now_ms), "signature": "s", name: odd
            }  # fmt: skip
            if name in ("symbols", "symbolStatus"):
                del query["symbol"]
            url, headers = f"{sim.url}/api/v3/{path}", {"X-MBX-APIKEY": "ana"}
            async with sim.http.request(method, url, params=query, headers=headers) as answer:
                body = await answer.json()
            assert answer.status in (200, 400), (method, path, name, odd[:30], body)
            assert answer.status == 200 or (body["code"] < -1000 and body["msg"])


@pytest.mark.parametrize(
    ("path", "name", "odd", "code", "words"),
    [
        (
            "allOrders",
            "startTime",
            "yesterday",
            -1100,
            "Illegal characters found in parameter 'startTime'; legal range is",
        ),
        ("myTrades", "endTime", "1.5", -1100, "Illegal characters found in parameter 'endTime'"),
        ("myTrades", "limit", "0", -1130, "Data sent for parameter 'limit' is not valid."),
        ("account", "recvWindow", "60001", -1131, "recvWindow must be less than 60000"),
        ("account", "timestamp", "", -1102, "Mandatory parameter 'timestamp' was not sent"),
    ],
)
async def test_a_parameter_that_cannot_be_is_named(path: str, name: str, odd: str, code: int, words: str) -> None:
    async with stage(speed=1.0, options=TRADES) as sim:
        asked = {"timestamp": str(sim.now_ms), "signature": "s", "symbol": "ETHUSDT", name: odd}
        async with sim.http.get(f"{sim.url}/api/v3/{path}", params=asked, headers={"X-MBX-APIKEY": "a"}) as answer:
            body = await answer.json()
        assert (answer.status, body["code"]) == (400, code)
        assert words in body["msg"]


# --- stops, and what there is cash for --------------------------------------------------------------------------------


class Ana:
    """Her orders, on a stage whose time she moves."""

    def __init__(self, sim: Any) -> None:
        self.sim = sim

    async def ask(self, method: str, path: str, **more: str) -> Any:
        asked = {"symbol": "ETHUSDT", "timestamp": str(self.sim.now_ms), "signature": "s"} | more
        url, key = f"{self.sim.url}/api/v3/{path}", {"X-MBX-APIKEY": "ana"}
        async with self.sim.http.request(method, url, params=asked, headers=key) as answer:
            return await answer.json()

    async def cash(self) -> Decimal:
        [usdt] = [each for each in (await self.ask("GET", "account"))["balances"] if each["asset"] == "USDT"]
        return Decimal(usdt["free"]) + Decimal(usdt["locked"])

    async def until_triggered(self) -> Any:
        for _ in range(48 * 60):
            self.sim.pass_time(60_000)
            order = (await self.ask("GET", "allOrders"))[-1]
            if order["isWorking"]:
                return order
        raise AssertionError("the price never comes there")


async def test_a_stop_with_a_limit_stays_one_when_it_was_triggered() -> None:
    async with stage(speed=1.0, options=TRADES) as sim:
        ana = Ana(sim)
        ask = float((await sim.get("/api/v3/ticker/bookTicker", symbol="ETHUSDT"))[1]["askPrice"])
        stop, limit = f"{ask * 1.003:.2f}", f"{ask * 0.5:.2f}"
        placed = await ana.ask("POST", "order", side="BUY", type="STOP_LOSS_LIMIT", quantity="1", stopPrice=stop,
                               price=limit, timeInForce="IOC")  # fmt: skip
        assert (placed["status"], placed["isWorking"], placed["workingTime"]) == ("NEW", False, -1)
        order = await ana.until_triggered()
        assert (order["type"], float(order["stopPrice"]), float(order["price"])) == (
            "STOP_LOSS_LIMIT", float(stop), float(limit)
        )  # fmt: skip
        assert order["workingTime"] > order["time"]


async def test_nobody_buys_at_the_market_for_more_than_there_is() -> None:
    async with stage(speed=1.0, options=ExchangeOptions(cash_usdt=20_000_000.0)) as sim:
        ana = Ana(sim)
        asks = (await sim.get("/api/v3/depth", symbol="ETHUSDT", limit=1000))[1]["asks"]
        best = Decimal(asks[0][0])
        wanted = (Decimal(20_000_000) / best * Decimal("0.99995")).quantize(
            Decimal("0.001")
        )  # at the best price just enough
        refused = await ana.ask("POST", "order", side="BUY", type="MARKET", quantity=str(wanted))
        assert (refused["code"], refused["msg"]) == (-2010, "Account has insufficient balance for requested action.")
        stop = (best * Decimal("1.003")).quantize(Decimal("0.01"))
        most = (Decimal(20_000_000) / stop).quantize(Decimal("0.001")) - Decimal("0.001")
        assert (await ana.ask("POST", "order", side="BUY", type="STOP_LOSS", quantity=str(most), stopPrice=str(stop)))[
            "status"
        ] == "NEW"
        order = await ana.until_triggered()
        assert order["status"] == "EXPIRED"
        assert 0 < float(order["executedQty"]) < float(most)
        assert 0 <= await ana.cash() < 10
