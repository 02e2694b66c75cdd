"""Sampling books through the whole service: every pair soon, then again and again, within its share of the weight."""

from statistics import median

import pytest
from msgspec.structs import replace

from services.market_data.books import LEVELS_SENT, SAMPLES, SUMS_SENT
from shared.domain.liquidity import walk
from shared.messages.market import BookSampled
from tests.market_data.market_stage import QUICK, Stage, market_stage

pytestmark = pytest.mark.sockets

LISTED = 6


async def books_of(stage: Stage) -> dict[str, BookSampled]:
    return await stage.bus.books()


async def test_after_the_backfill_every_pair_is_sampled_at_once() -> None:
    """``book_seconds`` is an hour here: what comes is the first round."""
    async with market_stage(market_data=replace(QUICK, book_seconds=3_600.0)) as stage, stage.follow():
        await stage.until(lambda: stage.log.all("books_sampled"))
        books = await books_of(stage)
        now_ns = stage.clock.now_ns()
    assert len(books) == LISTED
    assert stage.log.all("books_sampled") == [{"pairs": LISTED, "thin": 0}]
    for symbol, book in books.items():
        assert (book.symbol, book.samples, book.size_usdt) == (symbol, 1, 25_000.0)
        assert now_ns - 10e9 * stage.clock.speed < book.time_ns < now_ns
        assert book.spread == book.median_spread
        assert book.spread is not None
        assert 0 < book.spread < 0.01
        assert 0 < len(book.asks) <= LEVELS_SENT + SUMS_SENT
        assert [price for price, _ in book.bids] == sorted((price for price, _ in book.bids), reverse=True)
        assert [price for price, _ in book.asks] == sorted(price for price, _ in book.asks)
        assert book.bids[0][0] < book.asks[0][0]
        assert walk(book.asks, 25_000.0) is not None


async def test_every_pair_is_sampled_again_and_its_median_kept() -> None:
    seen: dict[str, dict[int, float]] = {}

    async def collect(stage: Stage) -> bool:
        for symbol, book in (await books_of(stage)).items():
            assert book.spread is not None
            seen.setdefault(symbol, {})[book.samples] = book.spread
        return len(seen) == LISTED and min(max(samples) for samples in seen.values()) >= 4

    async with market_stage(market_data=replace(QUICK, book_seconds=0.6)) as stage, stage.follow():
        await stage.until(lambda: collect(stage))
        for symbol, book in (await books_of(stage)).items():
            assert book.samples <= SAMPLES
            if len(seen[symbol] | {book.samples: 0.0}) == book.samples and book.spread is not None:  # none was missed
                assert book.median_spread == median((seen[symbol] | {book.samples: book.spread}).values())


async def test_samples_stay_within_their_share_of_the_weight() -> None:
    """A round in half a second would take 6 pairs x weight 5 x 120 = 3,600 a minute; the share is 62, used to 90 %."""
    settings = replace(QUICK, book_seconds=0.5, book_share=0.0104)
    full = 62 * 0.9

    async def taken(stage: Stage) -> int:
        return sum(book.samples for book in (await books_of(stage)).values()) * 5

    async def is_over_a_full_bucket() -> bool:
        return await taken(stage) > full

    async with market_stage(market_data=settings) as stage, stage.follow():
        began_ns = stage.clock.wall_ns()
        await stage.until(is_over_a_full_bucket)
        flowed_in = full / 60 * (stage.clock.wall_ns() - began_ns) / 1e9
        assert await taken(stage) <= full + flowed_in
    assert stage.log.all("books_slow")[0]["weight_per_minute"] == 3_600


async def test_a_failing_request_is_one_line_and_the_rest_goes_on() -> None:
    async with market_stage(market_data=replace(QUICK, book_seconds=0.6)) as stage:
        stage.inflict(fault="server_error", path="/api/v3/depth", count=1)
        async with stage.follow():
            await stage.until(lambda: stage.log.all("books_failed"))
            await stage.until(lambda: stage.log.all("books_sampled"))
            assert len(await books_of(stage)) == LISTED


async def test_a_pair_that_does_not_trade_is_not_sampled() -> None:
    settings = replace(QUICK, book_seconds=0.6)
    async with market_stage(market_data=settings) as stage:
        stage.inflict(fault="status", symbol="SOLUSDT", status="HALT")
        async with stage.follow():
            await stage.until(lambda: stage.log.all("books_sampled"))
            assert set(await books_of(stage)) == {"BTC/USDT", "ETH/USDT", "DOGE/USDT", "FTM/USDT", "LINK/USDT"}
