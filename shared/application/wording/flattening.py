"""What became of a flattening, pair by pair."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from shared.application.wording.formats import base, price, quantity
from shared.messages.base import Message
from shared.messages.orders import OrderClosed, OrderDecided, OrderFilled


class Outcome(NamedTuple):
    """Of one pair. is_sold: all that was to be sold is. text: in words."""

    symbol: str
    is_sold: bool
    text: str


def outcomes(answers: Sequence[Message]) -> Iterator[Outcome]:
    """What the answers to a flatten say of each order."""
    for decided in answers:
        if isinstance(decided, OrderDecided):
            fills = [each for each in answers if isinstance(each, OrderFilled) and each.order_id == decided.order_id]
            ends = [each for each in answers if isinstance(each, OrderClosed) and each.order_id == decided.order_id]
            yield _outcome(decided, fills, ends)


def _outcome(decided: OrderDecided, fills: Sequence[OrderFilled], ends: Sequence[OrderClosed]) -> Outcome:
    symbol = decided.symbol
    dust = "dust, " if decided.code in ("dust", "below_minimum") else ""
    write_off = f"; what cannot be sold is taken out of the books by heatsink write-off {base(symbol)}"
    if not decided.quantity_approved:
        return Outcome(symbol, False, f"{symbol}: {dust}not sold: {decided.reason}{write_off if dust else ''}")
    if not ends:
        silent = f"approved, and execution has said nothing of it yet: heatsink why {decided.order_id}"
        return Outcome(symbol, False, f"{symbol}: {dust}{silent}")
    if not fills:
        refused = f"approved, and {ends[0].ending} by execution: {ends[0].reason}{write_off}"
        return Outcome(symbol, False, f"{symbol}: {dust}{refused}")
    sold = ", ".join(f"{quantity(fill.quantity)} at {price(fill.price)}" for fill in fills)
    return Outcome(symbol, True, f"{symbol}: {dust}sold {sold}")
