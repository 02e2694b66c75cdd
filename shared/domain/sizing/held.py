"""What sizing knows of one pair's position and orders, and how each message about them changes it. Pure functions.

Quantities and prices are in units of the pair's newest name (see ``PairNames``). Hearing a message twice changes
nothing: a bounded number of the latest trade ids and closed order ids is remembered, far more than a host repeats.
"""

from decimal import Decimal

from msgspec import Struct
from msgspec.structs import replace

from shared.domain.sizing import patience
from shared.domain.sizing.blender import Exposure
from shared.domain.sizing.patience import Asked
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
    taken in. asked: the last purchase that was proposed.
    """

    quantity: Decimal = ZERO
    stop: Decimal | None = None
    orders: tuple[InFlight, ...] = ()
    closed: tuple[str, ...] = ()
    trades: tuple[str, ...] = ()
    asked: Asked | None = None

    @property
    def has_own_order(self) -> bool:
        return any(order.own for order in self.orders)

    @property
    def exposure(self) -> Decimal:
        """Position and what is in flight."""
        in_flight = (order.quantity if order.side == "buy" else -order.quantity for order in self.orders)
        return sum(in_flight, self.quantity)

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
    return replace(held, orders=(*held.orders, placed))


def after_decision(held: Held, decided: OrderDecided, ratio: Decimal) -> Held:
    """An approved order is in flight with what was approved of it; a rejected one is not. Others' orders count too."""
    held = _asked(held, patience.after_verdict(held.asked, decided, ratio))
    if decided.verdict == "reject":
        return _without(held, decided.order_id)
    if decided.order_id in held.closed:
        return held
    known = held.order(decided.order_id)
    if known is None:
        own, orders = False, held.orders
    else:
        own, orders = known.own, tuple(order for order in held.orders if order is not known)
    quantity = decided.quantity_approved * ratio
    if known is not None and known.quantity < quantity:
        quantity = known.quantity  # part of it was filled before the verdict was heard
    return replace(held, orders=(*orders, InFlight(decided.order_id, decided.side, quantity, own)))


def after_fill(held: Held, fill: OrderFilled, ratio: Decimal) -> Held:
    """The position after a fill; the stop goes with the last unit."""
    if fill.trade_id in held.trades:
        return held
    filled = fill.quantity * ratio
    quantity = held.quantity + filled if fill.side == "buy" else max(ZERO, held.quantity - filled)
    stop = held.stop
    if fill.stop_price is not None:
        stop = fill.stop_price / ratio
    return replace(
        held,
        quantity=quantity,
        stop=stop if quantity else None,
        orders=tuple(_less(order, filled) if order.order_id == fill.order_id else order for order in held.orders),
        trades=(*held.trades, fill.trade_id)[-TRADES_REMEMBERED:],
    )


def after_close(held: Held, closed: OrderClosed, ratio: Decimal) -> Held:
    """Nothing more comes of the order."""
    return _without(_asked(held, patience.after_end(held.asked, closed, ratio)), closed.order_id)


def after_stop(held: Held, placed: StopPlaced, ratio: Decimal) -> Held:
    stop = placed.stop_price / ratio if placed.quantity else None
    return held if stop == held.stop else replace(held, stop=stop)


def _less(order: InFlight, filled: Decimal) -> InFlight:
    return replace(order, quantity=max(ZERO, order.quantity - filled))


def _asked(held: Held, asked: Asked | None) -> Held:
    return held if asked is held.asked else replace(held, asked=asked)


def _without(held: Held, order_id: str) -> Held:
    if order_id in held.closed:
        return held
    return replace(
        held,
        orders=tuple(order for order in held.orders if order.order_id != order_id),
        closed=(*held.closed, order_id)[-ORDERS_REMEMBERED:],
    )
