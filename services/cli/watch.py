"""Follows a running stack through its streams and keeps count, for the live view and the summary."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from shared.adapters.redis.bus import RedisBus
from shared.application.wording.not_yet_connected import is_not_yet_connected
from shared.messages.base import Message
from shared.messages.catalogue import is_copy
from shared.messages.control import MessageRefused
from shared.messages.market import BarClosed, FeedLost, FeedRestored, PairListed
from shared.messages.orders import OrderClosed, OrderDecided, OrderFilled, OrderProposed
from shared.messages.portfolio import Halted, PortfolioMarked, Resumed, Trigger
from shared.messages.signals import PositionSized, SignalRaised
from shared.ports.bus import BusLostError

WAIT_MS = 250
RETRY_SECONDS = 0.5
SCOPES_SHOWN = 8


@dataclass(slots=True)
class Tally:
    """What a stack did since the watch began. first_decision_seconds: after ``began``, on the loop's clock."""

    began: float = 0.0
    bars: int = 0
    backfilled: int = 0
    sizes: int = 0
    signals: int = 0
    proposals: int = 0
    fills: int = 0
    refused: int = 0
    fees_usdt: float = 0.0
    max_heat: float = 0.0
    market_ns: int = 0
    verdicts: Counter[str] = field(default_factory=Counter)
    bindings: Counter[str] = field(default_factory=Counter)
    endings: Counter[str] = field(default_factory=Counter)
    lost_feeds: dict[tuple[str, str], FeedLost] = field(default_factory=dict)
    halts: dict[tuple[str, Trigger], Halted] = field(default_factory=dict)
    off_pairs: dict[str, PairListed] = field(default_factory=dict)
    latest_size: dict[str, PositionSized] = field(default_factory=dict)
    portfolio: PortfolioMarked | None = None
    first_portfolio: PortfolioMarked | None = None
    first_decision_seconds: float | None = None

    def take(self, message: Message, now: float) -> None:
        """Count one message; ``now`` is the loop's clock."""
        self.market_ns = max(self.market_ns, message.time_ns)
        if isinstance(message, OrderDecided) and self.first_decision_seconds is None:
            self.first_decision_seconds = now - self.began
        counter = _COUNTERS.get(type(message))
        if counter is not None:
            counter(self, message)

    @property
    def decisions(self) -> int:
        return self.verdicts.total()

    @property
    def halts_of_something(self) -> list[Halted]:
        return [halt for halt in self.halts.values() if not is_not_yet_connected(halt)]

    @property
    def feeds_down(self) -> list[FeedLost]:
        """Feeds that were there before."""
        return [lost for lost in self.lost_feeds.values() if not is_not_yet_connected(lost)]

    @property
    def is_waiting(self) -> bool:
        """Whether something of the exchange was not heard yet."""
        return any(is_not_yet_connected(each) for each in (*self.halts.values(), *self.lost_feeds.values()))

    @property
    def halted(self) -> str:
        """What is halted now, each scope once, in words; empty when nothing is."""
        scopes = dict.fromkeys(halt.symbol or "portfolio" for halt in self.halts_of_something)
        more = f" and {len(scopes) - SCOPES_SHOWN} more" if len(scopes) > SCOPES_SHOWN else ""
        return ", ".join(list(scopes)[:SCOPES_SHOWN]) + more


def _bar(tally: Tally, message: BarClosed) -> None:
    tally.bars += not message.backfilled
    tally.backfilled += message.backfilled


def _size(tally: Tally, message: PositionSized) -> None:
    tally.sizes += 1
    tally.latest_size[message.symbol] = message


def _signal(tally: Tally, _message: SignalRaised) -> None:
    tally.signals += 1


def _proposal(tally: Tally, _message: OrderProposed) -> None:
    tally.proposals += 1


def _decision(tally: Tally, message: OrderDecided) -> None:
    tally.verdicts[message.verdict] += 1
    if message.binding:
        tally.bindings[message.binding] += 1


def _fill(tally: Tally, message: OrderFilled) -> None:
    tally.fills += 1
    tally.fees_usdt += float(message.fee_usdt)


def _closed(tally: Tally, message: OrderClosed) -> None:
    tally.endings[message.ending] += 1


def _portfolio(tally: Tally, message: PortfolioMarked) -> None:
    tally.first_portfolio = tally.first_portfolio or message
    tally.portfolio = message
    tally.max_heat = max(tally.max_heat, message.heat)


def _listing(tally: Tally, message: PairListed) -> None:
    tally.off_pairs.pop(message.formerly, None)
    if message.status in ("trading", "renamed"):
        tally.off_pairs.pop(message.symbol, None)
    else:
        tally.off_pairs[message.symbol] = message


def _feed_lost(tally: Tally, message: FeedLost) -> None:
    tally.lost_feeds[message.feed, message.symbol] = message


def _feed_back(tally: Tally, message: FeedRestored) -> None:
    tally.lost_feeds.pop((message.feed, message.symbol), None)


def _halted(tally: Tally, message: Halted) -> None:
    tally.halts[message.symbol, message.trigger] = message


def _resumed(tally: Tally, message: Resumed) -> None:
    tally.halts.pop((message.symbol, message.trigger), None)


def _refused(tally: Tally, _message: MessageRefused) -> None:
    tally.refused += 1


_COUNTERS: dict[type[Message], Callable[[Tally, Any], None]] = {
    BarClosed: _bar,
    PositionSized: _size,
    SignalRaised: _signal,
    OrderProposed: _proposal,
    OrderDecided: _decision,
    OrderFilled: _fill,
    OrderClosed: _closed,
    PortfolioMarked: _portfolio,
    PairListed: _listing,
    FeedLost: _feed_lost,
    FeedRestored: _feed_back,
    Halted: _halted,
    Resumed: _resumed,
    MessageRefused: _refused,
}


class Watch:
    """Reads streams from given ids on, counts, and hands every message to ``on_message``.

    cursors: the last id seen per stream; a message that stands in two of them comes once. A server that goes away is
    waited for; nothing is missed by it.
    """

    def __init__(self, bus: RedisBus, cursors: dict[str, str], on_message: Callable[[Message], None]) -> None:
        self.tally = Tally()
        self._bus, self._cursors, self._on_message = bus, cursors, on_message

    async def run(self) -> None:
        """Follow until cancelled."""
        while True:
            try:
                await self.step(WAIT_MS)
            except BusLostError:
                await asyncio.sleep(RETRY_SECONDS)

    async def step(self, wait_ms: int) -> int:
        """Read once; returns how many entries there were."""
        entries = await self._bus.read_from(self._cursors, wait_ms)
        now = asyncio.get_running_loop().time()
        for entry in entries:
            if entry.message is not None and not is_copy(entry.message, entry.stream):
                self.tally.take(entry.message, now)
                self._on_message(entry.message)
        return len(entries)

    async def drain(self) -> None:
        """Take in what is there already, at the end."""
        while await self.step(1):
            pass
