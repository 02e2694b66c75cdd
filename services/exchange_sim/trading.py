"""Accounts and orders, in Binance's parameters, answers and errors: what a bot needs to trade on the simulator.

Every API key has an account of its own, which begins with the same cash. Signatures are not verified, for there is no
secret; timestamps are. Market orders walk the book, and stops become such. A limit order fills once the book holds all
of it, or waits. A commission of 0.1 % is taken out of what arrives, as Binance does without BNB.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping
from decimal import ROUND_DOWN, Decimal, InvalidOperation
from typing import Any

import msgspec

from services.exchange_sim.market.market import Listing, Market
from services.exchange_sim.quotes import book_of, quote_of
from services.exchange_sim.rest import BinanceError

Query = Mapping[str, str]
ZERO, COMMISSION = Decimal(0), Decimal("0.001")
ACCOUNT_WEIGHTS = {"order": 1, "openOrders": 6, "allOrders": 20, "myTrades": 20, "account": 20}
DEPTH = 500  # levels that a market order walks at most
RECEIVE_WINDOW_MS, AHEAD_MS = 5_000, 1_000  # of wall time
MOST_ORDERS = 1_000  # that are listed
STOPS = ("STOP_LOSS", "STOP_LOSS_LIMIT")


class Order(msgspec.Struct):
    """quantity, filled: base units. value: quote units that were paid or got. trades: as ``fills`` shows them."""

    number: int
    client_id: str
    symbol: str
    side: str
    kind: str
    in_force: str
    quantity: Decimal
    price: Decimal
    stop_price: Decimal
    time_ms: int
    status: str = "NEW"
    filled: Decimal = ZERO
    value: Decimal = ZERO
    updated_ms: int = 0
    trades: list[dict[str, Any]] = msgspec.field(default_factory=list)

    @property
    def is_open(self) -> bool:
        return self.status == "NEW"


class Account:
    """balances: of each asset, free and locked, kept as free; what orders lock is computed."""

    def __init__(self, cash: Decimal, quote: str) -> None:
        self.balances: dict[str, Decimal] = defaultdict(Decimal, {quote: cash})
        self.orders: dict[int, Order] = {}


class Trading:
    """cash: that each account begins with, in quote units."""

    def __init__(self, market: Market, cash: float, speed: float) -> None:
        self._market, self._cash, self._speed = market, Decimal(str(cash)), speed
        self._accounts: dict[str, Account] = {}
        self._number = self._trade = 0
        self.endpoints: dict[tuple[str, str], Callable[[Account, Query, int], Any]] = {
            ("POST", "order"): self._place,
            ("DELETE", "order"): self._cancel,
            ("GET", "order"): lambda account, query, now_ms: shown(self._order(account, query)),
            ("GET", "openOrders"): lambda account, query, now_ms: self._listed(account, query, only_open=True),
            ("GET", "allOrders"): lambda account, query, now_ms: self._listed(account, query, only_open=False),
            ("GET", "myTrades"): self._trades,
            ("GET", "account"): self._show_account,
        }

    def answer(self, method: str, path: str, key: str, query: Query, now_ms: int) -> Any:
        """Raises ``BinanceError``."""
        if not key:
            raise BinanceError(-2014, "API-key format invalid.")
        if not query.get("signature"):
            raise BinanceError(-1102, "Mandatory parameter 'signature' was not sent, was empty/null, or malformed.")
        self._check_time(query, now_ms)
        account = self._accounts.setdefault(key, Account(self._cash, "USDT"))
        self._match_all(account, now_ms)
        return self.endpoints[method, path](account, query, now_ms)

    def tick(self, now_ms: int) -> None:
        for account in self._accounts.values():
            self._match_all(account, now_ms)

    def _check_time(self, query: Query, now_ms: int) -> None:
        sent, window = query.get("timestamp", ""), query.get("recvWindow", str(RECEIVE_WINDOW_MS))
        if not sent.isdecimal() or not window.isdecimal():
            raise BinanceError(-1102, "Mandatory parameter 'timestamp' was not sent, was empty/null, or malformed.")
        late = now_ms - int(sent)
        if late < -AHEAD_MS * self._speed:
            raise BinanceError(-1021, "Timestamp for this request was 1000ms ahead of the server's time.")
        if late > int(window) * self._speed:
            raise BinanceError(-1021, "Timestamp for this request is outside of the recvWindow.")

    # --- orders -------------------------------------------------------------------------------------------------------

    def _place(self, account: Account, query: Query, now_ms: int) -> dict[str, Any]:
        listing = self._market.find(query.get("symbol", ""), now_ms)
        if listing is None:
            raise BinanceError(-1121, "Invalid symbol.")
        kind, side = query.get("type", ""), query.get("side", "")
        if side not in ("BUY", "SELL"):
            raise BinanceError(-1117, "Invalid side.")
        if kind not in ("MARKET", "LIMIT", *STOPS):
            raise BinanceError(-1116, "Invalid orderType.")
        self._number += 1
        order = Order(
            number=self._number,
            client_id=query.get("newClientOrderId") or f"sim{self._number}",
            symbol=listing.instrument.symbol,
            side=side,
            kind=kind,
            in_force=query.get("timeInForce", "GTC"),
            quantity=_amount(query, "quantity"),
            price=_amount(query, "price") if kind in ("LIMIT", "STOP_LOSS_LIMIT") else ZERO,
            stop_price=_amount(query, "stopPrice") if kind in STOPS else ZERO,
            time_ms=now_ms,
            updated_ms=now_ms,
        )
        self._check(account, order, listing, now_ms)
        account.orders[order.number] = order
        self._match(account, order, now_ms)
        if order.is_open and (order.kind == "MARKET" or order.in_force in ("IOC", "FOK")):
            order.status = "EXPIRED"
        return shown(order) | {"transactTime": now_ms, "fills": order.trades}

    def _check(self, account: Account, order: Order, listing: Listing, now_ms: int) -> None:
        instrument = listing.instrument
        if self._market.status(order.symbol, now_ms) != "TRADING":
            raise BinanceError(-1013, "Market is closed.")
        if any(each.is_open and each.client_id == order.client_id for each in account.orders.values()):
            raise BinanceError(-2010, "Duplicate order sent.")
        lot, tick = Decimal(1).scaleb(-instrument.quantity_places), Decimal(1).scaleb(-instrument.price_places)
        if order.quantity < lot or order.quantity % lot:
            raise BinanceError(-1013, "Filter failure: LOT_SIZE")
        if order.price % tick or order.stop_price % tick:
            raise BinanceError(-1013, "Filter failure: PRICE_FILTER")
        price = order.price or Decimal(str(self._market.price_at(order.symbol, now_ms * 1_000_000) or 0))
        if order.quantity * price < Decimal(str(instrument.min_notional_usdt)):
            raise BinanceError(-1013, "Filter failure: NOTIONAL")
        if order.kind in STOPS and price and self._is_triggered(order, now_ms):
            raise BinanceError(-2010, "Stop price would trigger immediately.")
        asset, needed = _locked(order, price)
        if self._free(account, asset) < needed:
            raise BinanceError(-2010, "Account has insufficient balance for requested action.")

    def _cancel(self, account: Account, query: Query, now_ms: int) -> dict[str, Any]:
        order = self._order(account, query)
        if not order.is_open:
            raise BinanceError(-2011, "Unknown order sent.")
        order.status, order.updated_ms = "CANCELED", now_ms
        return shown(order)

    def _order(self, account: Account, query: Query) -> Order:
        number, client_id = query.get("orderId", ""), query.get("origClientOrderId", "")
        for order in reversed(account.orders.values()):
            if order.symbol == query.get("symbol") and (str(order.number) == number or order.client_id == client_id):
                return order
        raise BinanceError(-2013, "Order does not exist.")

    def _listed(self, account: Account, query: Query, *, only_open: bool) -> list[dict[str, Any]]:
        symbol, since = query.get("symbol"), int(query.get("startTime") or 0)
        found = [
            order
            for order in account.orders.values()
            if symbol in (None, order.symbol) and order.time_ms >= since and (order.is_open or not only_open)
        ]
        return [shown(order) for order in found[-MOST_ORDERS:]]

    def _trades(self, account: Account, query: Query, now_ms: int) -> list[dict[str, Any]]:
        number, since = query.get("orderId"), int(query.get("startTime") or 0)
        return [
            {**trade, "id": trade["tradeId"], "symbol": order.symbol, "orderId": order.number, "orderListId": -1,
             "quoteQty": _text(Decimal(trade["price"]) * Decimal(trade["qty"])), "time": order.updated_ms,
             "isBuyer": order.side == "BUY", "isMaker": False, "isBestMatch": True}
            for order in account.orders.values()
            if order.symbol == query.get("symbol") and number in (None, str(order.number)) and order.updated_ms >= since
            for trade in order.trades
        ]  # fmt: skip

    def _show_account(self, account: Account, query: Query, now_ms: int) -> dict[str, Any]:
        balances = [
            {"asset": asset, "free": _text(free), "locked": _text(account.balances[asset] - free)}
            for asset in [*account.balances]
            for free in (self._free(account, asset),)
        ]
        rates = dict.fromkeys(("maker", "taker", "buyer", "seller"), "0.00100000")
        return {
            "makerCommission": 10, "takerCommission": 10, "buyerCommission": 0, "sellerCommission": 0,
            "commissionRates": rates, "canTrade": True, "canWithdraw": False, "canDeposit": False, "brokered": False,
            "requireSelfTradePrevention": False, "preventSor": False, "updateTime": now_ms, "accountType": "SPOT",
            "balances": balances, "permissions": ["SPOT"], "uid": 1,
        }  # fmt: skip

    def _free(self, account: Account, asset: str) -> Decimal:
        locks = (_locked(order, order.price or order.stop_price) for order in account.orders.values() if order.is_open)
        return account.balances[asset] - sum((needed for of, needed in locks if of == asset), ZERO)

    # --- matching -----------------------------------------------------------------------------------------------------

    def _match_all(self, account: Account, now_ms: int) -> None:
        for order in [order for order in account.orders.values() if order.is_open]:
            self._match(account, order, now_ms)

    def _is_triggered(self, order: Order, now_ms: int) -> bool:
        """A stop of a sale waits below the price, one of a purchase above it."""
        quote = quote_of(self._market, order.symbol, now_ms)
        if quote is None:
            return False
        stop_price = float(order.stop_price)
        return quote.ask >= stop_price if order.side == "BUY" else quote.bid <= stop_price

    def _match(self, account: Account, order: Order, now_ms: int) -> None:
        if order.kind in STOPS:
            if not self._is_triggered(order, now_ms):
                return
            order.stop_price = ZERO
            order.kind = "MARKET" if order.kind == "STOP_LOSS" else "LIMIT"
        book = book_of(self._market, order.symbol, now_ms, DEPTH)
        if book is None:
            return
        is_buy = order.side == "BUY"
        fills, left = [], order.quantity
        for at, there in (book.asks if is_buy else book.bids).items():
            price, size = Decimal(str(at)), Decimal(str(there))
            beyond = order.price and (price > order.price if is_buy else price < order.price)
            if not left or beyond:
                break
            fills.append((price, min(size, left)))
            left -= fills[-1][1]
        if order.kind == "MARKET" or not left:  # a limit order fills whole, or waits
            for price, quantity in fills:
                self._trade_at(account, order, price, quantity)
            if fills:
                order.status, order.updated_ms = "FILLED" if not left else "EXPIRED", now_ms

    def _trade_at(self, account: Account, order: Order, price: Decimal, quantity: Decimal) -> None:
        self._trade += 1
        base, quote = order.symbol.removesuffix("USDT"), "USDT"
        is_buy, value = order.side == "BUY", price * quantity
        asset = base if is_buy else quote
        fee = ((quantity if is_buy else value) * COMMISSION).quantize(Decimal("1e-8"), ROUND_DOWN)
        account.balances[base] += quantity if is_buy else -quantity
        account.balances[quote] += -value if is_buy else value
        account.balances[asset] -= fee
        order.filled += quantity
        order.value += value
        order.trades.append(
            {"price": _text(price), "qty": _text(quantity), "commission": _text(fee), "commissionAsset": asset,
             "tradeId": self._trade}
        )  # fmt: skip


def shown(order: Order) -> dict[str, Any]:
    """An order as Binance shows it."""
    return {
        "symbol": order.symbol, "orderId": order.number, "orderListId": -1, "clientOrderId": order.client_id,
        "price": _text(order.price), "origQty": _text(order.quantity), "executedQty": _text(order.filled),
        "origQuoteOrderQty": "0.00000000", "cummulativeQuoteQty": _text(order.value), "status": order.status,
        "timeInForce": order.in_force, "type": order.kind, "side": order.side, "stopPrice": _text(order.stop_price),
        "icebergQty": "0.00000000", "time": order.time_ms, "updateTime": order.updated_ms, "isWorking": True,
        "workingTime": order.time_ms, "selfTradePreventionMode": "EXPIRE_MAKER",
    }  # fmt: skip


def _locked(order: Order, price: Decimal) -> tuple[str, Decimal]:
    """What an open order keeps of its account."""
    if order.side == "SELL":
        return order.symbol.removesuffix("USDT"), order.quantity - order.filled
    return "USDT", (order.quantity - order.filled) * price


def _amount(query: Query, name: str) -> Decimal:
    try:
        amount = Decimal(query.get(name) or "")
    except InvalidOperation:
        amount = ZERO
    if not amount.is_finite() or amount <= 0:
        raise BinanceError(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")
    return amount


def _text(amount: Decimal) -> str:
    return f"{amount:.8f}"
