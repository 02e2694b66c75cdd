"""Which feeds are lost, said once when they go and once when they are back.

Feeds are ``connection`` (symbol empty), and of each pair ``marks``, ``bars:<timeframe>``, ``listing`` and ``books``.
What an earlier process reported lost is read back from the bus at the start, so that its return is reported too.
"""

import asyncio
from collections.abc import Iterable
from typing import Any

from services.market_data.overheard import Overheard
from shared.messages.base import Message, derived_id, truncate
from shared.messages.catalogue import FEEDS
from shared.messages.market import FeedLost, FeedRestored
from shared.ports.bus import Bus
from shared.ports.clock import Clock

CONNECTION = "connection"
MARKS, LISTING, BOOKS = "marks", "listing", "books"
LOOK_BACK = 2_000


class FeedHealth:
    """The lost feeds by (feed, symbol)."""

    def __init__(self, bus: Bus, clock: Clock, log: Any) -> None:
        self._bus, self._clock, self._log = bus, clock, log
        self._stream = Overheard(bus, FEEDS.key)
        self._lost: dict[tuple[str, str], FeedLost] = {}
        self._in_order = asyncio.Lock()  # a loss and a return must not overtake each other on the way out

    async def recover(self) -> None:
        """Take over what was lost when the last process ended."""
        await self.hear()
        self.replay(reversed(await self._bus.latest(FEEDS.key, LOOK_BACK)))

    async def hear(self) -> None:
        """Take over what others say of feeds, for it is believed. Whoever knows better says so at the next look."""
        if foreign := await self._stream.foreign():
            self._log.warning("feeds_disputed", messages=len(foreign), reason="somebody else writes on hs:feeds")
            self.replay(foreign)

    def replay(self, messages: Iterable[Message]) -> None:
        for message in messages:
            if isinstance(message, FeedLost):
                self._lost[message.feed, message.symbol] = message
            elif isinstance(message, FeedRestored):
                self._lost.pop((message.feed, message.symbol), None)

    def is_lost(self, feed: str, symbol: str = "") -> bool:
        return (feed, symbol) in self._lost

    @property
    def lost(self) -> tuple[tuple[str, str], ...]:
        return tuple(self._lost)

    async def set_lost(self, feed: str, symbol: str = "", *, reason: str, last_seen_ns: int | None = None) -> None:
        """Report a loss, unless it is known. last_seen_ns: 0 when nothing was heard of it yet; None: until just now."""
        if not self.is_lost(feed, symbol):
            async with self._in_order:
                await self._report_loss(feed, symbol, reason, last_seen_ns)

    async def _report_loss(self, feed: str, symbol: str, reason: str, last_seen_ns: int | None) -> None:
        if self.is_lost(feed, symbol):
            return
        now_ns = self._clock.now_ns()
        message = FeedLost(
            id=derived_id("lost", feed, symbol, now_ns),
            time_ns=now_ns,
            feed=feed,
            symbol=symbol,
            last_seen_ns=now_ns if last_seen_ns is None else last_seen_ns,
            reason=truncate(reason),
        )
        self._lost[feed, symbol] = message
        if message.last_seen_ns:
            self._log.warning("feed_lost", feed=feed, symbol=symbol, reason=reason)
        else:
            self._log.info("feed_awaited", feed=feed, symbol=symbol, reason=reason)
        await self._stream.publish([message])

    async def set_restored(self, feed: str, symbol: str = "") -> None:
        """Report a return, if it was lost."""
        if self.is_lost(feed, symbol):
            async with self._in_order:
                await self._report_return(feed, symbol)

    async def _report_return(self, feed: str, symbol: str) -> None:
        lost = self._lost.pop((feed, symbol), None)
        if lost is None:
            return
        now_ns = self._clock.now_ns()
        outage_ns = max(0, now_ns - (lost.last_seen_ns or lost.time_ns))
        message = FeedRestored(
            id=derived_id("restored", lost.id),
            cause=lost.id,
            time_ns=now_ns,
            feed=feed,
            symbol=symbol,
            outage_ns=outage_ns,
        )
        seconds = round(outage_ns / self._clock.speed / 1e9, 1)
        self._log.info("feed_restored", feed=feed, symbol=symbol, outage_wall_seconds=seconds)
        await self._stream.publish([message])
