"""Questions to the gate that reserve nothing, and their answers."""

from decimal import Decimal
from typing import Annotated

from msgspec import Meta, Struct

from shared.messages.base import Message, Name, Symbol, Text, TimeNs
from shared.messages.orders import CeilingReport, Code, Shortfall


class RoomAsked(Message, frozen=True, kw_only=True):
    """What is the largest order that would be approved now? The answer is published on the channel ``reply_to``.

    symbol: one pair, or empty for every pair. stop_price: of the order that is meant; without one, the stop that sizing
    would set. limit_price: None for a market order. strategy: who would propose it (a throttle counts by strategy).
    """

    reply_to: Name
    symbol: str = ""
    stop_price: Decimal | None = None
    limit_price: Decimal | None = None
    strategy: Name = "external"


class Room(Struct, frozen=True, kw_only=True):
    """The largest buy of one pair. quantity: base units, whole lot steps. binding: the rule that sets it.

    price: USDT per unit that it was reckoned with, 0 when unknown. ceilings: all of them when one pair was asked for,
    the binding one otherwise. code, shortfall: as in ``OrderDecided``.
    """

    symbol: Symbol
    quantity: Decimal
    notional_usdt: float
    stop_price: Decimal | None
    binding: str
    reason: Text
    ceilings: tuple[CeilingReport, ...]
    price: float = 0.0
    code: Code = ""
    shortfall: Shortfall | None = None


class ShadowAsked(Message, frozen=True, kw_only=True):
    """What would the shadow limits have done? Answered with ``ShadowCounted`` on ``reply_to``."""

    reply_to: Name


class RoomAnswered(Message, frozen=True, kw_only=True):
    """nav: USDT, 0 when unknown. heat: fraction of NAV. rooms: one for each pair asked for.

    Many pairs come in several answers to one question: ``part`` of ``parts``. reason: why there is no room in it.
    policy: of the limits in force. phase: in force.
    """

    reply_to: Name
    nav: float
    heat: float
    rooms: tuple[Room, ...]
    part: Annotated[int, Meta(ge=1)] = 1
    parts: Annotated[int, Meta(ge=1)] = 1
    reason: Text = ""
    policy: Annotated[str, Meta(max_length=64)] = ""
    phase: Annotated[str, Meta(max_length=64)] = ""


class ShadowCounted(Message, frozen=True, kw_only=True):
    """Decisions so far and how many of them the shadow limits would have made differently.

    policy: of the shadow limits, empty when there are none. decisions: orders that opened risk. by_rule: differing
    decisions by the rule that would bind; where more would be allowed, by the rule that bound. since_ns: market time
    of the first decision counted, 0 before it. summary: one sentence.
    """

    reply_to: Name
    policy: str
    decisions: int
    would_trim: int
    would_reject: int
    would_allow_more: int
    by_rule: dict[str, int]
    summary: Text
    since_ns: TimeNs = 0
