"""What is remembered of orders that clients execute: awaited orders, what is held, and what has ended."""

from collections.abc import Iterator, Sequence
from decimal import Decimal

from msgspec import Struct
from msgspec.structs import replace

from shared.domain.machine import Records
from shared.domain.numbers import ZERO
from shared.messages.base import derived_id
from shared.messages.market import PairListed
from shared.messages.orders import Ending, OrderType, Side

ORDER, HELD, ENDED, LISTED = "client_order", "client_position", "client_ended", "pair"
ENDED_REMEMBERED = 64  # orders of a pair
MOST_TRADES = 1_000  # of one order, or of one stop


class BookedTrade(Struct, frozen=True, gc=False):
    """A trade that counts. body: a short hash of all that was said of it."""

    trade_id: str
    body: str


class ClientOrder(Struct, frozen=True, kw_only=True):
    """An approved order that has not ended.

    client: who has to report. owner: the client whose reports alone count; empty where anybody's do.
    quantity, filled: base units.
    order_type, limit_price, stop_price, expires_ns, decided_ns, mark: as decided. mark: USDT per unit, 0 when unknown.
    placed: the client said that it stands at the exchange, or traded.
    trades: those that are booked.
    ending, end_quantity, end_reason: as the client reported its end, while trades are missing; None before.
    due_ns: market time at which a report is due; 0 when none is.
    what: for what, as in ``ReportAwaited``.
    told: that it is overdue was told.
    """

    order_id: str
    symbol: str
    client: str
    side: Side
    quantity: Decimal
    order_type: OrderType
    decided_ns: int
    mark: float
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    expires_ns: int = 0
    trace: str = ""
    filled: Decimal = ZERO
    placed: bool = False
    trades: tuple[BookedTrade, ...] = ()
    ending: Ending | None = None
    end_quantity: Decimal = ZERO
    end_reason: str = ""
    due_ns: int = 0
    what: str = "order"
    told: bool = False
    owner: str = ""

    @property
    def left(self) -> Decimal:
        """Base units that may still trade."""
        return (self.quantity if self.ending is None else self.end_quantity) - self.filled


class ClientPosition(Struct, frozen=True, kw_only=True):
    """What clients hold of a pair, and the stop that protects it.

    quantity: base units. client: of the order that opened it. opened_by: that order; the stop's id follows from it.
    owner: as of that order. buyers: all owners of orders that bought of it.
    stop: where the books have the stop, USDT per unit; None before an order with one was filled.
    approved: the highest that the gate approved, USDT per unit.
    covered: base units that a reported stop protects.
    due_ns: market time at which a stop has to be reported; 0 when none has to.
    missing: none was, so that all of it is at risk.
    stop_filled: base units that the stop sold. stop_trades: its trades.
    """

    quantity: Decimal
    client: str
    opened_by: str
    trace: str = ""
    stop: Decimal | None = None
    approved: Decimal | None = None
    covered: Decimal = ZERO
    due_ns: int = 0
    missing: bool = False
    stop_filled: Decimal = ZERO
    stop_trades: tuple[BookedTrade, ...] = ()
    owner: str = ""
    buyers: tuple[str, ...] = ()


class EndedOrder(Struct, frozen=True, gc=False):
    """An order, or a stop, that is over: what comes once more of it is no news.

    client: whose; empty for not known. owner: as it was.
    """

    order_id: str
    filled: Decimal
    trades: tuple[BookedTrade, ...] = ()
    client: str = ""
    owner: str = ""


class Ended(Struct, frozen=True):
    """The latest of a pair, oldest first."""

    orders: tuple[EndedOrder, ...] = ()


CLIENT_KINDS: dict[str, type[Struct]] = {
    ORDER: ClientOrder,
    HELD: ClientPosition,
    ENDED: Ended,
    LISTED: PairListed,
}


def stop_id_of(symbol: str, position: ClientPosition) -> str:
    """The order id under which a position's stop fills."""
    return derived_id("stop", symbol, position.opened_by)


class ClientStore:
    """The records, and the next time at which something is due."""

    def __init__(self) -> None:
        self.records = Records(CLIENT_KINDS)
        self.next_due_ns = 0

    def restored(self) -> None:
        """Records were loaded."""
        self.note_due()

    # --- orders ---------------------------------------------------------------------------------------------------

    def order(self, order_id: str) -> ClientOrder | None:
        """The order, if it has not ended."""
        return self.records.get(ORDER, order_id, ClientOrder)

    def orders(self) -> Iterator[ClientOrder]:
        """Every order that has not ended, by id."""
        return (order for _, order in self.records.rows(ORDER, ClientOrder))

    def put_order(self, order: ClientOrder) -> None:
        """Keep an order as it is now."""
        self.records.put(ORDER, order.order_id, order)
        self.note_due()

    def end_order(self, order: ClientOrder) -> None:
        """Nothing more comes of it."""
        self.records.delete(ORDER, order.order_id)
        self._remember(order.symbol, EndedOrder(order.order_id, order.filled, order.trades, order.client, order.owner))
        self.note_due()

    # --- what has ended -------------------------------------------------------------------------------------------

    def ended(self, symbol: str, order_id: str) -> EndedOrder | None:
        """An order or a stop of the pair that is over; None for one that never was, or long ago."""
        return next((each for each in self._ended(symbol) if each.order_id == order_id), None)

    def _ended(self, symbol: str) -> Sequence[EndedOrder]:
        ended = self.records.get(ENDED, symbol, Ended)
        return ended.orders if ended is not None else ()

    def _remember(self, symbol: str, order: EndedOrder) -> None:
        orders = (*self._ended(symbol), order)[-ENDED_REMEMBERED:]
        self.records.put(ENDED, symbol, Ended(orders))

    def booked(self, symbol: str, trade_id: str) -> BookedTrade | None:
        """The trade of the pair, if it was booked: the exchange's ids are unique in a pair, whatever the order."""
        of_orders = (each.trades for each in self.orders() if each.symbol == symbol)
        held = self.held(symbol)
        of_ended = (each.trades for each in self._ended(symbol))
        for trades in (*of_orders, held.stop_trades if held is not None else (), *of_ended):
            for trade in trades:
                if trade.trade_id == trade_id:
                    return trade
        return None

    # --- whose it is ----------------------------------------------------------------------------------------------

    def owner(self, order_id: str) -> str:
        """The client whose reports of an open order alone count; empty where anybody's do, or it is not open."""
        order = self.order(order_id)
        return order.owner if order is not None else ""

    def is_of(self, client: str, symbol: str) -> bool:
        """Whether a pair is this client's concern: it was approved something there, or what is there is anybody's."""
        owners = [order.owner for order in self.orders() if order.symbol == symbol]
        owners += [order.owner for order in self._ended(symbol)]
        held = self.held(symbol)
        if held is not None:
            owners += [held.owner, *held.buyers]
        return client in owners or "" in owners

    # --- what is held ---------------------------------------------------------------------------------------------

    def held(self, symbol: str) -> ClientPosition | None:
        """What is held of a pair; None for nothing."""
        return self.records.get(HELD, symbol, ClientPosition)

    def positions(self) -> Iterator[tuple[str, ClientPosition]]:
        """Everything that is held, by pair."""
        return self.records.rows(HELD, ClientPosition)

    def put_held(self, symbol: str, position: ClientPosition) -> None:
        """Keep a position, or forget it once nothing is left; its stop is over then."""
        if position.quantity > 0:
            self.records.put(HELD, symbol, position)
        else:
            self.forget_held(symbol)
            stop_id = stop_id_of(symbol, position)
            sold, trades = position.stop_filled, position.stop_trades
            stop = EndedOrder(stop_id, sold, trades, position.client, position.owner)
            self._remember(symbol, stop)
        self.note_due()

    def forget_held(self, symbol: str) -> None:
        """Nothing is held of the pair any more."""
        self.records.delete(HELD, symbol)
        self.note_due()

    def rename(self, former: str, symbol: str, ratio: Decimal) -> ClientPosition | None:
        """Carry a position to the pair's new name, ``ratio`` new units for each old one; its stop is gone by that."""
        held = self.held(former)
        if held is None or self.held(symbol) is not None or not ratio > 0:
            return None
        moved = replace(
            held,
            quantity=held.quantity * ratio,
            stop=None if held.stop is None else held.stop / ratio,
            approved=None if held.approved is None else held.approved / ratio,
            covered=ZERO,
        )
        self.forget_held(former)
        self.put_held(symbol, moved)
        return moved

    # --- what is due ----------------------------------------------------------------------------------------------

    def note_due(self) -> None:
        """The earliest of all, so that the passing of time costs nothing while nothing is due."""
        orders = (order.due_ns for order in self.orders() if order.due_ns and not order.told)
        stops = (position.due_ns for _, position in self.positions() if position.due_ns)
        self.next_due_ns = min((*orders, *stops), default=0)

    def listed(self, symbol: str) -> PairListed | None:
        """What the exchange says of a pair; None before it has said anything."""
        return self.records.get(LISTED, symbol, PairListed)
