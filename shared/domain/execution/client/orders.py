"""The life of an order that a client executes: awaited from its verdict, booked trade by trade, until its end."""

from collections.abc import Sequence

from msgspec.structs import replace

from shared.domain.clients import client_of
from shared.domain.execution.client.answers import Answers
from shared.domain.execution.client.doubts import (
    ReportDoubt,
    body_of,
    doubt_about_client,
    doubt_about_closed,
    doubt_about_fill,
    doubt_about_pair,
    doubt_about_placed,
    doubt_about_seller,
    doubt_about_time,
    doubt_about_unknown,
)
from shared.domain.execution.client.outputs import (
    closed_order,
    order_awaited,
    order_filled,
    order_placed,
    stop_awaited,
)
from shared.domain.execution.client.records import BookedTrade, ClientOrder, stop_id_of
from shared.domain.execution.client.state import ClientState
from shared.domain.execution.client.stops import ClientStops
from shared.messages.base import Message
from shared.messages.orders import CancelDecided, Ending, OrderDecided, WriteOffDecided
from shared.messages.reports import ClosedReported, FillReported, PlacedReported, Report

Outputs = Sequence[Message]
REPEATED = "reported before, and taken: nothing is left to do"


class ClientOrders:
    """Every approved order stays until its client, or an operator, has said what became of it."""

    def __init__(self, state: ClientState, stops: ClientStops, answers: Answers) -> None:
        self._state, self._stops, self._answers = state, stops, answers

    # --- what the gate wants --------------------------------------------------------------------------------------

    def decided(self, order: OrderDecided) -> Outputs:
        """An approved order is its client's to execute; a sale that no client proposed, that of who holds the pair."""
        state, store = self._state, self._state.store
        if order.quantity_approved <= 0 or store.order(order.order_id) or store.ended(order.symbol, order.order_id):
            return ()
        held = store.held(order.symbol) if order.side == "sell" and not order.client else None
        awaited = ClientOrder(
            order_id=order.order_id,
            symbol=order.symbol,
            client=held.client if held is not None else client_of(order),
            side=order.side,
            quantity=order.quantity_approved,
            order_type=order.order_type,
            decided_ns=order.time_ns,
            mark=order.mark,
            limit_price=order.limit_price,
            stop_price=order.stop_price,
            expires_ns=order.expires_ns,
            trace=order.trace_id,
            due_ns=max(state.now_ns, order.time_ns) + state.report_ns,
            owner=held.owner if held is not None else order.client,
        )
        store.put_order(awaited)
        return (order_awaited(order, awaited, state.now_ns),)

    def cancel(self, wanted: CancelDecided) -> Outputs:
        """Its client has to cancel it, and to say what came of that. One that was written off is over at once."""
        state, order = self._state, self._state.store.order(wanted.order_id)
        if order is None:
            return ()
        if wanted.written_off:
            return (self._end(order, wanted, "cancelled", wanted.reason),)
        due_ns = order.due_ns or state.now_ns + state.report_ns
        ending = replace(order, due_ns=due_ns, what="end" if order.placed else order.what)
        state.store.put_order(ending)
        return (order_awaited(wanted, ending, state.now_ns, f"cancel it: {wanted.reason}"),)

    def write_off(self, decided: WriteOffDecided) -> Outputs:
        """Forget a pair that risk has taken out of the books: its orders end, its stop and position are gone."""
        store = self._state.store
        of_pair = [order for order in store.orders() if order.symbol == decided.symbol]
        store.forget_held(decided.symbol)
        return [self._end(order, decided, "cancelled", decided.reason) for order in of_pair]

    # --- what clients report --------------------------------------------------------------------------------------

    def placed(self, placed: PlacedReported) -> Outputs:
        """The order stands at the exchange."""
        state, order = self._state, self._state.store.order(placed.order_id)
        if order is None:
            return self._answers.refuse(placed, self._doubt_about_unknown(placed))
        doubt = (
            doubt_about_client(placed, order.owner)
            or doubt_about_pair(placed, order)
            or doubt_about_placed(placed, order)
            or self._doubt_about_time(placed, order)
        )
        if doubt is None and order.placed:
            doubt = ReportDoubt("repeated", "$", f"order {order.order_id} was {REPEATED}")
        if doubt is not None:
            return self._answers.refuse(placed, doubt)
        order = _taken_up(order, placed)
        there = replace(order, placed=True)
        return (order_placed(placed, order, state.now_ns), *self._await_end(placed, there))

    def filled(self, fill: FillReported) -> Outputs:
        """A trade: booked once, by its id."""
        store = self._state.store
        order, held = store.order(fill.order_id), store.held(fill.symbol)
        if order is not None and (doubt := doubt_about_client(fill, order.owner)) is not None:
            return self._answers.refuse(fill, doubt)
        if (known := store.booked(fill.symbol, fill.trade_id)) is not None:
            return self._answers.refuse(fill, _told_twice(fill, is_same=known.body == body_of(fill)))
        if order is None:
            is_its_stop = held is not None and stop_id_of(fill.symbol, held) == fill.order_id
            if is_its_stop or (fill.stop and store.ended(fill.symbol, fill.order_id) is None):
                return self._stops.fill(fill)
            return self._answers.refuse(fill, self._doubt_about_unknown(fill))
        doubt = doubt_about_seller(fill, held) or doubt_about_fill(fill, order, held, self._prices_of(order))
        if doubt is not None:
            return self._answers.refuse(fill, doubt)
        if (doubt := self._doubt_about_time(fill, order)) is not None:
            return (*self._answers.refuse(fill, doubt), *self._await_mended(fill, order))
        return self._book(fill, _taken_up(order, fill))

    def closed(self, closed: ClosedReported) -> Outputs:
        """Nothing more happens to the order at the exchange. What its trades lack is waited for."""
        store = self._state.store
        order = store.order(closed.order_id)
        if order is None:
            return self._closed_unknown(closed)
        doubt = (
            doubt_about_client(closed, order.owner)
            or doubt_about_pair(closed, order)
            or doubt_about_closed(closed, order)
            or self._doubt_about_time(closed, order)
        )
        if doubt is not None:
            return self._answers.refuse(closed, doubt)
        order = _taken_up(order, closed)
        if closed.quantity_filled == order.filled:
            return (self._end(order, closed, closed.ending, closed.reason),)
        due_ns = order.due_ns or self._state.now_ns + self._state.report_ns
        ending = replace(
            order,
            placed=True,
            ending=closed.ending,
            end_quantity=closed.quantity_filled,
            end_reason=closed.reason,
            due_ns=due_ns,
            what="trades",
        )
        store.put_order(ending)
        return (order_awaited(closed, ending, self._state.now_ns, "its trades make less than its end says"),)

    def _closed_unknown(self, closed: ClosedReported) -> Outputs:
        store = self._state.store
        held, ended = store.held(closed.symbol), store.ended(closed.symbol, closed.order_id)
        if held is not None and stop_id_of(closed.symbol, held) == closed.order_id:
            return self._stops.close(closed, held)
        if ended is None or doubt_about_client(closed, ended.owner):
            return self._answers.refuse(closed, self._doubt_about_unknown(closed))
        if closed.quantity_filled == ended.filled:
            doubt = ReportDoubt("repeated", "$", f"the end of {closed.order_id} was {REPEATED}")
            return self._answers.refuse(closed, doubt)
        told = f"quantity_filled {closed.quantity_filled:f}: order {closed.order_id} has ended with {ended.filled:f}"
        reason = f"{told} booked; compare with the exchange: an operator has to settle the difference"
        return self._answers.refuse(closed, ReportDoubt("ended_order", "quantity_filled", reason, halts=True))

    def _doubt_about_unknown(self, report: PlacedReported | FillReported | ClosedReported) -> ReportDoubt:
        """What another says of an order that has ended is no news of it, and halts nothing."""
        ended = self._state.store.ended(report.symbol, report.order_id)
        foreign = doubt_about_client(report, ended.owner) if ended is not None else None
        return foreign or doubt_about_unknown(report, ended=ended is not None)

    # --- booking --------------------------------------------------------------------------------------------------

    def _book(self, fill: FillReported, order: ClientOrder) -> Outputs:
        state, stop_price = self._state, None
        awaited: Outputs = ()
        if order.side == "buy":
            position = self._stops.bought(order, fill.quantity)
            stop_price = None if position.missing else position.stop
            due_ns = position.due_ns or state.now_ns
            awaited = (stop_awaited(fill, order.symbol, position, due_ns, state.now_ns),)
        else:
            self._stops.sold(order.symbol, fill.quantity)
        traded = replace(fill, stop=False)  # its id says so, whatever the report does
        told = order_filled(traded, trace=order.trace, stop_price=stop_price, now_ns=state.now_ns)
        after = replace(
            order,
            placed=True,
            filled=order.filled + fill.quantity,
            trades=(*order.trades, BookedTrade(fill.trade_id, body_of(fill))),
        )
        if after.left > 0:
            return (told, *awaited, *self._await_end(fill, after))
        return (told, *awaited, self._end(after, fill, order.ending or "filled", order.end_reason))

    def _end(self, order: ClientOrder, cause: Message, ending: Ending, reason: str) -> Message:
        self._state.store.end_order(order)
        return closed_order(
            cause,
            order.order_id,
            order.symbol,
            ending,
            filled=order.filled,
            reason=reason,
            trace=order.trace,
            now_ns=self._state.now_ns,
        )

    def _await_end(self, cause: Message, order: ClientOrder) -> Outputs:
        """The next report of an order that was heard of is due once it can't go on by itself any longer.

        One at the market ends soon, one with an end in time soon after it. A limit without an end rests for ever.
        """
        state = self._state
        if order.ending is not None:
            due_ns, what = state.now_ns + state.report_ns, "trades"
        elif order.order_type == "market":
            due_ns, what = state.now_ns + state.report_ns, "end"
        else:
            due_ns, what = order.expires_ns and max(state.now_ns, order.expires_ns) + state.report_ns, "end"
        waiting = replace(order, due_ns=due_ns, what=what, told=False)
        state.store.put_order(waiting)
        return (order_awaited(cause, waiting, state.now_ns),) if due_ns else ()

    def _await_mended(self, cause: Message, order: ClientOrder) -> Outputs:
        """A trade was refused for a slip: until it comes again, the books lack it."""
        state = self._state
        waiting = replace(order, due_ns=order.due_ns or state.now_ns + state.report_ns, what="trades")
        state.store.put_order(waiting)
        return (order_awaited(cause, waiting, state.now_ns, "a trade of it was refused: mend it, and send it again"),)

    # --- time, prices ---------------------------------------------------------------------------------------------

    def on_time(self, passed: Message) -> Outputs:
        """Say once of which orders a report is overdue."""
        outputs: list[Message] = []
        for order in self._state.store.orders():
            if not order.told and self._state.is_overdue(order.due_ns, self._state.report_ns):
                late = replace(order, told=True)
                self._state.store.put_order(late)
                outputs.append(order_awaited(passed, late, self._state.now_ns, "nothing was reported of it in time"))
        return outputs

    def _doubt_about_time(
        self, report: PlacedReported | FillReported | ClosedReported, order: ClientOrder
    ) -> ReportDoubt | None:
        return doubt_about_time(report, self._state.now_ns, self._state.slack_ns, order.decided_ns)

    def _prices_of(self, order: ClientOrder) -> list[float]:
        """The prices that the order has to do with, USDT per unit."""
        limit = float(order.limit_price) if order.limit_price is not None else 0.0
        return [price for price in (self._state.prices.of(order.symbol), order.mark, limit) if price > 0]


def _taken_up(order: ClientOrder, report: Report) -> ClientOrder:
    """An order that no client proposed is that of the one who reports of it first."""
    if order.owner or not report.client:
        return order
    return replace(order, client=report.client, owner=report.client)


def _told_twice(fill: FillReported, *, is_same: bool) -> ReportDoubt:
    if is_same:
        return ReportDoubt("repeated", "trade_id", f"trade_id {fill.trade_id} was {REPEATED}")
    other = f"trade_id {fill.trade_id} of {fill.symbol} is booked as another trade: that stands"
    return ReportDoubt("other_body", "trade_id", f"{other}; compare with the exchange", halts=True)
