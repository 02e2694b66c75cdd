"""What a breaker is. It is called with all that may set it off, and returns a halt, the end of one, or nothing."""

from collections.abc import Sequence
from typing import ClassVar

from msgspec import Struct

from shared.domain.plan import BreakerName, BreakerPlan
from shared.domain.portfolio.ledger import Position
from shared.domain.risk.halt_actions import HaltActions
from shared.domain.risk.state.halts import NewHalt
from shared.domain.risk.state.state import RiskState
from shared.domain.timeframes import timeframe_ns
from shared.messages.base import Message
from shared.messages.halts import Halted, Resumed
from shared.messages.market import BarClosed, BookSampled, FeedLost, FeedRestored, MarkChanged, PairListed
from shared.messages.orders import OrderFilled, OrderProposed

SLACK = 1e-9  # float rounding, relative: a figure exactly at its threshold counts as at it


class Breaker:
    """A breaker overrides the hooks that it needs; those that it leaves are never called.

    name: as in ``[breakers] off``.
    records: kinds of what it keeps over a restart. A breaker that has some goes on keeping them while it is switched
        off, so that they are right when it is switched on. It begins no halt meanwhile.
    """

    name: ClassVar[BreakerName]
    records: ClassVar[dict[str, type[Struct]]] = {}

    def __init__(self, state: RiskState, halt_actions: HaltActions) -> None:
        self._state, self._halt_actions = state, halt_actions

    @property
    def plan(self) -> BreakerPlan:
        """The thresholds of all breakers."""
        return self._state.plan.breakers

    @property
    def is_on(self) -> bool:
        """Whether the breaker is not switched off."""
        return self.name not in self.plan.off

    def watches(self, halt: Halted) -> bool:
        """Whether this breaker, which set the halt off, still looks whether its condition is over."""
        return self.is_on

    def _begin(self, cause: Message, new: NewHalt) -> Sequence[Message]:
        """The halt, unless this breaker is switched off."""
        return self._halt_actions.begin(cause, new) if self.is_on else ()

    # --- hooks ----------------------------------------------------------------------------------------------------

    def on_time(self, message: Message) -> Sequence[Message]:
        """Called about once a second of wall time, and after every fill: NAV may have changed."""
        return ()

    def on_mark(self, mark: MarkChanged, price_before: float, time_before_ns: int) -> Sequence[Message]:
        """Called after a newer price became the mark.

        price_before, time_before_ns: the mark before it, 0 when there was none.
        """
        return ()

    def on_bar(self, bar: BarClosed) -> Sequence[Message]:
        """Called before the bar's close becomes the mark, once for each bar."""
        return ()

    def on_day(self, bar: BarClosed) -> Sequence[Message]:
        """Called after a daily bar went into the pair's daily figures."""
        return ()

    def on_book(self, book: BookSampled) -> Sequence[Message]:
        """Called after a book was sampled."""
        return ()

    def on_listing(self, listing: PairListed) -> Sequence[Message]:
        """Called after the exchange said something about a pair."""
        return ()

    def on_feed_lost(self, lost: FeedLost) -> Sequence[Message]:
        """Called when a feed was lost, or is not there yet."""
        return ()

    def on_feed_restored(self, restored: FeedRestored) -> Sequence[Message]:
        """Called when a lost feed is back."""
        return ()

    def on_fill(self, fill: OrderFilled, position_before: Position | None) -> Sequence[Message]:
        """Called after a fill was taken in.

        fill: in units of the name that the ledger has for the pair.
        position_before: what was held of the pair before it.
        """
        return ()

    def on_proposed(self, order: OrderProposed) -> None:
        """Called when the gate has decided on a proposal, now or before."""

    def on_halted(self, halt: Halted) -> Sequence[Message]:
        """Called when another breaker has halted something."""
        return ()

    def on_resumed(self, resumed: Resumed) -> None:
        """Called when an operator has ended a halt."""

    def on_clock_stepped_back(self, now_ns: int) -> None:
        """Called when the clock had run ahead. What was seen at times to come must not keep out what is seen now."""

    def must_see(self, symbol: str) -> bool:
        """Whether something may follow from each bar of the pair, whatever its prices."""
        return False

    def warm(self, bar: BarClosed) -> None:
        """Called after a restart with every bar that was handled before it."""

    # --- for all --------------------------------------------------------------------------------------------------

    def is_current(self, bar: BarClosed) -> bool:
        """Whether a bar is recent. History that is loaded at a start must not halt anything."""
        state = self._state
        limit_ns = max(timeframe_ns(bar.timeframe), state.market_ns(state.limits.bar_age_seconds))
        return state.now_ns - bar.close_time_ns <= limit_ns

    def is_fresh(self, time_ns: int) -> bool:
        """Whether a mark of that time is young enough to act on."""
        return self._state.now_ns - time_ns <= self._state.effective.mark_age_ns


def exceeds(value: float, limit: float) -> bool:
    """Whether a value is over its limit. NaN is not."""
    return value > limit * (1.0 + SLACK)


def reaches(value: float, limit: float) -> bool:
    """Whether a value is at its limit or over it. NaN is not."""
    return value >= limit * (1.0 - SLACK)
