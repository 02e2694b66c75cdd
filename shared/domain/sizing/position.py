"""What sizing knows of one pair's position and orders, and how each message about them changes it. Pure functions.

Quantities and prices are in units of the pair's newest name (see ``PairNames``). Taking a message in twice changes
nothing: the latest trade ids and closed order ids are remembered, far more of them than a host ever repeats.
"""

from decimal import Decimal

from msgspec import Struct, field
from msgspec.structs import replace

from shared.domain.numbers import ZERO
from shared.domain.sizing import retry_policy
from shared.domain.sizing.blender import Exposure
from shared.domain.sizing.retry_policy import Attempt
from shared.messages.orders import (
    ImportDecided,
    OrderClosed,
    OrderDecided,
    OrderFilled,
    OrderProposed,
    Side,
    StopPlaced,
    WriteOffDecided,
)

TRADES_REMEMBERED = 64
ORDERS_REMEMBERED = 32


class InFlight(Struct, frozen=True):
    """An order that may still fill.

    quantity: what is left of it, base units.
    own: whether the blender proposed it.
    """

    order_id: str
    side: Side
    quantity: Decimal
    own: bool


class PairPosition(Struct, frozen=True):
    """What is held of a pair and on its way.

    quantity: base units held.
    stop: USDT per unit, None without one.
    orders: those in flight.
    closed: ids of orders that have ended, the latest ones.
    trades: ids of trades that were taken in, the latest ones.
    attempt: the last purchase that was proposed, as long as it matters for the next one.
    """

    quantity: Decimal = ZERO
    stop: Decimal | None = None
    orders: tuple[InFlight, ...] = ()
    closed: tuple[str, ...] = ()
    trades: tuple[str, ...] = ()
    attempt: Attempt | None = field(default=None, name="asked")  # its name in stored records

    @property
    def has_own_order(self) -> bool:
        """Whether an order of the blender's is in flight."""
        return any(order.own for order in self.orders)

    @property
    def exposure(self) -> Decimal:
        """Position and what is in flight, base units."""
        in_flight = (order.quantity if order.side == "buy" else -order.quantity for order in self.orders)
        return sum(in_flight, self.quantity)

    def order(self, order_id: str) -> InFlight | None:
        """The order in flight with that id; None without one."""
        return next((order for order in self.orders if order.order_id == order_id), None)


def exposure_of(position: PairPosition, ratio: Decimal) -> Exposure:
    """Position and what is in flight, in units of the name that has ``ratio``."""
    if not position.orders:
        return Exposure(position.quantity / ratio)
    buying = sum((order.quantity for order in position.orders if order.side == "buy"), ZERO)
    selling = sum((order.quantity for order in position.orders if order.side == "sell"), ZERO)
    return Exposure(position.quantity / ratio, buying / ratio, selling / ratio)


def after_proposal(position: PairPosition, order: OrderProposed, ratio: Decimal) -> PairPosition:
    """An order of the blender's is in flight from the moment in which it is proposed."""
    placed = InFlight(order.id, order.side, order.quantity * ratio, own=True)
    return replace(position, orders=(*position.orders, placed))


def after_decision(position: PairPosition, decided: OrderDecided, ratio: Decimal) -> PairPosition:
    """An approved order is in flight with what was approved of it; a rejected one is not. Others' orders count too."""
    position = _with_attempt(position, retry_policy.after_verdict(position.attempt, decided, ratio))
    if decided.verdict == "reject":
        return _without(position, decided.order_id)
    if decided.order_id in position.closed:
        return position
    known = position.order(decided.order_id)
    if known is None:
        own, orders = False, position.orders
    else:
        own, orders = known.own, tuple(order for order in position.orders if order is not known)
    quantity = decided.quantity_approved * ratio
    if known is not None and known.quantity < quantity:
        quantity = known.quantity  # part of it was filled before the verdict came
    return replace(position, orders=(*orders, InFlight(decided.order_id, decided.side, quantity, own)))


def after_fill(position: PairPosition, fill: OrderFilled, ratio: Decimal) -> PairPosition:
    """The position after a fill; the stop goes with the last unit."""
    if fill.trade_id in position.trades:
        return position
    filled = fill.quantity * ratio
    quantity = position.quantity + filled if fill.side == "buy" else max(ZERO, position.quantity - filled)
    stop = position.stop
    if fill.stop_price is not None:
        stop = fill.stop_price / ratio
    return replace(
        position,
        quantity=quantity,
        stop=stop if quantity else None,
        orders=tuple(_less(order, filled) if order.order_id == fill.order_id else order for order in position.orders),
        trades=(*position.trades, fill.trade_id)[-TRADES_REMEMBERED:],
    )


def after_close(position: PairPosition, closed: OrderClosed, ratio: Decimal) -> PairPosition:
    """Nothing more comes of the order."""
    attempt = retry_policy.after_end(position.attempt, closed, ratio)
    return _without(_with_attempt(position, attempt), closed.order_id)


def after_stop(position: PairPosition, placed: StopPlaced, ratio: Decimal) -> PairPosition:
    """The stop rests somewhere else; a stop for no quantity is none."""
    stop = placed.stop_price / ratio if placed.quantity else None
    return position if stop == position.stop else replace(position, stop=stop)


def after_import(position: PairPosition, imported: ImportDecided, ratio: Decimal) -> PairPosition:
    """A position came into the books that was opened elsewhere; once, for it may have been sold since."""
    if imported.id in position.trades:
        return position
    trades = (*position.trades, imported.id)[-TRADES_REMEMBERED:]
    quantity, stop = imported.quantity * ratio, imported.stop_price / ratio
    return replace(position, quantity=quantity, stop=stop, trades=trades)


def after_write_off(position: PairPosition, _: WriteOffDecided, ratio: Decimal) -> PairPosition:
    """The pair is out of the books."""
    return replace(position, quantity=ZERO, stop=None, orders=())


def _less(order: InFlight, filled: Decimal) -> InFlight:
    return replace(order, quantity=max(ZERO, order.quantity - filled))


def _with_attempt(position: PairPosition, attempt: Attempt | None) -> PairPosition:
    return position if attempt is position.attempt else replace(position, attempt=attempt)


def _without(position: PairPosition, order_id: str) -> PairPosition:
    """The order has ended; an end that comes again changes nothing."""
    if order_id in position.closed:
        return position
    return replace(
        position,
        orders=tuple(order for order in position.orders if order.order_id != order_id),
        closed=(*position.closed, order_id)[-ORDERS_REMEMBERED:],
    )
