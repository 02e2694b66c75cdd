"""A verdict is a claim: what execution is told to place has to be what the gate holds a reservation for.

The verdict and its reservation are written in one commit, and the reservation stays until execution says that the order
has ended. So a verdict without one was made by somebody else, or was carried out long ago. That holds for buys and
sells alike: what a sell reserves is the quantity.
"""

from decimal import Decimal

from shared.domain.numbers import plain
from shared.domain.risk.state.reservations import OpenOrder
from shared.messages.dead_letter import Doubt
from shared.messages.orders import OrderDecided


def needs_reservation(order: OrderDecided) -> bool:
    """Whether anything would be placed because of the verdict."""
    return order.quantity_approved > 0


def doubt_about_verdict(order: OrderDecided, reserved: OpenOrder | None) -> Doubt | None:
    """What is wrong with a verdict, beside the reservation that the store has for its order; None without one."""
    if reserved is None:
        reason = f"the gate holds no reservation for order {order.order_id}: it was not approved, or has ended"
        return Doubt("order_id", reason)
    for field, told, held in (
        ("symbol", order.symbol, reserved.symbol),
        ("side", order.side, reserved.side),
        ("quantity_approved", order.quantity_approved, reserved.quantity),
        ("limit_price", order.limit_price, reserved.limit_price),
        ("stop_price", order.stop_price, reserved.stop_price),
    ):
        if held is not None and told != held:  # a record from before prices were kept has none
            given, approved = (plain(each) if isinstance(each, Decimal) else each for each in (told, held))
            return Doubt(field, f"{field} is {given}, and the gate approved {approved} in order {order.order_id}")
    return None
