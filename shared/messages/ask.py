"""Questions to the gate that reserve nothing, and their answers."""

from decimal import Decimal
from typing import Annotated

from msgspec import Meta, Struct

from shared.messages.base import ClientName, Message, Name, Symbol, Text, TimeNs
from shared.messages.control import MOST_IMPORTED, PositionToImport
from shared.messages.orders import CeilingReport, Code, Shortfall


class RoomAsked(Message, frozen=True, kw_only=True):
    """What is the largest order that would be approved now?

    reply_to: the channel on which the answer is published.
    symbol: one pair; empty for every pair.
    stop_price: of the order that is meant, USDT per unit; None for the stop that sizing would set.
    limit_price: USDT per unit; None for an order at the market.
    strategy: who would propose it; a throttle counts by strategy.
    client: within whose bounds; empty for those of nobody.
    """

    reply_to: Name
    symbol: str = ""
    stop_price: Decimal | None = None
    limit_price: Decimal | None = None
    strategy: Name = "external"
    client: ClientName = ""


class Room(Struct, frozen=True, kw_only=True):
    """The largest buy of one pair that would be approved now.

    quantity: base units, in whole lots.
    notional_usdt: quantity x price.
    stop_price: of the order, USDT per unit; None when nobody can say where it would be.
    binding: the rule that sets the quantity.
    ceilings: all of them when one pair was asked for, the binding one otherwise.
    price: USDT per unit that it was computed with; 0 when unknown.
    code, shortfall: as in ``OrderDecided``.
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
    """What would the shadow limits have done? reply_to: the channel on which ``ShadowCounted`` is published."""

    reply_to: Name


class ImportAsked(Message, frozen=True, kw_only=True):
    """What would the books be with these positions in them? Nothing is booked by asking.

    reply_to: the channel on which ``ImportAnswered`` is published.
    positions, cash, client: as in ``ImportPositions``.
    """

    reply_to: Name
    positions: Annotated[tuple[PositionToImport, ...], Meta(max_length=MOST_IMPORTED)]
    cash: Decimal | None = None
    client: ClientName = ""


class ImportRow(Struct, frozen=True, kw_only=True):
    """One position as it would be booked.

    quantity: base units.
    cost: USDT per unit; 0 when unknown.
    mark: USDT per unit; 0 when unknown.
    stop: USDT per unit; None when nobody can say where it would be.
    notional_usdt: quantity x mark.
    open_risk_usdt: quantity x (mark - stop), and the cost of getting out.
    fault: why it does not fit, for people: field, value and remedy; empty when it does.
    """

    symbol: Symbol
    quantity: Decimal
    cost: Decimal
    mark: float
    stop: Decimal | None
    notional_usdt: float
    open_risk_usdt: float
    fault: Text = ""


class ImportAnswered(Message, frozen=True, kw_only=True):
    """The answer to ``ImportAsked``. For many positions it comes in several parts, of which each has its own rows.

    rows: the positions.
    faults: what else does not fit, for people.
    cash_before, cash: USDT, now and once they are in.
    nav_before, nav: the same of NAV, USDT; 0 when unknown.
    heat_before, heat: the same of heat, fractions of NAV.
    heat_limit: fraction of NAV.
    over: what would exceed the limits, in words. It is booked all the same, and no new risk is approved there.
    part, parts: which part this is, and of how many.
    """

    reply_to: Name
    rows: tuple[ImportRow, ...]
    faults: tuple[Text, ...]
    cash_before: Decimal
    cash: Decimal
    nav_before: float
    nav: float
    heat_before: float
    heat: float
    heat_limit: float
    over: tuple[Text, ...] = ()
    part: Annotated[int, Meta(ge=1)] = 1
    parts: Annotated[int, Meta(ge=1)] = 1


class RoomAnswered(Message, frozen=True, kw_only=True):
    """The answer to ``RoomAsked``. For many pairs it comes in several parts.

    nav: USDT; 0 when unknown.
    heat: fraction of NAV.
    rooms: one for each pair that was asked for.
    part, parts: which part this is, and of how many.
    reason: why there is no room in it, for people.
    policy: hash of all that decides.
    phase: of the ramp, in force.
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
    """The answer to ``ShadowAsked``: how many decisions the shadow limits would have made differently.

    policy: hash of all that decides under the shadow limits; empty when there are none.
    decisions: orders that opened risk, so far.
    would_trim, would_reject, would_allow_more: how many of them would have got less, nothing, or more.
    by_rule: those decisions by the rule that would bind; where more would be allowed, by the rule that bound.
    summary: all of it in one sentence.
    since_ns: market time of the first decision that was counted; 0 before it.
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
