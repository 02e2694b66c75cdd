"""The one fold of messages into what holds now, and into how often things happened.

A ``Projection`` is the present state of a stack as its messages tell it; ``Counts`` are figures since counting began.
Both take one message at a time, oldest first, and look only at what a message says: whoever reads the streams, from
wherever, comes to the same state.

    state = Projection()
    state.take_newest_first(await bus.latest(keys.of(HALTS), 1_000))
    state.halt_of("ETH/USDT")       # the halt that keeps new risk out of ETH, or None
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from shared.messages.base import Message
from shared.messages.catalogue import BARS, BOOKS, FEEDS, MARKS, PAIRS, PORTFOLIO, SIZES
from shared.messages.halts import Alerted, Halted, Resumed, Trigger
from shared.messages.market import BarClosed, FeedLost, FeedRestored, PairListed
from shared.messages.orders import OrderClosed, OrderDecided, OrderFilled, OrderProposed
from shared.messages.portfolio import CommandRefused, LimitsChanged, PhaseChanged, PortfolioMarked
from shared.messages.signals import PositionSized

F = TypeVar("F")
Folds = Mapping[type[Message], Callable[[F, Any], None]]


def is_not_yet_connected(message: Message) -> bool:
    """Whether the message is about a feed that was never there: nothing was lost, it only has to begin."""
    if isinstance(message, FeedLost):
        return not message.last_seen_ns
    return isinstance(message, Halted) and message.awaited


# --- what holds now ---------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Projection:
    """The present state of a stack, as far as the messages that were taken tell it.

    market_ns: the newest time that the market, the portfolio or a verdict told. It goes back when the snapshots' does,
        for clocks are set back.
    halts: the halts in force, by pair and trigger; the pair is empty for the whole portfolio.
    lost_feeds: the feeds that are lost, by feed and pair; the pair is empty for what concerns all of them.
    off_pairs: what the exchange said last of each pair that does not trade.
    latest_sizes: the newest size of each pair.
    portfolio: the newest snapshot.
    phase: the last change of the phase.
    limits: the last change of the limits.
    """

    market_ns: int = 0
    halts: dict[tuple[str, Trigger], Halted] = field(default_factory=dict)
    lost_feeds: dict[tuple[str, str], FeedLost] = field(default_factory=dict)
    off_pairs: dict[str, PairListed] = field(default_factory=dict)
    latest_sizes: dict[str, PositionSized] = field(default_factory=dict)
    portfolio: PortfolioMarked | None = None
    phase: PhaseChanged | None = None
    limits: LimitsChanged | None = None

    def take(self, message: Message) -> None:
        """Take in the next message. Some move the time on, see ``market_ns``."""
        if type(message) in _OF_MARKET_TIME:
            self.market_ns = message.time_ns if self._shows_step_back(message) else max(self.market_ns, message.time_ns)
        if (fold := _STATE.get(type(message))) is not None:
            fold(self, message)

    def _shows_step_back(self, message: Message) -> bool:
        """Snapshots come one after the other: one that is older than the last tells that a clock was set back."""
        last = self.portfolio
        return last is not None and isinstance(message, PortfolioMarked) and message.time_ns < last.time_ns

    def take_newest_first(self, messages: Sequence[Message]) -> None:
        """Take in a piece of history as ``latest`` reads it from a stream: the newest message first."""
        for message in reversed(messages):
            self.take(message)

    def halt_of(self, symbol: str) -> Halted | None:
        """The halt that keeps new risk out of a pair; one of the whole portfolio comes before the pair's own."""
        found = [halt for halt in self.halts.values() if halt.symbol in ("", symbol)]
        return min(found, key=lambda halt: halt.symbol, default=None)

    @property
    def active_halts(self) -> list[Halted]:
        """The halts in force, without those that only wait for the exchange to be heard for the first time."""
        return [halt for halt in self.halts.values() if not is_not_yet_connected(halt)]

    @property
    def feeds_down(self) -> list[FeedLost]:
        """The lost feeds that were there before."""
        return [lost for lost in self.lost_feeds.values() if not is_not_yet_connected(lost)]

    @property
    def is_not_yet_connected(self) -> bool:
        """Whether something of the exchange was not heard yet."""
        return any(is_not_yet_connected(each) for each in (*self.halts.values(), *self.lost_feeds.values()))


def _begin_halt(state: Projection, message: Halted) -> None:
    state.halts[message.symbol, message.trigger] = message


def _end_halt(state: Projection, message: Resumed) -> None:
    state.halts.pop((message.symbol, message.trigger), None)


def _lose_feed(state: Projection, message: FeedLost) -> None:
    state.lost_feeds[message.feed, message.symbol] = message


def _restore_feed(state: Projection, message: FeedRestored) -> None:
    state.lost_feeds.pop((message.feed, message.symbol), None)


def _list_pair(state: Projection, message: PairListed) -> None:
    state.off_pairs.pop(message.formerly, None)
    if message.status in ("trading", "renamed"):
        state.off_pairs.pop(message.symbol, None)
    else:
        state.off_pairs[message.symbol] = message


def _keep_size(state: Projection, message: PositionSized) -> None:
    state.latest_sizes[message.symbol] = message


def _keep_portfolio(state: Projection, message: PortfolioMarked) -> None:
    state.portfolio = message


def _keep_phase(state: Projection, message: PhaseChanged) -> None:
    state.phase = message


def _keep_limits(state: Projection, message: LimitsChanged) -> None:
    state.limits = message


# What clients and operators write has whatever time they gave it, and so has much of what follows from it.
_OF_MARKET_TIME = frozenset(
    (OrderDecided, *(kind for topic in (BARS, MARKS, BOOKS, PAIRS, FEEDS, SIZES, PORTFOLIO) for kind in topic.messages))
)

_STATE: Folds[Projection] = {
    Halted: _begin_halt,
    Resumed: _end_halt,
    FeedLost: _lose_feed,
    FeedRestored: _restore_feed,
    PairListed: _list_pair,
    PositionSized: _keep_size,
    PortfolioMarked: _keep_portfolio,
    PhaseChanged: _keep_phase,
    LimitsChanged: _keep_limits,
}


# --- how often --------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Counts:
    """How often things happened since counting began.

    messages: by the type's name.
    bars: closed bars, as they came.
    backfilled: bars of history, loaded after the fact.
    decisions: by verdict.
    binding: decisions by the rule that set them.
    fills: by side.
    endings: finished orders by how they ended.
    halts: halts that began, by trigger.
    alerts: by trigger.
    commands_refused: by command.
    untold: messages that could not be taken in or shown, by type: a bug in that must not end who shows them.
    fees_usdt: of all fills together.
    max_heat: the highest heat of any snapshot, as a fraction of NAV; stops that were hit a moment before do not count.
    first_portfolio: the first snapshot.
    """

    messages: Counter[str] = field(default_factory=Counter)
    bars: int = 0
    backfilled: int = 0
    decisions: Counter[str] = field(default_factory=Counter)
    binding: Counter[str] = field(default_factory=Counter)
    fills: Counter[str] = field(default_factory=Counter)
    endings: Counter[str] = field(default_factory=Counter)
    halts: Counter[str] = field(default_factory=Counter)
    alerts: Counter[str] = field(default_factory=Counter)
    commands_refused: Counter[str] = field(default_factory=Counter)
    untold: Counter[str] = field(default_factory=Counter)
    fees_usdt: float = 0.0
    max_heat: float = 0.0
    first_portfolio: PortfolioMarked | None = None

    def take(self, message: Message) -> None:
        """Count the next message."""
        self.messages[type(message).__name__] += 1
        if (fold := _COUNTED.get(type(message))) is not None:
            fold(self, message)

    def of(self, kind: type[Message]) -> int:
        """How many messages of this type there were."""
        return self.messages[kind.__name__]

    @property
    def proposals(self) -> int:
        """How many orders were proposed; those in the queues of clients are seen once they are decided."""
        return max(self.of(OrderProposed), self.decisions.total())


def _count_bar(counts: Counts, message: BarClosed) -> None:
    counts.bars += not message.backfilled
    counts.backfilled += message.backfilled


def _count_decision(counts: Counts, message: OrderDecided) -> None:
    counts.decisions[message.verdict] += 1
    if message.binding:
        counts.binding[message.binding] += 1


def _count_fill(counts: Counts, message: OrderFilled) -> None:
    counts.fills[message.side] += 1
    counts.fees_usdt += float(message.fee_usdt)


def _count_ending(counts: Counts, message: OrderClosed) -> None:
    counts.endings[message.ending] += 1


def _count_halt(counts: Counts, message: Halted) -> None:
    counts.halts[message.trigger] += 1


def _count_alert(counts: Counts, message: Alerted) -> None:
    counts.alerts[message.trigger] += 1


def _count_refusal(counts: Counts, message: CommandRefused) -> None:
    counts.commands_refused[message.command] += 1


def _compare_heat(counts: Counts, message: PortfolioMarked) -> None:
    counts.first_portfolio = counts.first_portfolio or message
    counts.max_heat = max(counts.max_heat, message.heat - message.heat_stops_hit)


_COUNTED: Folds[Counts] = {
    BarClosed: _count_bar,
    OrderDecided: _count_decision,
    OrderFilled: _count_fill,
    OrderClosed: _count_ending,
    Halted: _count_halt,
    Alerted: _count_alert,
    CommandRefused: _count_refusal,
    PortfolioMarked: _compare_heat,
}
