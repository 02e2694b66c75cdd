"""One market_data writes a server's market, on every bus: a second one is refused, and one that slept is shut out."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from decimal import Decimal

import pytest

from shared.adapters.codec import encode
from shared.adapters.memory_bus import MemoryBus
from shared.adapters.redis.bus import RedisBus
from shared.adapters.redis.market_lease import LEASE_KEY, holder_of_market
from shared.messages.catalogue import BARS, FEEDS, PAIRS
from shared.messages.keys import Keys
from shared.messages.market import FeedLost, MarkChanged, PairListed
from shared.ports.errors import FencedError, MarketTakenError, StateGoneError
from shared.ports.market_lease import MarketLease
from tests.keys import MAIN
from tests.samples import T0, bar, book

AnyBus = MemoryBus | RedisBus
MARK = MarkChanged(id="m-1", time_ns=T0, symbol="BTC/USDT", price=20_000.0)
PAIR = PairListed(id="p-1", time_ns=T0, symbol="BTC/USDT", status="trading", quantity_step=Decimal(1))
LOST = FeedLost(id="f-1", time_ns=T0, feed="connection")


@asynccontextmanager
async def beside(bus: AnyBus, portfolio: str = "main") -> AsyncIterator[AnyBus]:
    """Another process's bus on the same server."""
    if isinstance(bus, MemoryBus):
        yield MemoryBus(Keys(portfolio), bus.server)
        return
    options = bus.client.connection_pool.connection_kwargs
    async with RedisBus.open(f"redis://{options['host']}:{options['port']}/0", Keys(portfolio)) as other:
        yield other


WRITES: dict[str, Callable[[AnyBus], Awaitable[object]]] = {
    "bars": lambda bus: bus.publish_bars([bar()]),
    "marks": lambda bus: bus.set_marks([MARK]),
    "books": lambda bus: bus.set_books([book("b-1")]),
    "pairs": lambda bus: bus.publish([PAIR]),
    "feeds": lambda bus: bus.publish([LOST]),
}


async def written(bus: AnyBus) -> list[object]:
    streams = (MAIN.of(BARS, "1h"), PAIRS.key, FEEDS.key)
    return [*(await bus.marks()), *(await bus.books()), *[one for key in streams for one in await bus.latest(key, 10)]]


@asynccontextmanager
async def alive(lease: MarketLease) -> AsyncIterator[None]:
    """The holder renews its lease again and again."""

    async def renew() -> None:
        while True:
            await lease.renew()
            await asyncio.sleep(0.5)

    async with asyncio.TaskGroup() as group:
        task = group.create_task(renew())
        try:
            yield
        finally:
            task.cancel()


@pytest.mark.parametrize("portfolio", ["main", "other"])
async def test_a_second_one_is_refused_by_the_name_of_the_first_whatever_its_portfolio(
    bus: AnyBus, portfolio: str
) -> None:
    await bus.market_lease("market_data").acquire()
    async with beside(bus, portfolio) as second, alive(bus.market_lease("market_data")):
        with pytest.raises(MarketTakenError) as refused:
            await second.market_lease("market_data").acquire()
    told = str(refused.value)
    assert told.startswith("market_data@")
    assert "writes the market of this server" in told
    assert "HEATSINK_REDIS__URL" in told
    assert await written(bus) == []


async def test_a_holder_whose_name_is_no_text_refuses_like_any_other(redis_bus: RedisBus) -> None:
    await redis_bus.client.set(LEASE_KEY, b"\xff")
    assert await holder_of_market(redis_bus.client)
    with pytest.raises(MarketTakenError):
        await redis_bus.market_lease("market_data").acquire()


async def test_after_a_clean_end_the_next_one_is_let_in(bus: AnyBus) -> None:
    async with beside(bus) as second:
        first = await bus.market_lease("market_data").acquire()
        await bus.market_lease("market_data").release()
        assert await second.market_lease("market_data").acquire() > first


async def test_when_the_holder_is_gone_the_next_one_waits_for_its_lease_to_run_out(bus: AnyBus) -> None:
    async with beside(bus) as second:
        first = await bus.market_lease("market_data").acquire()
        assert await second.market_lease("market_data").acquire() > first


async def test_a_visitor_is_told_of_a_holder_that_lives_and_not_of_one_that_is_gone(redis_bus: RedisBus) -> None:
    assert await holder_of_market(redis_bus.client) == ""
    lease = redis_bus.market_lease("market_data")
    epoch = await lease.acquire()
    async with alive(lease):
        assert (await holder_of_market(redis_bus.client)).startswith("market_data@")
    assert await holder_of_market(redis_bus.client) == ""  # it ran out
    assert await lease.acquire() == epoch + 1


@pytest.mark.parametrize("what", WRITES)
async def test_one_that_was_taken_over_writes_nothing_more(bus: AnyBus, what: str) -> None:
    async with beside(bus) as second:
        await bus.market_lease("market_data").acquire()
        await bus.market_lease("market_data").release()
        await second.market_lease("market_data").acquire()
        for write in WRITES.values():
            await write(second)
        before = await written(second)
        with pytest.raises(FencedError, match="took over the market of this server"):
            await WRITES[what](bus)
        with pytest.raises(FencedError):
            await bus.market_lease("market_data").renew()
        assert await written(second) == before


async def test_whoever_holds_it_writes_all_of_the_market(bus: AnyBus) -> None:
    await bus.market_lease("market_data").acquire()
    for write in WRITES.values():
        await write(bus)
    await bus.market_lease("market_data").renew()
    assert len(await written(bus)) == len(WRITES)


async def test_a_release_that_comes_too_late_takes_nothing_from_the_successor(bus: AnyBus) -> None:
    async with beside(bus) as second:
        await bus.market_lease("market_data").acquire()
        await bus.market_lease("market_data").release()
        await second.market_lease("market_data").acquire()
        await bus.market_lease("market_data").release()
        await second.market_lease("market_data").renew()
        await second.set_marks([MARK])


async def test_on_a_server_that_was_emptied_the_holder_ends(redis_bus: RedisBus) -> None:
    await redis_bus.market_lease("market_data").acquire()
    await redis_bus.client.flushdb()
    with pytest.raises(StateGoneError, match="has forgotten epoch"):
        await redis_bus.market_lease("market_data").renew()


async def test_a_process_of_the_version_before_still_publishes_bars(redis_bus: RedisBus) -> None:
    """It names no key for the epoch, and no epoch."""
    key, one = MAIN.of(BARS, "1h"), bar()
    row = (one.symbol, one.open_time_ns // 1_000_000, encode(one), f"{key}:{one.symbol}")
    for new in (1, 0):
        assert await redis_bus.client.fcall("hs_publish_bars", 2, key, "{" + key + "}:last", BARS.keep, *row) == new
    assert await redis_bus.latest(key, 10) == [one]
