"""Binance's JSON as our structs, and nothing else. Whatever does not add up raises ``MalformedError``."""

import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Any

from shared.adapters.codec import odd_amount
from shared.domain.numbers import ONE, plain
from shared.domain.timeframes import MS_NS, timeframe_ns
from shared.domain.universe import exchange_symbol
from shared.messages.base import ESTIMATE_BELOW
from shared.ports.exchange import BestPrice, Kline, KlineFrame, ListedPair, OrderBook

CLOSE_SLACK_MS = 1_000  # a bar cannot be called closed this long before its end
ROW_SHOWN = 300  # characters of a row that cannot be, as people are shown it
LAST_NS = 2**62  # a bar or two later still fits a message
LEAST = Decimal(10) ** -18  # of an amount in a filter


class MalformedError(ValueError):
    """Not what Binance documents: a field is missing, of the wrong type, or impossible."""


def with_row(error: MalformedError, row: object) -> str:
    """What is wrong, and the row, cut where it is long."""
    shown = repr(row)
    return f"{error}; the row: {shown if len(shown) <= ROW_SHOWN else shown[:ROW_SHOWN] + ' ...'}"


def _number(row: Any, name: Any) -> float:
    """A field that is a number, or text of one, and fits a message. Raises ``MalformedError`` with its name."""
    try:
        value = row[name]
    except (KeyError, IndexError):
        raise MalformedError(f"field {name} is missing") from None
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        try:
            number = float(value)
        except (ValueError, OverflowError):
            number = math.nan
        if -ESTIMATE_BELOW < number < ESTIMATE_BELOW:
            return number
        if math.isfinite(number):
            raise MalformedError(f"field {name} is {value!r}, out of all bounds")
    raise MalformedError(f"field {name} is {value!r}, no number")


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
                open=_number(row, "o"),
                high=_number(row, "h"),
                low=_number(row, "l"),
                close=_number(row, "c"),
                volume=_number(row, "v"),
                quote_volume=_number(row, "q"),
                trades=int(row["n"]),
            ),
            closed=row["x"] is True,
            event_time_ns=int(event_ms) * MS_NS,
        )
    except MalformedError:
        raise
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise MalformedError(f"a kline that cannot be read: {error!r}") from None
    _check(frame.kline)
    if frame.closed and frame.event_time_ns + CLOSE_SLACK_MS * MS_NS < frame.kline.close_time_ns:
        raise MalformedError(f"a bar that is called closed at {event_ms}, but ends at {row['T']}")
    return frame


def kline_row(row: Sequence[Any], symbol: str, timeframe: str) -> Kline:
    """One row of ``GET /api/v3/klines``."""
    try:
        kline = Kline(
            symbol=symbol,
            timeframe=timeframe,
            open_time_ns=int(row[0]) * MS_NS,
            close_time_ns=int(row[6]) * MS_NS,
            open=_number(row, 1),
            high=_number(row, 2),
            low=_number(row, 3),
            close=_number(row, 4),
            volume=_number(row, 5),
            quote_volume=_number(row, 7),
            trades=int(row[8]),
        )
    except MalformedError:
        raise
    except (IndexError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise MalformedError(f"a kline that cannot be read: {error!r}") from None
    _check(kline)
    return kline


def best_price(row: Mapping[str, Any], symbol: str, *, bid: str, ask: str, seen_steady_ns: int) -> BestPrice | None:
    """Best bid and ask from fields ``bid`` and ``ask`` (a stream says ``b`` and ``a``); None when a side is empty."""
    if not isinstance(row, Mapping):
        raise MalformedError("a best price that is no object")
    price = BestPrice(symbol=symbol, bid=_number(row, bid), ask=_number(row, ask), seen_steady_ns=seen_steady_ns)
    if price.bid < 0 or price.ask < 0:
        raise MalformedError(f"a best price that cannot be: bid {price.bid}, ask {price.ask}")
    if price.bid > price.ask > 0:
        raise MalformedError(f"the bid {price.bid} is over the ask {price.ask}")
    return price if price.bid > 0 and price.ask > 0 else None


def order_book(body: Mapping[str, Any], symbol: str) -> OrderBook:
    """``GET /api/v3/depth``."""
    if not isinstance(body, Mapping):
        raise MalformedError("an order book that is no object")
    bids, asks = _side(body, "bids"), _side(body, "asks")
    if any(worse[0] >= better[0] for better, worse in pairwise(bids)):
        raise MalformedError("an order book whose bids do not fall")
    if any(worse[0] <= better[0] for better, worse in pairwise(asks)):
        raise MalformedError("an order book whose asks do not rise")
    if bids and asks and bids[0][0] > asks[0][0]:
        raise MalformedError(f"the best bid {bids[0][0]} is over the best ask {asks[0][0]}")
    return OrderBook(symbol=symbol, bids=bids, asks=asks)


def _side(body: Mapping[str, Any], name: str) -> tuple[tuple[float, float], ...]:
    """Price levels, best first."""
    rows = body.get(name)
    if not isinstance(rows, list) or not all(isinstance(row, list) and len(row) >= 2 for row in rows):
        raise MalformedError(f"an order book without {name}")
    levels = tuple((_number(row, 0), _number(row, 1)) for row in rows)
    if not all(price > 0 and quantity >= 0 for price, quantity in levels):
        raise MalformedError(f"an order book with {name} that cannot be")
    return levels


def listed_pair(row: Mapping[str, Any]) -> ListedPair:
    """One symbol of ``GET /api/v3/exchangeInfo``, with the filters of 2021 or of today."""
    try:
        pair = _pair_as_stated(row)
    except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        raise MalformedError(f"symbol {row.get('symbol')!r}: {error!r}") from None
    if exchange_symbol(pair.symbol) != row.get("symbol"):
        raise MalformedError(f"a symbol of {pair.symbol}")
    for name in pair.__struct_fields__:
        amount = getattr(pair, name)
        if isinstance(amount, Decimal) and (0 < amount < LEAST or odd_amount(amount)):
            raise MalformedError(f"{name} is {amount}")
    if 0 < pair.max_quantity < pair.min_quantity:
        raise MalformedError(f"max_quantity {pair.max_quantity} is below min_quantity {pair.min_quantity}")
    if fault := next(filter(None, map(_fault_of_filter, row["filters"])), ""):
        raise MalformedError(fault)
    return pair


def _pair_as_stated(row: Mapping[str, Any]) -> ListedPair:
    filters = {one["filterType"]: one for one in row["filters"]}
    price, lot, market = (filters.get(name, {}) for name in ("PRICE_FILTER", "LOT_SIZE", "MARKET_LOT_SIZE"))
    status = str(row["status"])
    return ListedPair(
        symbol=f"{row['baseAsset']}/{row['quoteAsset']}",
        status="trading" if status == "TRADING" and row.get("isSpotTradingAllowed", True) else "halted",
        venue_status=status,
        price_step=_amount(price, "tickSize") or _step_of(row.get("quotePrecision", 8)),
        quantity_step=_amount(lot, "stepSize") or _step_of(row.get("baseAssetPrecision", 8)),
        min_quantity=_amount(lot, "minQty"),
        max_quantity=_amount(lot, "maxQty"),
        min_price=_amount(price, "minPrice"),
        max_price=_amount(price, "maxPrice"),
        market_quantity_step=_amount(market, "stepSize"),
        market_min_quantity=_amount(market, "minQty"),
        market_max_quantity=_amount(market, "maxQty"),
        **_notional(filters),
        **_multipliers(filters),
    )


def _notional(filters: Mapping[str, Any]) -> dict[str, Any]:
    """NOTIONAL of today, or MIN_NOTIONAL of 2021."""
    if "NOTIONAL" in filters:
        notional = filters["NOTIONAL"]
        return {
            "min_notional": _amount(notional, "minNotional"),
            "max_notional": _amount(notional, "maxNotional"),
            "min_notional_at_market": notional.get("applyMinToMarket", True) is True,
            "max_notional_at_market": notional.get("applyMaxToMarket", False) is True,
        }
    least = filters.get("MIN_NOTIONAL", {})
    return {
        "min_notional": _amount(least, "minNotional"),
        "min_notional_at_market": least.get("applyToMarket", True) is True,
    }


def _multipliers(filters: Mapping[str, Any]) -> dict[str, Any]:
    """PERCENT_PRICE_BY_SIDE of today, or PERCENT_PRICE of 2021, which is the same for both sides."""
    by_side, both = filters.get("PERCENT_PRICE_BY_SIDE"), filters.get("PERCENT_PRICE", {})
    return {
        f"{side}_multiplier_{end.lower()}": _amount(by_side, f"{side}Multiplier{end}")
        if by_side
        else _amount(both, f"multiplier{end}")
        for side in ("bid", "ask")
        for end in ("Up", "Down")
    }


def _amount(fields: Mapping[str, Any], name: str) -> Decimal:
    """A filter's amount without trailing zeros; 0 where there is no such filter."""
    value = fields.get(name, 0)
    amount = Decimal(repr(value) if isinstance(value, float) else value)  # of a float, the digits it was written by
    if not (amount.is_finite() and amount >= 0):
        raise ValueError(f"{name} {amount}")
    return Decimal(plain(amount))


def _step_of(places: Any) -> Decimal:
    """The step of so many decimals."""
    return ONE.scaleb(-int(places))


def _fault_of_filter(one: Mapping[str, Any]) -> str:
    """No number of a filter is negative, or none at all."""
    for name, value in one.items():
        try:
            number = float(value)
        except (TypeError, ValueError, OverflowError):
            continue  # text; what is needed of a filter was read already
        if not 0 <= number < math.inf:
            return f"{one['filterType']} has a {name} of {value!r}"
    return ""


def _check(kline: Kline) -> None:
    """A bar that cannot be is as good as lost: better asked for again than traded on."""
    prices = (kline.open, kline.high, kline.low, kline.close)
    if not (kline.low > 0 and kline.low <= min(prices) and kline.high >= max(prices)):
        raise MalformedError(
            f"a bar that cannot be: open {kline.open}, high {kline.high}, low {kline.low}, close {kline.close}"
        )
    if kline.volume < 0 or kline.quote_volume < 0 or not 0 <= kline.trades < LAST_NS:
        raise MalformedError(f"a bar that cannot be: volume {kline.volume}, {kline.trades} trades")
    _check_times(kline)


def _check_times(kline: Kline) -> None:
    try:
        step_ns = timeframe_ns(kline.timeframe)
    except (TypeError, ValueError, IndexError):
        raise MalformedError(f"a bar of timeframe {kline.timeframe!r}") from None
    open_ns, close_ns = kline.open_time_ns, kline.close_time_ns
    if not 0 <= open_ns < LAST_NS or open_ns % step_ns or close_ns != open_ns + step_ns - MS_NS:
        raise MalformedError(
            f"a {kline.timeframe} bar that cannot be: it opens at {open_ns // MS_NS} ms, ends at {close_ns // MS_NS} ms"
        )
