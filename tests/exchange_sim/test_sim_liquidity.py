"""Books follow the market: deep enough on a usual day, wide and thin when prices jump, the same at every look."""

from functools import cache
from pathlib import Path
from statistics import median

from services.exchange_sim.book import Book
from services.exchange_sim.market.generated import GeneratedMarket
from services.exchange_sim.market.market import Market
from services.exchange_sim.market.replayed import ReplayedMarket
from services.exchange_sim.quotes import book_of
from shared.domain.liquidity import spread_at_size
from shared.domain.timeframes import DAY_MS, HOUR_MS
from tests.history import ms_of
from tests.shipped import shipped_universe

START_MS = ms_of("2026-05-04")
SIZE_USDT = 25_000.0
CRITERION = 0.002
LEVELS = 100


@cache
def market() -> Market:
    return Market(GeneratedMarket(shipped_universe(), 7, START_MS))


def spread_of(book: Book | None) -> float:
    assert book is not None
    spread = spread_at_size(list(book.bids.items()), list(book.asks.items()), SIZE_USDT)
    return 1.0 if spread is None else spread


def volatility_ratio_at(symbol: str, time_ms: int) -> float:
    price = market().price_at(symbol, time_ms * 1_000_000)
    assert price is not None
    return market().volatility_ratio(symbol, price, time_ms)


def test_every_pair_of_the_universe_usually_meets_the_criterion_for_its_spread() -> None:
    times_ms = range(START_MS, START_MS + 2 * DAY_MS, 2 * HOUR_MS)
    pairs = market().listed(START_MS)
    assert len(pairs) >= 38
    for symbol in (listing.instrument.symbol for listing in pairs):
        if market().is_trading(symbol, START_MS):
            spreads = [spread_of(book_of(market(), symbol, time_ms, LEVELS)) for time_ms in times_ms]
            assert median(spreads) <= CRITERION, symbol


def test_the_more_restless_the_moment_the_wider_and_thinner_the_book() -> None:
    times_ms = [START_MS + number * 600_000 for number in range(800)]
    by_factor = sorted((volatility_ratio_at("SOLUSDT", time_ms), time_ms) for time_ms in times_ms)
    (calm, calm_ms), (wild, wild_ms) = by_factor[0], by_factor[-1]
    assert calm < 1.0 < 3.0 < wild
    calm_book, wild_book = (book_of(market(), "SOLUSDT", time_ms, LEVELS) for time_ms in (calm_ms, wild_ms))
    assert spread_of(wild_book) > 2.5 * spread_of(calm_book)
    assert calm_book is not None
    assert wild_book is not None
    worth = [sum(price * amount for price, amount in book.asks.items()) for book in (calm_book, wild_book)]
    assert worth[1] < worth[0] / 2.5


def test_the_same_moment_shows_the_same_book_whoever_looks_first() -> None:
    other = Market(GeneratedMarket(shipped_universe(), 7, START_MS))
    for time_ms in (START_MS + 5 * HOUR_MS, START_MS + HOUR_MS, START_MS + 77 * HOUR_MS + 1):
        assert book_of(other, "GMXUSDT", time_ms, LEVELS) == book_of(market(), "GMXUSDT", time_ms, LEVELS)


def test_books_of_a_replay_dry_up_in_the_crash(data_dir: Path) -> None:
    """8 November 2022, 18:30 UTC: the fall of FTX."""
    replay = Market(ReplayedMarket(data_dir / "hourly_spot.parquet", ms_of("2022-11-06")))
    quiet_ms, crash_ms = ms_of("2022-11-06") + 6 * HOUR_MS, ms_of("2022-11-08") + 37 * HOUR_MS // 2
    quiet = spread_of(book_of(replay, "BTCUSDT", quiet_ms, LEVELS))
    crash = spread_of(book_of(replay, "BTCUSDT", crash_ms, LEVELS))
    assert quiet <= CRITERION
    assert crash > 5 * quiet
