"""Every decision of a run in a line, so that two runs, or a run and a live stack, can be compared."""

from decimal import Decimal

from msgspec import Struct

from shared.messages.orders import OrderDecided


class Decision(Struct, frozen=True, kw_only=True):
    """What was decided. order_id: the same in every run over the same bars, for it follows from the bar and the signal.

    requested, approved: base units. heat_before, heat_after: fractions of NAV.
    """

    time_ns: int
    order_id: str
    symbol: str
    side: str
    verdict: str
    requested: Decimal
    approved: Decimal
    binding: str
    heat_before: float
    heat_after: float


def decision_of(order: OrderDecided) -> Decision:
    return Decision(
        time_ns=order.time_ns,
        order_id=order.order_id,
        symbol=order.symbol,
        side=order.side,
        verdict=order.verdict,
        requested=order.quantity_requested,
        approved=order.quantity_approved,
        binding=order.binding,
        heat_before=order.heat_before,
        heat_after=order.heat_after,
    )
