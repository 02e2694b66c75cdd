"""One order of the simulated exchange, and how Binance shows it."""

from decimal import Decimal
from typing import Any

import msgspec

ZERO = Decimal(0)
STOPS = ("STOP_LOSS", "STOP_LOSS_LIMIT")


class Order(msgspec.Struct):
    """quantity, filled: base units. value: quote units that were paid or got. trades: as ``fills`` shows them.

    triggered: of a stop, whether the price was there, and when (milliseconds); 0 before.
    """

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
    triggered_ms: int = 0
    trades: list[dict[str, Any]] = msgspec.field(default_factory=list)

    @property
    def is_open(self) -> bool:
        return self.status == "NEW"

    @property
    def waits(self) -> bool:
        """Whether it is a stop whose price was not there yet."""
        return self.kind in STOPS and not self.triggered_ms

    @property
    def is_at_market(self) -> bool:
        """Whether it takes what the book has, at whatever price."""
        return self.kind in ("MARKET", "STOP_LOSS")


def shown(order: Order) -> dict[str, Any]:
    """An order as Binance shows it. A stop is one, with its price, also when it was triggered."""
    return {
        "symbol": order.symbol, "orderId": order.number, "orderListId": -1, "clientOrderId": order.client_id,
        "price": text(order.price), "origQty": text(order.quantity), "executedQty": text(order.filled),
        "origQuoteOrderQty": "0.00000000", "cummulativeQuoteQty": text(order.value), "status": order.status,
        "timeInForce": order.in_force, "type": order.kind, "side": order.side, "stopPrice": text(order.stop_price),
        "icebergQty": "0.00000000", "time": order.time_ms, "updateTime": order.updated_ms,
        "isWorking": not order.waits, "workingTime": -1 if order.waits else order.triggered_ms or order.time_ms,
        "selfTradePreventionMode": "EXPIRE_MAKER",
    }  # fmt: skip


def locked(order: Order, price: Decimal) -> tuple[str, Decimal]:
    """What an open order keeps of its account, and in which asset."""
    if order.side == "SELL":
        return order.symbol.removesuffix("USDT"), order.quantity - order.filled
    return "USDT", (order.quantity - order.filled) * price


def text(amount: Decimal) -> str:
    return f"{amount:.8f}"
