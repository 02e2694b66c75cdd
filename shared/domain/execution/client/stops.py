"""Protective stops that clients place: where they have to rest, where they do, and what they sold.

What a client bought counts as protected at the stop that was approved for ``stop_ns``, the time that it may take to
place one. Without a report by then, or once it is reported that no stop works, the stop counts for nothing any more:
the gate is told by an overdue ``ReportAwaited``, takes all of the position for risk, and halts its pair.
"""

from collections.abc import Sequence
from decimal import Decimal

from msgspec.structs import replace

from shared.domain.execution.client.answers import Answers
from shared.domain.execution.client.doubts import (
    ReportDoubt,
    body_of,
    doubt_about_client,
    doubt_about_stop,
    doubt_about_stop_fill,
    doubt_about_time,
)
from shared.domain.execution.client.outputs import closed_order, order_filled, stop_awaited, stop_placed
from shared.domain.execution.client.records import BookedTrade, ClientOrder, ClientPosition, stop_id_of
from shared.domain.execution.client.state import ClientState
from shared.domain.numbers import ZERO
from shared.messages.base import Message
from shared.messages.market import PairListed
from shared.messages.orders import ImportDecided, StopApproved
from shared.messages.reports import ClosedReported, FillReported, StopReported

Outputs = Sequence[Message]


class ClientStops:
    """Keeps what is held, and its one stop a pair."""

    def __init__(self, state: ClientState, answers: Answers) -> None:
        self._state, self._answers = state, answers

    # --- what orders make of a position ---------------------------------------------------------------------------

    def bought(self, order: ClientOrder, quantity: Decimal) -> ClientPosition:
        """A purchase was booked; returns the position, which has to be protected anew."""
        state = self._state
        # Its first part may be sold again before the next one comes: another position then, with another stop.
        opened_by = f"{order.order_id}.{len(order.trades)}" if order.trades else order.order_id
        held = state.store.held(order.symbol) or ClientPosition(
            quantity=ZERO,
            client=order.client,
            opened_by=opened_by,
            trace=order.trace or order.order_id,
            owner=order.owner,
        )
        position = replace(
            held,
            quantity=held.quantity + quantity,
            stop=_higher(held.stop, order.stop_price),
            approved=_higher(held.approved, order.stop_price),
            due_ns=0 if held.missing else held.due_ns or state.now_ns + state.stop_ns,
            buyers=held.buyers if order.owner in ("", *held.buyers) else (*held.buyers, order.owner),
        )
        state.store.put_held(order.symbol, position)
        return position

    def take_in(self, imported: ImportDecided) -> Outputs:
        """A position came into the books that a client holds already: it has to report the stop that protects it."""
        state, symbol = self._state, imported.symbol
        held = state.store.held(symbol)
        position = ClientPosition(
            quantity=imported.quantity,
            client=imported.client,
            opened_by=imported.id,
            trace=imported.trace_id,
            stop=imported.stop_price,
            approved=imported.stop_price,
            due_ns=max(state.now_ns, imported.time_ns) + state.stop_ns,
            owner=imported.client,
            buyers=(imported.client,),
        )
        is_known = held is not None and held.opened_by == imported.id
        if is_known or state.store.ended(symbol, stop_id_of(symbol, position)) is not None:
            return ()
        state.store.put_held(symbol, position)
        return (stop_awaited(imported, symbol, position, position.due_ns, state.now_ns, "it came in by an import"),)

    def sold(self, symbol: str, quantity: Decimal) -> None:
        """A sale by an order was booked."""
        held = self._state.store.held(symbol)
        assert held is not None, "nothing is sold that is not held"
        left = held.quantity - quantity
        self._state.store.put_held(symbol, replace(held, quantity=left, covered=min(held.covered, left)))

    # --- what the gate wants --------------------------------------------------------------------------------------

    def approve(self, approved: StopApproved) -> Outputs:
        """A raised stop passed the gate. Its client is told; until it reports, the books keep the one that works."""
        state, held = self._state, self._state.store.held(approved.symbol)
        if held is None or approved.stop_price <= (held.approved or ZERO):
            return ()
        raised = replace(held, approved=approved.stop_price)
        state.store.put_held(approved.symbol, raised)
        due_ns = raised.due_ns or state.now_ns + state.stop_ns
        return (stop_awaited(approved, approved.symbol, raised, due_ns, state.now_ns, "a raised stop was approved"),)

    def rename(self, listed: PairListed) -> Outputs:
        """Carry a position to the pair's new name: the exchange has ended all orders of the old one, stops too."""
        moved = self._state.store.rename(listed.formerly, listed.symbol, listed.ratio)
        return () if moved is None else self._await(listed, listed.symbol, moved, f"{listed.formerly} was renamed")

    def _await(self, cause: Message, symbol: str, position: ClientPosition, reason: str) -> Outputs:
        """No stop protects all of it. The time runs from when that was known first."""
        state = self._state
        due_ns = 0 if position.missing else position.due_ns or state.now_ns + state.stop_ns
        awaited = replace(position, due_ns=due_ns)
        state.store.put_held(symbol, awaited)
        return (stop_awaited(cause, symbol, awaited, due_ns or state.now_ns, state.now_ns, reason),)

    # --- what clients report --------------------------------------------------------------------------------------

    def report(self, stop: StopReported) -> Outputs:
        """A stop rests somewhere, or none does any more."""
        state, held = self._state, self._state.store.held(stop.symbol)
        listed = state.store.listed(stop.symbol)
        doubt = (
            doubt_about_client(stop, held.owner if held is not None else "")
            or doubt_about_time(stop, state.now_ns, state.slack_ns)
            or doubt_about_stop(
                stop,
                held,
                price=state.prices.fresh(stop.symbol, state.now_ns, state.slack_ns),
                listed=listed,
            )
        )
        if doubt is not None:
            return self._refuse(stop, held, doubt)
        assert held is not None, "there is no doubt"
        if not stop.working:
            return self._await(stop, stop.symbol, replace(held, covered=ZERO), "its client says that no stop works")
        if not held.due_ns and not held.missing and (stop.stop_price, stop.quantity) == (held.stop, held.covered):
            return self._answers.refuse(stop, ReportDoubt("repeated", "$", "this stop was reported before"))
        resting = replace(held, stop=stop.stop_price, covered=stop.quantity, due_ns=0, missing=False)
        state.store.put_held(stop.symbol, resting)
        return (stop_placed(stop, resting, state.now_ns),)

    def _refuse(self, stop: StopReported, held: ClientPosition | None, doubt: ReportDoubt) -> Outputs:
        """A stop that is too low or too small is there all the same, and the books must not count on another."""
        refused = self._answers.refuse(stop, doubt)
        if held is None:
            return refused
        if doubt.code == "lowered_stop" and not held.missing:
            return (*refused, *self._miss(stop, stop.symbol, held, doubt.reason))
        if doubt.code == "stop_too_small":
            return (*refused, *self._await(stop, stop.symbol, replace(held, covered=stop.quantity), doubt.reason))
        return refused

    def fill(self, fill: FillReported) -> Outputs:
        """The stop sold, or a part of it did."""
        state, held = self._state, self._state.store.held(fill.symbol)
        stop_id = stop_id_of(fill.symbol, held) if held is not None else ""
        prices = [price for price in (state.prices.of(fill.symbol),) if price > 0]
        if held is not None and held.stop is not None:
            prices.append(float(held.stop))
        doubt = (
            doubt_about_client(fill, held.owner if held is not None else "")
            or doubt_about_stop_fill(fill, stop_id, held, prices)
            or doubt_about_time(fill, state.now_ns, state.slack_ns)
        )
        if doubt is not None:
            return self._answers.refuse(fill, doubt)
        assert held is not None, "there is no doubt"
        return self._book(fill, held)

    def _book(self, fill: FillReported, held: ClientPosition) -> Outputs:
        state, left = self._state, held.quantity - fill.quantity
        after = replace(
            held,
            quantity=left,
            covered=max(ZERO, held.covered - fill.quantity),
            stop_filled=held.stop_filled + fill.quantity,
            stop_trades=(*held.stop_trades, BookedTrade(fill.trade_id, body_of(fill))),
        )
        state.store.put_held(fill.symbol, after)
        sold = replace(fill, stop=True)  # its id says so, whatever the report does
        filled = order_filled(sold, trace=held.trace, stop_price=None, now_ns=state.now_ns)
        if left:
            return (filled,)
        return (filled, self._closed(fill, fill.symbol, after))

    def close(self, closed: ClosedReported, held: ClientPosition) -> Outputs:
        """The stop has ended. What it left unsold is not protected any more."""
        if (doubt := doubt_about_client(closed, held.owner)) is not None:
            return self._answers.refuse(closed, doubt)
        return self._await(closed, closed.symbol, replace(held, covered=ZERO), "its client says that the stop ended")

    def _closed(self, cause: Message, symbol: str, held: ClientPosition) -> Message:
        return closed_order(
            cause,
            stop_id_of(symbol, held),
            symbol,
            "filled",
            filled=held.stop_filled,
            reason="the stop sold",
            trace=held.trace,
            now_ns=self._state.now_ns,
        )

    # --- time -----------------------------------------------------------------------------------------------------

    def on_time(self, passed: Message) -> Outputs:
        """Say of which positions the stop was not reported in time."""
        outputs: list[Message] = []
        for symbol, held in self._state.store.positions():
            if self._state.is_overdue(held.due_ns, self._state.stop_ns):
                outputs += self._miss(passed, symbol, held, "no working stop was reported in time")
        return outputs

    def _miss(self, cause: Message, symbol: str, held: ClientPosition, reason: str) -> Outputs:
        missed = replace(held, missing=True, due_ns=0)
        self._state.store.put_held(symbol, missed)
        due_ns = held.due_ns or self._state.now_ns
        return (stop_awaited(cause, symbol, missed, due_ns, self._state.now_ns, reason),)


def _higher(one: Decimal | None, other: Decimal | None) -> Decimal | None:
    if one is None or other is None:
        return one if other is None else other
    return max(one, other)
