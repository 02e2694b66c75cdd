"""The paper execution machine: approved orders, cancels and stops in, fills out, against live marks and closed bars."""

from collections.abc import Callable, Sequence
from typing import Any

from shared.domain.execution.orders.manager import OrderManager, why_off
from shared.domain.execution.orders.store import OrderStore, VenuePosition, WorkingOrder, stop_order_id
from shared.domain.execution.orders.venue import VenueOrder
from shared.domain.execution.paper.market import PaperMarket
from shared.domain.execution.paper.prices import Quote
from shared.domain.execution.paper.reports import PaperReports
from shared.domain.execution.paper.triggers import (
    limit_passed_by_bar,
    limit_passed_by_quote,
    stop_touched_by_bar,
    stop_touched_by_quote,
)
from shared.domain.execution.paper.venue import PaperVenue
from shared.domain.listing_claims import doubt_about_listing
from shared.domain.plan import Plan
from shared.domain.timeframes import DAY_NS, SECOND_NS, timeframe_ns
from shared.domain.universe import Universe
from shared.messages.base import Message, TimePassed
from shared.messages.catalogue import REPORTED
from shared.messages.dead_letter import EntrySetAside, UnreadableReceived, message_refused
from shared.messages.market import GONE, BarClosed, MarkChanged, PairListed
from shared.messages.orders import CancelDecided, ImportDecided, OrderDecided, StopApproved, WriteOffDecided
from shared.messages.reports import AnyReport


class PaperExecution:
    """Approved orders fill here, whole or not at all. While a pair does not trade, nothing of it fills.

    The life of an order and of a stop is ``OrderManager``'s business; this machine tells it what the market reaches.

    quote_age_limit_ns: market time after which a price is too old for an order to fill at. It is never less than the
    longest timeframe of the plan's strategies, so that a market that is known by its bars alone can be traded.
    ns_per_second: of market time, in a wall second.
    """

    def __init__(
        self, plan: Plan, universe: Universe, *, quote_age_limit_ns: int = 0, ns_per_second: float = SECOND_NS
    ) -> None:
        longest_ns = max((timeframe_ns(strategy.timeframe) for strategy in plan.strategies), default=DAY_NS)
        self._costs, self._universe = plan.costs, universe
        self._store = OrderStore()
        self._market = PaperMarket(plan.sizing, universe, max(quote_age_limit_ns, longest_ns), quote_age_limit_ns)
        self._venue = PaperVenue(self._market, plan.costs)
        self._orders = OrderManager(self._store, self._venue)
        self._reports = PaperReports(ns_per_second)
        self._clock_slack_ns = quote_age_limit_ns
        self.records = self._store.records
        self._now_ns = 0
        self._handlers: dict[type[Message], Callable[[Any], Sequence[Message]]] = {
            MarkChanged: self._mark,
            BarClosed: self._bar,
            TimePassed: self._time,
            OrderDecided: self._decided,
            StopApproved: self._stop_approved,
            CancelDecided: self._orders.cancel,
            WriteOffDecided: self._orders.write_off,
            ImportDecided: self._imported,
            PairListed: self._pair_listed,
            **dict.fromkeys(REPORTED.messages, self._report),
            UnreadableReceived: self._unreadable,
            EntrySetAside: self._failed,
        }

    def handle(self, message: Message) -> Sequence[Message]:
        handler = self._handlers.get(type(message))
        return () if handler is None else handler(message)

    def warm(self, message: Message) -> None:
        if isinstance(message, BarClosed) and self.follows(message.symbol) and self._market.take_bar(message):
            self._market.take_close(message, self._now_ns)
        elif isinstance(message, MarkChanged) and self.follows(message.symbol):
            self._market.take_mark(message, self._now_ns)

    def restored(self) -> None:
        self._store.restored()

    def resting(self, symbol: str) -> tuple[float | None, bool]:
        """What of a pair the market may reach: its stop (USDT per unit, None without one), and whether orders wait."""
        position = self._store.position(symbol)
        stop = position.stop if position is not None else None
        return (None if stop is None else float(stop)), bool(self._store.working(symbol))

    # --- orders, stops, pairs -------------------------------------------------------------------------------------

    def _decided(self, order: OrderDecided) -> Sequence[Message]:
        return self._orders.place(order, self._time_of(order))

    def _stop_approved(self, approved: StopApproved) -> Sequence[Message]:
        return self._orders.raise_stop(approved, self._time_of(approved))

    def _imported(self, imported: ImportDecided) -> Sequence[Message]:
        return self._orders.take_in(imported, self._time_of(imported))

    def _pair_listed(self, listed: PairListed) -> Sequence[Message]:
        """A halted pair's orders wait until it trades again; those of a pair that is gone end here."""
        if doubt := doubt_about_listing(listed, self._universe):
            return (message_refused(listed, time_ns=self._now_ns or listed.time_ns, **doubt._asdict()),)
        if not self.follows(listed.symbol):
            return ()
        self._store.list_pair(listed)
        outputs: list[Message] = []
        if listed.status in GONE:
            outputs += self._orders.cancel_all(listed.symbol, listed, why_off(listed))
        if listed.formerly:
            outputs += self._orders.cancel_all(listed.formerly, listed, f"the pair is {listed.symbol} now")
            outputs += self._orders.rename(listed)
        return outputs

    def _report(self, report: AnyReport) -> Sequence[Message]:
        return self._reports.refuse(report, self._now_ns)

    def _unreadable(self, received: UnreadableReceived) -> Sequence[Message]:
        return self._reports.unreadable(received, self._now_ns)

    def _failed(self, passed_over: EntrySetAside) -> Sequence[Message]:
        return self._reports.failed(passed_over, self._now_ns)

    # --- the market -----------------------------------------------------------------------------------------------

    def _time_of(self, message: Message) -> int:
        return max(self._now_ns, message.time_ns)

    def _time(self, passed: TimePassed) -> Sequence[Message]:
        if self._clock_slack_ns and passed.time_ns < self._now_ns - self._clock_slack_ns:
            self._now_ns = passed.time_ns  # the clock was ahead and has been set right: stops must not wait for it
            self._market.forget_after(passed.time_ns)
        self._now_ns = self._time_of(passed)
        return self._orders.expire(passed, self._now_ns)

    def _mark(self, mark: MarkChanged) -> Sequence[Message]:
        quote = self._market.take_mark(mark, self._now_ns) if self.follows(mark.symbol) else None
        if quote is None or not self._is_busy(mark.symbol):
            return ()
        return (*self._orders.expire(mark, self._time_of(mark)), *self._match_quote(mark.symbol, quote, mark))

    def _bar(self, bar: BarClosed) -> Sequence[Message]:
        if not self.follows(bar.symbol) or not self._market.take_bar(bar):
            return ()
        if not self._is_busy(bar.symbol):
            self._market.take_close(bar, self._now_ns)
            return ()
        outputs = [*self._orders.expire(bar, self._time_of(bar)), *self._match_bar(bar)]
        quote = self._market.take_close(bar, self._now_ns)
        return outputs if quote is None else (*outputs, *self._match_quote(bar.symbol, quote, bar))

    def follows(self, symbol: str) -> bool:
        """Whether a pair is one of ours, by any of its names: of names that nobody trades there is no end."""
        return self._market.knows(symbol) or self._store.position(symbol) is not None

    def _is_busy(self, symbol: str) -> bool:
        """Whether anything of the pair could fill: most marks and bars concern nobody."""
        if self._store.position(symbol) is None and not self._store.working(symbol):
            return False
        listed = self._store.listed(symbol)
        return listed is not None and listed.status == "trading"

    # --- matching -------------------------------------------------------------------------------------------------

    def _match_quote(self, symbol: str, quote: Quote, cause: Message) -> Sequence[Message]:
        """The stop first, then what waits at its limit."""
        outputs: list[Message] = []
        position = self._store.position(symbol)
        if position is not None and position.stop is not None:
            touched = stop_touched_by_quote(float(position.stop), quote, self._costs)
            if touched is not None:
                outputs += self._stop_out(symbol, position, touched, cause)
        for order in self._store.working(symbol):
            if limit_passed_by_quote(order.side, float(order.limit_price), quote) and self._store.is_working(order):
                outputs += self._fill(order, cause, cause.time_ns)
        return outputs

    def _match_bar(self, bar: BarClosed) -> Sequence[Message]:
        """What waited all through the bar. Of two things that a bar may have done in either order, the worse counts.

        So buys come first: a price that falls to the stop falls through them on its way. Then comes the stop, and sells
        come last.
        """
        symbol, since_ns = bar.symbol, bar.open_time_ns
        reached = [
            order
            for order in self._store.working(symbol)
            if order.since_ns <= since_ns and limit_passed_by_bar(order.side, float(order.limit_price), bar)
        ]
        outputs: list[Message] = []
        for order in reached:
            if order.side == "buy":
                outputs += self._fill(order, bar, since_ns)
        position = self._store.position(symbol)
        if position is not None and position.stop is not None and position.stop_since_ns <= since_ns:
            touched = stop_touched_by_bar(float(position.stop), bar, self._costs)
            if touched is not None:
                outputs += self._stop_out(symbol, position, touched, bar)
        for order in reached:
            if order.side == "sell" and self._store.is_working(order):
                outputs += self._fill(order, bar, since_ns)
        return outputs

    def _fill(self, order: WorkingOrder, cause: Message, since_ns: int) -> Sequence[Message]:
        """The price went through the limit of a waiting order. since_ns: market time from which its stop rests."""
        quantity = self._orders.fillable(order)
        if quantity <= 0:
            return self._orders.end_unsold(order, cause)
        return self._orders.take_trade(order, self._venue.maker_trade(order, quantity), cause, since_ns=since_ns)

    def _stop_out(self, symbol: str, position: VenuePosition, touched: float, cause: Message) -> Sequence[Message]:
        """The stop sells the whole position as a market order that begins at ``touched``, USDT per unit."""
        listed = self._store.listed(symbol)
        assert listed is not None, "only pairs that trade are matched"
        order = VenueOrder(stop_order_id(symbol, position), listed, "sell", position.quantity)
        return self._orders.take_stop_trade(
            symbol, position, self._venue.taker_trade(order, touched, cause.time_ns), cause
        )
