"""The life of an order: from the verdict to its end, with the stop of the position that it opens, grows or closes."""

from collections.abc import Sequence
from decimal import Decimal

from msgspec import structs

from shared.domain.execution.orders.outputs import order_closed, order_filled, order_placed, stop_filled, stop_placed
from shared.domain.execution.orders.store import OrderStore, VenuePosition, WorkingOrder, stop_order_id
from shared.domain.execution.orders.venue import Trade, Venue, VenueOrder
from shared.domain.numbers import ZERO, plain, round_down
from shared.messages.base import AMOUNT_BELOW, Message
from shared.messages.market import PairListed
from shared.messages.orders import CancelDecided, Ending, ImportDecided, OrderDecided, StopApproved, WriteOffDecided

MOST_UNITS = Decimal(10) ** AMOUNT_BELOW  # of a pair: no message can tell of as many

Outputs = Sequence[Message]


class OrderManager:
    """Every approved order gets an end, and every position has one protective stop for all of it.

    The stop stands at the highest price that any of the position's orders or an approved raise asked for. Nothing is
    ever sold that is not held.
    """

    def __init__(self, store: OrderStore, venue: Venue) -> None:
        self._store, self._venue = store, venue

    # --- what is wanted -------------------------------------------------------------------------------------------

    def place(self, order: OrderDecided, now_ns: int) -> Outputs:
        """Give an approved order to the venue, or say why not. An order that was here before leads to nothing."""
        if order.quantity_approved <= 0 or self._store.is_known(order.symbol, order.order_id):
            return ()
        self._store.remember(order.symbol, order.order_id)
        if order.expires_ns and now_ns > order.expires_ns:
            return _ended(order, "expired", "it came after its expiry")
        listed = self._store.listed(order.symbol)
        if listed is None:
            return _ended(order, "rejected", f"{order.symbol} is not listed")
        if listed.status != "trading":
            return _ended(order, "rejected", why_off(listed))
        if fault := self._venue.fault(order.symbol, now_ns):
            return _ended(order, "rejected", fault)
        quantity = self._tradable(order, listed)
        if quantity <= 0:
            is_small = order.side == "buy" or self._store.position(order.symbol) is not None
            return _ended(order, "rejected", "below the lot step" if is_small else "nothing is held")
        if order.order_type == "limit" and order.limit_price is None:
            return _ended(order, "rejected", "a limit order needs a limit price")
        if order.side == "buy" and self._held_and_on_order(order.symbol) + quantity >= MOST_UNITS:
            return _ended(order, "rejected", f"{plain(MOST_UNITS)} units of a pair and more are not held")
        return self._give_to_venue(order, listed, quantity, now_ns)

    def _tradable(self, order: OrderDecided, listed: PairListed) -> Decimal:
        """A sell is never more than is held; the last of a position may go although it is no whole lot."""
        if order.side == "buy":
            return round_down(order.quantity_approved, listed.quantity_step)
        held = self._store.position(order.symbol)
        if held is None:
            return ZERO
        if order.quantity_approved >= held.quantity:
            return held.quantity
        return round_down(order.quantity_approved, listed.quantity_step)

    def _held_and_on_order(self, symbol: str) -> Decimal:
        """Base units that there will be once every waiting buy has filled."""
        held, waiting = self._store.position(symbol), self._store.working(symbol)
        return sum((each.quantity for each in waiting if each.side == "buy"), held.quantity if held else ZERO)

    def _give_to_venue(self, order: OrderDecided, listed: PairListed, quantity: Decimal, now_ns: int) -> Outputs:
        limit_price = order.limit_price if order.order_type == "limit" else None
        venue_order_id, trade = self._venue.place(
            VenueOrder(order.order_id, listed, order.side, quantity, limit_price), now_ns
        )
        told = order_placed(order, quantity, venue_order_id)
        if trade is not None:
            return (told, *self.take_trade(order, trade, order, since_ns=now_ns))
        assert limit_price is not None, "only an order with a limit waits"
        self._store.add(
            WorkingOrder(
                order_id=order.order_id,
                symbol=order.symbol,
                side=order.side,
                quantity=quantity,
                limit_price=limit_price,
                since_ns=now_ns,
                stop_price=order.stop_price,
                expires_ns=order.expires_ns,
                trace=order.trace_id,
            )
        )
        return (told,)

    def raise_stop(self, approved: StopApproved, now_ns: int) -> Outputs:
        """Move the stop up. A lower one is dropped, and one for nothing, or for a position that was sold since: what is
        held of the pair now was bought with a stop of its own.
        """
        position = self._store.position(approved.symbol)
        if position is None or (position.stop is not None and approved.stop_price <= position.stop):
            return ()
        if approved.stop_order_id not in ("", stop_order_id(approved.symbol, position)):
            return ()
        raised = structs.replace(position, stop=approved.stop_price, stop_since_ns=now_ns)
        self._store.put_position(approved.symbol, raised)
        trace = approved.trace or position.trace
        return stop_placed(approved, approved.symbol, raised, trigger=approved.id, trace=trace)

    def cancel(self, wanted: CancelDecided) -> Outputs:
        """End a working order; one that is filled, ended or unknown leads to nothing."""
        for order in self._store.working(wanted.symbol):
            if order.order_id == wanted.order_id:
                trace = order.trace or wanted.trace
                return self._end(order, wanted, "cancelled", wanted.reason, trace=trace)
        return ()

    def cancel_all(self, symbol: str, cause: Message, reason: str, *, sells_only: bool = False) -> Outputs:
        """End every working order of a pair."""
        outputs: list[Message] = []
        for order in self._store.working(symbol):
            if order.side == "sell" or not sells_only:
                outputs += self._end(order, cause, "cancelled", reason)
        return outputs

    def expire(self, cause: Message, now_ns: int) -> Outputs:
        """End every order whose time is over."""
        outputs: list[Message] = []
        for order in self._store.expired(now_ns):
            outputs += self._end(order, cause, "expired", "not filled in time")
        return outputs

    def _end(
        self, order: WorkingOrder, cause: Message, ending: Ending, reason: str, *, trace: str | None = None
    ) -> Outputs:
        """Nothing more happens to a working order of which nothing was filled."""
        self._store.remove(order)
        trace = order.trace if trace is None else trace
        return (order_closed(cause, order.order_id, order.symbol, ending, reason=reason, trace=trace),)

    # --- what has happened ----------------------------------------------------------------------------------------

    def fillable(self, order: WorkingOrder) -> Decimal:
        """What the order may still trade: a sell gives no more than what is left of the position."""
        if order.side == "buy":
            return order.quantity
        held = self._store.position(order.symbol)
        return min(order.quantity, held.quantity) if held is not None else ZERO

    def end_unsold(self, order: WorkingOrder, cause: Message) -> Outputs:
        """End a sell whose position is gone."""
        return self._end(order, cause, "cancelled", "nothing is held")

    def take_trade(self, order: OrderDecided | WorkingOrder, trade: Trade, cause: Message, *, since_ns: int) -> Outputs:
        """Book the trade that fills an order, and move the stop with the position.

        since_ns: market time from which a new stop rests.
        """
        store, symbol, buys = self._store, order.symbol, order.side == "buy"
        if isinstance(order, WorkingOrder):
            store.remove(order)
        quantity = trade.quantity
        position = (
            store.grow_position(symbol, order, quantity, since_ns) if buys else store.shrink_position(symbol, quantity)
        )
        fill = order_filled(cause, order, trade, stop_price=position.stop if buys else None)
        outputs: list[Message] = [
            fill,
            *stop_placed(cause, symbol, position, trigger=trade.trade_id, trace=fill.trace),
            order_closed(cause, order.order_id, symbol, "filled", quantity_filled=quantity, trace=fill.trace),
        ]
        if not position.quantity:
            outputs += self.cancel_all(symbol, cause, "the position is closed", sells_only=True)
        return outputs

    def take_stop_trade(self, symbol: str, position: VenuePosition, trade: Trade, cause: Message) -> Outputs:
        """The stop sold the whole position."""
        self._store.shrink_position(symbol, trade.quantity)
        fill = stop_filled(cause, symbol, position, trade)
        reason = f"stop at {plain(position.stop or ZERO)} was hit"
        end = order_closed(
            cause,
            fill.order_id,
            symbol,
            "filled",
            quantity_filled=trade.quantity,
            reason=reason,
            trace=position.trace,
        )
        return (fill, end, *self.cancel_all(symbol, cause, "the position is closed", sells_only=True))

    def take_in(self, imported: ImportDecided, now_ns: int) -> Outputs:
        """Hold and protect a position that was opened elsewhere. Whatever was here of it, risk has the last word."""
        symbol = imported.symbol
        if self._store.is_known(symbol, imported.id):
            return ()
        self._store.remember(symbol, imported.id)
        position = VenuePosition(
            quantity=imported.quantity,
            opened_by=imported.id,
            stop=imported.stop_price,
            stop_since_ns=now_ns,
            trace=imported.trace_id,
        )
        self._store.put_position(symbol, position)
        return stop_placed(imported, symbol, position, trigger=imported.id, trace=position.trace)

    def write_off(self, decided: WriteOffDecided) -> Outputs:
        """Forget a pair that risk has taken out of the books: its orders end, its stop and position are gone."""
        ended = self.cancel_all(decided.symbol, decided, decided.reason)
        self._store.forget_position(decided.symbol)
        return ended

    def rename(self, listed: PairListed) -> Outputs:
        """Carry position and stop over to the pair's new name, as the exchange does with the balance."""
        moved = self._store.rename(listed.formerly, listed.symbol, listed.ratio, listed.time_ns)
        if moved is None:
            return ()
        return stop_placed(listed, listed.symbol, moved, trigger=listed.id, trace=moved.trace)


def why_off(listed: PairListed) -> str:
    """Why a pair does not trade."""
    return f"{listed.symbol} is {listed.status}" + (f": {listed.reason}" if listed.reason else "")


def _ended(order: OrderDecided, ending: Ending, reason: str) -> Outputs:
    return (order_closed(order, order.order_id, order.symbol, ending, reason=reason),)
