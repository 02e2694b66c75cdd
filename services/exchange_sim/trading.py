"""Accounts and orders, in Binance's parameters, answers and errors: what a bot needs to trade on the simulator.

Every API key has an account of its own, which begins with the same cash. Signatures are not verified, for there is no
secret; timestamps are. Market orders walk the book, and stops become such. A limit order fills once the book holds all
of it, or waits. A commission of 0.1 % is taken out of what arrives, as Binance does without BNB.
"""

from collections import defaultdict
from collections.abc import Callable
from decimal import ROUND_DOWN, Decimal
from typing import Any

from services.exchange_sim.market.market import Listing, Market
from services.exchange_sim.orders import STOPS, ZERO, Order, locked, shown, text
from services.exchange_sim.parameters import (
    LATEST_MS,
    MOST_ROWS,
    BinanceError,
    Query,
    amount,
    check_time,
    client_id,
    how_many,
    integer,
    malformed,
    time_ms,
)
from services.exchange_sim.quotes import book_of, quote_of
from shared.domain.numbers import is_multiple, quotient, round_down

Fill = tuple[Decimal, Decimal]
COMMISSION = Decimal("0.001")
IN_FORCE = ("GTC", "IOC", "FOK")
ACCOUNT_WEIGHTS = {"order": 1, "openOrders": 6, "allOrders": 20, "myTrades": 20, "account": 20}
DEPTH = 500  # levels that a market order walks at most


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
            raise malformed("signature")
        check_time(query, now_ms, self._speed)
        account = self._accounts.setdefault(key, Account(self._cash, "USDT"))
        self._match_all(account, now_ms)
        return self.endpoints[method, path](account, query, now_ms)

    def tick(self, now_ms: int) -> None:
        for account in self._accounts.values():
            self._match_all(account, now_ms)

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
        in_force = query.get("timeInForce", "GTC")
        if in_force not in IN_FORCE:
            raise BinanceError(-1115, "Invalid timeInForce.")
        self._number += 1
        order = Order(
            number=self._number,
            client_id=client_id(query) or f"sim{self._number}",
            symbol=listing.instrument.symbol,
            side=side,
            kind=kind,
            in_force=in_force,
            quantity=amount(query, "quantity"),
            price=amount(query, "price") if kind in ("LIMIT", "STOP_LOSS_LIMIT") else ZERO,
            stop_price=amount(query, "stopPrice") if kind in STOPS else ZERO,
            time_ms=now_ms,
            updated_ms=now_ms,
        )
        self._check(account, order, listing, now_ms)
        account.orders[order.number] = order
        self._match(account, order, now_ms)
        if order.is_open and not order.waits and (order.is_at_market or order.in_force in ("IOC", "FOK")):
            order.status = "EXPIRED"
        return shown(order) | {"transactTime": now_ms, "fills": order.trades}

    def _check(self, account: Account, order: Order, listing: Listing, now_ms: int) -> None:
        instrument, lot = listing.instrument, lot_of(listing)
        if self._market.status(order.symbol, now_ms) != "TRADING":
            raise BinanceError(-1013, "Market is closed.")
        if any(each.is_open and each.client_id == order.client_id for each in account.orders.values()):
            raise BinanceError(-2010, "Duplicate order sent.")
        tick = Decimal(1).scaleb(-instrument.price_places)
        if order.quantity < lot or not is_multiple(order.quantity, lot):
            raise BinanceError(-1013, "Filter failure: LOT_SIZE")
        if not is_multiple(order.price, tick) or not is_multiple(order.stop_price, tick):
            raise BinanceError(-1013, "Filter failure: PRICE_FILTER")
        price = order.price or Decimal(str(self._market.price_at(order.symbol, now_ms * 1_000_000) or 0))
        if order.quantity * price < Decimal(str(instrument.min_notional_usdt)):
            raise BinanceError(-1013, "Filter failure: NOTIONAL")
        if order.kind in STOPS and price and self._is_triggered(order, now_ms):
            raise BinanceError(-2010, "Stop price would trigger immediately.")
        asset, needed = locked(order, order.price or order.stop_price or price)
        if order.kind == "MARKET" and order.side == "BUY":  # what it costs, walked through the book
            needed = max(needed, sum((at * quantity for at, quantity in self._reached(order, now_ms)), ZERO))
        if self._free(account, asset) < needed:
            raise BinanceError(-2010, "Account has insufficient balance for requested action.")

    def _cancel(self, account: Account, query: Query, now_ms: int) -> dict[str, Any]:
        order = self._order(account, query)
        if not order.is_open:
            raise BinanceError(-2011, "Unknown order sent.")
        order.status, order.updated_ms = "CANCELED", now_ms
        return shown(order)

    def _order(self, account: Account, query: Query) -> Order:
        number, given_id = integer(query, "orderId"), query.get("origClientOrderId", "")
        for order in reversed(account.orders.values()):
            if order.symbol == query.get("symbol") and (order.number == number or order.client_id == given_id):
                return order
        raise BinanceError(-2013, "Order does not exist.")

    def _listed(self, account: Account, query: Query, *, only_open: bool) -> list[dict[str, Any]]:
        symbol, since, until, most = query.get("symbol"), *_range_of(query)
        found = [
            order
            for order in account.orders.values()
            if symbol in (None, order.symbol) and since <= order.time_ms <= until and (order.is_open or not only_open)
        ]
        return [shown(order) for order in found[-(MOST_ROWS if only_open else most) :]]

    def _trades(self, account: Account, query: Query, now_ms: int) -> list[dict[str, Any]]:
        number, since, until, most = integer(query, "orderId"), *_range_of(query)
        found = [
            {**trade, "id": trade["tradeId"], "symbol": order.symbol, "orderId": order.number, "orderListId": -1,
             "quoteQty": text(Decimal(trade["price"]) * Decimal(trade["qty"])), "time": order.updated_ms,
             "isBuyer": order.side == "BUY", "isMaker": False, "isBestMatch": True}
            for order in account.orders.values()
            if order.symbol == query.get("symbol") and number in (None, order.number)
            and since <= order.updated_ms <= until
            for trade in order.trades
        ]  # fmt: skip
        return found[-most:]

    def _show_account(self, account: Account, query: Query, now_ms: int) -> dict[str, Any]:
        balances = [
            {"asset": asset, "free": text(free), "locked": text(account.balances[asset] - free)}
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
        locks = (locked(order, order.price or order.stop_price) for order in account.orders.values() if order.is_open)
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
        if order.waits:
            if not self._is_triggered(order, now_ms):
                return
            order.triggered_ms = now_ms
        reached = self._reached(order, now_ms)
        fills = self._affordable(account, order, reached)
        left = order.quantity - sum((quantity for _, quantity in fills), ZERO)
        if order.is_at_market or not left:  # a limit order fills whole, or waits
            for price, quantity in fills:
                self._trade_at(account, order, price, quantity)
            if fills or (reached and order.is_at_market):
                order.status, order.updated_ms = "FILLED" if not left else "EXPIRED", now_ms

    def _reached(self, order: Order, now_ms: int) -> list[Fill]:
        """What of the book an order takes now: prices and quantities."""
        book, is_buy = book_of(self._market, order.symbol, now_ms, DEPTH), order.side == "BUY"
        found, left = list[Fill](), order.quantity
        for at, there in ((book.asks if is_buy else book.bids) if book is not None else {}).items():
            price, size = Decimal(str(at)), Decimal(str(there))
            beyond = order.price and (price > order.price if is_buy else price < order.price)
            if not left or beyond:
                break
            found.append((price, min(size, left)))
            left -= found[-1][1]
        return found

    def _affordable(self, account: Account, order: Order, reached: list[Fill]) -> list[Fill]:
        """As much of it as there is cash for: a stop has locked its own price, and may find a worse one."""
        if order.side == "SELL":
            return reached
        cash = self._free(account, "USDT") + locked(order, order.price or order.stop_price)[1]  # its own is not free
        lot, found = lot_of(self._market.listings[order.symbol]), list[Fill]()
        for price, there in reached:
            quantity = min(there, round_down(quotient(cash, price), lot))
            if quantity <= 0:
                break
            found.append((price, quantity))
            cash -= price * quantity
        return found

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
            {"price": text(price), "qty": text(quantity), "commission": text(fee), "commissionAsset": asset,
             "tradeId": self._trade}
        )  # fmt: skip


def _range_of(query: Query) -> tuple[int, int, int]:
    """From when until when, and how many at most."""
    since, until = time_ms(query, "startTime"), time_ms(query, "endTime")
    return since or 0, LATEST_MS if until is None else until, how_many(query)


def lot_of(listing: Listing) -> Decimal:
    return Decimal(1).scaleb(-listing.instrument.quantity_places)
