"""An account at the simulated exchange: what a key may look at, signed as Binance wants it.

Nobody trades with this key (others do: ``trading.py``). What there is, what is open and what the key may are told by
``POST /sim/account``, as one ``SimulatedAccount``, by who has the token; until then no key looks. Errors have Binance's
codes and words.
"""

import hashlib
import hmac
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Annotated, Any
from urllib.parse import parse_qsl

from msgspec import Meta, Struct, field

from services.exchange_sim.parameters import BinanceError, check_time, how_many, malformed

COMMISSION = {"maker": "0.00100000", "taker": "0.00100000", "buyer": "0.00000000", "seller": "0.00000000"}
RIGHTS = (
    "ipRestrict", "enableReading", "enableSpotAndMarginTrading", "enableWithdrawals", "enableInternalTransfer",
    "permitsUniversalTransfer", "enableMargin", "enableFutures", "enableVanillaOptions",
    "enablePortfolioMarginTrading", "enableFixApiTrade", "enableFixReadOnly",
)  # fmt: skip
Weight = Callable[[Mapping[str, str]], int]
Answer = Callable[[Mapping[str, str], int], Any]
Amount = Annotated[str, Meta(pattern=r"^[0-9]+(\.[0-9]+)?\Z")]


class HeldAsset(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of one asset, in its units, as decimal strings."""

    asset: str
    free: Amount = "0"
    locked: Amount = "0"


class RestingOrder(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An open order, by Binance's own names. type: such as ``LIMIT`` or ``STOP_LOSS_LIMIT``."""

    symbol: str
    orderId: int  # noqa: N815
    clientOrderId: str  # noqa: N815
    side: str
    type: str
    origQty: Amount  # noqa: N815
    executedQty: Amount = "0"  # noqa: N815
    price: Amount = "0"
    stopPrice: Amount = "0"  # noqa: N815


class MadeTrade(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A trade that has happened, by Binance's own names. time: milliseconds; 0 for now."""

    symbol: str
    id: int
    orderId: int  # noqa: N815
    isBuyer: bool  # noqa: N815
    price: Amount
    qty: Amount
    commission: Amount = "0"
    commissionAsset: str = "USDT"  # noqa: N815
    time: int = 0


class SimulatedAccount(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """key, secret: of whoever looks. rights: those of the key that are given, such as ``enableReading``."""

    key: str
    secret: str
    uid: int = 1
    rights: dict[str, bool] = field(default_factory=lambda: {"enableReading": True})
    balances: tuple[HeldAsset, ...] = ()
    orders: tuple[RestingOrder, ...] = ()
    trades: tuple[MadeTrade, ...] = ()


class AccountApi:
    """The signed endpoints. speed: market seconds in a wall second; the window of a signature is wall time."""

    def __init__(self, speed: float) -> None:
        self._speed = speed
        self.account: SimulatedAccount | None = None
        self.endpoints: dict[str, tuple[Weight, Answer]] = {
            "/api/v3/account": (lambda query: 20, self._account),
            "/api/v3/openOrders": (lambda query: 6 if "symbol" in query else 80, self._open_orders),
            "/api/v3/myTrades": (lambda query: 20, self._trades),
            "/sapi/v1/account/apiRestrictions": (lambda query: 1, self._restrictions),
        }

    def check(self, key: str, raw_query: str, now_ms: int) -> None:
        """Whether a question may be answered: a known key, its signature, and a time that is near. Raises otherwise."""
        account = self.account
        if not key:
            raise BinanceError(-2014, "API-key format invalid.", 401)
        if account is None or not hmac.compare_digest(key.encode(), account.key.encode()):
            raise BinanceError(-2015, "Invalid API-key, IP, or permissions for action.", 401)
        query = dict(parse_qsl(raw_query, keep_blank_values=True))
        if not query.get("signature"):
            raise malformed("signature")
        signed = raw_query.rpartition("&signature=")[0]
        signature = hmac.new(account.secret.encode(), signed.encode(), hashlib.sha256).hexdigest()
        if not hmac.compare_digest(signature.encode(), query["signature"].encode()):
            raise BinanceError(-1022, "Signature for this request is not valid.")
        check_time(query, now_ms, self._speed)
        if not account.rights.get("enableReading"):
            raise BinanceError(-2015, "Invalid API-key, IP, or permissions for action.", 401)

    def _known(self) -> SimulatedAccount:
        assert self.account is not None, "checked before"
        return self.account

    def _account(self, query: Mapping[str, str], now_ms: int) -> dict[str, Any]:
        account = self._known()
        leaves_out = query.get("omitZeroBalances") == "true"
        shown = [held for held in account.balances if not leaves_out or float(held.free) or float(held.locked)]
        return {
            "makerCommission": 10,
            "takerCommission": 10,
            "buyerCommission": 0,
            "sellerCommission": 0,
            "commissionRates": dict(COMMISSION),
            "canTrade": True,
            "canWithdraw": True,
            "canDeposit": True,
            "brokered": False,
            "requireSelfTradePrevention": False,
            "preventSor": False,
            "updateTime": now_ms,
            "accountType": "SPOT",
            "balances": [
                {"asset": held.asset, "free": _padded(held.free), "locked": _padded(held.locked)} for held in shown
            ],
            "permissions": ["SPOT"],
            "uid": account.uid,
        }

    def _open_orders(self, query: Mapping[str, str], now_ms: int) -> list[dict[str, Any]]:
        wanted = query.get("symbol")
        return [_order_row(order, now_ms) for order in self._known().orders if wanted in (None, order.symbol)]

    def _trades(self, query: Mapping[str, str], now_ms: int) -> list[dict[str, Any]]:
        latest = [trade for trade in self._known().trades if trade.symbol == query.get("symbol")]
        return [_trade_row(trade, now_ms) for trade in latest[-how_many(query) :]]

    def _restrictions(self, query: Mapping[str, str], now_ms: int) -> dict[str, Any]:
        rights = self._known().rights
        return {**{name: rights.get(name, False) for name in RIGHTS}, "createTime": now_ms}


def _order_row(order: RestingOrder, now_ms: int) -> dict[str, Any]:
    return {
        "symbol": order.symbol,
        "orderId": order.orderId,
        "orderListId": -1,
        "clientOrderId": order.clientOrderId,
        "price": _padded(order.price),
        "origQty": _padded(order.origQty),
        "executedQty": _padded(order.executedQty),
        "origQuoteOrderQty": "0.00000000",
        "cummulativeQuoteQty": "0.00000000",
        "status": "PARTIALLY_FILLED" if float(order.executedQty) else "NEW",
        "timeInForce": "GTC",
        "type": order.type,
        "side": order.side,
        "stopPrice": _padded(order.stopPrice),
        "icebergQty": "0.00000000",
        "time": now_ms,
        "updateTime": now_ms,
        "isWorking": not order.type.startswith("STOP_LOSS"),
        "workingTime": now_ms,
        "selfTradePreventionMode": "EXPIRE_MAKER",
    }


def _trade_row(trade: MadeTrade, now_ms: int) -> dict[str, Any]:
    return {
        "symbol": trade.symbol,
        "id": trade.id,
        "orderId": trade.orderId,
        "orderListId": -1,
        "price": _padded(trade.price),
        "qty": _padded(trade.qty),
        "quoteQty": _padded(str(Decimal(trade.price) * Decimal(trade.qty))),
        "commission": _padded(trade.commission),
        "commissionAsset": trade.commissionAsset,
        "time": trade.time or now_ms,
        "isBuyer": trade.isBuyer,
        "isMaker": False,
        "isBestMatch": True,
    }


def _padded(amount: str) -> str:
    """Eight places, as Binance writes them, without a way over floats."""
    whole, _, places = amount.partition(".")
    return f"{whole}.{places[:8]:0<8}"
