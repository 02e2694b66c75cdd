"""Binance's JSON as our structs, and nothing else. Whatever does not add up raises ``MalformedError``."""

import math
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from shared.domain.numbers import ONE
from shared.domain.timeframes import MS_NS
from shared.ports.exchange import BestPrice, Kline, KlineFrame, ListedPair, OrderBook

CLOSE_SLACK_MS = 1_000  # a bar cannot be called closed this long before its end


class MalformedError(ValueError):
    """Not what Binance documents: a field is missing, of the wrong type, or impossible."""


def kline_frame(message: Mapping[str, Any], symbol: str) -> KlineFrame:
    """A ``kline`` event of a stream."""
    try:
        row, event_ms = message["k"], message["E"]
        frame = KlineFrame(
            kline=Kline(
                symbol=symbol,
                timeframe=row["i"],
                open_time_ns=int(row["t"]) * MS_NS,
                close_time_ns=int(row["T"]) * MS_NS,
                open=float(row["o"]),
                high=float(row["h"]),
                low=float(row["l"]),
                close=float(row["c"]),
                volume=float(row["v"]),
                quote_volume=float(row["q"]),
                trades=int(row["n"]),
            ),
            closed=row["x"] is True,
            event_time_ns=int(event_ms) * MS_NS,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise MalformedError(f"kline frame: {error!r}") from None
    if frame.closed and event_ms + CLOSE_SLACK_MS < row["T"]:
        raise MalformedError(f"kline frame: closed at {event_ms}, but its bar ends at {row['T']}")
    _check(frame.kline)
    return frame


def kline_row(row: Sequence[Any], symbol: str, timeframe: str) -> Kline:
    """One row of ``GET /api/v3/klines``."""
    try:
        kline = Kline(
            symbol=symbol,
            timeframe=timeframe,
            open_time_ns=int(row[0]) * MS_NS,
            close_time_ns=int(row[6]) * MS_NS,
            open=float(row[1]),
            high=float(row[2]),
            low=float(row[3]),
            close=float(row[4]),
            volume=float(row[5]),
            quote_volume=float(row[7]),
            trades=int(row[8]),
        )
    except (IndexError, TypeError, ValueError) as error:
        raise MalformedError(f"kline row: {error!r}") from None
    _check(kline)
    return kline


def best_price(row: Mapping[str, Any], symbol: str, *, bid: str, ask: str, seen_steady_ns: int) -> BestPrice | None:
    """Best bid and ask from fields ``bid`` and ``ask`` (a stream says ``b`` and ``a``); None when a side is empty."""
    try:
        price = BestPrice(symbol=symbol, bid=float(row[bid]), ask=float(row[ask]), seen_steady_ns=seen_steady_ns)
    except (KeyError, TypeError, ValueError) as error:
        raise MalformedError(f"best price: {error!r}") from None
    if not (math.isfinite(price.bid) and math.isfinite(price.ask)) or price.bid > price.ask > 0:
        raise MalformedError(f"best price: bid {price.bid}, ask {price.ask}")
    return price if price.bid > 0 and price.ask > 0 else None


def order_book(body: Mapping[str, Any], symbol: str) -> OrderBook:
    """``GET /api/v3/depth``."""
    try:
        bids = tuple((float(price), float(quantity)) for price, quantity, *_ in body["bids"])
        asks = tuple((float(price), float(quantity)) for price, quantity, *_ in body["asks"])
    except (KeyError, TypeError, ValueError) as error:
        raise MalformedError(f"order book: {error!r}") from None
    return OrderBook(symbol=symbol, bids=bids, asks=asks)


def listed_pair(row: Mapping[str, Any]) -> ListedPair:
    """One symbol of ``GET /api/v3/exchangeInfo``; filters of 2021 (MIN_NOTIONAL) and of today (NOTIONAL)."""
    try:
        filters = {one["filterType"]: one for one in row["filters"]}
        lot, notional = filters.get("LOT_SIZE", {}), filters.get("NOTIONAL", filters.get("MIN_NOTIONAL", {}))
        status = str(row["status"])
        return ListedPair(
            symbol=f"{row['baseAsset']}/{row['quoteAsset']}",
            status="trading" if status == "TRADING" and row.get("isSpotTradingAllowed", True) else "halted",
            venue_status=status,
            price_step=_step(filters.get("PRICE_FILTER", {}).get("tickSize"), row.get("quotePrecision", 8)),
            quantity_step=_step(lot.get("stepSize"), row.get("baseAssetPrecision", 8)),
            min_quantity=Decimal(lot.get("minQty", 0)),
            max_quantity=Decimal(lot.get("maxQty", 0)),
            min_notional=Decimal(notional.get("minNotional", 0)),
        )
    except (KeyError, TypeError, ValueError, InvalidOperation) as error:
        raise MalformedError(f"symbol {row.get('symbol')!r}: {error!r}") from None


def _step(text: str | None, places: int) -> Decimal:
    """A filter's step without trailing zeros; where there is no filter, the precision's."""
    step = Decimal(text or 0)
    return Decimal(format(step.normalize(), "f")) if step > 0 else ONE.scaleb(-int(places))


def _check(kline: Kline) -> None:
    """A bar that cannot be is as good as lost: better asked for again than traded on."""
    prices = (kline.open, kline.high, kline.low, kline.close)
    finite = all(map(math.isfinite, (*prices, kline.volume, kline.quote_volume)))
    if not (finite and kline.low > 0 and kline.low <= min(prices) and kline.high >= max(prices)):
        raise MalformedError(f"impossible bar: {kline}")
    if kline.volume < 0 or kline.quote_volume < 0 or kline.close_time_ns <= kline.open_time_ns:
        raise MalformedError(f"impossible bar: {kline}")
