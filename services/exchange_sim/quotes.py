"""What the exchange shows of a symbol at one moment: price, book and the last 24 hours."""

from services.exchange_sim.book import Book, Quote, book_around
from services.exchange_sim.frames import Rolling
from services.exchange_sim.market.market import Market
from shared.domain.timeframes import DAY_MS, MS_NS

LONGEST_BOOK = 5_000


def book_of(market: Market, symbol: str, time_ms: int, depth: int) -> Book | None:
    """The book; none while the symbol does not trade."""
    if market.status(symbol, time_ms) != "TRADING":
        return None
    price = market.price_at(symbol, time_ms * MS_NS)
    if price is None:
        return None
    volatility_ratio = market.volatility_ratio(symbol, price, time_ms)
    return book_around(market.listings[symbol].instrument, price, time_ms, depth, volatility_ratio=volatility_ratio)


def quote_of(market: Market, symbol: str, time_ms: int) -> Quote | None:
    book = book_of(market, symbol, time_ms, 1)
    return None if book is None else book.quote


def rolling_of(market: Market, symbol: str, time_ms: int) -> Rolling:
    last = market.price_at(symbol, time_ms * MS_NS) or 0.0
    trades = market.traded_between(symbol, time_ms - DAY_MS, time_ms)
    return Rolling(symbol, time_ms - DAY_MS, time_ms, trades, last)
