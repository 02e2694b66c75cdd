"""What the gate answers, as a bot takes it. Whatever is not known for certain is false, and allows nothing."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from heatsink_client.errors import StaleError
from heatsink_client.messages import (
    CeilingReport,
    Message,
    OrderDecided,
    OrderProposed,
    PositionSized,
    ProposalRefused,
    ReportRefused,
)

Outcome = Literal["approve", "trim", "reject", "refused", "unknown"]
# Whether what was sent reached the server: ``no`` is certain, and so is ``yes``.
Arrived = Literal["no", "maybe", "yes"]
NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the gate says to one order. It is true only when something was approved.

    verdict: ``approve``, ``trim`` (a part of it) or ``reject`` by a rule; ``refused`` when it was no order that could
        be decided, or its id is another order's: mend it, and ``code`` says whether under another id (``other_body``);
        ``unknown``, when no answer came in time. Unknown is not rejected: the order may be approved yet, or has been.
        Ask ``verdict_of`` before you do anything else in the pair, or propose once more under the same id.
    quantity: base units that you may trade now; 0 unless something was approved.
    reason: why not all of it, for people. code: the same in one word. binding: the rule that set the verdict.
    field: what was wrong with the order, when it was refused.
    arrived: whether the order reached the server, when the verdict is unknown.
    decided: the gate's message with all ceilings, when there is a verdict.
    """

    order_id: str
    verdict: Outcome
    symbol: str = ""
    side: str = ""
    quantity: Decimal = NOTHING
    requested: Decimal = NOTHING
    stop_price: Decimal | None = None
    binding: str = ""
    reason: str = ""
    code: str = ""
    field: str = ""
    arrived: Arrived = "yes"
    decided: OrderDecided | None = None

    def __bool__(self) -> bool:
        return self.quantity > 0

    @property
    def is_known(self) -> bool:
        """Whether the gate has answered."""
        return self.verdict != "unknown"

    @classmethod
    def of(cls, decided: OrderDecided) -> "Verdict":
        """From the gate's own message."""
        return cls(
            order_id=decided.order_id,
            verdict=decided.verdict,
            symbol=decided.symbol,
            side=decided.side,
            quantity=decided.quantity_approved,
            requested=decided.quantity_requested,
            stop_price=decided.stop_price,
            binding=decided.binding,
            reason=decided.reason,
            code=decided.code,
            decided=decided,
        )

    @classmethod
    def refusal(cls, order_id: str, code: str, field: str, reason: str, *, symbol: str = "") -> "Verdict":
        """An order that was not taken, and whose id is free."""
        return cls(order_id=order_id, verdict="refused", symbol=symbol, code=code, field=field, reason=reason)

    @classmethod
    def unknown(cls, order_id: str, arrived: Arrived, reason: str, *, symbol: str = "") -> "Verdict":
        """No answer in time."""
        return cls(order_id=order_id, verdict="unknown", symbol=symbol, code="unknown", arrived=arrived, reason=reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What became of a cancel, a raised stop or a report. It is true only when it was taken.

    outcome: ``taken``, ``refused``, or ``unknown`` when no answer came in time: do it once more then.
    id: of what was sent. reason, code, field, arrived: as in ``Verdict``.
    message: the gate's own message, when there is one.
    """

    id: str
    outcome: Literal["taken", "refused", "unknown"]
    reason: str = ""
    code: str = ""
    field: str = ""
    arrived: Arrived = "yes"
    message: Message | None = None

    def __bool__(self) -> bool:
        return self.outcome == "taken"

    @property
    def is_known(self) -> bool:
        """Whether there is an answer."""
        return self.outcome != "unknown"

    @classmethod
    def of(cls, sent_id: str, message: Message) -> "Answer":
        """From heatsink's own message. A report that is refused as a repetition was taken before."""
        reason = getattr(message, "reason", "")
        if isinstance(message, ProposalRefused | ReportRefused) and message.code != "repeated":
            return cls.refusal(sent_id, message.code, message.field, reason, message=message)
        return cls(id=sent_id, outcome="taken", reason=reason, code=getattr(message, "code", ""), message=message)

    @classmethod
    def refusal(cls, sent_id: str, code: str, field: str, reason: str, *, message: Message | None = None) -> "Answer":
        """It was not taken, and nothing came of it."""
        return cls(id=sent_id, outcome="refused", code=code, field=field, reason=reason, message=message)

    @classmethod
    def unknown(cls, sent_id: str, arrived: Arrived, reason: str) -> "Answer":
        """No answer in time."""
        return cls(id=sent_id, outcome="unknown", code="unknown", arrived=arrived, reason=reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomLeft:
    """The largest purchase of one pair that would be approved now. It is true only when there is room.

    quantity: base units; 0 when there is no room, or when nobody answered (``is_known`` is false then).
    stop_price: of that purchase. price: USDT per unit that it was computed with.
    binding: the rule that sets the quantity. ceilings: what every rule would allow.
    """

    symbol: str
    quantity: Decimal = NOTHING
    notional_usdt: float = 0.0
    stop_price: Decimal | None = None
    price: float = 0.0
    binding: str = ""
    reason: str = ""
    code: str = ""
    ceilings: tuple[CeilingReport, ...] = ()
    is_known: bool = True

    def __bool__(self) -> bool:
        return self.quantity > 0


class Sizes(dict[str, PositionSized]):
    """The newest size of each pair. Asked for a pair that has none yet, it says so by ``StaleError``."""

    def __missing__(self, symbol: str) -> PositionSized:
        raise StaleError(f"there is no size of {symbol} yet: one comes with every bar (heatsink status)")


@dataclass(frozen=True, slots=True)
class Entry:
    """A message as it stands on a stream. id: of the entry; read on from there."""

    id: str
    message: Message


def is_same_order(order: OrderProposed, decided: OrderDecided, client: str) -> bool:
    """Whether a decision is about this very order, and not about another one under its id. client: who proposed it."""
    reduces = order.reduce_only or order.side == "sell"
    return (
        decided.client in ("", client)
        and reduces == (decided.reduce_only or decided.side == "sell")
        and order.quantity == decided.quantity_requested
        and all(
            getattr(order, name) == getattr(decided, name)
            for name in ("symbol", "side", "order_type", "limit_price", "stop_price", "strategy")
        )
    )
