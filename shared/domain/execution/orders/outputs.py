"""The messages that order management gives out: ids, causes and traces in one place."""

from collections.abc import Sequence
from decimal import Decimal

from shared.domain.execution.orders.store import VenuePosition, WorkingOrder, stop_order_id
from shared.domain.execution.orders.venue import Trade
from shared.domain.numbers import ZERO
from shared.messages.base import Message, derived_id
from shared.messages.orders import Ending, OrderClosed, OrderDecided, OrderFilled, OrderPlaced, StopPlaced


def order_placed(order: OrderDecided, quantity: Decimal, venue_order_id: str) -> OrderPlaced:
    """The venue has the order."""
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
        venue_order_id=venue_order_id,
    )


def order_filled(
    cause: Message, order: OrderDecided | WorkingOrder, trade: Trade, *, stop_price: Decimal | None
) -> OrderFilled:
    """The trade that fills an order; its id follows from the order's, for there is one trade to each."""
    return OrderFilled(
        id=derived_id("filled", order.order_id),
        time_ns=cause.time_ns,
        cause=cause.id,
        trace=order.trace or cause.trace_id,
        order_id=order.order_id,
        trade_id=trade.trade_id,
        symbol=order.symbol,
        side=order.side,
        quantity=trade.quantity,
        price=trade.price,
        fee_usdt=trade.fee_usdt,
        stop_price=stop_price,
        liquidity=trade.liquidity,
        touch=trade.touch,
        stop=False,
    )


def stop_filled(cause: Message, symbol: str, position: VenuePosition, trade: Trade) -> OrderFilled:
    """The trade in which a protective stop sold its position."""
    order_id = stop_order_id(symbol, position)
    return OrderFilled(
        id=derived_id("filled", order_id),
        time_ns=cause.time_ns,
        cause=cause.id,
        trace=position.trace,
        order_id=order_id,
        trade_id=trade.trade_id,
        symbol=symbol,
        side="sell",
        quantity=trade.quantity,
        price=trade.price,
        fee_usdt=trade.fee_usdt,
        liquidity=trade.liquidity,
        touch=trade.touch,
        stop=True,
    )


def order_closed(
    cause: Message,
    order_id: str,
    symbol: str,
    ending: Ending,
    *,
    quantity_filled: Decimal = ZERO,
    reason: str = "",
    trace: str = "",
) -> OrderClosed:
    """Nothing more happens to an order."""
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
    cause: Message, symbol: str, position: VenuePosition, *, trigger: str, trace: str
) -> Sequence[StopPlaced]:
    """Where the position's stop rests now; nothing for a position without one.

    trigger: the id of what moved it (a trade, an approved raise, a rename); the message's id follows from it.
    """
    if position.stop is None:
        return ()
    return (
        StopPlaced(
            id=derived_id("stop-placed", symbol, trigger),
            time_ns=cause.time_ns,
            cause=cause.id,
            trace=trace,
            order_id=stop_order_id(symbol, position),
            symbol=symbol,
            stop_price=position.stop,
            quantity=position.quantity,
        ),
    )
