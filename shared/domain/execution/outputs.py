"""The messages that paper execution gives out: ids, causes and traces in one place."""

from decimal import Decimal
from typing import Literal

from shared.domain.execution.book import PaperPosition, RestingOrder, stop_order_id
from shared.messages.base import Message, derived_id
from shared.messages.orders import Ending, OrderClosed, OrderDecided, OrderFilled, OrderPlaced, Side, StopPlaced

Order = OrderDecided | RestingOrder


def placed(order: OrderDecided, quantity: Decimal) -> OrderPlaced:
    return OrderPlaced(
        id=derived_id("placed", order.order_id),
        time_ns=order.time_ns,
        cause=order.id,
        trace=order.trace_id,
        order_id=order.order_id,
        symbol=order.symbol,
        side=order.side,
        quantity=quantity,
        price=order.limit_price,
        venue_order_id=f"paper-{order.order_id}",
    )


def filled(
    cause: Message,
    *,
    order_id: str,
    symbol: str,
    side: Side,
    quantity: Decimal,
    price: Decimal,
    fee_usdt: Decimal,
    trace: str,
    stop_price: Decimal | None = None,
    liquidity: Literal["maker", "taker"] = "taker",
    stop: bool = False,
) -> OrderFilled:
    """Every paper order fills at once and whole, so its one trade is named after it."""
    return OrderFilled(
        id=derived_id("filled", order_id),
        time_ns=cause.time_ns,
        cause=cause.id,
        trace=trace,
        order_id=order_id,
        trade_id=derived_id("trade", order_id),
        symbol=symbol,
        side=side,
        quantity=quantity,
        price=price,
        fee_usdt=fee_usdt,
        stop_price=stop_price,
        liquidity=liquidity,
        stop=stop,
    )


def closed(
    cause: Message,
    order_id: str,
    symbol: str,
    ending: Ending,
    quantity_filled: Decimal,
    reason: str = "",
    trace: str = "",
) -> OrderClosed:
    return OrderClosed(
        id=derived_id("closed", order_id),
        time_ns=cause.time_ns,
        cause=cause.id,
        trace=trace or cause.trace_id,
        order_id=order_id,
        symbol=symbol,
        ending=ending,
        quantity_filled=quantity_filled,
        reason=reason,
    )


def stop_placed(
    cause: Message, symbol: str, position: PaperPosition, stop_price: Decimal, trigger: str, trace: str
) -> StopPlaced:
    """``trigger``: what moved it (a trade, an approved raise, a rename); makes the id."""
    return StopPlaced(
        id=derived_id("stop-placed", symbol, trigger),
        time_ns=cause.time_ns,
        cause=cause.id,
        trace=trace,
        order_id=stop_order_id(symbol, position),
        symbol=symbol,
        stop_price=stop_price,
        quantity=position.quantity,
    )
