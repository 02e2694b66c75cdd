"""Binance's shapes: what REST answers and streams carry, made from bars, quotes and books."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, NamedTuple

from services.exchange_sim.book import Book, Quote
from services.exchange_sim.market.bars import Bars, Interval

USDT_A_TRADE = 1_000.0  # trades are not simulated; their count follows from the volume


def fixed(value: float) -> str:
    """Eight decimals, as Binance writes; more where fewer would not read back as the very same float."""
    text = f"{value:.8f}"
    return text if float(text) == value else format(Decimal(repr(value)), "f")


class Kline(NamedTuple):
    """One bar in wire terms; times in ms, numbers as text. ``taker_*``: what buyers took."""

    open_ms: int
    close_ms: int
    open: str
    high: str
    low: str
    close: str
    volume: str
    quote_volume: str
    trades: int
    taker_volume: str
    taker_quote_volume: str


def klines(bars: Bars, interval: Interval) -> Iterator[Kline]:
    for open_ms, open_, high, low, close, volume, quote_volume in bars:
        taker_share = 0.5 + 0.3 * (close - open_) / (high - low) if high > low else 0.5
        yield Kline(
            open_ms=open_ms,
            close_ms=interval.end_of(open_ms) - 1,
            open=fixed(open_),
            high=fixed(high),
            low=fixed(low),
            close=fixed(close),
            volume=fixed(volume),
            quote_volume=fixed(quote_volume),
            trades=1 + int(quote_volume / USDT_A_TRADE) if volume else 0,
            taker_volume=f"{volume * taker_share:.8f}",
            taker_quote_volume=f"{quote_volume * taker_share:.8f}",
        )


def kline_row(kline: Kline) -> list[Any]:
    """The twelve columns of REST."""
    return [
        kline.open_ms, kline.open, kline.high, kline.low, kline.close, kline.volume, kline.close_ms,
        kline.quote_volume, kline.trades, kline.taker_volume, kline.taker_quote_volume, "0",
    ]  # fmt: skip


def kline_event(symbol: str, interval: str, kline: Kline, *, closed: bool, event_ms: int) -> dict[str, Any]:
    first_id, last_id = _trade_ids(kline.open_ms, kline.trades)
    return {
        "e": "kline",
        "E": event_ms,
        "s": symbol,
        "k": {
            "t": kline.open_ms,
            "T": kline.close_ms,
            "s": symbol,
            "i": interval,
            "f": first_id,
            "L": last_id,
            "o": kline.open,
            "c": kline.close,
            "h": kline.high,
            "l": kline.low,
            "v": kline.volume,
            "n": kline.trades,
            "x": closed,
            "q": kline.quote_volume,
            "V": kline.taker_volume,
            "Q": kline.taker_quote_volume,
            "B": "0",
        },
    }


def _trade_ids(open_ms: int, trades: int) -> tuple[int, int]:
    """First and last id: they rise with time, and are -1 where nothing was traded."""
    return (open_ms, open_ms + trades - 1) if trades else (-1, -1)


def book_ticker_event(symbol: str, quote: Quote, update_id: int) -> dict[str, Any]:
    return {
        "u": update_id,
        "s": symbol,
        "b": fixed(quote.bid),
        "B": fixed(quote.bid_quantity),
        "a": fixed(quote.ask),
        "A": fixed(quote.ask_quantity),
    }


def book_ticker(symbol: str, quote: Quote | None) -> dict[str, Any]:
    """REST's form; zeros where there is no book."""
    shown = quote or Quote(0.0, 0.0, 0.0, 0.0)
    return {
        "symbol": symbol,
        "bidPrice": fixed(shown.bid),
        "bidQty": fixed(shown.bid_quantity),
        "askPrice": fixed(shown.ask),
        "askQty": fixed(shown.ask_quantity),
    }


def levels(side: dict[float, float]) -> list[list[str]]:
    return [[fixed(price), fixed(quantity)] for price, quantity in side.items()]


def depth(book: Book, update_id: int) -> dict[str, Any]:
    """REST's answer and the partial book stream."""
    return {"lastUpdateId": update_id, "bids": levels(book.bids), "asks": levels(book.asks)}


def depth_event(
    symbol: str, before: Book, after: Book, *, first_id: int, last_id: int, event_ms: int
) -> dict[str, Any]:
    """What changed; a quantity of zero takes the level away."""
    return {
        "e": "depthUpdate",
        "E": event_ms,
        "s": symbol,
        "U": first_id,
        "u": last_id,
        "b": levels(_changes(before.bids, after.bids)),
        "a": levels(_changes(before.asks, after.asks)),
    }


def _changes(before: dict[float, float], after: dict[float, float]) -> dict[float, float]:
    gone = {price: 0.0 for price in before if price not in after}
    return gone | {price: quantity for price, quantity in after.items() if before.get(price) != quantity}


class Rolling(NamedTuple):
    """The last 24 hours of a symbol.

    open_ms, close_ms: when they began and ended.
    trades: everything that was traded, as one bar; empty where nothing was.
    last: the last price.
    """

    symbol: str
    open_ms: int
    close_ms: int
    trades: Bars
    last: float

    def figures(self) -> tuple[float, float, float, float, float]:
        """Open, high, low, volume, quote volume."""
        if self.trades.count == 0:
            return 0.0, 0.0, 0.0, 0.0, 0.0
        _, open_, high, low, _, volume, quote_volume = next(iter(self.trades))
        return open_, high, low, volume, quote_volume


def mini_ticker_event(rolling: Rolling) -> dict[str, Any]:
    open_, high, low, volume, quote_volume = rolling.figures()
    return {
        "e": "24hrMiniTicker",
        "E": rolling.close_ms,
        "s": rolling.symbol,
        "c": fixed(rolling.last),
        "o": fixed(open_),
        "h": fixed(high),
        "l": fixed(low),
        "v": fixed(volume),
        "q": fixed(round(quote_volume, 8)),
    }


def ticker_24hr(rolling: Rolling, quote: Quote | None, *, mini: bool) -> dict[str, Any]:
    """REST's rolling window: FULL or MINI."""
    open_, high, low, volume, quote_volume = rolling.figures()
    trades = 1 + int(quote_volume / USDT_A_TRADE) if volume else 0
    first_id, last_id = _trade_ids(rolling.open_ms, trades)
    common = {
        "openPrice": fixed(open_),
        "highPrice": fixed(high),
        "lowPrice": fixed(low),
        "lastPrice": fixed(rolling.last),
        "volume": fixed(volume),
        "quoteVolume": fixed(round(quote_volume, 8)),
        "openTime": rolling.open_ms,
        "closeTime": rolling.close_ms,
        "firstId": first_id,
        "lastId": last_id,
        "count": trades,
    }
    if mini:
        return {"symbol": rolling.symbol} | common
    change = rolling.last - open_ if volume else 0.0
    touch = book_ticker(rolling.symbol, quote)
    return {
        "symbol": rolling.symbol,
        "priceChange": f"{change:.8f}",
        "priceChangePercent": f"{100.0 * change / open_ if open_ else 0.0:.3f}",
        "weightedAvgPrice": f"{quote_volume / volume if volume else 0.0:.8f}",
        "prevClosePrice": fixed(open_),
        "lastQty": touch["bidQty"],
        **{name: touch[name] for name in ("bidPrice", "bidQty", "askPrice", "askQty")},
        **common,
    }
