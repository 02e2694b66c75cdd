"""One odd row stops one pair, by its name and with the row, and the others trade; it comes back by itself."""

from typing import Any

import pytest

from shared.messages.market import FeedLost
from tests.market_data.market_stage import Stage, market_stage
from tests.tables import sampled

pytestmark = pytest.mark.sockets

ETH, BTC = "ETH/USDT", "BTC/USDT"
NOTIONAL, LOT = "filters.NOTIONAL", "filters.LOT_SIZE"
# What the exchange sends of ETH, and the feed of ETH that is lost by it.
ODD: dict[str, tuple[str, list[dict[str, Any]]]] = {
    "a bid over its ask": ("marks", [{"field": "b", "value": "999999"}, {"field": "bidPrice", "value": "999999"}]),
    "a bid that is no number": ("marks", [{"field": "b", "value": ""}, {"field": "bidPrice", "value": ""}]),
    "a negative ask": ("marks", [{"field": "a", "value": "-1"}, {"field": "askPrice", "value": "-1"}]),
    "a NaN": ("marks", [{"field": "a", "value": "NaN"}, {"field": "askPrice", "value": "NaN"}]),
    "no ask at all": ("marks", [{"field": "a"}, {"field": "askPrice"}]),
    "a book that is a string": ("marks", [{"stream": "*@bookTicker", "path": "*/ticker/bookTicker", "value": "x"}]),
    "a minimum that is empty": ("listing", [{"field": f"{NOTIONAL}.minNotional", "value": ""}]),
    "a quantity that is null": ("listing", [{"field": f"{LOT}.minQty", "value": None}]),
    "a quantity that is no number": ("listing", [{"field": f"{LOT}.stepSize", "value": "Infinity"}]),
    "filters that are a string": ("listing", [{"field": "filters", "value": "none"}]),
    "no status": ("listing", [{"field": "status"}]),
    "bars of zeros": (
        "bars:15m",
        [{"field": field, "value": "0"} for field in ("1", "2", "3", "4", "k.o", "k.h", "k.l", "k.c")],
    ),
    "bars with the high under the low": ("bars:15m", [{"field": "2", "value": "1"}, {"field": "k.h", "value": "1"}]),
    "bars that are strings": ("bars:15m", [{"stream": "*@kline*", "path": "*/klines", "value": "bar"}]),
    "bars without a volume": ("bars:15m", [{"field": "5"}, {"field": "k.v"}]),
    "bars of another time": ("bars:15m", [{"field": "0", "value": 7}, {"field": "k.t", "value": 7}]),
    "a crossed book of orders": ("books", [{"field": "bids", "value": [["999999", "1"]]}]),
    "a book of orders of strings": ("books", [{"path": "*/depth", "stream": "", "value": ["x"]}]),
}


def inflict(stage: Stage, rows: list[dict[str, Any]]) -> None:
    for row in rows:
        stage.inflict(fault="odd_row", symbol="ETHUSDT", **row)


async def until_lost(stage: Stage, feed: str) -> FeedLost:
    async def is_lost() -> bool:
        return (feed, ETH) in await stage.open_losses()

    await stage.until(is_lost)
    found = [one for one in await stage.lost_feeds() if (one.feed, one.symbol) == (feed, ETH)]
    return found[-1]


async def until_the_others_trade(stage: Stage) -> None:
    async def are_calm() -> bool:
        lost = await stage.open_losses()
        return bool(lost) and {symbol for _, symbol in lost} == {ETH}

    await stage.until(are_calm)
    await stage.until_published(BTC, "15m", 2)


@pytest.mark.parametrize("what", sampled(ODD, every=6))
async def test_a_pair_with_an_odd_row_is_off_by_name_until_good_rows_come(what: str) -> None:
    """From the start on."""
    feed, rows = ODD[what]
    async with market_stage() as stage:
        inflict(stage, rows)
        async with stage.follow():
            lost = await until_lost(stage, feed)
            await until_the_others_trade(stage)
            assert stage.health.is_ready
            assert stage.happened("odd_row")
            await stage.until_published(BTC, "15m", 2)
            lines = [(line["feed"], line["symbol"]) for line in stage.log.all("feed_lost")]
            assert lines.count((feed, ETH)) == 1
            stage.exchange.faults.clear()
            await stage.until_calm()
            await stage.until_published(ETH, "15m", 2)
            await stage.check_all((BTC, ETH))
    assert "row" in lost.reason
    assert lost.last_seen_ns


@pytest.mark.parametrize("what", ["a bid over its ask", "bars of zeros"])
async def test_a_pair_that_traded_is_off_by_name_while_its_rows_are_odd(what: str) -> None:
    feed, rows = ODD[what]
    async with market_stage() as stage, stage.follow():
        await stage.until_calm()
        inflict(stage, rows)
        await until_lost(stage, feed)
        await until_the_others_trade(stage)
        await stage.until_published(BTC, "15m", 2)  # by then what was on its way when the odd rows began has come
        before = (await stage.bus.marks())[ETH]
        await stage.until_published(BTC, "15m", 20)
        after = (await stage.bus.marks())[ETH]
        if feed == "marks":  # the last good price grows old: nobody says it again as fresh
            assert after == before
        stage.exchange.faults.clear()
        await stage.until_calm()
        await stage.until_published(ETH, "15m", 2)
        await stage.check_all((BTC, ETH))


async def test_after_an_outage_one_odd_pair_does_not_keep_the_connection_lost() -> None:
    async with market_stage() as stage, stage.follow():
        await stage.until_calm()
        inflict(stage, ODD["a bid over its ask"][1] + ODD["bars of zeros"][1])
        await until_lost(stage, "marks")
        stage.inflict(fault="drop")
        await stage.until(lambda: stage.log.all("reconnected"))
        await until_the_others_trade(stage)
        stage.exchange.faults.clear()
        await stage.until_calm()
