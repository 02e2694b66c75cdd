"""From the feed to the tracks: what came in is put in order, and what is complete goes to the outbox."""

from services.market_data.backfill import Backfill
from services.market_data.bar_tracks import BarTrack
from services.market_data.bars import closed_bar
from services.market_data.context import MarketDataContext
from services.market_data.feeds import MARKS
from services.market_data.marks import Marks
from services.market_data.streams import Streams
from services.market_data.watchdog import Watchdog
from shared.messages.market import BarClosed
from shared.ports.exchange import BOOK, ConnectionLost, ConnectionRestored, FeedBatch, KlineFrame, Stream

WAIT_SECONDS = 1.0


class FeedReader:
    """The one reader of the feed."""

    def __init__(
        self, context: MarketDataContext, backfill: Backfill, marks: Marks, streams: Streams, watchdog: Watchdog
    ) -> None:
        self._context, self._backfill, self._marks = context, backfill, marks
        self._streams, self._watchdog = streams, watchdog

    async def run(self) -> None:
        while True:
            await self.handle(await self._context.feed.take(WAIT_SECONDS))
            await self._context.outbox.room()

    async def handle(self, batch: FeedBatch) -> None:
        for stream, reason in batch.odd.items():
            self._odd(stream, reason)
        ready: list[BarClosed] = []
        for frame in batch.closed:
            ready += self._closed(frame)
        self._context.outbox.add(ready)
        for frame in batch.forming:
            self._forming(frame)
        for price in batch.prices:
            self._marks.update(price)
            self._streams.heard(Stream(price.symbol, BOOK))
            self._context.odd.good(MARKS, price.symbol)
        for stream in batch.suspect:
            self._suspect(stream)
        for event in batch.connection:
            await self._connection(event)

    def _closed(self, frame: KlineFrame) -> list[BarClosed]:
        kline = frame.kline
        track = self._context.tracks.get(kline.symbol, kline.timeframe)
        if track is None:
            return []
        if not self._context.time.saw(max(frame.event_time_ns, kline.close_time_ns)):
            self._suspect(track.stream)  # a bar of the future is no closed bar, whatever it says
            return []
        self._streams.heard(track.stream)
        self._context.odd.good(track.feed, track.symbol)
        track.newest = frame
        ready = track.sequencer.frame(closed_bar(kline, backfilled=False))
        if ready:
            track.failures = 0
        elif track.sequencer.gap is not None:
            self._backfill.want(track)
        return ready

    def _forming(self, frame: KlineFrame) -> None:
        kline = frame.kline
        track = self._context.tracks.get(kline.symbol, kline.timeframe)
        if track is None:
            return
        self._context.time.saw(frame.event_time_ns)
        self._streams.heard(track.stream)
        self._context.odd.good(track.feed, track.symbol)
        newest_ns = track.newest.kline.open_time_ns if track.newest is not None else 0
        if not kline.open_time_ns < newest_ns <= self._context.time.now_ns():  # none is of a time to come
            track.newest = frame
        self._marks.last_price(frame)

    def _suspect(self, stream: Stream) -> None:
        """A closed bar may have been dropped: ask at once, without waiting for the next one to show it."""
        for track in self._tracks_of(stream):
            track.try_again_soon()
            self._backfill.want(track)

    def _odd(self, stream: Stream, reason: str) -> None:
        """A row that cannot be."""
        if stream.kind == BOOK:
            self._context.odd.note(MARKS, stream.symbol, reason)
        for track in self._tracks_of(stream):
            self._context.odd.note(track.feed, track.symbol, reason)

    def _tracks_of(self, stream: Stream) -> list[BarTrack]:
        """The stream's track; those of all timeframes where it is not known which."""
        if not stream.kind:
            return self._context.tracks.of(stream.symbol)
        track = self._context.tracks.get(*stream)
        return [] if track is None else [track]

    async def _connection(self, event: ConnectionLost | ConnectionRestored) -> None:
        if isinstance(event, ConnectionLost):
            await self._watchdog.connection_lost(event)
        else:
            await self._watchdog.connection_up(event)
