"""What Binance refuses, written down from its documentation of filters (``filters.md``), on the rows that it states.

It shares no code with the gate: rows of exchangeInfo in, the name of the filter that fails out. ``average`` is the
price of the last minutes, which is the mark in tests, for there the market stands still.
"""

from collections.abc import Iterator
from decimal import Context, Decimal
from typing import Any

EXACT = Context(prec=400)
D = Decimal
Row = dict[str, Any]


def refused_by(rows: list[Row], side: str, kind: str, quantity: Decimal, price: Decimal | None, average: float) -> str:
    """The first filter that refuses an order of ``kind`` MARKET or LIMIT; empty when it is taken."""
    return next(_order(rows, side, kind, quantity, price, D(repr(average))), "")


def stop_refused_by(rows: list[Row], stop: Decimal, average: float) -> str:
    """The first filter that refuses the stop price of a sell."""
    return next(_price(rows, "SELL", stop, D(repr(average))), "")


def _order(
    rows: list[Row], side: str, kind: str, quantity: Decimal, price: Decimal | None, average: Decimal
) -> Iterator[str]:
    if price is not None:
        yield from _price(rows, side, price, average)
    for row in rows:
        name = row["filterType"]
        applies = name == "LOT_SIZE" or (name == "MARKET_LOT_SIZE" and kind == "MARKET")
        if applies and not _is_of_size(quantity, row):
            yield name
        worth = EXACT.multiply(quantity, average if price is None else price)
        if name == "MIN_NOTIONAL" and (kind != "MARKET" or row["applyToMarket"]) and worth < D(row["minNotional"]):
            yield name
        if name == "NOTIONAL":
            if (kind != "MARKET" or row["applyMinToMarket"]) and worth < D(row["minNotional"]):
                yield name
            if (kind != "MARKET" or row["applyMaxToMarket"]) and worth > D(row["maxNotional"]):
                yield name
    if quantity <= 0:
        yield "quantity"


def _price(rows: list[Row], side: str, price: Decimal, average: Decimal) -> Iterator[str]:
    for row in rows:
        match row["filterType"]:
            case "PRICE_FILTER":
                low, high = D(row["minPrice"]), D(row["maxPrice"])
                if (low and price < low) or (high and price > high) or _is_off(price, D(row["tickSize"])):
                    yield "PRICE_FILTER"
            case "PERCENT_PRICE":
                yield from _percent(price, average, row["multiplierDown"], row["multiplierUp"])
            case "PERCENT_PRICE_BY_SIDE" if side == "BUY":
                yield from _percent(price, average, row["bidMultiplierDown"], row["bidMultiplierUp"])
            case "PERCENT_PRICE_BY_SIDE":
                yield from _percent(price, average, row["askMultiplierDown"], row["askMultiplierUp"])


def _percent(price: Decimal, average: Decimal, down: str, up: str) -> Iterator[str]:
    if not EXACT.multiply(average, D(down)) <= price <= EXACT.multiply(average, D(up)):
        yield "PERCENT_PRICE"


def _is_of_size(quantity: Decimal, row: Row) -> bool:
    is_within = D(row["minQty"]) <= quantity and (not D(row["maxQty"]) or quantity <= D(row["maxQty"]))
    return is_within and not _is_off(quantity, D(row["stepSize"]))


def _is_off(value: Decimal, step: Decimal) -> bool:
    return bool(step) and bool(EXACT.remainder(value, step))
