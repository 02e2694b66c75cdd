"""The paper execution machine: approved orders, cancels and stops in, fills out, against live marks and closed bars."""

from collections.abc import Callable, Sequence
from typing import Any

from shared.domain.execution.book import PaperBook
from shared.domain.execution.desk import NOTHING, PaperDesk, off
from shared.domain.execution.market import PaperMarket
from shared.domain.matching.prices import Quote
from shared.domain.matching.triggers import (
    limit_passed_by_bar,
    limit_passed_by_quote,
    stop_touched_by_bar,
    stop_touched_by_quote,
)
from shared.domain.plan import Plan
from shared.domain.timeframes import DAY_NS, timeframe_ns
from shared.domain.universe import Universe
from shared.messages.base import Message, TimePassed
from shared.messages.market import BarClosed, MarkChanged, PairListed
from shared.messages.orders import CancelDecided, OrderDecided, StopApproved

GONE = ("delisted", "renamed", "unlisted")  # the exchange drops a pair's resting orders; a halt leaves them


class PaperExecution:
    """Every approved order gets an end: filled, or closed with the reason. Orders fill whole or not at all.

    A position has one protective stop for all of it, at the highest price that any of its orders or an approved raise
    asked for. Nothing is ever sold that is not held. While a pair does not trade, nothing of it fills.

    quote_age_limit_ns: market time after which a price is too old for an order to fill at. Never less than the longest
    timeframe of the plan's strategies, so that a market known by its bars alone can be traded.
    """

    def __init__(self, plan: Plan, universe: Universe, *, quote_age_limit_ns: int = 0) -> None:
        longest_ns = max((timeframe_ns(strategy.timeframe) for strategy in plan.strategies), default=DAY_NS)
        self._costs = plan.costs
        self._book = PaperBook()
        self._market = PaperMarket(plan.sizing, universe, max(quote_age_limit_ns, longest_ns))
        self._clock_slack_ns = quote_age_limit_ns
        self._desk = PaperDesk(self._book, self._market, plan.costs)
        self.records = self._book.records
        self._now_ns = 0
        self._handlers: dict[type[Message], Callable[[Any], Sequence[Message]]] = {
            MarkChanged: self._mark,
            BarClosed: self._bar,
            TimePassed: self._time,
            OrderDecided: self._decided,
            StopApproved: self._stop_approved,
            CancelDecided: self._cancel_decided,
            PairListed: self._pair_listed,
        }

    def handle(self, message: Message) -> Sequence[Message]:
        handler = self._handlers.get(type(message))
        return NOTHING if handler is None else handler(message)

    def warm(self, message: Message) -> None:
        if isinstance(message, BarClosed) and self._market.take_bar(message):
            self._market.take_close(message)

    def restored(self) -> None:
        self._book.restored()

    # --- orders, stops, pairs -------------------------------------------------------------------------------------

    def _decided(self, order: OrderDecided) -> Sequence[Message]:
        return self._desk.place(order, self._time_of(order))

    def _stop_approved(self, approved: StopApproved) -> Sequence[Message]:
        return self._desk.raise_stop(approved, self._time_of(approved))

    def _cancel_decided(self, wanted: CancelDecided) -> Sequence[Message]:
        return self._desk.cancel_order(wanted)

    def _pair_listed(self, listed: PairListed) -> Sequence[Message]:
        """A halted pair's orders rest until it trades again; those of a pair that is gone end here."""
        self._book.list_pair(listed)
        outputs: list[Message] = []
        if listed.status in GONE:
            outputs += self._desk.cancel(listed.symbol, listed, off(listed))
        if listed.formerly:
            outputs += self._desk.cancel(listed.formerly, listed, f"the pair is {listed.symbol} now")
            outputs += self._desk.rename(listed)
        return outputs

    # --- the market -----------------------------------------------------------------------------------------------

    def _time_of(self, message: Message) -> int:
        return max(self._now_ns, message.time_ns)

    def _time(self, passed: TimePassed) -> Sequence[Message]:
        if self._clock_slack_ns and passed.time_ns < self._now_ns - self._clock_slack_ns:
            self._now_ns = passed.time_ns  # the clock was ahead and has been set right: stops must not wait for it
            self._market.forget_after(passed.time_ns)
        self._now_ns = self._time_of(passed)
        return self._desk.expire(passed, self._now_ns)

    def _mark(self, mark: MarkChanged) -> Sequence[Message]:
        quote = self._market.take_mark(mark)
        if quote is None or not self._is_busy(mark.symbol):
            return NOTHING
        return (*self._desk.expire(mark, self._time_of(mark)), *self._match_quote(mark.symbol, quote, mark))

    def _bar(self, bar: BarClosed) -> Sequence[Message]:
        if not self._market.take_bar(bar):
            return NOTHING
        if not self._is_busy(bar.symbol):
            self._market.take_close(bar)
            return NOTHING
        outputs = [*self._desk.expire(bar, self._time_of(bar)), *self._match_bar(bar)]
        quote = self._market.take_close(bar)
        return outputs if quote is None else (*outputs, *self._match_quote(bar.symbol, quote, bar))

    def _is_busy(self, symbol: str) -> bool:
        """Whether anything of the pair could fill: most marks and bars concern nobody."""
        if self._book.position(symbol) is None and not self._book.resting(symbol):
            return False
        listed = self._book.listed(symbol)
        return listed is not None and listed.status == "trading"

    def _match_quote(self, symbol: str, quote: Quote, cause: Message) -> Sequence[Message]:
        outputs: list[Message] = []
        position = self._book.position(symbol)
        if position is not None and position.stop is not None:
            touched = stop_touched_by_quote(float(position.stop), quote, self._costs)
            if touched is not None:
                outputs += self._desk.stop_out(symbol, position, touched, cause)
        for order in self._book.resting(symbol):
            if limit_passed_by_quote(order.side, float(order.limit_price), quote):
                outputs += self._desk.fill_resting(order, cause, cause.time_ns)
        return outputs

    def _match_bar(self, bar: BarClosed) -> Sequence[Message]:
        """What rested all through the bar. Resting buys first, for a price that falls to the stop falls through them on
        its way; then the stop; resting sells last. Of two things a bar may have done in either order, the worse counts.
        """
        symbol, since_ns = bar.symbol, bar.open_time_ns
        reached = [
            order
            for order in self._book.resting(symbol)
            if order.since_ns <= since_ns and limit_passed_by_bar(order.side, float(order.limit_price), bar)
        ]
        outputs: list[Message] = []
        for order in reached:
            if order.side == "buy":
                outputs += self._desk.fill_resting(order, bar, since_ns)
        position = self._book.position(symbol)
        if position is not None and position.stop is not None and position.stop_since_ns <= since_ns:
            touched = stop_touched_by_bar(float(position.stop), bar, self._costs)
            if touched is not None:
                outputs += self._desk.stop_out(symbol, position, touched, bar)
        for order in reached:
            if order.side == "sell" and order in self._book.resting(symbol):
                outputs += self._desk.fill_resting(order, bar, since_ns)
        return outputs
