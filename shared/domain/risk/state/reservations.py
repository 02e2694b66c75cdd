"""Approved orders that are not finished: what each may still come to risk and to cost.

A reservation ends when the order does, never by time: an order of which there is no news may still fill.
"""

from decimal import Decimal
from operator import itemgetter

from msgspec import Struct, field, structs

from shared.domain.machine import Records
from shared.domain.numbers import ZERO
from shared.domain.portfolio.heat import Heat
from shared.messages.orders import Side

ORDER = "order"
TRADES_REMEMBERED = 1_000  # of one order


class OpenOrder(Struct, frozen=True, gc=False):
    """An approved order that is not finished.

    quantity, filled: base units.
    unit_risk, unit_notional, unit_cash: USDT that are reserved for each unit that is not filled yet.
    decided_ns: market time of the verdict; 0 in a record from before it was kept, for which no acknowledgement is due.
    acknowledged: whether execution has said anything of the order.
    seq: the number of its decision; 0 in a record from before it was kept.
    limit_price, stop_price: as approved, USDT per unit; None without one, and in a record from before they were kept.
    mark: of the pair at the verdict, USDT per unit; 0 when it was unknown, and in such a record.
    trades: ids of the trades that filled it, the latest ones last.
    client: who has to report of it; empty where nobody has to.
    report_due_ns: market time at which that is due; 0 when nothing is.
    owner: the client that proposed it, where clients have bounds; empty elsewhere.
    sender: the client in whose queue it stood, bounds or none; empty for the stack itself. None where nobody knows: it
        stood where anybody writes as long as no client has bounds, or the record is from before this was kept.
    """

    order_id: str
    symbol: str
    side: Side
    quantity: Decimal
    filled: Decimal
    unit_risk: float
    unit_notional: float
    unit_cash: float
    decided_ns: int = 0
    acknowledged: bool = field(default=False, name="heard")  # its name in stored records
    seq: int = 0
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    mark: float = 0.0
    trades: tuple[str, ...] = ()
    client: str = ""
    report_due_ns: int = 0
    owner: str = ""
    sender: str | None = None

    @property
    def left(self) -> Decimal:
        """Base units that are not filled yet."""
        return max(ZERO, self.quantity - self.filled)


class OfClient:
    """What a client has on order. orders: that are not finished. risk: reserved by its purchases, USDT."""

    __slots__ = ("orders", "risk")

    def __init__(self) -> None:
        self.orders, self.risk = 0, 0.0


NONE_OPEN = OfClient()


class Reservations:
    """Open orders over a machine's records, mirrored in the totals of ``Heat``."""

    def __init__(self, records: Records, heat: Heat) -> None:
        self._records, self._heat = records, heat
        self._open: dict[str, int] = {}  # buys per pair
        self.unacknowledged: dict[str, int] = {}  # of which execution has said nothing yet, since when; oldest first
        self._due: dict[str, dict[str, int]] = {}  # client to its orders of which a report is due, and when
        self._of_clients: dict[str, OfClient] = {}  # those with bounds

    @property
    def count(self) -> int:
        """Orders that are not finished."""
        return self._records.count(ORDER)

    def get(self, order_id: str) -> OpenOrder | None:
        """The order, if it is not finished."""
        return self._records.get(ORDER, order_id, OpenOrder)

    def of_client(self, client: str) -> OfClient:
        """What a client with bounds has on order."""
        return self._of_clients.get(client, NONE_OPEN)

    def all(self) -> list[OpenOrder]:
        """Every order that is not finished, oldest first."""
        return sorted((order for _, order in self._records.rows(ORDER, OpenOrder)), key=_age)

    def open(self, order: OpenOrder, units: float) -> None:
        """A new order, nothing of it filled yet. units: its quantity as a float."""
        self._records.put(ORDER, order.order_id, order)
        self._count(order, 1)
        self.unacknowledged[order.order_id] = order.decided_ns
        self._move(order, order.quantity, units)

    def acknowledge(self, order_id: str) -> None:
        """Execution has said something of the order."""
        order = self.get(order_id)
        if order is not None and (not order.acknowledged or order.report_due_ns):
            self._note_due(order, 0)
            self._records.put(ORDER, order_id, structs.replace(order, acknowledged=True, report_due_ns=0))
            self.unacknowledged.pop(order_id, None)

    def await_report(self, order_id: str, client: str, due_ns: int) -> None:
        """Execution waits for the word of a client, until a time."""
        order = self.get(order_id)
        if order is not None:
            self._note_due(order, 0)
            awaited = structs.replace(order, acknowledged=True, client=client, report_due_ns=due_ns)
            self._records.put(ORDER, order_id, awaited)
            self.unacknowledged.pop(order_id, None)
            self._note_due(awaited, due_ns)

    def overdue(self, client: str, now_ns: int) -> OpenOrder | None:
        """Of the orders of a client, the one whose report is overdue for longest; None when it owes none."""
        order_id, due_ns = min(self._due.get(client, {}).items(), key=itemgetter(1), default=("", now_ns))
        return self.get(order_id) if due_ns < now_ns else None

    def _note_due(self, order: OpenOrder, due_ns: int) -> None:
        """A report of the order is due; with 0, none is."""
        if due_ns:
            self._due.setdefault(order.client, {})[order.order_id] = due_ns
        elif (of_client := self._due.get(order.client)) is not None:
            of_client.pop(order.order_id, None)
            if not of_client:
                del self._due[order.client]

    def fill(self, order_id: str, quantity: Decimal, trade_id: str) -> OpenOrder | None:
        """Part of an order has become a position; returns the order as it is after that, None for an unknown one."""
        order = self.get(order_id)
        if order is None:
            return None
        trades = (*order.trades, trade_id)[-TRADES_REMEMBERED:]
        self._note_due(order, 0)
        after = structs.replace(
            order, filled=order.filled + quantity, acknowledged=True, trades=trades, report_due_ns=0
        )
        self.unacknowledged.pop(order_id, None)
        change = after.left - order.left
        self._move(order, change, float(change))
        self._records.put(ORDER, order_id, after)
        return after

    def close(self, order_id: str) -> OpenOrder | None:
        """Nothing more comes of the order, so what it still held is free again; returns the order as it was."""
        order = self.get(order_id)
        if order is None:
            return None
        left = order.left
        self._move(order, -left, -float(left))
        self._records.delete(ORDER, order_id)
        self._count(order, -1)
        self._note_due(order, 0)
        self.unacknowledged.pop(order_id, None)
        pair = self._heat.pair(order.symbol)
        if order.side == "buy" and not self._open[order.symbol] and pair is not None:
            self._heat.clear_reserved(pair)
        return order

    def rebuild(self) -> None:
        """Mirror the stored orders in totals that start from nothing, after a restart."""
        self._open.clear()
        self._of_clients.clear()
        orders = self.all()
        waiting = (order for order in orders if order.decided_ns and not order.acknowledged)
        self.unacknowledged = {order.order_id: order.decided_ns for order in waiting}
        self._due.clear()
        for order in orders:
            self._count(order, 1)
            self._move(order, order.left, float(order.left))
            self._note_due(order, order.report_due_ns)

    def _count(self, order: OpenOrder, change: int) -> None:
        if order.side == "buy":
            self._open[order.symbol] = self._open.get(order.symbol, 0) + change
        if order.owner:
            of_client = self._of_clients.setdefault(order.owner, OfClient())
            of_client.orders += change
            if not of_client.orders:
                del self._of_clients[order.owner]

    def _move(self, order: OpenOrder, quantity: Decimal, units: float) -> None:
        """Reserve ``quantity`` more of the order (``units``: the same as a float), or less where it is negative."""
        pair = self._heat.pairs.get(order.symbol)
        if pair is None:
            return
        if order.side == "sell":
            pair.reserved_sells += quantity
            return
        if order.owner in self._of_clients:
            self._of_clients[order.owner].risk += units * order.unit_risk
        self._heat.reserve(pair, units * order.unit_risk, units * order.unit_notional, units * order.unit_cash)


def _age(order: OpenOrder) -> tuple[int, int]:
    return order.seq, order.decided_ns
