"""What heatsink needs of an exchange: its pairs, its bars, its live streams. No vendor's type passes this line.

It has two sides. ``Exchange`` answers questions (REST). ``Feed`` keeps streams alive by itself and hands over what came
in. It never loses a closed bar silently: it names what it had to drop or missed, so that REST can be asked for it.

Every question raises one of three errors: ``UnavailableError`` (no answer, or none that can be trusted: ask again
later), ``RateLimitedError`` (ask again after that long), ``RejectedError`` (the question is wrong: do not ask again).

Rows are checked before they are believed. One that cannot be is *odd*: it concerns its own pair alone. So an answer
over many pairs names it beside the good ones, and an answer about one pair raises ``OddRowError``.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Literal, NamedTuple, Protocol

from msgspec import Struct


class ExchangeError(Exception):
    """A venue failure; see the three kinds."""


class UnavailableError(ExchangeError):
    """Not reached, timed out, overloaded, or answered with a server error."""


class RateLimitedError(ExchangeError):
    """The exchange, or our own budget for it, wants ``retry_after_seconds`` of wall time without requests."""

    def __init__(self, reason: str, retry_after_seconds: float) -> None:
        super().__init__(reason)
        self.retry_after_seconds = retry_after_seconds


class RejectedError(ExchangeError):
    """The exchange understood the question and refused it (an unknown symbol, a bad parameter)."""


class OddRowError(UnavailableError):
    """The answer about a pair has a row that cannot be; the text says what is wrong with it, and has the row."""


class Stream(NamedTuple):
    """One live stream of one pair.

    symbol: the pair.
    kind: ``book``, for best bid and ask, or a timeframe, for its bars.
    """

    symbol: str
    kind: str


BOOK = "book"


class Kline(Struct, frozen=True, kw_only=True, gc=False):
    """One bar as the exchange tells it, finished or still forming.

    open_time_ns, close_time_ns: its first and last moment, nanoseconds since 1970.
    open, high, low, close: prices, in quote units per base unit.
    volume: what was traded, in base units.
    quote_volume: what was traded, in quote units.
    trades: how many trades there were.
    """

    symbol: str
    timeframe: str
    open_time_ns: int
    close_time_ns: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    quote_volume: float
    trades: int


class KlineFrame(Struct, frozen=True, kw_only=True, gc=False):
    """A bar from a stream.

    kline: the bar as it is now.
    closed: it is final; nothing else says so.
    event_time_ns: the exchange's clock when it was sent, nanoseconds since 1970.
    """

    kline: Kline
    closed: bool
    event_time_ns: int


class BestPrice(Struct, frozen=True, kw_only=True, gc=False):
    """Best bid and ask.

    bid, ask: prices, in quote units per base unit.
    seen_steady_ns: steady time when a stream brought it, or when REST was asked for it.
    """

    symbol: str
    bid: float
    ask: float
    seen_steady_ns: int


class ConnectionLost(Struct, frozen=True, kw_only=True):
    """A socket broke or went silent.

    socket: its name.
    reason: what ended it, in words.
    announced: the exchange said beforehand that it would shut down.
    """

    socket: str
    reason: str
    announced: bool = False


class ConnectionRestored(Struct, frozen=True, kw_only=True):
    """A socket is up, and every stream on it is subscribed.

    socket: its name.
    attempts: how many dials it took.
    first: it was never up before.
    """

    socket: str
    attempts: int
    first: bool


class FeedBatch(Struct, frozen=True, kw_only=True):
    """What came in since the last call.

    closed: finished bars, in the order of arrival.
    forming: the newest bar of each stream that is not finished.
    prices: the newest best bid and ask of each pair.
    connection: what became of sockets, in order.
    suspect: streams of which closed bars may have been dropped, because the queue was full or a frame could not be
        read. They must be asked for by REST.
    odd: streams that brought a row which cannot be, with what is wrong with it and the row. Of a row that does not say
        its timeframe, the stream's kind is empty.
    """

    closed: Sequence[KlineFrame] = ()
    forming: Sequence[KlineFrame] = ()
    prices: Sequence[BestPrice] = ()
    connection: Sequence[ConnectionLost | ConnectionRestored] = ()
    suspect: Sequence[Stream] = ()
    odd: Mapping[Stream, str] = {}


class OrderBook(Struct, frozen=True, kw_only=True):
    """What is offered for a pair.

    bids, asks: price levels as (price, quantity in base units), best first.
    """

    symbol: str
    bids: Sequence[tuple[float, float]]
    asks: Sequence[tuple[float, float]]


ListedStatus = Literal["trading", "halted"]


class ListedPair(Struct, frozen=True, kw_only=True):
    """What the exchange says of a pair.

    status: whether it can be traded now.
    venue_status: the exchange's own word for that.
    price_step: the tick size, in quote units.
    quantity_step: the lot size, in base units.
    min_quantity, max_quantity: bounds of one order, in base units.
    min_notional: the least value of one order, in quote units.

    The rest is as in the message ``PairListed``; 0 where the exchange has no such filter.
    """

    symbol: str
    status: ListedStatus
    venue_status: str
    price_step: Decimal
    quantity_step: Decimal
    min_quantity: Decimal
    max_quantity: Decimal
    min_notional: Decimal
    min_price: Decimal = Decimal(0)
    max_price: Decimal = Decimal(0)
    market_quantity_step: Decimal = Decimal(0)
    market_min_quantity: Decimal = Decimal(0)
    market_max_quantity: Decimal = Decimal(0)
    max_notional: Decimal = Decimal(0)
    min_notional_at_market: bool = True
    max_notional_at_market: bool = False
    bid_multiplier_up: Decimal = Decimal(0)
    bid_multiplier_down: Decimal = Decimal(0)
    ask_multiplier_up: Decimal = Decimal(0)
    ask_multiplier_down: Decimal = Decimal(0)


OddPairs = Mapping[str, str]  # by symbol: what is wrong with the pair's row, and the row


class Listings(NamedTuple):
    """The pairs that are listed, by symbol, and those whose rows cannot be."""

    pairs: Mapping[str, ListedPair]
    odd: OddPairs


class BestPrices(NamedTuple):
    """The best prices of pairs that have any, and the pairs whose rows cannot be."""

    prices: Sequence[BestPrice]
    odd: OddPairs


class Exchange(Protocol):
    """Questions to the exchange. Each is answered, or fails, within a bounded time."""

    @property
    def used_weight(self) -> int:
        """Request weight used in the current minute, by all users of this address."""
        ...

    async def server_time_ns(self) -> int:
        """The exchange's clock; whatever arrives later was sent at this time or after."""
        ...

    async def pairs(self, symbols: Iterable[str]) -> Listings:
        """The listed ones among ``symbols``."""
        ...

    async def klines(self, symbol: str, timeframe: str, since_ns: int, limit: int) -> Sequence[Kline]:
        """The first ``limit`` (at most 1000) bars that opened at ``since_ns`` or after, oldest first.

        The last one may still be forming: only the exchange's clock tells.
        """
        ...

    async def best_prices(self, symbols: Iterable[str]) -> BestPrices:
        """Best bid and ask now. Pairs without a book are left out."""
        ...

    async def order_book(self, symbol: str, levels: int) -> OrderBook:
        """The best ``levels`` a side. Waits until nobody else wants request weight: bars go before books."""
        ...

    async def close(self) -> None: ...


class Feed(Protocol):
    """Live streams, kept alive until cancelled."""

    async def run(self) -> None:
        """Connect, subscribe, reconnect; returns only by cancellation."""
        ...

    def watch(self, streams: Iterable[Stream]) -> None:
        """Add streams; those watched already are left alone."""
        ...

    async def take(self, timeout_seconds: float) -> FeedBatch:
        """What came in since the last call; waits for something, at most that long, and may come back empty."""
        ...

    @property
    def all_up(self) -> bool:
        """Every socket is connected and every stream on it subscribed."""
        ...

    def reconnect(self, streams: Iterable[Stream], reason: str) -> None:
        """Renew the sockets that carry these streams."""
        ...

    def last_heard_steady_ns(self, stream: Stream) -> int:
        """When the socket that carries the stream delivered anything at all; 0 while it is down."""
        ...
