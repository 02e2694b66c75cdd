"""The life of an order: proposed, decided, placed, filled, closed; and of the stop that protects a position."""

from decimal import Decimal
from typing import Annotated, Literal

from msgspec import Meta, Struct

from shared.messages.base import (
    Cause,
    ClientName,
    Message,
    MessageId,
    Name,
    OrderId,
    PortfolioOrEmpty,
    Symbol,
    Text,
    TimeNs,
)

Side = Literal["buy", "sell"]
OrderType = Literal["market", "limit"]
Verdict = Literal["approve", "trim", "reject"]
Ending = Literal["filled", "cancelled", "expired", "rejected"]

# What a rule found, or what set a verdict, in one word. ``docs/reference.md`` says what each word means.
Finding = Literal[
    "open",
    "limit",
    "invalid",
    "pair_off",
    "halted",
    "missing",
    "stale",
    "unacknowledged",
    "median_spread",
    "thin_book",
    "throttled",
    "lot_size",
    "below_minimum",
    "dust",
    "price_filter",
    "percent_price",
    "not_allowed",
]
# On the wire it is text, so that a reader of an older version takes a word that is new to it. An enumeration would make
# that reader refuse the whole verdict.
Code = Annotated[str, Meta(max_length=32)]


class OrderProposed(Message, frozen=True, kw_only=True):
    """An order that somebody would like to place.

    id: chosen by the proposer; it names the order from here on.
    quantity: base units.
    portfolio: empty for the one on whose stream the order stands.
    limit_price: USDT per unit, required for a limit order.
    stop_price: USDT per unit, below the entry; required to open a position.
    strategy: who proposes it; a throttle counts by strategy.
    reduce_only: never sell more than is held.
    expires_ns: market time after which it must no longer be decided in the proposer's favour; 0 for never.
    client: who proposes it. Readers take it from the queue in which the order stands, and believe no sender.
    """

    id: OrderId
    symbol: Symbol
    side: Side
    quantity: Decimal
    portfolio: PortfolioOrEmpty = ""
    order_type: OrderType = "market"
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    strategy: Name = "external"
    reduce_only: bool = False
    expires_ns: TimeNs = 0
    client: ClientName = ""


class CancelProposed(Message, frozen=True, kw_only=True):
    """A proposal to cancel an order that is not finished. It always passes, but for an order of another client.

    portfolio, client: as in ``OrderProposed``.
    """

    order_id: OrderId
    portfolio: PortfolioOrEmpty = ""
    reason: Text = ""
    client: ClientName = ""


class CancelDecided(Message, frozen=True, kw_only=True):
    """Execution has to cancel what is left of an order.

    written_off: an operator has taken it out of the books, so nothing more of it is awaited.
    """

    order_id: OrderId
    symbol: Symbol
    reason: Text = ""
    written_off: bool = False


class StopRaised(Message, frozen=True, kw_only=True):
    """A higher protective stop is proposed for a position. A lower one is refused.

    stop_price: USDT per unit.
    portfolio, client: as in ``OrderProposed``.
    """

    symbol: Symbol
    stop_price: Decimal
    portfolio: PortfolioOrEmpty = ""
    client: ClientName = ""


class CeilingReport(Struct, frozen=True, gc=False):
    """One rule's answer: the largest quantity it would allow, and the figures behind it.

    rule: its name, as in ``docs/reference.md``.
    quantity: base units, an estimate; 1e18 stands for "no ceiling".
    limit, used, headroom: in ``unit``; headroom is limit - used.
    unit: ``USDT``, ``base``, ``seconds``, ``orders``, ``fraction``, or empty for a plain gate.
    reason: why the gate is closed, for people, when quantity is 0 because something was missing or wrong.
    code: a ``Finding``; empty in a report from before codes were kept.
    """

    rule: Name
    quantity: float
    limit: float
    used: float
    headroom: float
    unit: Annotated[str, Meta(max_length=16)]
    reason: Text = ""
    code: Code = ""


class Shortfall(Struct, frozen=True, gc=False):
    """What was left of an order, and the least that the exchange takes of the pair, which it falls short of.

    quantity: base units, in whole lots where there is one. min_quantity: base units. min_notional_usdt: USDT.
    filter: the exchange's filter that it misses, ``LOT_SIZE`` or ``NOTIONAL``; empty from before that was kept.
    least: base units that would pass; 0 from before that was kept.
    worth_usdt: of the quantity, at the order's own price, USDT; 0 where that is not known.
    """

    quantity: Decimal
    min_quantity: Decimal
    min_notional_usdt: Decimal
    filter: Annotated[str, Meta(max_length=32)] = ""
    least: Decimal = Decimal(0)
    worth_usdt: Decimal = Decimal(0)


# Why something was not taken, in one word. ``docs/join.md`` says what each word means.
Refusal = Literal[
    "malformed",
    "other_body",
    "unknown_order",
    "nothing_held",
    "lower_stop",
    "stop_above_price",
    "other_portfolio",
    "unknown_strategy",
    "unknown_pair",
    "odd_time",
    "too_old",
    "not_allowed",
    "failed",
    "not_signed",
]


class ProposalRefused(Message, frozen=True, kw_only=True):
    """Something on the stream of proposals was not taken. It is no verdict and takes no id: mend it, send it again.

    cause: the id of what was refused; empty where it could not be read.
    order_id: of the order that was meant, as the sender wrote it; empty for a stop, or where it could not be read.
    symbol: the pair, as the sender wrote it; empty where none was named.
    what: the type of the message, as the sender wrote it.
    code: a ``Refusal``.
    field: what is wrong; ``$`` for the whole.
    reason: why, for people.
    source, entry: where it stood: the stream or channel, and the stream entry's id. Of what could not be read only.
    unanswered: how many before it were refused and got no answer, because there were too many at once.
    """

    order_id: Cause
    symbol: Cause
    what: Cause
    code: Code
    field: Annotated[str, Meta(max_length=256)]
    reason: Text
    source: Annotated[str, Meta(max_length=128)] = ""
    entry: Annotated[str, Meta(max_length=64)] = ""
    unanswered: int = 0


class OrderDecided(Message, frozen=True, kw_only=True):
    """The verdict on one proposal, with every ceiling. There is exactly one for each order id.

    quantity_requested, quantity_approved: base units.
    binding: the rule that set the verdict; empty when all of the order is approved.
    reason: why, for people; empty when all of the order is approved.
    ceilings: what every rule would have allowed.
    heat_before, heat_after: fractions of NAV.
    nav: USDT; 0 when unknown.
    mark: USDT per unit; 0 when unknown.
    risk_usdt, cash_usdt: reserved until the order is filled, cancelled or dead.
    policy: hash of all that decides: limits, costs, breakers, how ATR and ADV are measured.
    seq: number of the decision within the portfolio, from 1.
    order_type, limit_price, stop_price, strategy, reduce_only, expires_ns: as proposed.
    phase: of the ramp, in force.
    code: what set the verdict, a ``Finding``: that of the binding ceiling, or what the exchange's lots and minima made
        of the order; empty in a decision from before codes were kept.
    shortfall: the exchange's minimum, where the order is under it (codes ``below_minimum`` and ``dust``).
    client: who proposed it, where clients have bounds (``[clients.NAME]``) or execute by themselves; empty elsewhere.
    """

    order_id: OrderId
    symbol: Symbol
    side: Side
    verdict: Verdict
    quantity_requested: Decimal
    quantity_approved: Decimal
    binding: Annotated[str, Meta(max_length=64)]
    reason: Text
    ceilings: tuple[CeilingReport, ...]
    heat_before: float
    heat_after: float
    nav: float
    mark: float
    risk_usdt: float
    cash_usdt: float
    policy: Name
    seq: int
    order_type: OrderType = "market"
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    strategy: Name = "external"
    reduce_only: bool = False
    expires_ns: TimeNs = 0
    phase: Annotated[str, Meta(max_length=64)] = ""
    code: Code = ""
    shortfall: Shortfall | None = None
    client: ClientName = ""


class StopApproved(Message, frozen=True, kw_only=True):
    """A raised stop passed the gate: execution moves the resting stop order there.

    stop_price: USDT per unit.
    reason: why it is not where it was asked for, for people; empty where it is.
    stop_order_id: under which the stop of the position fills that it was approved for; empty where the gate had not
        heard of it, and from before it was kept.
    """

    symbol: Symbol
    stop_price: Decimal
    reason: Text = ""
    stop_order_id: Cause = ""


class WriteOffDecided(Message, frozen=True, kw_only=True):
    """A pair is out of the books: its position, stop and open orders are forgotten, and nothing is sold."""

    symbol: Symbol
    reason: Text = ""


class ImportDecided(Message, frozen=True, kw_only=True):
    """A position that was opened elsewhere is in the books: execution protects it, and sizing counts it as held.

    quantity: base units.
    stop_price: USDT per unit.
    client: who holds it, where clients execute.
    """

    symbol: Symbol
    quantity: Decimal
    stop_price: Decimal
    client: Annotated[str, Meta(max_length=64)] = ""
    reason: Text = ""


class OrderPlaced(Message, frozen=True, kw_only=True):
    """The venue has the order.

    quantity: base units, as placed.
    price: the limit, USDT per unit; None for an order at the market.
    venue_order_id: the venue's own id for it.
    """

    order_id: OrderId
    symbol: Symbol
    side: Side
    quantity: Decimal
    price: Decimal | None = None
    venue_order_id: Cause = ""


class OrderFilled(Message, frozen=True, kw_only=True):
    """One execution of an order.

    trade_id: unique at the venue, so that a fill that is heard twice counts once.
    quantity: base units.
    price: USDT per unit, slippage included.
    fee_usdt: USDT, paid from cash.
    stop_price: the protective stop that goes with the position after this fill, USDT per unit; None on a sell.
    liquidity: whether the order waited in the book (maker) or took what stood there (taker).
    stop: whether a protective stop sold here; None where the writer did not say, as before this was kept.
    touch: the price that its first unit got, USDT per unit: half a spread from the market's. What is between it and
        ``price`` is slippage. None where the writer did not say, as before this was kept.
    """

    order_id: OrderId
    trade_id: MessageId
    symbol: Symbol
    side: Side
    quantity: Decimal
    price: Decimal
    fee_usdt: Decimal
    stop_price: Decimal | None = None
    liquidity: Literal["maker", "taker"] = "taker"
    stop: bool | None = None
    touch: Decimal | None = None


class OrderClosed(Message, frozen=True, kw_only=True):
    """Nothing more happens to the order. quantity_filled: base units, over all its fills."""

    order_id: OrderId
    symbol: Symbol
    ending: Ending
    quantity_filled: Decimal
    reason: Text = ""


class StopPlaced(Message, frozen=True, kw_only=True):
    """The protective stop of a position rests somewhere else now.

    order_id: the id under which the stop will fill.
    stop_price: USDT per unit.
    quantity: base units that it protects; 0 when nothing is left to protect.
    """

    order_id: OrderId
    symbol: Symbol
    stop_price: Decimal
    quantity: Decimal
