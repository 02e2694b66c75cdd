"""The messages that follow from reports: ids, causes and traces in one place."""

from decimal import Decimal

from shared.domain.execution.client.records import ClientOrder, ClientPosition, stop_id_of
from shared.domain.numbers import ZERO
from shared.messages.base import LAST_NS, Message, derived_id, truncate
from shared.messages.orders import Ending, OrderClosed, OrderFilled, OrderPlaced, StopPlaced
from shared.messages.reports import FillReported, PlacedReported, ReportAwaited, StopReported


def order_placed(placed: PlacedReported, order: ClientOrder, now_ns: int) -> OrderPlaced:
    """The exchange has the order, by what its client reports."""
    return OrderPlaced(
        id=derived_id("placed", order.order_id),
        time_ns=placed.time_ns or now_ns,
        cause=placed.id,
        trace=order.trace or placed.trace_id,
        order_id=order.order_id,
        symbol=order.symbol,
        side=order.side,
        quantity=placed.quantity,
        price=placed.price,
        venue_order_id=placed.venue_order_id,
    )


def order_filled(fill: FillReported, *, trace: str, stop_price: Decimal | None, now_ns: int) -> OrderFilled:
    """A trade that counts. Its id follows from the exchange's id of it."""
    return OrderFilled(
        id=derived_id("filled", fill.symbol, fill.order_id, fill.trade_id),
        time_ns=fill.time_ns or now_ns,
        cause=fill.id,
        trace=trace or fill.trace_id,
        order_id=fill.order_id,
        trade_id=fill.trade_id,
        symbol=fill.symbol,
        side=fill.side,
        quantity=fill.quantity,
        price=fill.price,
        fee_usdt=fill.fee_usdt,
        stop_price=stop_price,
        liquidity=fill.liquidity,
        stop=fill.stop,
    )


def closed_order(
    cause: Message, order_id: str, symbol: str, ending: Ending, *, filled: Decimal, reason: str, trace: str, now_ns: int
) -> OrderClosed:
    """Nothing more happens to an order, or to a stop."""
    return OrderClosed(
        id=derived_id("closed", order_id),
        time_ns=cause.time_ns or now_ns,
        cause=cause.id,
        trace=trace or cause.trace_id,
        order_id=order_id,
        symbol=symbol,
        ending=ending,
        quantity_filled=filled,
        reason=truncate(reason),
    )


def stop_placed(stop: StopReported, position: ClientPosition, now_ns: int) -> StopPlaced:
    """The stop of a position rests, by what its client reports."""
    return StopPlaced(
        id=derived_id("stop-placed", stop.symbol, stop.id),
        time_ns=stop.time_ns or now_ns,
        cause=stop.id,
        trace=position.trace or stop.trace_id,
        order_id=stop_id_of(stop.symbol, position),
        symbol=stop.symbol,
        stop_price=stop.stop_price,
        quantity=stop.quantity,
    )


def order_awaited(cause: Message, order: ClientOrder, now_ns: int, reason: str = "") -> ReportAwaited:
    """A report of an order is due, or overdue."""
    return ReportAwaited(
        id=derived_id("awaited", order.order_id, cause.id, int(order.told)),
        time_ns=now_ns or cause.time_ns,
        cause=cause.id,
        trace=order.trace or cause.trace_id,
        order_id=order.order_id,
        symbol=order.symbol,
        client=order.client,
        what=order.what,
        due_ns=min(order.due_ns, LAST_NS),
        quantity=max(ZERO, order.left),
        reason=truncate(reason),
        overdue=order.told,
    )


def stop_awaited(
    cause: Message, symbol: str, position: ClientPosition, due_ns: int, now_ns: int, reason: str = ""
) -> ReportAwaited:
    """A stop has to rest where the gate approved it, or had to and does not."""
    return ReportAwaited(
        id=derived_id("awaited", "stop", symbol, cause.id, int(position.missing)),
        time_ns=now_ns or cause.time_ns,
        cause=cause.id,
        trace=position.trace or cause.trace_id,
        order_id=stop_id_of(symbol, position),
        symbol=symbol,
        client=position.client,
        what="stop",
        due_ns=min(due_ns, LAST_NS),
        quantity=position.quantity,
        stop_price=position.approved,
        reason=truncate(reason),
        overdue=position.missing,
    )
