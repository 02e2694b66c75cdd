"""Facts about the market: bars, marks, pairs and the health of their feeds."""

from decimal import Decimal
from typing import Annotated, Literal

from msgspec import Meta

from shared.messages.base import Message, Name, NonNegativeFloat, PositiveFloat, Symbol, Text, Timeframe, TimeNs

PairStatus = Literal["trading", "halted", "delisted", "renamed", "unlisted"]


class BarClosed(Message, frozen=True, kw_only=True):
    """One finished bar. Per pair and timeframe: every bar once, in order of ``open_time_ns``.

    open, high, low, close: USDT per unit of base. volume: base units. quote_volume: USDT.
    trades: number of trades, 0 when the source does not tell.
    backfilled: it came by REST (history or a filled gap), not from the stream.
    hole_before: bars missing at the exchange itself between the last published bar and this one.
    """

    symbol: Symbol
    timeframe: Timeframe
    open_time_ns: TimeNs
    close_time_ns: TimeNs
    open: PositiveFloat
    high: PositiveFloat
    low: PositiveFloat
    close: PositiveFloat
    volume: NonNegativeFloat
    quote_volume: NonNegativeFloat
    trades: Annotated[int, Meta(ge=0)] = 0
    backfilled: bool = False
    hole_before: Annotated[int, Meta(ge=0)] = 0


class MarkChanged(Message, frozen=True, kw_only=True):
    """The price a position is valued at: mid of best bid and ask, or the last price where there is no book.

    price, bid, ask: USDT per unit of base; bid and ask are 0 when there is no book.
    """

    symbol: Symbol
    price: PositiveFloat
    bid: NonNegativeFloat = 0.0
    ask: NonNegativeFloat = 0.0


class BookSampled(Message, frozen=True, kw_only=True):
    """The order book of a pair at one moment, and what it costs to trade a certain size in it.

    asks, bids: (price, quantity) from the best one outwards; the outer levels summed up, each sum at its worst price.
    size_usdt: the size that spreads are given for.
    spread: (ask VWAP - bid VWAP) / mid at that size, a fraction; None when the book is too thin for it.
    median_spread: of the last ``samples`` samples of the pair.
    """

    symbol: Symbol
    bids: tuple[tuple[PositiveFloat, NonNegativeFloat], ...]
    asks: tuple[tuple[PositiveFloat, NonNegativeFloat], ...]
    size_usdt: PositiveFloat
    spread: NonNegativeFloat | None
    median_spread: NonNegativeFloat | None
    samples: Annotated[int, Meta(ge=1)] = 1


class PairListed(Message, frozen=True, kw_only=True):
    """What the exchange says of a pair: whether it trades, and the steps and minima its orders must keep.

    price_step, quantity_step: tick and lot size. min_quantity: base units. min_notional: USDT.
    formerly: the pair's former symbol when it was renamed, with ``ratio`` new units for each old one.
    reason: why the pair is off, for people; empty while it trades.
    """

    symbol: Symbol
    status: PairStatus
    price_step: Decimal = Decimal("0.01")
    quantity_step: Decimal = Decimal("0.00001")
    min_quantity: Decimal = Decimal(0)
    max_quantity: Decimal = Decimal(0)
    min_notional: Decimal = Decimal(0)
    formerly: Annotated[str, Meta(max_length=32)] = ""
    ratio: Decimal = Decimal(1)
    reason: Text = ""


class FeedLost(Message, frozen=True, kw_only=True):
    """A feed went quiet or broke, or is not there yet. symbol is empty when the whole connection is meant.

    feed: ``bars:<timeframe>``, ``marks`` or ``connection``. last_seen_ns: market time of its last frame; 0 when nothing
    was lost, only not heard yet.
    """

    feed: Name
    symbol: Annotated[str, Meta(max_length=32)] = ""
    last_seen_ns: TimeNs = 0
    reason: Text = ""


class FeedRestored(Message, frozen=True, kw_only=True):
    """A lost feed is fresh and free of gaps again. outage_ns: market time it was away."""

    feed: Name
    symbol: Annotated[str, Meta(max_length=32)] = ""
    outage_ns: TimeNs = 0
