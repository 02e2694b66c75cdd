"""Questions to the gate that reserve nothing, and their answers."""

from decimal import Decimal

from msgspec import Struct

from shared.messages.base import Message, Name, Symbol, Text
from shared.messages.orders import CeilingReport


class RoomAsked(Message, frozen=True, kw_only=True):
    """What is the largest order that would be approved now? The answer is published on the channel ``reply_to``.

    symbol: one pair, or empty for every pair. stop_price: of the order that is meant; without one, the stop that sizing
    would set. limit_price: None for a market order.
    """

    reply_to: Name
    symbol: str = ""
    stop_price: Decimal | None = None
    limit_price: Decimal | None = None


class Room(Struct, frozen=True, kw_only=True):
    """The largest buy of one pair. quantity: base units, whole lot steps. binding: the rule that sets it."""

    symbol: Symbol
    quantity: Decimal
    notional_usdt: float
    stop_price: Decimal | None
    binding: str
    reason: Text
    ceilings: tuple[CeilingReport, ...]


class ShadowAsked(Message, frozen=True, kw_only=True):
    """What would the shadow limits have done? Answered with ``ShadowCounted`` on ``reply_to``."""

    reply_to: Name


class RoomAnswered(Message, frozen=True, kw_only=True):
    """nav: USDT. heat: fraction of NAV. rooms: one for each pair asked for."""

    reply_to: Name
    nav: float
    heat: float
    rooms: tuple[Room, ...]


class ShadowCounted(Message, frozen=True, kw_only=True):
    """Decisions so far and how many of them the shadow limits would have made differently.

    policy: of the shadow limits, empty when there are none. by_rule: differing decisions by the rule that would bind.
    summary: one sentence.
    """

    reply_to: Name
    policy: str
    decisions: int
    would_trim: int
    would_reject: int
    would_allow_more: int
    by_rule: dict[str, int]
    summary: Text
