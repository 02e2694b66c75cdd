"""What sizing knows of one pair's position and orders, and how each message about them changes it. Pure functions.

Quantities and prices are in units of the pair's newest name (see ``PairNames``). Hearing a message twice changes
nothing: a bounded number of the latest trade ids and closed order ids is remembered, far more than a host repeats.
"""

from decimal import Decimal

import msgspec
from msgspec import Struct

from shared.domain.sizing.blender import Exposure
from shared.domain.sizing.size import ZERO
from shared.messages.orders import OrderClosed, OrderDecided, OrderFilled, OrderProposed, Side, StopPlaced

TRADES_REMEMBERED = 64
ORDERS_REMEMBERED = 32


class InFlight(Struct, frozen=True):
    """An order that may still fill. quantity: what is left of it. own: the blender proposed it."""

    order_id: str
    side: Side
    quantity: Decimal
    own: bool


class Held(Struct, frozen=True):
    """quantity: base units held. stop: USDT per unit, None without one. orders: in flight. closed, trades: ids already
    taken in. rejected: the last proposal was refused, and no bar came since.
    """

    quantity: Decimal = ZERO
    stop: Decimal | None = None
    orders: tuple[InFlight, ...] = ()
    closed: tuple[str, ...] = ()
    trades: tuple[str, ...] = ()
    rejected: bool = False

    @property
    def has_own_order(self) -> bool:
        return any(order.own for order in self.orders)

    def order(self, order_id: str) -> InFlight | None:
        return next((order for order in self.orders if order.order_id == order_id), None)


def exposure_of(held: Held, ratio: Decimal) -> Exposure:
    """Position and what is in flight, in units of the name that has ``ratio``."""
    if not held.orders:
        return Exposure(held.quantity / ratio)
    buying = sum((order.quantity for order in held.orders if order.side == "buy"), ZERO)
    selling = sum((order.quantity for order in held.orders if order.side == "sell"), ZERO)
    return Exposure(held.quantity / ratio, buying / ratio, selling / ratio)


def after_proposal(held: Held, order: OrderProposed, ratio: Decimal) -> Held:
    placed = InFlight(order.id, order.side, order.quantity * ratio, own=True)
    return msgspec.structs.replace(held, orders=(*held.orders, placed))


def after_decision(held: Held, decided: OrderDecided, ratio: Decimal) -> Held:
    """An approved order is in flight with what was approved of it; a rejected one is not. Others' orders count too."""
    known = held.order(decided.order_id)
    if decided.verdict == "reject":
        return _without(held, decided.order_id, refused=known is not None and known.own)
    if decided.order_id in held.closed:
        return held
    if known is None:
        own, orders = False, held.orders
    else:
        own, orders = known.own, tuple(order for order in held.orders if order is not known)
    quantity = decided.quantity_approved * ratio
    if known is not None and known.quantity < quantity:
        quantity = known.quantity  # part of it was filled before the verdict was heard
    return msgspec.structs.replace(held, orders=(*orders, InFlight(decided.order_id, decided.side, quantity, own)))


def after_fill(held: Held, fill: OrderFilled, ratio: Decimal) -> Held:
    """The position after a fill; the stop goes with the last unit."""
    if fill.trade_id in held.trades:
        return held
    filled = fill.quantity * ratio
    quantity = held.quantity + filled if fill.side == "buy" else max(ZERO, held.quantity - filled)
    stop = held.stop
    if fill.stop_price is not None:
        stop = fill.stop_price / ratio
    return msgspec.structs.replace(
        held,
        quantity=quantity,
        stop=stop if quantity else None,
        orders=tuple(_less(order, filled) if order.order_id == fill.order_id else order for order in held.orders),
        trades=(*held.trades, fill.trade_id)[-TRADES_REMEMBERED:],
    )


def after_close(held: Held, closed: OrderClosed) -> Held:
    """Nothing more comes of the order; one of ours that failed is not repeated before the next bar."""
    known = held.order(closed.order_id)
    refused = known is not None and known.own and closed.ending in ("rejected", "expired")
    return _without(held, closed.order_id, refused=refused)


def after_stop(held: Held, placed: StopPlaced, ratio: Decimal) -> Held:
    stop = placed.stop_price / ratio if placed.quantity else None
    return held if stop == held.stop else msgspec.structs.replace(held, stop=stop)


def _less(order: InFlight, filled: Decimal) -> InFlight:
    return msgspec.structs.replace(order, quantity=max(ZERO, order.quantity - filled))


def _without(held: Held, order_id: str, *, refused: bool) -> Held:
    if order_id in held.closed:
        return held
    return msgspec.structs.replace(
        held,
        orders=tuple(order for order in held.orders if order.order_id != order_id),
        closed=(*held.closed, order_id)[-ORDERS_REMEMBERED:],
        rejected=held.rejected or refused,
    )
