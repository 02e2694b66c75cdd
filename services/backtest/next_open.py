"""Orders that fill at the next open: the paper exchange, with what is approved at a close held until a price comes.

Whoever trades on closed bars sends an order after the close; the first price that it can have is the next bar's open.
What is decided within a bar, as when a halt ends there, fills at the next price of that bar that is assumed.
"""

from collections.abc import Sequence

from msgspec import structs

from shared.domain.execution.orders.outputs import order_closed
from shared.messages.base import Message
from shared.messages.market import MarkChanged, PairListed
from shared.messages.orders import CancelDecided, OrderDecided, WriteOffDecided
from shared.runtime.quiet.execution_guard import Exchange


class NextOpen:
    """Stands before the machine of execution. Orders at the market wait here; all else goes straight through.

    waiting: the pairs of which an order waits.
    ended: the pairs whose last bar is over; their orders wait for no later price.
    """

    def __init__(self, machine: Exchange) -> None:
        self._machine = machine
        self.records = machine.records
        self.ended: set[str] = set()
        self._orders: dict[str, list[OrderDecided]] = {}

    @property
    def waiting(self) -> set[str]:
        return set(self._orders)

    def resting(self, symbol: str) -> tuple[float | None, bool]:
        """As of the machine behind; what is held back waits as well."""
        stop, waits = self._machine.resting(symbol)
        return stop, waits or symbol in self._orders

    def handle(self, message: Message) -> Sequence[Message]:
        match message:
            case OrderDecided() if message.order_type == "market" and message.quantity_approved:
                self._orders.setdefault(message.symbol, []).append(message)
                return ()
            case CancelDecided() if (order := self._take(message.symbol, message.order_id)) is not None:
                return (
                    order_closed(
                        message, order.order_id, order.symbol, "cancelled", reason=message.reason, trace=order.trace_id
                    ),
                )
            case MarkChanged():
                is_last = message.symbol in self.ended
                return (*self._machine.handle(message), *self._release(message, before_ns=message.time_ns + is_last))
            case PairListed() if message.status != "trading":  # no price comes; execution says why nothing fills
                return (*self._machine.handle(message), *self._release(message, before_ns=message.time_ns + 1))
            case WriteOffDecided():
                self._orders.pop(message.symbol, None)
        return self._machine.handle(message)

    def warm(self, message: Message) -> None:
        self._machine.warm(message)

    def restored(self) -> None:
        self._machine.restored()

    def _release(self, message: MarkChanged | PairListed, *, before_ns: int) -> list[Message]:
        """There is a price, or will be none: what was decided before this time is placed now."""
        orders = self._orders.pop(message.symbol, [])
        if later := [order for order in orders if order.time_ns >= before_ns]:
            self._orders[message.symbol] = later
        outputs: list[Message] = []
        for order in orders:
            if order.time_ns < before_ns:
                outputs += self._machine.handle(structs.replace(order, time_ns=message.time_ns))
        return outputs

    def _take(self, symbol: str, order_id: str) -> OrderDecided | None:
        waiting = self._orders.get(symbol, [])
        order = next((order for order in waiting if order.order_id == order_id), None)
        if order is not None:
            waiting.remove(order)
            if not waiting:
                del self._orders[symbol]
        return order
