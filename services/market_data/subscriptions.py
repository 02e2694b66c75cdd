"""Who is followed: tracks and streams for every pair that the exchange lists, from the start and as that changes."""

import asyncio
from collections.abc import Iterable

from services.market_data.bar_tracks import BarTrack
from services.market_data.context import MarketDataContext
from services.market_data.history import warm_up
from services.market_data.pairs import Pairs
from services.market_data.streams import Streams
from shared.domain.timeframes import MS_NS
from shared.ports.exchange import BOOK, ExchangeError, RateLimitedError, Stream

RETRY_SECONDS = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0)


class ForeignBusError(RuntimeError):
    """The bus holds bars of another market: newer than the exchange's own time."""


class Subscriptions:
    """Opens tracks for pairs and keeps looking at the exchange's list."""

    def __init__(self, context: MarketDataContext, pairs: Pairs, streams: Streams) -> None:
        self._context, self._pairs, self._streams = context, pairs, streams

    async def first(self) -> None:
        """The first look; tries until the exchange answers."""
        attempt = 0
        while True:
            try:
                await self._context.time.ask()
                await self._open(await self._pairs.refresh())
            except ExchangeError as error:
                delay = RETRY_SECONDS[min(attempt, len(RETRY_SECONDS) - 1)]
                if isinstance(error, RateLimitedError):
                    delay = max(delay, min(error.retry_after_seconds, 60.0))
                self._context.log.warning("exchange_unreachable", reason=str(error), retry_seconds=delay)
                attempt += 1
                await asyncio.sleep(delay)
            else:
                return

    async def warm(self) -> None:
        """Bring history to every new track."""
        started_ns = self._context.clock.steady_ns()
        bars = await warm_up(self._context, list(self._context.tracks.active()))
        seconds = round((self._context.clock.steady_ns() - started_ns) / 1e9, 2)
        self._context.log.info("backfill_done", bars=bars, tracks=len(self._context.tracks), seconds=seconds)

    async def run(self) -> None:
        """Look again every ``refresh_seconds``."""
        while True:
            await asyncio.sleep(self._context.settings.refresh_seconds)
            try:
                opened = await self._open(await self._pairs.refresh())
                if opened:
                    await warm_up(self._context, opened)
            except ExchangeError as error:
                self._context.log.warning("pairs_unknown", reason=str(error))

    async def _open(self, symbols: Iterable[str]) -> list[BarTrack]:
        """Open tracks and streams for pairs that are new. For those that are back, everything is there already."""
        context, opened = self._context, list[BarTrack]()
        for timeframe in context.plan.timeframes:
            last_open_ns = await context.bus.bar_watermarks(timeframe)
            for symbol in symbols:
                if context.tracks.get(symbol, timeframe) is None:
                    opened.append(self._track(Stream(symbol, timeframe), last_open_ns.get(symbol)))
        streams = [Stream(symbol, kind) for symbol in symbols for kind in (BOOK, *context.plan.timeframes)]
        context.feed.watch(streams)
        self._streams.watch(streams)
        return opened

    def _track(self, stream: Stream, last_open_ns: int | None) -> BarTrack:
        if last_open_ns is not None and last_open_ns > self._context.time.proven_ns:
            raise ForeignBusError(
                f"the bus has a {stream.kind} bar of {stream.symbol} that opens at {last_open_ns // MS_NS} ms; at "
                f"the exchange it is {self._context.time.proven_ns // MS_NS} ms: use an empty Redis database"
            )
        return self._context.tracks.add(stream, last_open_ns)
