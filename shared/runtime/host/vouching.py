"""Execution asks the store for the reservation of every order that it is about to place."""

from collections.abc import Sequence

from shared.domain.risk.state.reservations import ORDER, OpenOrder
from shared.domain.verdict_claims import doubt_about_verdict, needs_reservation
from shared.messages.catalogue import DECIDED
from shared.messages.orders import OrderDecided
from shared.ports.bus import Bus
from shared.ports.streams import Entry
from shared.runtime.machine_spec import Vouching


class ReservedOrders(Vouching):
    """Verdicts count only while the gate's stored records have their order. One question for all of a batch."""

    async def checked(self, bus: Bus, items: Sequence[Entry]) -> Sequence[Entry]:
        orders = [order for item in items if (order := _order_of(item)) is not None]
        if not orders:
            return items
        names = [order.order_id for order in orders]
        reserved = await bus.stored_rows(DECIDED.written_by, ORDER, names, OpenOrder)
        return [_checked(item, reserved) for item in items]


def _order_of(item: Entry) -> OrderDecided | None:
    message = item.message
    return message if item.id and isinstance(message, OrderDecided) and needs_reservation(message) else None


def _checked(item: Entry, reserved: dict[str, OpenOrder]) -> Entry:
    order = _order_of(item)
    doubt = doubt_about_verdict(order, reserved.get(order.order_id)) if order is not None else None
    if doubt is None:
        return item
    return item._replace(message=None, fault=(doubt.field, f"a verdict is not believed: {doubt.reason}"))
