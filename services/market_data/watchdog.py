"""Says when the feed cannot be relied on, and says that it can again only when nothing is missing any more."""

import asyncio

from services.market_data.backfill import Backfill
from services.market_data.bar_tracks import BarTrack
from services.market_data.context import MarketDataContext
from services.market_data.feeds import BOOKS, CONNECTION, LISTING, MARKS, FeedHealth
from services.market_data.marks import Marks
from services.market_data.streams import Streams
from shared.ports.clock import ClockSteps
from shared.ports.exchange import BOOK, ConnectionLost, ConnectionRestored, ExchangeError, RateLimitedError, Stream

LOOK_SECONDS = 0.25
STUCK_FAILURES = 6  # questions in a row that brought a track nothing, while others get their answers
RETRY_SECONDS = 2.0  # after a question that failed


class Watchdog:
    """Watches sockets, streams and tracks, and drives the way back after an outage.

    After a connection is back: ask the exchange's time, and best prices once; want every bar that closed until then;
    only when each was published, or REST says there is none, is the connection restored.
    """

    def __init__(
        self, context: MarketDataContext, backfill: Backfill, marks: Marks, streams: Streams, health: FeedHealth
    ) -> None:
        self._context, self._backfill, self._marks = context, backfill, marks
        self._streams, self._health = streams, health
        self._caught_up_from_ns = 0  # 0: the exchange's time was not asked since the connection came back
        self._connection_events = 0
        self._pause_until_steady_ns = 0
        self._own_steps = ClockSteps(context.clock)
        self._are_prices_wanted = False
        self._steps_back = context.time.steps_back
        self.reconnects = 0

    @property
    def lost(self) -> tuple[tuple[str, str], ...]:
        """The feeds that are lost now, as (feed, symbol)."""
        return self._health.lost

    async def start(self) -> None:
        """Until everything is there, nothing may be opened; what an earlier process reported lost stays so."""
        await self._health.recover()
        await self._health.set_lost(CONNECTION, reason="market data is starting, nothing was heard yet", last_seen_ns=0)

    async def connection_lost(self, event: ConnectionLost) -> None:
        self._connection_events += 1
        self._caught_up_from_ns = 0
        self._marks.doubt_all()
        if self._health.is_lost(CONNECTION):
            self._context.log.warning("connection_failed", socket=event.socket, reason=event.reason)
        await self._health.set_lost(CONNECTION, reason=event.reason)

    async def connection_up(self, event: ConnectionRestored) -> None:
        self._connection_events += 1
        self._caught_up_from_ns = 0
        self._streams.start_afresh()
        for track in self._context.tracks.active():
            track.try_again_soon()
        if not event.first:
            self.reconnects += 1
            self._context.log.info("reconnected", socket=event.socket, dials=event.attempts)

    async def run(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                await self.look()
            except ExchangeError as error:
                wait = error.retry_after_seconds if isinstance(error, RateLimitedError) else RETRY_SECONDS
                self._pause_until_steady_ns = self._context.clock.steady_ns() + int(wait * 1e9)

    async def look(self) -> None:
        """One look at everything. Raises the port's errors when a question fails."""
        self._look_at_own_clock()
        await self._look_at_claims()
        await self._look_at_tracks()
        await self._look_at_marks()
        await self._look_at_odd_rows()
        if self._context.clock.steady_ns() < self._pause_until_steady_ns:
            return
        await self._look_at_exchange_time()
        await self._confirm_prices()
        if self._health.is_lost(CONNECTION) and self._context.feed.all_up:
            await self._way_back()
        await self._streams.look()

    async def _look_at_claims(self) -> None:
        """What others say of feeds. Those that nobody follows (any more) would stay lost for ever."""
        await self._health.hear()
        for feed, symbol in self._health.lost:
            if not self._is_followed(feed, symbol):
                await self._health.set_restored(feed, symbol)

    def _is_followed(self, feed: str, symbol: str) -> bool:
        if feed == CONNECTION:
            return not symbol
        context = self._context
        of_pairs = (MARKS, LISTING, BOOKS, *(f"bars:{timeframe}" for timeframe in context.plan.timeframes))
        return feed in of_pairs and context.universe.sector_of(symbol) is not None

    def _look_at_own_clock(self) -> None:
        """Our clock was set, perhaps because this machine stood still: no price counts as confirmed from before it."""
        if self._own_steps.look():
            self._marks.doubt_all()
            self._are_prices_wanted = True

    async def _confirm_prices(self) -> None:
        if self._are_prices_wanted:
            for price in await self._context.best_prices(self._context.tracks.symbols()):
                self._marks.update(price)
            self._are_prices_wanted = False

    async def _look_at_exchange_time(self) -> None:
        """Follow the exchange's clock. What was to be waited for by a time that it has left again is not."""
        time = self._context.time
        if time.wants_asking:
            await time.ask()
        if time.steps_back != self._steps_back:
            self._steps_back = time.steps_back
            self._caught_up_from_ns = self._backfill.catch_up_ns = 0

    async def _way_back(self) -> None:
        context, events = self._context, self._connection_events
        if not self._caught_up_from_ns:
            prices = await context.best_prices(context.tracks.symbols())
            await context.time.ask()
            if events != self._connection_events:
                return  # another break meanwhile: what was asked before it proves nothing
            for price in prices:
                self._marks.update(price)
            self._caught_up_from_ns = self._backfill.catch_up_ns = context.time.settled_ns
            self._backfill.scan()
        elif context.outbox.idle and all(map(self._is_caught_up, context.tracks.active())):
            await self._health.set_restored(CONNECTION)

    def _is_caught_up(self, track: BarTrack) -> bool:
        """Nobody waits for a pair that is off by its own name, once that was said."""
        context = self._context
        if track.refused or track.sequencer.settled(self._caught_up_from_ns):
            return True
        is_off = self._health.is_lost(track.feed, track.symbol) or track.symbol in context.tracks.halted
        is_odd = bool(context.odd.reason(track.feed, track.symbol))
        return is_off and (is_odd or track.failures >= STUCK_FAILURES)

    async def _look_at_tracks(self) -> None:
        """A track is lost when its bars are overdue for long, though REST was asked, or its stream is dead."""
        context = self._context
        late_ns = context.time.now_ns() - context.late_ns()
        overdue_ns = late_ns - context.time.market_ns(context.settings.stale_seconds)
        for track in context.tracks.active():
            if track.symbol in context.tracks.halted:
                continue
            dead = self._streams.is_dead(track.stream)
            if odd := context.odd.reason(track.feed, track.symbol):
                await self._health.set_lost(track.feed, track.symbol, reason=odd)
            elif dead or not (track.refused or track.sequencer.settled(overdue_ns)):
                reason = "the stream is dead" if dead else "bars are missing and REST does not bring them"
                last_ns = (track.sequencer.next_open_ns or 0) - 1
                await self._health.set_lost(track.feed, track.symbol, reason=reason, last_seen_ns=max(0, last_ns))
            elif context.outbox.idle and track.sequencer.settled(late_ns):
                await self._health.set_restored(track.feed, track.symbol)

    async def _look_at_marks(self) -> None:
        for symbol in self._context.tracks.symbols():
            if odd := self._context.odd.reason(MARKS, symbol):
                await self._health.set_lost(MARKS, symbol, reason=odd)
            elif self._streams.is_dead(Stream(symbol, BOOK)):
                await self._health.set_lost(MARKS, symbol, reason="the book stream is dead")
            elif self._health.is_lost(MARKS, symbol) and symbol not in self._marks.doubtful:
                await self._health.set_restored(MARKS, symbol)

    async def _look_at_odd_rows(self) -> None:
        """Listings and order books, which have no stream: lost while their rows cannot be."""
        odd = self._context.odd
        for feed, symbol in odd.of(LISTING, BOOKS):
            await self._health.set_lost(feed, symbol, reason=odd.reason(feed, symbol))
        for feed, symbol in self._health.lost:
            if feed in (LISTING, BOOKS) and not odd.reason(feed, symbol):
                await self._health.set_restored(feed, symbol)
