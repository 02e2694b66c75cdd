"""REST under /api/v3, in Binance's parameters, weights, answers and errors."""

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from services.exchange_sim import frames
from services.exchange_sim.book import Book
from services.exchange_sim.filters import rate_limits, symbol_info
from services.exchange_sim.market.bars import INTERVALS
from services.exchange_sim.market.market import Listing, Market
from services.exchange_sim.parameters import BinanceError, Query, illegal, integer, malformed, time_ms
from services.exchange_sim.quotes import LONGEST_BOOK, book_of, quote_of, rolling_of
from shared.domain.timeframes import MS_NS

MOST_KLINES = 1_000
DEPTH_WEIGHTS = ((100, 5), (500, 25), (1_000, 50), (LONGEST_BOOK, 250))


class Endpoint(NamedTuple):
    """What one path of the API does.

    weight: the request weight of a query.
    answer: its answer, at a market time in milliseconds.
    """

    weight: Callable[[Query], int]
    answer: Callable[[Query, int], Any]


class RestApi:
    """The answers, without HTTP.

    book_ms: gives the time of the last book that the streams showed.
    """

    def __init__(self, market: Market, weight_per_minute: int, book_ms: Callable[[], int]) -> None:
        self._market = market
        self._weight_per_minute = weight_per_minute
        self._book_ms = book_ms
        self.endpoints = {
            "ping": Endpoint(lambda query: 1, lambda query, now_ms: {}),
            "time": Endpoint(lambda query: 1, lambda query, now_ms: {"serverTime": now_ms}),
            "exchangeInfo": Endpoint(lambda query: 20, self._exchange_info),
            "klines": Endpoint(lambda query: 2, self._klines),
            "uiKlines": Endpoint(lambda query: 2, self._klines),
            "depth": Endpoint(_depth_weight, self._depth),
            "avgPrice": Endpoint(lambda query: 2, self._average_price),
            "ticker/24hr": Endpoint(_rolling_weight, self._rolling),
            "ticker/price": Endpoint(_ticker_weight, self._last_price),
            "ticker/bookTicker": Endpoint(_ticker_weight, self._book_ticker),
        }

    def _exchange_info(self, query: Query, now_ms: int) -> dict[str, Any]:
        status = query.get("symbolStatus")
        if status and ("symbol" in query or "symbols" in query):
            raise BinanceError(-1128, "Combination of optional parameters invalid.")
        symbols = []
        for listing in self._chosen(query, now_ms)[0]:
            symbol = listing.instrument.symbol
            state = self._market.status(symbol, now_ms)
            if not status or status == state:
                price = self._market.price_at(symbol, now_ms * MS_NS) or 1.0
                symbols.append(symbol_info(listing.instrument, state, price))
        return {
            "timezone": "UTC",
            "serverTime": now_ms,
            "rateLimits": rate_limits(self._weight_per_minute),
            "exchangeFilters": [],
            "symbols": symbols,
        }

    def _klines(self, query: Query, now_ms: int) -> list[list[Any]]:
        symbol = self._one(query, now_ms).instrument.symbol
        name = query.get("interval") or ""
        if not name:
            raise malformed("interval")
        interval = INTERVALS.get(name)
        if interval is None:
            raise BinanceError(-1120, "Invalid interval.")
        start_ms, end_ms = time_ms(query, "startTime"), time_ms(query, "endTime")
        if start_ms is not None and end_ms is not None and end_ms < start_ms:
            return []
        limit = _limit(query, 500, MOST_KLINES)
        bars = self._market.klines(symbol, interval, now_ms=now_ms, start_ms=start_ms, end_ms=end_ms, limit=limit)
        return [frames.kline_row(kline) for kline in frames.klines(bars, interval)]

    def _depth(self, query: Query, now_ms: int) -> dict[str, Any]:
        symbol = self._one(query, now_ms).instrument.symbol
        limit = _limit(query, 100, LONGEST_BOOK)
        time_ms = self._book_ms() or now_ms
        return frames.depth(book_of(self._market, symbol, time_ms, limit) or Book({}, {}), time_ms)

    def _average_price(self, query: Query, now_ms: int) -> dict[str, Any]:
        symbol = self._one(query, now_ms).instrument.symbol
        trades = self._market.traded_between(symbol, now_ms - 300_000, now_ms)
        last = self._market.price_at(symbol, now_ms * MS_NS) or 0.0
        traded = trades.count and trades.volume[0] > 0
        price = trades.quote_volume[0].item() / trades.volume[0].item() if traded else last
        return {"mins": 5, "price": f"{price:.8f}", "closeTime": now_ms}

    def _rolling(self, query: Query, now_ms: int) -> Any:
        kind = query.get("type", "FULL")
        if kind not in ("FULL", "MINI"):
            raise BinanceError(-1138, "Invalid ticker type.")
        return self._each(
            query,
            now_ms,
            lambda symbol: frames.ticker_24hr(
                rolling_of(self._market, symbol, now_ms), quote_of(self._market, symbol, now_ms), mini=kind == "MINI"
            ),
        )

    def _last_price(self, query: Query, now_ms: int) -> Any:
        def last(symbol: str) -> dict[str, Any]:
            price = self._market.price_at(symbol, now_ms * MS_NS) or 0.0
            return {"symbol": symbol, "price": frames.fixed(price)}

        return self._each(query, now_ms, last)

    def _book_ticker(self, query: Query, now_ms: int) -> Any:
        return self._each(
            query, now_ms, lambda symbol: frames.book_ticker(symbol, quote_of(self._market, symbol, now_ms))
        )

    def _each(self, query: Query, now_ms: int, shown: Callable[[str], dict[str, Any]]) -> Any:
        """One object for ``symbol``, a list for ``symbols`` or all."""
        listings, single = self._chosen(query, now_ms)
        answers = [shown(listing.instrument.symbol) for listing in listings]
        return answers[0] if single else answers

    def _one(self, query: Query, now_ms: int) -> Listing:
        symbol = query.get("symbol") or ""
        if not symbol:
            raise malformed("symbol")
        listing = self._market.find(symbol, now_ms)
        if listing is None:
            raise BinanceError(-1121, "Invalid symbol.")
        return listing

    def _chosen(self, query: Query, now_ms: int) -> tuple[list[Listing], bool]:
        """The listings that ``symbol`` or ``symbols`` name, all without either; and whether one was asked for."""
        if "symbol" in query and "symbols" in query:
            raise BinanceError(-1128, "Combination of optional parameters invalid.")
        if "symbol" in query:
            return [self._one(query, now_ms)], True
        if "symbols" not in query:
            return self._market.listed(now_ms), False
        try:
            names = msgspec.json.decode(query["symbols"], type=list[str])
        except msgspec.DecodeError:
            raise illegal("symbols", "[]") from None
        return [self._one({"symbol": name}, now_ms) for name in names], False


def _limit(query: Query, default: int, most: int) -> int:
    limit = integer(query, "limit")
    if limit is None:
        return default
    if limit == 0:
        raise BinanceError(-1130, "Data sent for parameter 'limit' is not valid.")
    return min(limit, most)


def _depth_weight(query: Query) -> int:
    limit = query.get("limit", "100")
    asked = int(limit) if limit.isdecimal() and len(limit) < 20 else 100  # what is wrong with it the answer says
    return next((weight for most, weight in DEPTH_WEIGHTS if asked <= most), DEPTH_WEIGHTS[-1][1])


def _rolling_weight(query: Query) -> int:
    if "symbol" in query:
        return 2
    asked = query.get("symbols", "").count(",") + 1 if "symbols" in query else 1_000
    return 2 if asked <= 20 else 40 if asked <= 100 else 80


def _ticker_weight(query: Query) -> int:
    return 2 if "symbol" in query else 4
