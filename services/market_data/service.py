"""market_data: Binance, or the simulated exchange, in; closed bars, marks, pairs and feed health out.

Takes in: REST and streams of the exchange (``exchange.kind``, ``exchange.url``).
Gives out: ``hs:bars:<timeframe>`` (each closed bar once, in order), ``hs:marks``, ``hs:books``, ``hs:pairs``,
``hs:feeds``.

It keeps no state of its own: the last bar of each pair stands on the bus beside the bars, and starting means to fetch
what closed since. One process of a server does this: it holds the market data lease before it writes anything.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from services import wiring
from services.market_data.backfill import Backfill
from services.market_data.bar_tracks import BarTracks
from services.market_data.books import Books
from services.market_data.context import MarketDataContext
from services.market_data.exchange_identity import ExchangeIdentity
from services.market_data.exchange_time import ExchangeTime
from services.market_data.feed_reader import FeedReader
from services.market_data.feeds import FeedHealth
from services.market_data.marks import Marks
from services.market_data.odd_rows import OddRows
from services.market_data.outbox import Outbox
from services.market_data.pairs import Pairs
from services.market_data.streams import Streams
from services.market_data.subscriptions import Subscriptions
from services.market_data.watchdog import Watchdog
from shared.adapters.binance.exchange import CcxtExchange, open_exchange
from shared.ports.errors import BusLostError
from shared.ports.market_lease import MarketLease
from shared.runtime.service import Context, Service

FACTS_SECONDS = 1.0
FIRST_BOOKS_SECONDS = 10.0  # at most
RENEW_SECONDS = 1.0
RELEASE_SECONDS = 1.0


async def run(context: Context) -> None:
    """Follow the market until cancelled."""
    settings = context.settings
    url = settings.exchange.url if settings.exchange.kind == "sim" else ""
    exchange = open_exchange(url, context.clock, weight_per_minute=settings.exchange.weight_per_minute)
    try:
        async with _leading(context):
            await _follow(context, exchange, ExchangeIdentity(url, context.clock, context.log))
    finally:
        await exchange.close()


@asynccontextmanager
async def _leading(context: Context) -> AsyncIterator[None]:
    """Write the server's market under its lease, which is given back at the end. Raises ``MarketTakenError``."""
    lease = context.bus.market_lease(wiring.MARKET_DATA)
    context.log.info("market_lease_acquired", epoch=await lease.acquire())
    try:
        async with asyncio.TaskGroup() as group:
            renewing = group.create_task(_renew(lease))
            try:
                yield
            finally:
                renewing.cancel()
    finally:
        with suppress(BusLostError, TimeoutError):  # one that cannot be given back runs out by itself
            async with asyncio.timeout(RELEASE_SECONDS):
                await lease.release()


async def _renew(lease: MarketLease) -> None:
    while True:
        await asyncio.sleep(RENEW_SECONDS)
        await lease.renew()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parts:
    """What runs side by side on one ``MarketDataContext``."""

    backfill: Backfill
    marks: Marks
    books: Books
    streams: Streams
    watchdog: Watchdog


async def _follow(context: Context, exchange: CcxtExchange, identity: ExchangeIdentity) -> None:
    settings, bus, clock, log = context.settings, context.bus, context.clock, context.log
    market = MarketDataContext(
        settings=settings.market_data,
        universe=settings.universe,
        plan=settings.plan,
        clock=clock,
        bus=bus,
        exchange=exchange,
        feed=exchange.feed(settings.market_data.stale_seconds),
        time=ExchangeTime(exchange, clock, log),
        tracks=BarTracks(),
        outbox=Outbox(bus, log),
        odd=OddRows(clock),
        log=log,
    )
    marks, backfill, books = Marks(market), Backfill(market), Books(market, settings.exchange.weight_per_minute)
    streams, health = Streams(market, marks), FeedHealth(bus, clock, log)
    watchdog = Watchdog(market, backfill, marks, streams, health)
    parts = _Parts(backfill=backfill, marks=marks, books=books, streams=streams, watchdog=watchdog)
    subscriptions = Subscriptions(market, Pairs(market), streams)
    await watchdog.start()
    await identity.wait()
    await subscriptions.first()
    async with asyncio.TaskGroup() as group:
        group.create_task(identity.watch())
        group.create_task(market.feed.run())
        group.create_task(market.outbox.run())
        group.create_task(FeedReader(market, backfill, marks, streams, watchdog).run())
        group.create_task(marks.run())
        await subscriptions.warm()
        group.create_task(backfill.run())
        group.create_task(watchdog.run())
        group.create_task(subscriptions.run())
        group.create_task(books.run())
        group.create_task(_publish_facts(context, market, parts))
        await books.first_round(FIRST_BOOKS_SECONDS)  # an order without a book is refused
        context.health.ready()


async def _publish_facts(context: Context, market: MarketDataContext, parts: _Parts) -> None:
    """Figures for the heartbeat."""
    while True:
        facts: dict[str, int] = {
            "bars": market.outbox.published,
            "filled": parts.backfill.filled,
            "holes": market.tracks.total("holes"),
            "duplicates": market.tracks.total("duplicates"),
            "marks": parts.marks.published,
            "books": parts.books.published,
            "books_thin": parts.books.thin,
            "reconnects": parts.watchdog.reconnects,
            "odd_rows": len(market.odd),
            "feeds_lost": len(parts.watchdog.lost),
            "probes": parts.streams.probes,
            "used_weight": market.exchange.used_weight,
        }
        context.health.fact(**facts)
        await asyncio.sleep(FACTS_SECONDS)


SERVICE = Service(wiring.MARKET_DATA, run, wiring.scope_of(wiring.MARKET_DATA))
