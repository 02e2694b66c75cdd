"""What order management remembers: positions with their stops, working orders, and orders that were taken in before."""

from collections.abc import Sequence
from decimal import Decimal

import msgspec
from msgspec import Struct

from shared.domain.machine import Records
from shared.domain.numbers import ZERO
from shared.messages.base import derived_id
from shared.messages.market import PairListed
from shared.messages.orders import OrderDecided, Side

POSITION, WORKING, DONE, LISTED = "position", "order", "done", "pair"
ORDERS_REMEMBERED = 64


class VenuePosition(Struct, frozen=True, kw_only=True):
    """What the venue holds of a pair, and the one stop that protects all of it.

    quantity: base units.
    opened_by: the order that opened the position; the stop's id follows from it.
    stop: USDT per unit, None without one.
    stop_since_ns: market time from which the stop rests at that price.
    trace: the trace of the order that opened the position.
    """

    quantity: Decimal
    opened_by: str
    stop: Decimal | None = None
    stop_since_ns: int = 0
    trace: str = ""


class WorkingOrder(Struct, frozen=True, kw_only=True):
    """An order that is at the venue and not finished.

    quantity: base units.
    limit_price: USDT per unit.
    since_ns: market time at which it was placed.
    stop_price: USDT per unit, of the stop that comes with it; None on a sell.
    expires_ns: market time after which it ends by itself; 0 for never.
    """

    order_id: str
    symbol: str
    side: Side
    quantity: Decimal
    limit_price: Decimal
    since_ns: int
    stop_price: Decimal | None = None
    expires_ns: int = 0
    trace: str = ""


class Done(Struct, frozen=True):
    """The latest order ids of a pair that were taken in, oldest first: a verdict that comes again leads to nothing."""

    order_ids: tuple[str, ...] = ()


KINDS: dict[str, type[Struct]] = {
    POSITION: VenuePosition,
    WORKING: WorkingOrder,
    DONE: Done,
    LISTED: PairListed,
}


def stop_order_id(symbol: str, position: VenuePosition) -> str:
    """The order id under which a position's stop fills."""
    return derived_id("stop", symbol, position.opened_by)


class OrderStore:
    """The records, with working orders indexed by pair."""

    def __init__(self) -> None:
        self.records = Records(KINDS)
        self._by_pair: dict[str, dict[str, WorkingOrder]] = {}
        self.next_expiry_ns = 0

    def restored(self) -> None:
        """Records were loaded: index the working orders anew."""
        self._by_pair.clear()
        for _, order in self.records.rows(WORKING, WorkingOrder):
            self._index(order)
        self._note_expiry()

    # --- positions ------------------------------------------------------------------------------------------------

    def position(self, symbol: str) -> VenuePosition | None:
        """What the venue holds of a pair; None when it holds nothing."""
        return self.records.get(POSITION, symbol, VenuePosition)

    def put_position(self, symbol: str, position: VenuePosition) -> None:
        """Keep the position, or forget it once nothing of it is left."""
        if position.quantity > 0:
            self.records.put(POSITION, symbol, position)
        else:
            self.records.delete(POSITION, symbol)

    def forget_position(self, symbol: str) -> None:
        """Nothing is held of the pair any more, and no stop protects it."""
        self.records.delete(POSITION, symbol)

    def grow_position(
        self, symbol: str, order: OrderDecided | WorkingOrder, quantity: Decimal, since_ns: int
    ) -> VenuePosition:
        """Add to the position; the higher of its stop and the order's protects all of it."""
        held = self.position(symbol) or VenuePosition(
            quantity=ZERO, opened_by=order.order_id, trace=order.trace or order.order_id
        )
        held = msgspec.structs.replace(held, quantity=held.quantity + quantity)
        if order.stop_price is not None and (held.stop is None or order.stop_price > held.stop):
            held = msgspec.structs.replace(held, stop=order.stop_price, stop_since_ns=since_ns)
        self.put_position(symbol, held)
        return held

    def shrink_position(self, symbol: str, quantity: Decimal) -> VenuePosition:
        """Take from the position; never more than there is."""
        held = self.position(symbol)
        assert held is not None
        assert quantity <= held.quantity
        left = msgspec.structs.replace(held, quantity=held.quantity - quantity)
        self.put_position(symbol, left)
        return left

    def rename(self, former: str, symbol: str, ratio: Decimal, now_ns: int) -> VenuePosition | None:
        """Carry a position over to the pair's new name, ``ratio`` new units for each old one; None without one."""
        held = self.position(former)
        if held is None or self.position(symbol) is not None or not ratio > 0:
            return None
        moved = msgspec.structs.replace(
            held,
            quantity=held.quantity * ratio,
            stop=None if held.stop is None else held.stop / ratio,
            stop_since_ns=now_ns,
        )
        self.records.delete(POSITION, former)
        self.put_position(symbol, moved)
        return moved

    # --- pairs ----------------------------------------------------------------------------------------------------

    def listed(self, symbol: str) -> PairListed | None:
        """What the exchange says of a pair; None before it has said anything."""
        return self.records.get(LISTED, symbol, PairListed)

    def list_pair(self, listed: PairListed) -> None:
        """Keep what the exchange says of a pair."""
        self.records.put(LISTED, listed.symbol, listed)

    # --- orders ---------------------------------------------------------------------------------------------------

    def is_known(self, symbol: str, order_id: str) -> bool:
        """Whether the order was taken in before."""
        done = self.records.get(DONE, symbol, Done)
        return done is not None and order_id in done.order_ids

    def remember(self, symbol: str, order_id: str) -> None:
        """Keep the id of an order that was taken in."""
        done = self.records.get(DONE, symbol, Done) or Done()
        self.records.put(DONE, symbol, Done((*done.order_ids, order_id)[-ORDERS_REMEMBERED:]))

    def add(self, order: WorkingOrder) -> None:
        """An order is at the venue and not finished."""
        self.records.put(WORKING, order.order_id, order)
        self._index(order)
        self._note_expiry()

    def remove(self, order: WorkingOrder) -> None:
        """The order is finished."""
        self.records.delete(WORKING, order.order_id)
        del self._by_pair[order.symbol][order.order_id]
        self._note_expiry()

    def is_working(self, order: WorkingOrder) -> bool:
        """Whether the order is not finished: what filled before it may have ended it."""
        return order.order_id in self._by_pair.get(order.symbol, {})

    def working(self, symbol: str) -> Sequence[WorkingOrder]:
        """The pair's orders that are not finished, oldest first; of one moment, in the order of their ids."""
        orders = self._by_pair.get(symbol)
        return tuple(orders.values()) if orders else ()

    def expired(self, now_ns: int) -> Sequence[WorkingOrder]:
        """Every order whose time is over."""
        if not self.next_expiry_ns or now_ns <= self.next_expiry_ns:
            return ()
        orders = (order for orders in self._by_pair.values() for order in orders.values())
        return tuple(order for order in orders if order.expires_ns and now_ns > order.expires_ns)

    def _index(self, order: WorkingOrder) -> None:
        """A pair's orders stand in the order in which they fill, which must be the same after a restart."""
        orders = [*self._by_pair.get(order.symbol, {}).values(), order]
        self._by_pair[order.symbol] = {each.order_id: each for each in sorted(orders, key=_since)}

    def _note_expiry(self) -> None:
        """The earliest expiry of all, so that the passing of time costs nothing while none is due."""
        expiries = [o.expires_ns for orders in self._by_pair.values() for o in orders.values() if o.expires_ns]
        self.next_expiry_ns = min(expiries, default=0)


def _since(order: WorkingOrder) -> tuple[int, str]:
    return order.since_ns, order.order_id
