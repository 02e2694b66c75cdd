"""The whole service on the simulated exchange: every closed bar exactly once, in order, with equal values."""

import asyncio

import pytest

from services.market_data.exchange_time import SETTLE_NS
from shared.adapters.redis.bus import RedisBus
from shared.messages.catalogue import FEEDS
from shared.messages.market import BarClosed, FeedLost, FeedRestored
from tests.market_data.market_stage import START_MS, TIMEFRAMES, UNIVERSE, JournalBus, Stage, market_stage

pytestmark = pytest.mark.sockets

FRAME_FAULTS = ("missing", "duplicate", "late", "out_of_order", "unclosed")
SYMBOLS = ("BTC/USDT", "ETH/USDT", "SOL/USDT", "DOGE/USDT", "FTM/USDT", "LINK/USDT")


async def test_history_is_loaded_then_every_closed_bar_follows_once_in_order_and_equal() -> None:
    async with market_stage() as stage, stage.follow():
        await stage.until_calm()
        await stage.until_published("BTC/USDT", "1h", 2)
        counts = await stage.check_all(SYMBOLS)
    assert counts["1d"] >= 60 * len(SYMBOLS)
    assert counts["15m"] >= 50 * len(SYMBOLS)
    assert counts["streamed"] > 0
    assert counts["holes"] == 0


async def test_faulty_close_frames_change_nothing_of_what_is_published() -> None:
    async with market_stage() as stage, stage.follow():
        await stage.until_calm()
        for fault in FRAME_FAULTS:
            stage.inflict(fault=fault, probability=0.15, seconds=0.3)
        await stage.until(lambda: min(map(stage.happened, FRAME_FAULTS)) >= 5)
        stage.exchange.faults.clear()
        await stage.until_published("BTC/USDT", "15m", 3)
        await stage.until_calm()
        counts = await stage.check_all(SYMBOLS)
    assert counts["holes"] == 0


async def test_the_last_bar_whose_close_never_comes_is_fetched_when_it_is_late() -> None:
    """At real speed's proportions: nothing newer closes that would show the gap."""
    async with market_stage(speed=600.0, start_ms=START_MS + 40 * 60_000) as stage, stage.follow():
        await stage.until_calm()
        stage.inflict(fault="missing", timeframe="1h")
        before = {symbol: len(await stage.bars(symbol, "1h")) for symbol in SYMBOLS}
        await stage.until(lambda: stage.happened("missing") >= len(SYMBOLS))
        for symbol, there in before.items():
            await stage.until_count(symbol, "1h", there + 1)
            assert (await stage.bars(symbol, "1h"))[-1].backfilled
        await stage.check_all(SYMBOLS)


@pytest.mark.parametrize("fault", ["drop", "half_open"])
async def test_after_a_broken_connection_nothing_is_missing_and_the_feed_is_restored_last(fault: str) -> None:
    async with market_stage() as stage, stage.follow():
        await stage.until_calm()
        lost_before = len(await stage.messages(FEEDS.key))
        stage.inflict(fault=fault)
        await stage.until(lambda: stage.log.all("reconnected"))
        await stage.until_calm()
        counts = await stage.check_all(SYMBOLS)
        messages = (await stage.messages(FEEDS.key))[lost_before:]
    assert stage.happened(fault) >= 1
    assert isinstance(messages[0], FeedLost)
    assert (messages[0].feed, messages[0].symbol) == ("connection", "")
    assert counts["holes"] == 0


async def test_the_feed_is_not_restored_before_its_gaps_are_filled() -> None:
    """REST stays away for longer than the connection, and frames are lost meanwhile."""
    bus = JournalBus()
    async with market_stage(bus) as stage, stage.follow():
        await stage.until_calm()
        at_first = {message.id for message in bus.journal}
        stage.inflict(fault="server_error", path="/api/v3/klines", lasts_seconds=1.5)
        stage.inflict(fault="missing", lasts_seconds=0.8)
        stage.inflict(fault="drop")
        await stage.until(lambda: stage.log.all("reconnected"))
        await stage.until_calm()
        await stage.until_published("BTC/USDT", "15m", 2)
        restored = [message for message in bus.journal if isinstance(message, FeedRestored)][-1]
        before = bus.journal[: bus.journal.index(restored)]
        there = {message.id for message in before if isinstance(message, BarClosed)}
        by_then_ns = stage.log.last_ns["reconnected"] - SETTLE_NS
        bars = [bar for symbol in SYMBOLS for timeframe in TIMEFRAMES for bar in await stage.bars(symbol, timeframe)]
    assert min(map(stage.happened, ("server_error", "missing", "drop"))) >= 1
    closed = [bar for bar in bars if bar.close_time_ns < by_then_ns]
    assert [bar.id for bar in closed if bar.id not in there] == []
    assert sum(bar.backfilled for bar in closed) > sum(bar.backfilled for bar in closed if bar.id in at_first)
    assert (restored.feed, restored.symbol) == ("connection", "") or restored.feed.startswith("bars:")


async def test_a_shutdown_that_was_announced_is_answered_by_a_new_connection_at_once() -> None:
    async with market_stage() as stage, stage.follow():
        await stage.until_calm()
        stage.inflict(fault="server_shutdown")
        await stage.until(lambda: stage.log.all("reconnected"))
        await stage.until_calm()
        await stage.check_all(SYMBOLS)
        lost = [one for one in await stage.messages(FEEDS.key) if isinstance(one, FeedLost)]
    connections = [one for one in lost if one.feed == "connection"]  # bars may be lost for a moment after it
    assert (stage.happened("server_shutdown"), connections[-1].reason) == (1, "serverShutdown")


async def test_refused_requests_only_delay_what_is_missing() -> None:
    async with market_stage() as stage, stage.follow():
        await stage.until_calm()
        stage.inflict(fault="rate_limit", path="/api/v3/klines", seconds=1, count=1)
        stage.inflict(fault="server_error", path="/api/v3/klines", status_code=503, count=3)
        stage.inflict(fault="ban", path="/api/v3/klines", seconds=1, count=1)
        stage.inflict(fault="missing", probability=0.5)
        await stage.until(lambda: min(map(stage.happened, ("rate_limit", "server_error", "ban", "missing"))) >= 1)
        stage.exchange.faults.clear()
        await stage.until_published("BTC/USDT", "15m", 4)
        await stage.until_calm()
        counts = await stage.check_all(SYMBOLS)
    assert counts["holes"] == 0
    assert stage.log.all("rate_limited")


async def test_a_restarted_service_goes_on_where_the_bus_stands() -> None:
    async with market_stage() as stage:
        async with stage.follow():
            await stage.until_calm()
            await stage.until_published("BTC/USDT", "15m", 2)
        before = len(await stage.bars("BTC/USDT", "15m"))
        await asyncio.sleep(1.0)  # four bars of 15 minutes close meanwhile
        async with stage.follow():
            await stage.until_calm()
            await stage.until_published("BTC/USDT", "15m", 2)
            await stage.check_all(SYMBOLS)
        after = await stage.bars("BTC/USDT", "15m")
    assert any(bar.backfilled for bar in after[before:])


async def test_all_of_it_at_once_on_a_real_server(redis_bus: RedisBus) -> None:
    """Drops, gaps, repeats and refusals together, and a restart in the middle: each closed bar exactly once."""

    async def trouble(stage: Stage) -> None:
        for fault in FRAME_FAULTS:
            stage.inflict(fault=fault, probability=0.1, seconds=0.3)
        stage.inflict(fault="rate_limit", path="/api/v3/klines", probability=0.2, seconds=1, count=2)
        stage.inflict(fault="server_error", path="/api/v3/*", probability=0.3, count=5)
        await asyncio.sleep(0.6)
        stage.inflict(fault="drop")
        await asyncio.sleep(0.6)

    async with market_stage(redis_bus) as stage:
        for _ in range(2):
            async with stage.follow():
                await stage.until(lambda: stage.health.is_ready)
                await trouble(stage)
        stage.inflict(fault="server_shutdown")
        stage.exchange.faults.clear()
        async with stage.follow():
            await stage.until_calm()
            stage.inflict(fault="server_shutdown")
            await stage.until_published("BTC/USDT", "15m", 4)
            await stage.until_calm()
            counts = await stage.check_all(SYMBOLS)
    for fault in (*FRAME_FAULTS, "rate_limit", "server_error", "drop", "server_shutdown"):
        assert stage.happened(fault) >= 1, fault
    assert counts["holes"] == 0
    assert all(counts[timeframe] for timeframe in TIMEFRAMES)
    assert len(UNIVERSE.pairs) == len(SYMBOLS)
