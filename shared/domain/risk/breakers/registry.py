"""All breakers, in order, and the one object that asks them."""

from collections.abc import Callable, Sequence
from typing import Any

from msgspec import Struct

from shared.domain.bars.series import NewestBars
from shared.domain.portfolio.ledger import Position
from shared.domain.risk.breakers.base import Breaker
from shared.domain.risk.breakers.day_loss import DayLoss
from shared.domain.risk.breakers.drawdown import Drawdown
from shared.domain.risk.breakers.exchange_status import ExchangeStatus
from shared.domain.risk.breakers.feed import Feed
from shared.domain.risk.breakers.gap import Gap
from shared.domain.risk.breakers.heat import HeatLimit
from shared.domain.risk.breakers.liquidity import Liquidity
from shared.domain.risk.breakers.market_shock import MarketShock
from shared.domain.risk.halt_actions import HaltActions
from shared.domain.risk.state.halts import NewHalt
from shared.domain.risk.state.state import RiskState
from shared.messages.base import Message
from shared.messages.halts import Halted, Resumed
from shared.messages.market import BarClosed, BookSampled, FeedLost, FeedRestored, MarkChanged, PairListed
from shared.messages.orders import OrderFilled, OrderProposed

BREAKERS: tuple[type[Breaker], ...] = (
    Gap,
    MarketShock,
    HeatLimit,
    Drawdown,
    DayLoss,
    Feed,
    ExchangeStatus,
    Liquidity,
)
BREAKER_RECORDS: dict[str, type[Struct]] = {kind: row for each in BREAKERS for kind, row in each.records.items()}
# These halts go along when a pair gets another name; other breakers judge it afresh.
MOVES = ("gap", "operator", "set_aside", "false_fill")
Hook = Callable[..., Any]


class Breakers:
    """Hands everything that may set one off to the breakers that look at it.

    Of the breakers that are switched off, only those that keep records are here.
    """

    def __init__(self, state: RiskState, halt_actions: HaltActions) -> None:
        self._state, self._halt_actions = state, halt_actions
        self._all = [
            kind(state, halt_actions) for kind in BREAKERS if kind.records or kind.name not in state.plan.breakers.off
        ]
        self._time, self._mark, self._bar, self._day, self._book, self._listing = map(
            self._hooks, ("on_time", "on_mark", "on_bar", "on_day", "on_book", "on_listing")
        )
        self._feed_lost, self._feed_restored, self._fill, self._halted, self._resumed = map(
            self._hooks, ("on_feed_lost", "on_feed_restored", "on_fill", "on_halted", "on_resumed")
        )
        self._proposed, self._warm, self._clock_stepped_back = map(
            self._hooks, ("on_proposed", "warm", "on_clock_stepped_back")
        )
        self._must_see = self._hooks("must_see")
        self._newest = NewestBars()

    def _hooks(self, name: str) -> tuple[Hook, ...]:
        return tuple(
            getattr(each, name) for each in self._all if getattr(type(each), name) is not getattr(Breaker, name)
        )

    def _ask(self, hooks: tuple[Hook, ...], *about: object) -> Sequence[Message]:
        """What all of these hooks give out, and what other breakers add when they see the halts among it."""
        made: list[Message] = []
        for hook in hooks:
            made += hook(*about)
        for message in tuple(made):
            if isinstance(message, Halted):
                for hook in self._halted:
                    made += hook(message)
        return made

    # --- what happens ---------------------------------------------------------------------------------------------

    def on_time(self, message: Message) -> Sequence[Message]:
        """About once a second of wall time, after the snapshot."""
        return self._ask(self._time, message)

    def on_mark(self, mark: MarkChanged, price_before: float, time_before_ns: int) -> Sequence[Message]:
        return self._ask(self._mark, mark, price_before, time_before_ns)

    def on_bar(self, bar: BarClosed) -> Sequence[Message]:
        """Before the bar's close becomes the mark."""
        return self._ask(self._bar, bar) if self._newest.take(bar) else ()

    def on_day(self, bar: BarClosed) -> Sequence[Message]:
        """After a daily bar went into the pair's daily figures."""
        return self._ask(self._day, bar)

    def on_book(self, book: BookSampled) -> Sequence[Message]:
        return self._ask(self._book, book)

    def on_listing(self, listing: PairListed) -> Sequence[Message]:
        return [*self._rename(listing), *self._ask(self._listing, listing)]

    def on_feed_lost(self, lost: FeedLost) -> Sequence[Message]:
        return self._ask(self._feed_lost, lost)

    def on_feed_restored(self, restored: FeedRestored) -> Sequence[Message]:
        return self._ask(self._feed_restored, restored)

    def on_fill(self, fill: OrderFilled, position_before: Position | None) -> Sequence[Message]:
        return [*self._ask(self._fill, fill, position_before), *self._ask(self._time, fill)]

    def on_proposed(self, order: OrderProposed) -> None:
        """The gate has answered a proposal, now or before."""
        for hook in self._proposed:
            hook(order)

    def on_resumed(self, resumed: Resumed) -> None:
        """An operator ended a halt: what set it off must not set it off again at once."""
        for hook in self._resumed:
            hook(resumed)

    def on_clock_stepped_back(self, now_ns: int) -> None:
        """The clock had run ahead: forget what was seen at times to come."""
        self._newest.forget_after(now_ns)
        for hook in self._clock_stepped_back:
            hook(now_ns)

    def watches(self, halt: Halted) -> bool:
        """Whether the condition of a breaker's halt is still checked, so that the halt can end by itself."""
        return any(each.name == halt.trigger and each.watches(halt) for each in self._all)

    def must_see(self, symbol: str) -> bool:
        """Whether something may follow from each bar of the pair, whatever its prices."""
        return any(hook(symbol) for hook in self._must_see)

    def warm(self, bar: BarClosed) -> None:
        """A bar that was handled before a restart."""
        if self._newest.take(bar):
            for hook in self._warm:
                hook(bar)

    def _rename(self, listing: PairListed) -> Sequence[Message]:
        """Halts of a pair end under its former name, and some go on under the new one."""
        moved: list[Message] = []
        for halt in self._state.halts.of(listing.formerly) if listing.formerly else ():
            moved += self._state.halts.end(listing, halt.symbol, halt.trigger, reason=f"now {listing.symbol}")
            if halt.trigger in MOVES:
                moved += self._halt_actions.begin(
                    listing,
                    NewHalt(
                        symbol=listing.symbol,
                        trigger=halt.trigger,
                        reason=halt.reason,
                        mode=halt.mode,
                        evidence=halt.evidence,
                        until_ns=halt.until_ns,
                        cleared_by=halt.cleared_by,
                        who=halt.who,
                        since_ns=halt.since_ns or halt.time_ns,
                    ),
                )
        return moved
