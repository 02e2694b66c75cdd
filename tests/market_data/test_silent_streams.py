"""A silent stream is compared with REST: the same answer is a quiet market, another one twice is a dead stream."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from services.exchange_sim.exchange import SimulatedExchange
from services.exchange_sim.market.generated import GeneratedMarket
from services.exchange_sim.market.market import Market
from services.market_data.bar_tracks import BarTracks
from services.market_data.context import MarketDataContext
from services.market_data.exchange_time import ExchangeTime
from services.market_data.marks import Marks
from services.market_data.odd_rows import OddRows
from services.market_data.outbox import Outbox
from services.market_data.streams import GRACE_SECONDS, RENEW_SECONDS, Streams
from shared.adapters.binance.exchange import open_exchange
from shared.adapters.clocks import ManualClock
from shared.adapters.memory_bus import MemoryBus
from shared.domain.plan import Plan
from shared.ports.exchange import BOOK, FeedBatch, KlineFrame, Stream
from tests.keys import MAIN
from tests.market_data.market_stage import QUICK, START_MS, UNIVERSE, LogLines

pytestmark = pytest.mark.sockets

SECOND_NS = 1_000_000_000
BTC = "BTC/USDT"


@dataclass
class StillFeed:
    """A feed whose sockets are up and bring nothing; it notes which streams were to be renewed."""

    renewed: list[Stream] = field(default_factory=list)
    all_up: bool = True
    heard_steady_ns: int = 1

    async def run(self) -> None: ...

    def watch(self, streams: Iterable[Stream]) -> None: ...

    async def take(self, timeout_seconds: float) -> FeedBatch:
        return FeedBatch()

    def reconnect(self, streams: Iterable[Stream], reason: str) -> None:
        self.renewed += streams

    def last_heard_steady_ns(self, stream: Stream) -> int:
        return self.heard_steady_ns


@dataclass
class Scene:
    """Market and wall time move only by ``pass_time`` (together) and ``wait`` (nothing happens at the exchange)."""

    clock: ManualClock
    market_clock: ManualClock
    context: MarketDataContext
    marks: Marks
    streams: Streams
    feed: StillFeed

    def wait(self, seconds: float) -> None:
        self.clock.time_ns += int(seconds * SECOND_NS)

    def pass_time(self, seconds: float) -> None:
        self.wait(seconds)
        self.market_clock.time_ns += int(seconds * SECOND_NS)

    async def see_everything(self) -> None:
        """Every stream brings what is true now."""
        for price in (await self.context.exchange.best_prices([BTC])).prices:
            self.marks.update(price)
        self.streams.heard(Stream(BTC, BOOK))
        track = self.context.tracks.get(BTC, "1h")
        assert track is not None
        rows = await self.context.exchange.klines(BTC, "1h", self.market_clock.now_ns() - 3_600 * SECOND_NS, 2)
        track.newest = KlineFrame(kline=rows[-1], closed=False, event_time_ns=self.market_clock.now_ns())
        self.streams.heard(track.stream)


@asynccontextmanager
async def scene() -> AsyncIterator[Scene]:
    start_ns = (START_MS + 300_000) * 1_000_000
    clock, market_clock, feed, log, bus = (
        ManualClock(start_ns),
        ManualClock(start_ns),
        StillFeed(),
        LogLines(),
        MemoryBus(MAIN),
    )
    sim = SimulatedExchange(Market(GeneratedMarket(UNIVERSE, 7, START_MS)), market_clock)
    async with sim.listening("127.0.0.1", 0) as port:
        exchange = open_exchange(f"http://127.0.0.1:{port}", clock, weight_per_minute=6000)
        tracks = BarTracks()
        tracks.add(Stream(BTC, "1h"), None)
        context = MarketDataContext(
            settings=QUICK, universe=UNIVERSE, plan=Plan(), clock=clock, bus=bus, exchange=exchange, feed=feed,
            time=ExchangeTime(exchange, clock, log), tracks=tracks, outbox=Outbox(bus, log),
            odd=OddRows(clock), log=log,
        )  # fmt: skip
        marks = Marks(context)
        streams = Streams(context, marks)
        streams.watch([Stream(BTC, BOOK), Stream(BTC, "1h")])
        there = Scene(clock, market_clock, context, marks, streams, feed)
        await there.see_everything()
        try:
            yield there
        finally:
            await exchange.close()


async def test_as_long_as_rest_says_the_same_the_market_is_quiet() -> None:
    async with scene() as there:
        for _ in range(6):
            there.wait(GRACE_SECONDS + QUICK.stale_seconds)
            await there.streams.look()
        assert there.streams.probes == 12
        assert not there.streams.is_dead(Stream(BTC, BOOK))
        assert not there.streams.is_dead(Stream(BTC, "1h"))
        assert there.feed.renewed == []


async def test_when_rest_says_something_else_twice_the_stream_is_dead_and_its_socket_renewed() -> None:
    async with scene() as there:
        there.pass_time(60 + QUICK.stale_seconds)
        await there.streams.look()
        assert not there.streams.is_dead(Stream(BTC, BOOK))
        there.wait(GRACE_SECONDS / 2)
        await there.streams.look()
        assert not there.streams.is_dead(Stream(BTC, BOOK))
        there.pass_time(GRACE_SECONDS)
        await there.streams.look()
        assert there.streams.is_dead(Stream(BTC, BOOK))
        assert there.streams.is_dead(Stream(BTC, "1h"))
        assert set(there.feed.renewed) == {Stream(BTC, BOOK), Stream(BTC, "1h")}


async def test_a_frame_in_between_clears_the_suspicion() -> None:
    async with scene() as there:
        there.pass_time(60)
        await there.streams.look()
        await there.see_everything()
        there.pass_time(60)
        await there.streams.look()
        assert not there.streams.is_dead(Stream(BTC, BOOK))
        assert there.feed.renewed == []


async def test_a_socket_is_not_renewed_again_and_again_for_a_stream_that_stays_dead() -> None:
    async with scene() as there:
        for _ in range(40):
            there.pass_time(GRACE_SECONDS + 1)
            await there.streams.look()
        renewals = there.feed.renewed.count(Stream(BTC, BOOK))
        seconds = 40 * (GRACE_SECONDS + 1)
    assert 2 <= renewals <= seconds / RENEW_SECONDS


async def test_a_price_that_the_dead_stream_missed_comes_from_rest_and_is_not_said_again_as_fresh() -> None:
    async with scene() as there:
        there.pass_time(300)
        await there.streams.look()
        (mark,) = there.marks.due()
        ((truth,), _) = await there.context.exchange.best_prices([BTC])
        assert (mark.bid, mark.ask) == (truth.bid, truth.ask)
        assert BTC in there.marks.doubtful
        there.wait(5)
        assert there.marks.due() == []


async def test_an_unchanged_price_is_said_again_as_long_as_its_socket_is_heard() -> None:
    async with scene() as there:
        assert len(there.marks.due()) == 1
        for _ in range(3):
            there.wait(2)
            there.feed.heard_steady_ns = there.clock.wall_ns()
            (mark,) = there.marks.due()
            assert mark.time_ns == there.clock.now_ns()
        there.wait(2)
        assert there.marks.due() == []


async def test_after_a_broken_connection_a_price_is_said_again_only_on_new_evidence() -> None:
    async with scene() as there:
        there.marks.due()
        there.marks.doubt_all()
        there.wait(2)
        there.feed.heard_steady_ns = there.clock.wall_ns()
        assert there.marks.due() == []
        await there.see_everything()
        assert len(there.marks.due()) == 1


async def test_a_halted_pair_is_not_asked_about() -> None:
    async with scene() as there:
        there.context.tracks.halted.add(BTC)
        there.pass_time(600)
        await there.streams.look()
        assert there.streams.probes == 0
