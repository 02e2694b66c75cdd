"""Facts about the market: bars, marks, pairs and the health of their feeds."""

from decimal import Decimal
from typing import Annotated, Literal

from msgspec import Meta

from shared.messages.base import Message, Name, NonNegativeFloat, PositiveFloat, Symbol, Text, Timeframe, TimeNs

PairStatus = Literal["trading", "halted", "delisted", "renamed", "unlisted"]
# Of a pair that is not on the exchange under this name: a halted one may come back, and its orders stay.
GONE: tuple[PairStatus, ...] = ("delisted", "renamed", "unlisted")


class BarClosed(Message, frozen=True, kw_only=True):
    """One finished bar. Of each pair and timeframe every bar comes once, in order of ``open_time_ns``.

    open, high, low, close: USDT per unit of base.
    volume: base units.
    quote_volume: USDT.
    trades: number of trades; 0 when the source does not tell.
    backfilled: whether it came by REST (as history, or to fill a gap) and not from the stream.
    hole_before: how many bars are missing at the exchange itself between the last published bar and this one.
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
    """The price at which a position is valued: the mid of best bid and ask, or the last price where there is no book.

    price: USDT per unit of base.
    bid, ask: the best ones, USDT per unit of base; 0 when there is no book.
    """

    symbol: Symbol
    price: PositiveFloat
    bid: NonNegativeFloat = 0.0
    ask: NonNegativeFloat = 0.0


class BookSampled(Message, frozen=True, kw_only=True):
    """The order book of a pair at one moment, and what it costs to trade a certain size in it.

    bids, asks: (price, quantity) from the best one outwards; outer levels are summed up, each sum at its worst price.
    size_usdt: the size that spreads are given for.
    spread: (ask VWAP - bid VWAP) / mid at that size, a fraction; None when the book is too thin for it.
    median_spread: the median of the pair's last samples; None when half of them or more were too thin.
    samples: how many samples that median is of.
    """

    symbol: Symbol
    bids: tuple[tuple[PositiveFloat, NonNegativeFloat], ...]
    asks: tuple[tuple[PositiveFloat, NonNegativeFloat], ...]
    size_usdt: PositiveFloat
    spread: NonNegativeFloat | None
    median_spread: NonNegativeFloat | None
    samples: Annotated[int, Meta(ge=1)] = 1


class PairListed(Message, frozen=True, kw_only=True):
    """What the exchange says of a pair: whether it trades, and the filters that its orders must pass.

    price_step: the tick, USDT per unit.
    quantity_step: the lot size, base units.
    min_quantity, max_quantity: of one order, base units; a maximum of 0 means none.
    min_notional: of one order, USDT.
    formerly: the pair's former symbol, when it was renamed.
    ratio: new units for each old one, when it was renamed.
    reason: why the pair is off, for people; empty while it trades.

    In what follows 0 means that the exchange has no such filter, or did not state it.

    min_price, max_price: of an order's limit and stop, USDT per unit.
    market_quantity_step, market_min_quantity, market_max_quantity: of an order at the market, beside those above.
    max_notional: of one order, USDT.
    min_notional_at_market, max_notional_at_market: whether these two hold for orders at the market as well.
    bid_multiplier_up, bid_multiplier_down: how far from the exchange's average price a buy's limit may be, as factors.
    ask_multiplier_up, ask_multiplier_down: the same of a sell, and of a protective stop.
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


class FeedLost(Message, frozen=True, kw_only=True):
    """A feed went quiet or broke, or is not there yet.

    feed: ``bars:<timeframe>``, ``marks``, ``listing`` (what the exchange says of the pair), ``books``, or
        ``connection``.
    symbol: the pair; empty when the whole connection is meant.
    last_seen_ns: market time of its last frame; 0 when it was never heard, so that nothing was lost.
    """

    feed: Name
    symbol: Annotated[str, Meta(max_length=32)] = ""
    last_seen_ns: TimeNs = 0
    reason: Text = ""


class FeedRestored(Message, frozen=True, kw_only=True):
    """A lost feed is fresh and free of gaps again.

    feed, symbol: as in ``FeedLost``.
    outage_ns: how long it was away, market time.
    """

    feed: Name
    symbol: Annotated[str, Meta(max_length=32)] = ""
    outage_ns: TimeNs = 0
