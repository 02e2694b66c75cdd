"""The ccxt adapter against the simulated exchange: answers, errors, sockets and handlers that never raise."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from services.exchange_sim.exchange import ExchangeOptions, SimulatedExchange
from services.exchange_sim.faults import Fault
from services.exchange_sim.market.generated import GeneratedMarket
from services.exchange_sim.market.market import Market
from shared.adapters.binance.client import PUBLIC_REST, PUBLIC_STREAM, BinanceClient
from shared.adapters.binance.exchange import CcxtExchange, open_exchange
from shared.adapters.clocks import RealClock, ScaledClock
from shared.domain.universe import Pair, Universe
from shared.ports.clock import ClockOrigin
from shared.ports.exchange import (
    BOOK,
    ConnectionLost,
    ConnectionRestored,
    FeedBatch,
    RateLimitedError,
    RejectedError,
    Stream,
    UnavailableError,
)
from tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.sockets

START_MS = 1_735_693_200_000  # 2025-01-01 01:00 UTC
DAY_NS = 86_400_000_000_000
UNIVERSE = Universe(pairs=tuple(Pair(base=base, quote="USDT", sector="Layer 1") for base in ("BTC", "ETH")))


class Venue:
    """A running exchange and the adapter that talks to it."""

    def __init__(self, sim: SimulatedExchange, exchange: CcxtExchange, clock: ScaledClock) -> None:
        self.sim, self.exchange, self.clock = sim, exchange, clock

    def inflict(self, **fault: Any) -> None:
        self.sim.inflict(Fault(**fault))


@asynccontextmanager
async def venue(speed: float = 600.0) -> AsyncIterator[Venue]:
    wall_ns = RealClock().wall_ns()
    clock = ScaledClock(ClockOrigin(origin_market_ns=START_MS * 1_000_000, origin_wall_ns=wall_ns, speed=speed))
    sim = SimulatedExchange(Market(GeneratedMarket(UNIVERSE, 7, START_MS)), clock, ExchangeOptions(tick_ms=50))
    async with sim.running("127.0.0.1", 0) as port:
        exchange = open_exchange(f"http://127.0.0.1:{port}", clock, weight_per_minute=6000)
        try:
            yield Venue(sim, exchange, clock)
        finally:
            await exchange.close()


@asynccontextmanager
async def following(exchange: CcxtExchange, streams: list[Stream], silent_seconds: float = 10.0) -> AsyncIterator[Any]:
    feed = exchange.feed(silent_seconds)
    feed.watch(streams)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(feed.run())
        try:
            yield feed
        finally:
            task.cancel()


async def taken_until(feed: Any, is_enough: Any) -> FeedBatch:
    """Everything that came until it is enough, as one batch."""
    closed: list[Any] = []
    connection: list[Any] = []
    prices: list[Any] = []
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            batch = await feed.take(0.5)
            closed += batch.closed
            connection += batch.connection
            prices += batch.prices
            whole = FeedBatch(closed=closed, connection=connection, prices=prices)
            if is_enough(whole):
                return whole


async def test_questions_are_answered_in_our_own_structs() -> None:
    async with venue() as stage:
        exchange = stage.exchange
        now_ns = await exchange.server_time_ns()
        pairs, _ = await exchange.pairs(["BTC/USDT", "NOSUCH/USDT"])
        rows = await exchange.klines("BTC/USDT", "1d", now_ns - 10 * DAY_NS, 5)
        prices, _ = await exchange.best_prices(["BTC/USDT"])
        book = await exchange.order_book("BTC/USDT", 20)
    assert START_MS * 1_000_000 <= now_ns <= stage.clock.now_ns()
    assert (list(pairs), pairs["BTC/USDT"].status) == (["BTC/USDT"], "trading")
    assert [row.open_time_ns % DAY_NS for row in rows] == [0] * 5
    assert all(row.close_time_ns == row.open_time_ns + DAY_NS - 1_000_000 for row in rows)
    assert len(prices) == 1
    assert 0 < prices[0].bid < prices[0].ask
    assert book.bids[0][0] < book.asks[0][0]
    assert exchange.used_weight == 1 + 20 + 2 + 4 + 5


async def test_each_failure_is_one_of_three_errors() -> None:
    async with venue() as stage:
        with pytest.raises(RejectedError, match="Invalid symbol"):
            await stage.exchange.klines("NOSUCH/USDT", "1d", 0, 5)
        with pytest.raises(RejectedError, match="Invalid interval"):
            await stage.exchange.klines("BTC/USDT", "7d", 0, 5)
        stage.inflict(fault="server_error", status_code=503, count=1)
        with pytest.raises(UnavailableError, match="503"):
            await stage.exchange.server_time_ns()
        stage.inflict(fault="rate_limit", seconds=2, count=1)
        with pytest.raises(RateLimitedError) as limited:
            await stage.exchange.server_time_ns()
        assert 1.5 < limited.value.retry_after_seconds <= 2.0
        assert await stage.exchange.server_time_ns() > 0  # waited for it
        stage.inflict(fault="ban", seconds=300, count=1)
        with pytest.raises(RateLimitedError):
            await stage.exchange.server_time_ns()
        with pytest.raises(RateLimitedError) as banned:  # without asking again
            await stage.exchange.server_time_ns()
        assert 290 < banned.value.retry_after_seconds <= 302
    assert [stage.sim.faults.happened[fault] for fault in ("server_error", "rate_limit", "ban")] == [1, 1, 1]


async def test_an_exchange_that_is_not_there_is_unavailable() -> None:
    exchange = open_exchange("http://127.0.0.1:9", RealClock(), weight_per_minute=6000)
    with pytest.raises(UnavailableError):
        await exchange.server_time_ns()
    await exchange.close()


@pytest.mark.parametrize("code", [-1000, -1001, -1006, -1007, -1008, -1016])
def test_codes_that_mean_ask_again_later_are_no_refusal(code: int) -> None:
    exchange = open_exchange("http://127.0.0.1:9", RealClock(), weight_per_minute=6000)
    client: BinanceClient = exchange._client
    with pytest.raises(Exception, match=str(code)) as caught:
        client.handle_errors(
            400, "", "http://127.0.0.1:9/api/v3/time", "GET", {}, f'{{"code":{code}}}', {"code": code}, {}, {}
        )
    assert isinstance(exchange._explained(caught.value), UnavailableError)  # type: ignore[arg-type]


def test_without_an_address_it_speaks_to_binance_s_hosts_for_market_data_only() -> None:
    client: BinanceClient = open_exchange("", RealClock(), weight_per_minute=6000)._client
    assert client.urls["api"]["public"] == PUBLIC_REST
    assert client.urls["api"]["ws"]["spot"] == PUBLIC_STREAM
    assert not client.apiKey


async def test_every_close_of_every_stream_arrives_with_flag_volume_and_event_time() -> None:
    streams = [Stream(symbol, kind) for symbol in ("BTC/USDT", "ETH/USDT") for kind in ("15m", BOOK)]
    async with venue(3600.0) as stage, following(stage.exchange, streams) as feed:
        batch = await taken_until(feed, lambda whole: len(whole.closed) >= 8)
    assert isinstance(batch.connection[0], ConnectionRestored)
    assert batch.connection[0].first
    opens = [one.kline.open_time_ns for one in batch.closed if one.kline.symbol == "BTC/USDT"]
    assert opens == [opens[0] + index * 900_000_000_000 for index in range(len(opens))]
    assert all(one.event_time_ns > one.kline.close_time_ns and one.kline.quote_volume > 0 for one in batch.closed)
    assert {price.symbol for price in batch.prices} == {"BTC/USDT", "ETH/USDT"}


async def test_streams_are_sharded_over_sockets_and_subscribed_in_small_messages() -> None:
    coins = [f"C{number}" for number in range(1_150)]
    streams = [Stream("BTC/USDT", "1m"), *(Stream(f"{coin}/USDT", "1h") for coin in coins)]
    async with venue() as stage, following(stage.exchange, streams) as feed:
        await taken_until(feed, lambda whole: len(whole.connection) >= 2)
        counts = sorted(
            sum("@kline" in stream for stream in connection.streams) for connection in stage.sim.hub.connections
        )
        messages = sorted(stage.exchange._client.options["requestId"].values())
        assert feed.all_up
    assert counts == [151, 1_000]
    assert messages == [1, 5]


async def test_a_stream_that_is_watched_twice_is_subscribed_once_and_later_ones_get_a_new_socket() -> None:
    async with venue() as stage, following(stage.exchange, [Stream("BTC/USDT", "1h")]) as feed:
        await taken_until(feed, lambda whole: whole.connection)
        feed.watch([Stream("BTC/USDT", "1h"), Stream("ETH/USDT", "1h")])
        await taken_until(feed, lambda whole: whole.connection)
        names = sorted(stream for one in stage.sim.hub.connections for stream in one.streams if stream.count("@kline"))
        assert len(stage.sim.hub.connections) == 2
    assert names == ["btcusdt@kline_1h", "ethusdt@kline_1h"]


@pytest.mark.parametrize("fault", ["drop", "half_open", "server_shutdown"])
async def test_a_lost_connection_is_told_and_comes_back_with_all_its_streams(fault: str) -> None:
    streams = [Stream("BTC/USDT", "15m")]
    silent_seconds = 1.0 if fault == "half_open" else PATIENCE_SECONDS  # else a pause loses it too
    async with venue(3600.0) as stage, following(stage.exchange, streams, silent_seconds) as feed:
        await taken_until(feed, lambda whole: whole.closed)
        while not stage.sim.faults.happened[fault]:  # it finds no connection while one is renewed
            stage.inflict(fault=fault)
            await asyncio.sleep(0.1)
        batch = await taken_until(feed, lambda whole: len(whole.connection) >= 2)
        await taken_until(feed, lambda whole: whole.closed)
    assert stage.sim.faults.happened[fault] == 1
    lost, restored = batch.connection[:2]
    assert isinstance(lost, ConnectionLost)
    assert isinstance(restored, ConnectionRestored)
    assert lost.announced == (fault == "server_shutdown")
    assert not restored.first


async def test_while_the_exchange_is_away_it_is_dialled_again_and_again() -> None:
    wall_ns = RealClock().wall_ns()
    clock = ScaledClock(ClockOrigin(origin_market_ns=START_MS * 1_000_000, origin_wall_ns=wall_ns, speed=60.0))
    sim = SimulatedExchange(Market(GeneratedMarket(UNIVERSE, 7, START_MS)), clock)
    async with sim.running("127.0.0.1", 0) as port:
        pass
    exchange = open_exchange(f"http://127.0.0.1:{port}", clock, weight_per_minute=6000)
    async with following(exchange, [Stream("BTC/USDT", "1h")]) as feed:
        failed = await taken_until(feed, lambda whole: len(whole.connection) >= 2)
        again = SimulatedExchange(sim.market, clock)
        async with again.running("127.0.0.1", port):
            back = await taken_until(feed, lambda whole: whole.connection and _is_up(whole.connection[-1]))
    await exchange.close()
    assert not any(map(_is_up, failed.connection))
    assert back.connection[-1].attempts >= 3


def _is_up(event: ConnectionLost | ConnectionRestored) -> bool:
    return isinstance(event, ConnectionRestored)


@pytest.mark.parametrize(
    "message",
    [
        None,
        "text",
        [],
        [{"e": "kline"}],
        {},
        {"e": "kline"},
        {"e": "kline", "s": "BTCUSDT"},
        {"e": "kline", "s": "BTCUSDT", "E": 1, "k": None},
        {"e": "kline", "s": "BTCUSDT", "E": 1, "k": {"i": "1h", "o": "nan"}},
        {"s": "BTCUSDT", "b": "x", "a": "1"},
        {"s": "UNKNOWN", "b": "1", "a": "2"},
        {"stream": "x", "data": None},
        {"stream": "x", "data": [1]},
        {"id": 77, "result": None},
        {"e": "whatIsThis", "s": "BTCUSDT"},
    ],
)
def test_no_frame_whatever_it_holds_breaks_the_receive_loop(message: object) -> None:
    client: BinanceClient = open_exchange("http://127.0.0.1:9", RealClock(), weight_per_minute=6000)._client
    client.watched["BTCUSDT"] = "BTC/USDT"
    socket = SimpleNamespace(url="ws://127.0.0.1:9/0", subscriptions={}, resolve=lambda *_: None)
    client.handle_message(socket, message)


async def test_a_kline_that_cannot_be_read_makes_its_stream_suspect() -> None:
    client: BinanceClient = open_exchange("http://127.0.0.1:9", RealClock(), weight_per_minute=6000)._client
    client.watched["BTCUSDT"] = "BTC/USDT"
    socket = SimpleNamespace(url="ws://127.0.0.1:9/0")
    client.handle_message(socket, {"e": "kline", "s": "BTCUSDT", "E": 1, "k": {"i": "1h", "o": "nan"}})
    batch = await client.inbox.take(0.1)
    assert list(batch.suspect) == [Stream("BTC/USDT", "1h")]
    assert client.malformed == 1
