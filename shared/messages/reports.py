"""What a client that executes by itself reports of approved orders, and what it hears of its reports.

Reports are claims. What is taken from them stands on the stream ``executed`` as ``OrderPlaced``, ``OrderFilled``,
``OrderClosed`` and ``StopPlaced``, with the report as its cause; what is not taken is answered there by
``ReportRefused``.
"""

from decimal import Decimal
from typing import Annotated, Literal

from msgspec import Meta

from shared.messages.base import Cause, ClientName, Message, MessageId, OrderId, Symbol, Text, TimeNs
from shared.messages.orders import Code, Ending, Side

# Why a report was not taken, in one word. ``docs/join.md`` says what each word means.
ReportFault = Literal[
    "malformed",
    "repeated",
    "other_body",
    "unknown_order",
    "ended_order",
    "foreign_order",
    "other_pair",
    "other_side",
    "bad_amount",
    "too_much",
    "oversold",
    "out_of_reach",
    "odd_time",
    "nothing_held",
    "lowered_stop",
    "stop_not_approved",
    "stop_above_price",
    "stop_too_small",
    "failed",
    "on_paper",
    "not_signed",
]


class Report(Message, frozen=True, kw_only=True):
    """What all reports say. time_ns: when it happened, market time; 0 where that is not known.

    symbol: the pair.
    client: who reports. Readers take it from the queue in which the report stands, and believe no sender.
    """

    symbol: Symbol
    client: ClientName = ""


class PlacedReported(Report, frozen=True, kw_only=True):
    """The order stands at the exchange.

    order_id: the id that was approved.
    quantity: base units, as placed.
    price: the limit, USDT per unit; None for an order at the market.
    venue_order_id: the exchange's own id for it.
    """

    order_id: OrderId
    quantity: Decimal
    price: Decimal | None = None
    venue_order_id: Cause = ""


class FillReported(Report, frozen=True, kw_only=True):
    """One trade of an order, or of a protective stop.

    order_id: the id that was approved; of a stop, the id that ``ReportAwaited`` and ``StopPlaced`` name.
    trade_id: the exchange's id of the trade, by which it counts once.
    quantity: base units; what arrived, where the exchange took its fee out of them.
    price: USDT per unit.
    fee_usdt: USDT; where the fee was taken in the coin, what it was worth.
    liquidity: whether the order waited in the book (maker) or took what stood there (taker).
    stop: whether the protective stop sold.
    """

    order_id: OrderId
    trade_id: MessageId
    side: Side
    quantity: Decimal
    price: Decimal
    fee_usdt: Decimal
    liquidity: Literal["maker", "taker"] = "taker"
    stop: bool = False


class ClosedReported(Report, frozen=True, kw_only=True):
    """Nothing more happens to the order at the exchange. quantity_filled: base units, the sum of its trades."""

    order_id: OrderId
    ending: Ending
    quantity_filled: Decimal
    reason: Text = ""


class StopReported(Report, frozen=True, kw_only=True):
    """Where the protective stop of a pair rests at the exchange.

    stop_price: USDT per unit; of several stops, the lowest.
    quantity: base units that stops protect, all together.
    working: False: no stop rests there any more, and none has sold.
    venue_order_id: the exchange's own id for it.
    """

    stop_price: Decimal
    quantity: Decimal
    working: bool = True
    venue_order_id: Cause = ""


AnyReport = PlacedReported | FillReported | ClosedReported | StopReported


class ReportAwaited(Message, frozen=True, kw_only=True):
    """A client has to report, until a time.

    order_id: of the order; of a stop, the id under which it will fill.
    client: whose report it is.
    what: ``order`` (what became of an approved order), ``end`` (of one that was placed), ``trades`` (that are missing
        in the sum), or ``stop``.
    due_ns: market time.
    quantity: base units: of the order, what is not filled; of a stop, what it has to protect.
    stop_price: where the stop has to rest, USDT per unit; None for an order.
    reason: for people.
    overdue: the time is over. For an order, the gate is closed for its client; for a stop, its pair is halted.
    """

    order_id: OrderId
    symbol: Symbol
    client: ClientName
    what: Annotated[str, Meta(max_length=16)]
    due_ns: TimeNs
    quantity: Decimal
    stop_price: Decimal | None = None
    reason: Text = ""
    overdue: bool = False


class ReportRefused(Message, frozen=True, kw_only=True):
    """A report was not taken. Nothing was booked: mend it, and send it again.

    cause: the id of the report; empty where it could not be read.
    order_id, symbol, what: of the report, and its type, as the sender wrote them.
    trade_id: of a fill.
    code: a ``ReportFault``.
    field, reason: what is wrong; why, for people.
    halts: money could be wrong, so its pair is halted until an operator has looked.
    source, entry: where it stood, of what could not be read only.
    unanswered: how many before it were refused and got no answer, because there were too many at once.
    client: whose queue it stood in; empty where it stood in none.
    """

    order_id: Cause
    symbol: Cause
    what: Cause
    code: Code
    field: Annotated[str, Meta(max_length=256)]
    reason: Text
    trade_id: Cause = ""
    halts: bool = False
    source: Annotated[str, Meta(max_length=128)] = ""
    entry: Annotated[str, Meta(max_length=64)] = ""
    unanswered: int = 0
    client: ClientName = ""
