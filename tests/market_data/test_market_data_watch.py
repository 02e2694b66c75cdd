"""Marks, silent streams and feed health: quiet is not dead, dead is noticed, and what was lost is reported back."""

import asyncio
from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from services.market_data.backfill import Backfill
from services.market_data.bar_tracks import BarTracks
from services.market_data.bars import closed_bar
from services.market_data.context import MarketDataContext
from services.market_data.exchange_time import ExchangeTime
from services.market_data.feed_reader import FeedReader
from services.market_data.feeds import FeedHealth
from services.market_data.marks import Marks
from services.market_data.odd_rows import OddRows
from services.market_data.outbox import Outbox
from services.market_data.streams import Streams
from services.market_data.subscriptions import ForeignBusError
from services.market_data.watchdog import Watchdog
from shared.adapters.binance.exchange import open_exchange
from shared.adapters.clocks import ManualClock
from shared.adapters.memory_bus import MemoryBus
from shared.domain.plan import Plan
from shared.messages.base import Message
from shared.messages.catalogue import FEEDS
from shared.messages.market import FeedLost, FeedRestored
from shared.ports.exchange import BestPrice, FeedBatch, Kline, KlineFrame, Stream
from tests.keys import MAIN
from tests.market_data.market_stage import QUICK, START_MS, UNIVERSE, LogLines, Stage, market_stage

pytestmark = pytest.mark.sockets

SECOND_NS = 1_000_000_000
HOUR_NS = 3600 * SECOND_NS


def context(clock: ManualClock, bus: MemoryBus) -> MarketDataContext:
    """The parts on a clock that stands still, at an exchange that is never asked."""
    exchange = open_exchange("http://127.0.0.1:9", clock, weight_per_minute=6000)
    log = LogLines()
    return MarketDataContext(
        settings=QUICK, universe=UNIVERSE, plan=Plan(), clock=clock, bus=bus, exchange=exchange,
        feed=exchange.feed(10.0), time=ExchangeTime(exchange, clock, log), tracks=BarTracks(), outbox=Outbox(bus, log),
        odd=OddRows(clock), log=log,
    )  # fmt: skip


def price(bid: float, ask: float, seen_steady_ns: int = 0) -> BestPrice:
    return BestPrice(symbol="BTC/USDT", bid=bid, ask=ask, seen_steady_ns=seen_steady_ns)


def kline(open_time_ns: int, close: float = 100.0) -> Kline:
    return Kline(
        symbol="BTC/USDT", timeframe="1h", open_time_ns=open_time_ns, close_time_ns=open_time_ns + HOUR_NS - 1_000_000,
        open=close, high=close, low=close, close=close, volume=1.0, quote_volume=close, trades=1,
    )  # fmt: skip


def test_many_prices_between_two_looks_are_one_mark_with_the_newest_mid() -> None:
    clock = ManualClock(1000 * SECOND_NS)
    marks = Marks(context(clock, MemoryBus(MAIN)))
    for step in range(100):
        marks.update(price(100.0 + step, 101.0 + step, clock.wall_ns()))
    (mark,) = marks.due()
    assert (mark.price, mark.bid, mark.ask) == (199.5, 199.0, 200.0)
    assert marks.due() == []


def test_an_unchanged_price_is_not_said_again_while_nothing_at_all_is_heard() -> None:
    clock = ManualClock(1000 * SECOND_NS)
    marks = Marks(context(clock, MemoryBus(MAIN)))
    marks.update(price(100.0, 101.0, clock.wall_ns()))
    assert len(marks.due()) == 1
    clock.time_ns += 60 * SECOND_NS
    assert marks.due() == []


def test_a_price_that_was_confirmed_is_said_again_with_the_time_of_the_evidence() -> None:
    clock = ManualClock(1000 * SECOND_NS, speed=60.0)
    marks = Marks(context(clock, MemoryBus(MAIN)))
    marks.update(price(100.0, 101.0, clock.wall_ns()))
    marks.due()
    clock.time_ns += 120 * SECOND_NS  # two wall seconds
    confirmed_ns = clock.now_ns()
    marks.update(price(100.0, 101.0, clock.wall_ns()))
    clock.time_ns += 60 * SECOND_NS
    (mark,) = marks.due()
    assert mark.time_ns == pytest.approx(confirmed_ns, abs=1000)


def test_without_a_book_the_close_of_the_forming_bar_is_the_mark() -> None:
    clock = ManualClock(1000 * SECOND_NS)
    marks = Marks(context(clock, MemoryBus(MAIN)))
    frame = KlineFrame(kline=kline(0, close=42.0), closed=False, event_time_ns=1)
    marks.last_price(frame)
    (mark,) = marks.due()
    assert (mark.price, mark.bid, mark.ask) == (42.0, 0.0, 0.0)
    marks.update(price(100.0, 101.0))
    marks.last_price(frame)
    assert marks.due()[0].price == 100.5


def test_an_answer_of_rest_does_not_undo_what_the_stream_brought_meanwhile() -> None:
    clock = ManualClock(1000 * SECOND_NS)
    marks = Marks(context(clock, MemoryBus(MAIN)))
    asked_wall_ns = clock.wall_ns()
    clock.time_ns += SECOND_NS
    marks.update(price(200.0, 201.0, clock.wall_ns()))
    assert not marks.update(price(100.0, 101.0, asked_wall_ns))
    assert marks.due()[0].bid == 200.0


def reader_of(there: MarketDataContext) -> FeedReader:
    marks, backfill = Marks(there), Backfill(there)
    streams, health = Streams(there, marks), FeedHealth(there.bus, there.clock, LogLines())
    return FeedReader(there, backfill, marks, streams, Watchdog(there, backfill, marks, streams, health))


async def test_a_forming_bar_from_before_the_exchange_s_clock_was_set_back_does_not_stay_the_newest() -> None:
    """By the newest bar a silent stream is judged: asked from a time to come on, the exchange has nothing new."""
    clock = ManualClock(100 * HOUR_NS)
    there = context(clock, MemoryBus(MAIN))
    track = there.tracks.add(Stream("BTC/USDT", "1h"), 98 * HOUR_NS)
    reader = reader_of(there)
    ahead = KlineFrame(kline=kline(110 * HOUR_NS), closed=False, event_time_ns=110 * HOUR_NS)
    now = KlineFrame(kline=kline(100 * HOUR_NS), closed=False, event_time_ns=100 * HOUR_NS)
    late = KlineFrame(kline=kline(99 * HOUR_NS), closed=False, event_time_ns=100 * HOUR_NS)
    for frame in (ahead, now, late):
        await reader.handle(FeedBatch(forming=[frame]))
    assert track.newest == now


async def test_a_closed_bar_of_the_future_is_not_published_and_proves_no_time() -> None:
    clock = ManualClock(100 * HOUR_NS)
    there = context(clock, MemoryBus(MAIN))
    there.tracks.add(Stream("BTC/USDT", "1h"), 98 * HOUR_NS)
    follower = reader_of(there)
    early = KlineFrame(kline=kline(110 * HOUR_NS), closed=True, event_time_ns=111 * HOUR_NS)
    now = KlineFrame(kline=kline(99 * HOUR_NS), closed=True, event_time_ns=100 * HOUR_NS)
    await follower.handle(FeedBatch(closed=[early]))
    assert (there.time.proven_ns, there.outbox.idle) == (0, True)
    await follower.handle(FeedBatch(closed=[now]))
    assert (there.time.proven_ns, there.outbox.idle) == (100 * HOUR_NS, False)


class SlowReturns(MemoryBus):
    """A bus on which a return takes longer to get out than a loss."""

    async def publish(self, messages: Sequence[Message]) -> None:
        if any(isinstance(message, FeedRestored) for message in messages):
            await asyncio.sleep(0.05)
        await super().publish(messages)


async def test_a_loss_right_after_a_return_does_not_overtake_it() -> None:
    bus = SlowReturns(MAIN)
    health = FeedHealth(bus, ManualClock(SECOND_NS), LogLines())
    await health.set_lost("connection", reason="gone")
    async with asyncio.TaskGroup() as group:
        group.create_task(health.set_restored("connection"))
        group.create_task(_lose_again(health))
    (newest, *_) = await bus.latest(FEEDS.key, 3)
    assert isinstance(newest, FeedLost)
    assert health.is_lost("connection")


async def _lose_again(health: FeedHealth) -> None:
    while health.is_lost("connection"):
        await asyncio.sleep(0)
    await health.set_lost("connection", reason="gone again")


async def test_what_was_never_heard_is_awaited_and_not_lost() -> None:
    bus, clock, log = MemoryBus(MAIN), ManualClock(5 * SECOND_NS), LogLines()
    health = FeedHealth(bus, clock, log)
    await health.set_lost("connection", reason="starting", last_seen_ns=0)
    assert health.is_lost("connection")
    clock.time_ns += SECOND_NS
    await health.set_restored("connection")
    await health.set_lost("connection", reason="gone")
    after, back, first = await bus.latest(FEEDS.key, 3)
    assert isinstance(first, FeedLost)
    assert isinstance(back, FeedRestored)
    assert isinstance(after, FeedLost)
    assert (first.last_seen_ns, back.outage_ns, after.last_seen_ns) == (0, SECOND_NS, 6 * SECOND_NS)
    assert [event for event, _ in log.lines] == ["feed_awaited", "feed_restored", "feed_lost"]


async def test_market_data_that_starts_has_heard_nothing_yet() -> None:
    async with market_stage() as stage, stage.follow():
        await stage.until_calm()
        first = (await stage.messages(FEEDS.key))[0]
    assert isinstance(first, FeedLost)
    assert (first.feed, first.last_seen_ns) == ("connection", 0)
    assert stage.log.all("feed_awaited")
    assert not stage.log.all("feed_lost")


async def test_bars_leave_in_the_order_in_which_they_were_added_and_repeats_are_told() -> None:
    bus, log = MemoryBus(MAIN), LogLines()
    outbox = Outbox(bus, log)
    bars = [closed_bar(kline(index * HOUR_NS), backfilled=False) for index in range(2_500)]
    outbox.add(bars)
    outbox.add(bars[-1:])
    async with asyncio.TaskGroup() as group:
        task = group.create_task(outbox.run())
        while not outbox.idle:
            await asyncio.sleep(0.01)
        task.cancel()
    assert outbox.published == 2_500
    assert len(bus.server.streams["hs:bars:1h"]) == 2_500
    assert log.all("bars_ignored") == [{"bars": 1, "reason": "at or below the watermark"}]


async def test_what_an_earlier_process_reported_lost_is_reported_back() -> None:
    bus, clock = MemoryBus(MAIN), ManualClock(5 * SECOND_NS)
    before = FeedHealth(bus, clock, LogLines())
    await before.set_lost("bars:1h", "BTC/USDT", reason="gone")
    await before.set_lost("marks", "ETH/USDT", reason="gone")
    await before.set_restored("marks", "ETH/USDT")
    clock.time_ns += 10 * SECOND_NS
    after = FeedHealth(bus, clock, LogLines())
    await after.recover()
    assert after.lost == (("bars:1h", "BTC/USDT"),)
    await after.set_restored("bars:1h", "BTC/USDT")
    await after.set_restored("bars:1h", "BTC/USDT")
    (newest, *_) = await bus.latest(FEEDS.key, 10)
    assert isinstance(newest, FeedRestored)
    assert newest.outage_ns == 10 * SECOND_NS
    assert len(await bus.latest(FEEDS.key, 10)) == 4


async def test_a_quiet_market_is_asked_about_and_not_taken_for_a_dead_stream() -> None:
    """At a ten thousandth of real speed best prices hardly change, so the book streams are silent.

    A process that stood still has heard nothing either. So a connection may be silent for longer here than a busy
    machine lets a process stand still.
    """
    patient = replace(QUICK, stale_seconds=3.0)
    quiet = market_stage(speed=0.0001, start_ms=START_MS + 300_000, market_data=patient)
    async with quiet as stage, stage.follow():
        await stage.until_calm()
        before = await stage.bus.marks()
        await stage.until(lambda: stage.health.facts.get("probes", 0) >= 2)
        after = await stage.bus.marks()
        assert not await stage.open_losses()
        assert len(await stage.messages(FEEDS.key)) == 2
    assert all(after[symbol].time_ns > mark.time_ns for symbol, mark in before.items())
    assert after["BTC/USDT"].price == before["BTC/USDT"].price


async def test_dead_streams_are_noticed_and_their_socket_is_renewed_while_no_bar_is_lost() -> None:
    async with market_stage() as stage, stage.follow():
        await stage.until_calm()
        for connection in stage.exchange.hub.connections:
            for name in ("btcusdt@bookTicker", "ethusdt@kline_15m"):
                connection.streams.pop(name)
        await stage.until(lambda: stage.log.all("reconnected"))
        await stage.until_calm()
        lost = {(one.feed, one.symbol) for one in await stage.messages(FEEDS.key) if isinstance(one, FeedLost)}
        await stage.check_all(("BTC/USDT", "ETH/USDT"))
    assert lost & {("marks", "BTC/USDT"), ("bars:15m", "ETH/USDT")}
    assert ("connection", "") in lost


async def test_while_the_exchange_is_away_the_feed_is_lost_and_afterwards_nothing_is_missing() -> None:
    async with market_stage() as stage:
        stage.inflict(fault="server_error", path="/api/v3/*", lasts_seconds=0.5)
        async with stage.follow():
            await stage.until(lambda: stage.log.all("exchange_unreachable"))
            assert await stage.open_losses() == {("connection", "")}
            await stage.until_calm()
            stage.inflict(fault="server_error", path="/api/v3/*", lasts_seconds=2.0)
            stage.inflict(fault="missing", timeframe="15m", lasts_seconds=2.0)
            await _until_lost(stage, "bars:15m")
            await stage.until_calm()
            counts = await stage.check_all(("BTC/USDT", "ETH/USDT"))
    assert counts["holes"] == 0
    assert stage.log.all("rest_failed")


async def _until_lost(stage: Stage, feed: str) -> None:
    async def is_lost() -> bool:
        return any(name == feed for name, _ in await stage.open_losses())

    await stage.until(is_lost)


async def test_a_bus_with_bars_from_the_future_is_refused_with_a_clear_sentence() -> None:
    future_ns = (START_MS // 3_600_000 + 1000) * HOUR_NS
    async with market_stage() as stage:
        await stage.bus.publish_bars([closed_bar(kline(future_ns), backfilled=False)])
        with pytest.raises(ExceptionGroup) as caught:
            async with stage.follow():
                await asyncio.sleep(5)
    found = caught.value.exceptions[0]
    while isinstance(found, ExceptionGroup):
        found = found.exceptions[0]
    assert isinstance(found, ForeignBusError)
    assert "use an empty Redis database" in str(found)


def test_a_bar_of_the_stream_and_the_same_bar_by_rest_are_one_message() -> None:
    streamed, fetched = (closed_bar(kline(HOUR_NS), backfilled=flag) for flag in (False, True))
    assert streamed.id == fetched.id == "BTCUSDT-1h-3600000"
    assert replace(fetched, backfilled=False) == streamed
