"""The machine of orders that clients execute: approved orders and reports in, what is believed of them out.

This file says who handles what. The parts are ``orders`` and ``stops``; ``doubts`` says what does not fit, and
``answers`` says so to the client. They share ``state``.
"""

from collections.abc import Callable, Sequence
from typing import Any

from shared.domain.execution.client.answers import Answers
from shared.domain.execution.client.orders import ClientOrders
from shared.domain.execution.client.records import LISTED
from shared.domain.execution.client.state import ClientState
from shared.domain.execution.client.stops import ClientStops
from shared.domain.listing_claims import doubt_about_listing
from shared.domain.universe import Universe
from shared.messages.base import Message, TimePassed
from shared.messages.dead_letter import EntrySetAside, UnreadableReceived, message_refused
from shared.messages.market import BarClosed, MarkChanged, PairListed
from shared.messages.orders import CancelDecided, ImportDecided, OrderDecided, StopApproved, WriteOffDecided
from shared.messages.reports import ClosedReported, FillReported, PlacedReported, StopReported


class ClientExecution:
    """Approved orders wait here for the word of their clients. It sends no order, and books nothing by itself.

    report_ns: market time within which a client has to report of an order that was approved.
    stop_ns: market time within which it has to report the stop of what it bought.
    slack_ns: market time by which its clock may differ from ours, and after which a price is old.
    ns_per_second: of market time, in a wall second.
    """

    def __init__(
        self, universe: Universe, *, report_ns: int, stop_ns: int, slack_ns: int, ns_per_second: float
    ) -> None:
        self.state = ClientState(
            universe, report_ns=report_ns, stop_ns=stop_ns, slack_ns=slack_ns, ns_per_second=ns_per_second
        )
        self.records = self.state.store.records
        answers = Answers(self.state)
        self._stops = ClientStops(self.state, answers)
        self._orders = ClientOrders(self.state, self._stops, answers)
        self._handlers: dict[type[Message], Callable[[Any], Sequence[Message]]] = {
            TimePassed: self._time,
            MarkChanged: self._mark,
            BarClosed: self._bar,
            PairListed: self._pair_listed,
            OrderDecided: self._orders.decided,
            CancelDecided: self._orders.cancel,
            StopApproved: self._stops.approve,
            WriteOffDecided: self._orders.write_off,
            ImportDecided: self._stops.take_in,
            PlacedReported: self._orders.placed,
            FillReported: self._orders.filled,
            ClosedReported: self._orders.closed,
            StopReported: self._stops.report,
            UnreadableReceived: answers.unreadable,
            EntrySetAside: answers.failed,
        }

    def handle(self, message: Message) -> Sequence[Message]:
        handler = self._handlers.get(type(message))
        return () if handler is None else handler(message)

    def warm(self, message: Message) -> None:
        if isinstance(message, BarClosed):
            self._bar(message)

    def restored(self) -> None:
        self.state.restored()

    def follows(self, symbol: str) -> bool:
        """Whether a pair is one of ours, by any of its names: of names that nobody trades there is no end."""
        return self.state.prices.knows(symbol) or self.state.store.held(symbol) is not None

    def _time(self, passed: TimePassed) -> Sequence[Message]:
        self.state.pass_time(passed.time_ns)
        due_ns = self.state.store.next_due_ns
        if not 0 < due_ns < self.state.now_ns:
            return ()
        return (*self._stops.on_time(passed), *self._orders.on_time(passed))

    def _mark(self, mark: MarkChanged) -> Sequence[Message]:
        self.state.prices.take(mark.symbol, mark.price, mark.time_ns, self.state.now_ns, self.state.slack_ns)
        return ()

    def _bar(self, bar: BarClosed) -> Sequence[Message]:
        self.state.prices.take(bar.symbol, bar.close, bar.close_time_ns, self.state.now_ns, self.state.slack_ns)
        return ()

    def _pair_listed(self, listed: PairListed) -> Sequence[Message]:
        """A pair's lot is known by it, and its new name. Orders of the old one end when their client says so."""
        state = self.state
        if doubt := doubt_about_listing(listed, state.universe):
            return (message_refused(listed, time_ns=state.now_ns or listed.time_ns, **doubt._asdict()),)
        if not self.follows(listed.symbol):
            return ()
        self.records.put(LISTED, listed.symbol, listed)
        return self._stops.rename(listed) if listed.formerly else ()
