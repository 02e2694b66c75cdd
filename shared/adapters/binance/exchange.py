"""Binance, or the simulated exchange that speaks its protocol, through ccxt.pro. The one home of ccxt.

exchange = open_exchange(settings_url, clock, weight_per_minute=6000)   # "" for Binance itself: public data, no keys
feed = exchange.feed(silent_seconds=10)
...
await exchange.close()
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from ccxt.base.errors import BaseError, DDoSProtection, OperationFailed, RateLimitExceeded

from shared.adapters.binance.budget import DEFAULT_PAUSE_SECONDS, WeightBudget
from shared.adapters.binance.client import BinanceClient
from shared.adapters.binance.feed import CcxtFeed, close_sockets
from shared.adapters.binance.frames import (
    LAST_NS,
    MalformedError,
    best_price,
    kline_row,
    listed_pair,
    order_book,
    with_row,
)
from shared.adapters.binance.inbox import Inbox
from shared.domain.timeframes import MS_NS
from shared.domain.universe import exchange_symbol
from shared.ports.clock import Clock
from shared.ports.exchange import (
    BestPrice,
    BestPrices,
    ExchangeError,
    Kline,
    Listings,
    OddRowError,
    OrderBook,
    RateLimitedError,
    RejectedError,
    UnavailableError,
)

R = TypeVar("R")

KLINES_LIMIT = 1_000
TIME_WEIGHT, KLINES_WEIGHT, BOOKS_WEIGHT, EXCHANGE_INFO_WEIGHT = 1, 2, 4, 20
DEPTH_WEIGHTS = ((100, 5), (500, 25), (1_000, 50), (5_000, 250))  # by the greatest limit


class CcxtExchange:
    """See ``ports.exchange.Exchange``."""

    def __init__(self, client: BinanceClient) -> None:
        self._client = client
        self._budget = client.budget

    @property
    def used_weight(self) -> int:
        return self._budget.used_weight

    def feed(self, silent_seconds: float) -> CcxtFeed:
        """The live streams; one for each exchange."""
        return CcxtFeed(self._client, silent_seconds)

    async def server_time_ns(self) -> int:
        told = _field(await self._ask(TIME_WEIGHT, self._client.publicGetTime), "serverTime")
        text = str(told)
        if isinstance(told, bool) or not text.isdecimal() or int(text) * MS_NS >= LAST_NS:
            raise UnavailableError(f"a serverTime that cannot be: {text[:100]}")
        return int(text) * MS_NS

    async def pairs(self, symbols: Iterable[str]) -> Listings:
        wanted = {exchange_symbol(symbol): symbol for symbol in symbols}
        question = {"showPermissionSets": "false"}  # they are most of the answer, and nobody here reads them
        body = await self._ask(EXCHANGE_INFO_WEIGHT, self._client.publicGetExchangeInfo, question)

        found, odd = _read_each(_field(body, "symbols"), wanted, lambda row, _: listed_pair(row))
        return Listings({pair.symbol: pair for pair in found}, odd)

    async def klines(self, symbol: str, timeframe: str, since_ns: int, limit: int) -> Sequence[Kline]:
        question = {
            "symbol": exchange_symbol(symbol),
            "interval": timeframe,
            "startTime": since_ns // MS_NS,
            "limit": min(limit, KLINES_LIMIT),
        }
        rows = await self._ask(KLINES_WEIGHT, self._client.publicGetKlines, question)
        if not isinstance(rows, list):
            raise UnavailableError(f"an answer that is no list: {str(rows)[:200]}")
        klines: list[Kline] = []
        earliest_ns = since_ns // MS_NS * MS_NS
        for row in rows:
            klines.append(_read_one(lambda row: kline_row(row, symbol, timeframe), row))
            if klines[-1].open_time_ns < earliest_ns:
                raise OddRowError(with_row(MalformedError("a bar out of order, or from before what was asked"), row))
            earliest_ns = klines[-1].open_time_ns + 1
        return klines

    async def best_prices(self, symbols: Iterable[str]) -> BestPrices:
        wanted = {exchange_symbol(symbol): symbol for symbol in symbols}
        asked_ns = self._client.clock.steady_ns()  # what a stream brings meanwhile is newer than the answer
        rows = await self._ask(BOOKS_WEIGHT, self._client.publicGetTickerBookTicker)

        def read(row: Any, symbol: str) -> BestPrice | None:
            return best_price(row, symbol, bid="bidPrice", ask="askPrice", seen_steady_ns=asked_ns)

        found, odd = _read_each(rows, wanted, read)
        return BestPrices([price for price in found if price is not None], odd)

    async def order_book(self, symbol: str, levels: int) -> OrderBook:
        question = {"symbol": exchange_symbol(symbol), "limit": levels}
        body = await self._ask(depth_weight(levels), self._client.publicGetDepth, question, can_wait=True)
        return _read_one(lambda row: order_book(row, symbol), body)

    async def close(self) -> None:
        await close_sockets(self._client)
        await self._client.close()

    async def _ask(
        self, weight: int, endpoint: Any, question: Mapping[str, object] | None = None, *, can_wait: bool = False
    ) -> Any:
        """One request within the budget, with ccxt's errors as ours. can_wait: after all others."""
        await (self._budget.spend_spare(weight) if can_wait else self._budget.spend(weight))
        try:
            answer: Awaitable[Any] = endpoint(dict(question or {}))
            return await answer
        except BaseError as error:
            raise self._explained(error) from error

    def _explained(self, error: BaseError) -> ExchangeError:
        text = str(error)[:300]
        if isinstance(error, DDoSProtection | RateLimitExceeded):
            return RateLimitedError(text, self._budget.pause_left_seconds or DEFAULT_PAUSE_SECONDS)
        if isinstance(error, OperationFailed):  # wider than NetworkError: "unknown" is in here
            return UnavailableError(text)
        return RejectedError(text)


def depth_weight(levels: int) -> int:
    """The request weight of one order book with so many levels a side."""
    return next((weight for limit, weight in DEPTH_WEIGHTS if levels <= limit), DEPTH_WEIGHTS[-1][1])


def open_exchange(url: str, clock: Clock, *, weight_per_minute: int) -> CcxtExchange:
    """The exchange at ``url`` (``http://host:port`` of the simulated one), or Binance itself where it is empty.

    weight_per_minute: the request weight that the exchange allows this address.
    """
    return CcxtExchange(BinanceClient(url, clock, WeightBudget(clock, weight_per_minute), Inbox()))


def _field(body: Any, name: str) -> Any:
    if not isinstance(body, dict) or name not in body:
        raise UnavailableError(f"an answer without {name!r}: {str(body)[:200]}")
    return body[name]


def _read_one(reader: Callable[[Any], R], row: Any) -> R:
    """A row of an answer about one pair: an answer that cannot be read as a whole is not trusted in part."""
    try:
        return reader(row)
    except MalformedError as error:
        raise OddRowError(with_row(error, row)) from error


def _read_each(rows: Any, wanted: Mapping[str, str], reader: Callable[[Any, str], R]) -> tuple[list[R], dict[str, str]]:
    """The rows of an answer over all pairs that are about the wanted ones; those that cannot be, by symbol.

    A wanted pair that has no row may be the one of a row that does not tell what it is about.
    """
    if not isinstance(rows, list):
        raise UnavailableError(f"an answer that is no list: {str(rows)[:200]}")
    found: list[R] = []
    odd: dict[str, str] = {}
    seen: set[str] = set()
    nameless: str = ""
    for row in rows:
        name = row.get("symbol") if isinstance(row, dict) else None
        if not isinstance(name, str):
            nameless = nameless or with_row(MalformedError("a row without a symbol"), row)
        elif (symbol := wanted.get(name)) is not None:
            seen.add(symbol)
            try:
                found.append(reader(row, symbol))
            except MalformedError as error:
                odd[symbol] = with_row(error, row)
    if nameless:
        odd |= {symbol: nameless for symbol in wanted.values() if symbol not in seen}
    return found, odd
