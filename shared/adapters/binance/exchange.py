"""Binance, or the simulated exchange that speaks its protocol, through ccxt.pro. The one home of ccxt.

exchange = open_exchange(settings_url, clock, weight_per_minute=6000)   # "" for Binance itself: public data, no keys
feed = exchange.feed(silent_seconds=10)
...
await exchange.close()
"""

from collections.abc import Awaitable, Iterable, Mapping, Sequence
from typing import Any

from ccxt.base.errors import BaseError, DDoSProtection, OperationFailed, RateLimitExceeded

from shared.adapters.binance.budget import DEFAULT_PAUSE_SECONDS, WeightBudget
from shared.adapters.binance.client import BinanceClient
from shared.adapters.binance.feed import CcxtFeed, close_sockets, exchange_id
from shared.adapters.binance.frames import MalformedError, best_price, kline_row, listed_pair, order_book
from shared.adapters.binance.inbox import Inbox
from shared.domain.timeframes import MS_NS
from shared.ports.clock import Clock
from shared.ports.exchange import (
    BestPrice,
    ExchangeError,
    Kline,
    ListedPair,
    OrderBook,
    RateLimitedError,
    RejectedError,
    UnavailableError,
)

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
        body = await self._ask(TIME_WEIGHT, self._client.publicGetTime)
        return int(_field(body, "serverTime")) * MS_NS

    async def pairs(self, symbols: Iterable[str]) -> Mapping[str, ListedPair]:
        wanted = {exchange_id(symbol) for symbol in symbols}
        question = {"showPermissionSets": "false"}  # they are most of the answer, and nobody here reads them
        body = await self._ask(EXCHANGE_INFO_WEIGHT, self._client.publicGetExchangeInfo, question)
        rows = [row for row in _field(body, "symbols") if row.get("symbol") in wanted]
        return {pair.symbol: pair for pair in _read(listed_pair, rows)}

    async def klines(self, symbol: str, timeframe: str, since_ns: int, limit: int) -> Sequence[Kline]:
        question = {
            "symbol": exchange_id(symbol),
            "interval": timeframe,
            "startTime": since_ns // MS_NS,
            "limit": min(limit, KLINES_LIMIT),
        }
        rows = await self._ask(KLINES_WEIGHT, self._client.publicGetKlines, question)
        return _read(lambda row: kline_row(row, symbol, timeframe), rows)

    async def best_prices(self, symbols: Iterable[str]) -> Sequence[BestPrice]:
        wanted = {exchange_id(symbol): symbol for symbol in symbols}
        asked_ns = self._client.clock.steady_ns()  # a price from a stream that comes meanwhile is newer than the answer
        rows = await self._ask(BOOKS_WEIGHT, self._client.publicGetTickerBookTicker)
        rows = [row for row in rows if row.get("symbol") in wanted]
        found = _read(
            lambda row: best_price(row, wanted[row["symbol"]], bid="bidPrice", ask="askPrice", seen_steady_ns=asked_ns),
            rows,
        )
        return [price for price in found if price is not None]

    async def order_book(self, symbol: str, levels: int) -> OrderBook:
        question = {"symbol": exchange_id(symbol), "limit": levels}
        body = await self._ask(depth_weight(levels), self._client.publicGetDepth, question, can_wait=True)
        book: OrderBook = _read(lambda row: order_book(row, symbol), [body])[0]
        return book

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


def _read(reader: Any, rows: Any) -> list[Any]:
    """Rows through a reader; an answer that cannot be read as a whole is not trusted in part."""
    if not isinstance(rows, list):
        raise UnavailableError(f"an answer that is no list: {str(rows)[:200]}")
    try:
        return [reader(row) for row in rows]
    except MalformedError as error:
        raise UnavailableError(str(error)) from error
