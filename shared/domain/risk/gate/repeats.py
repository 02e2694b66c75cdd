"""Whether an order that comes again under the same id is the same order.

A client that heard no answer sends its order once more, perhaps with another time or a later expiry: that is a repeat,
and gets the decision that stands. Whatever else differs makes it another order under a name that is taken.
"""

from decimal import Decimal

from shared.messages.orders import OrderDecided, OrderProposed

COMPARED = ("symbol", "side", "quantity", "order_type", "limit_price", "stop_price", "strategy")


def difference(order: OrderProposed, first: OrderProposed, *, of_clients: bool = False) -> str:
    """The first field in which they differ; empty when one repeats the other.

    of_clients: whether clients have bounds, so that what one of them proposed is not another's to repeat.
    """
    for name in COMPARED:
        if getattr(order, name) != getattr(first, name):
            return name
    if _reduces(order) != _reduces(first):
        return "reduce_only"
    return "client" if of_clients and order.client != first.client else ""


def as_sent(order: OrderProposed, field: str) -> str:
    """A field as its sender would write it: amounts with all their zeros, and without an exponent."""
    value = getattr(order, field)
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def proposal_of(decided: OrderDecided) -> OrderProposed:
    """The order as it was proposed, from the decision on it."""
    return OrderProposed(
        id=decided.order_id,
        time_ns=decided.time_ns,
        symbol=decided.symbol,
        side=decided.side,
        quantity=decided.quantity_requested,
        order_type=decided.order_type,
        limit_price=decided.limit_price,
        stop_price=decided.stop_price,
        strategy=decided.strategy,
        reduce_only=decided.reduce_only,
        expires_ns=decided.expires_ns,
        client=decided.client,
    )


def _reduces(order: OrderProposed) -> bool:
    return order.reduce_only or order.side == "sell"  # a decision on a sell says so whatever the order said
