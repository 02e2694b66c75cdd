"""Others write on hs:feeds and hs:pairs: market_data, to which they belong, says how it really is."""

from decimal import Decimal

import pytest

from services.market_data.overheard import Overheard
from shared.adapters.memory_bus import MemoryBus
from shared.messages.catalogue import FEEDS
from shared.messages.market import FeedLost, FeedRestored, PairListed
from tests.keys import MAIN
from tests.market_data.market_stage import market_stage
from tests.samples import T0
from tests.tables import sampled

BTC = "BTC/USDT"
FEED_NAMES = [
    ("connection", ""), ("marks", BTC), ("bars:1h", BTC), ("books", BTC), ("listing", BTC), ("no such feed", ""),
    ("bars:9h", BTC), ("marks", "ZZZ/USDT"), ("connection", BTC), ("bars:1h", ""),
]  # fmt: skip


@pytest.mark.sockets
@pytest.mark.parametrize(("feed", "symbol"), sampled(FEED_NAMES, every=3))
async def test_a_feed_that_somebody_else_calls_lost_is_said_to_be_back(feed: str, symbol: str) -> None:
    async with market_stage() as stage, stage.follow():
        await stage.until_calm()
        await stage.bus.publish([FeedLost(id="false", time_ns=T0, feed=feed, symbol=symbol, last_seen_ns=T0)])
        await stage.until_calm()
        last = (await stage.messages(FEEDS.key))[-1]
    assert isinstance(last, FeedRestored)
    assert (last.feed, last.symbol) == (feed, symbol)
    assert stage.log.all("feeds_disputed")


@pytest.mark.sockets
async def test_what_somebody_else_says_of_a_pair_is_set_right_at_the_next_look() -> None:
    async with market_stage() as stage, stage.follow():
        await stage.until_calm()
        true = (await stage.pairs())[BTC]
        false = PairListed(id="false", time_ns=T0, symbol=BTC, status="delisted", min_notional=Decimal(10) ** 17)
        await stage.bus.publish([false])

        async def is_set_right() -> bool:
            told = (await stage.pairs())[BTC]
            return (told.status, told.min_notional) == (true.status, true.min_notional)

        await stage.until(is_set_right)
    assert stage.log.all("pairs_disputed")


async def test_own_messages_are_not_foreign_until_somebody_writes_them_again() -> None:
    bus = MemoryBus(MAIN)
    heard, own = Overheard(bus, FEEDS.key), FeedLost(id="l", time_ns=T0, feed="connection")
    assert await heard.foreign() == []
    await heard.publish([own, own])
    assert await heard.foreign() == []
    await bus.publish([own])
    assert await heard.foreign() == [own]
