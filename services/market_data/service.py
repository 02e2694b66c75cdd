"""market_data: Binance, or the simulated exchange, in; closed bars, marks, pairs and feed health out.

Takes in: REST and streams of the exchange (``exchange.kind``, ``exchange.url``).
Gives out: ``hs:bars:<timeframe>`` (each closed bar once, in order), ``hs:marks``, ``hs:books``, ``hs:pairs``,
``hs:feeds``.

It keeps no state of its own: the last bar of each pair stands on the bus beside the bars, and starting means to fetch
what closed since.
"""

import asyncio

from services import wiring
from services.market_data.backfill import Backfill
from services.market_data.books import Books
from services.market_data.desk import Desk
from services.market_data.exchange_time import ExchangeTime
from services.market_data.feeds import FeedHealth
from services.market_data.follow import Follower
from services.market_data.marks import Marks
from services.market_data.outbox import Outbox
from services.market_data.own_exchange import OwnExchange
from services.market_data.pairs import Pairs
from services.market_data.roster import Roster
from services.market_data.streams import Streams
from services.market_data.tracks import Tracks
from services.market_data.watchdog import Watchdog
from shared.adapters.binance.exchange import CcxtExchange, open_exchange
from shared.runtime.service import Context, Service

FACTS_SECONDS = 1.0


async def run(context: Context) -> None:
    """Follow the market until cancelled."""
    settings = context.settings
    url = settings.exchange.url if settings.exchange.kind == "sim" else ""
    exchange = open_exchange(url, context.clock, weight_per_minute=settings.exchange.weight_per_minute)
    try:
        await _follow(context, exchange, OwnExchange(url, context.clock, context.log))
    finally:
        await exchange.close()


async def _follow(context: Context, exchange: CcxtExchange, own: OwnExchange) -> None:
    settings, bus, clock, log = context.settings, context.bus, context.clock, context.log
    desk = Desk(
        settings=settings.market_data,
        universe=settings.universe,
        plan=settings.plan,
        clock=clock,
        bus=bus,
        exchange=exchange,
        feed=exchange.feed(settings.market_data.stale_seconds),
        time=ExchangeTime(exchange, clock),
        tracks=Tracks(),
        outbox=Outbox(bus, log),
        log=log,
    )
    marks, backfill, books = Marks(desk), Backfill(desk), Books(desk, settings.exchange.weight_per_minute)
    streams, health = Streams(desk, marks), FeedHealth(bus, clock, log)
    watchdog = Watchdog(desk, backfill, marks, streams, health)
    roster = Roster(desk, Pairs(desk), streams)
    await watchdog.start()
    await own.met()
    await roster.first()
    async with asyncio.TaskGroup() as group:
        group.create_task(own.watch())
        group.create_task(desk.feed.run())
        group.create_task(desk.outbox.run())
        group.create_task(Follower(desk, backfill, marks, streams, watchdog).run())
        group.create_task(marks.run())
        await roster.warm()
        context.health.ready()
        group.create_task(backfill.run())
        group.create_task(watchdog.run())
        group.create_task(roster.run())
        group.create_task(books.run())
        group.create_task(_tell(context, desk, backfill, marks, books, streams, watchdog))


async def _tell(
    context: Context,
    desk: Desk,
    backfill: Backfill,
    marks: Marks,
    books: Books,
    streams: Streams,
    watchdog: Watchdog,
) -> None:
    """Figures for the heartbeat."""
    while True:
        facts: dict[str, int] = {
            "bars": desk.outbox.published,
            "filled": backfill.filled,
            "holes": desk.tracks.total("holes"),
            "duplicates": desk.tracks.total("duplicates"),
            "marks": marks.published,
            "books": books.published,
            "books_thin": books.thin,
            "reconnects": watchdog.reconnects,
            "feeds_lost": len(watchdog.lost),
            "probes": streams.probes,
            "used_weight": desk.exchange.used_weight,
        }
        context.health.fact(**facts)
        await asyncio.sleep(FACTS_SECONDS)


SERVICE = Service(wiring.MARKET_DATA, run, wiring.scope_of(wiring.MARKET_DATA))
