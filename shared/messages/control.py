"""Commands of operators."""

from decimal import Decimal
from typing import Annotated

from msgspec import Meta, Struct

from shared.messages.base import ClientName, Message, Name, OrderId, Symbol, Text, TimeNs
from shared.messages.halts import HaltMode


class Command(Message, frozen=True, kw_only=True):
    """What all of them say.

    who: the operator at whose word it is done.
    reason: why, for people.
    """

    who: Name
    reason: Text


class Halt(Command, frozen=True, kw_only=True):
    """Stop new risk. The fields are those of ``Halted``."""

    symbol: Annotated[str, Meta(max_length=32)] = ""
    mode: HaltMode = "halted"
    until_ns: TimeNs = 0


class Resume(Command, frozen=True, kw_only=True):
    """End the halts of one pair, or of the whole portfolio.

    symbol: the pair; empty for the whole portfolio.
    confirm: the code of ``ResumeAsked``, for the second step.
    """

    reason: Text = ""
    symbol: Annotated[str, Meta(max_length=32)] = ""
    confirm: Annotated[str, Meta(max_length=64)] = ""


class SetLimits(Command, frozen=True, kw_only=True):
    """Change limits: all that are named or, when one is invalid, none. limits: by their names in ``limits.toml``."""

    limits: dict[str, float]


class ApprovePhase(Command, frozen=True, kw_only=True):
    """Approve the promotion to a phase that was proposed.

    phase: one of ``phases.toml``; the risk service refuses any other, with the names there are.
    reviews: risk reviews signed in the phase that ends.
    """

    phase: Name
    reviews: Annotated[int, Meta(ge=0)] = 0


class Flatten(Command, frozen=True, kw_only=True):
    """Sell one pair's position at the market, or every position. symbol: the pair; empty for all."""

    symbol: Annotated[str, Meta(max_length=32)] = ""


class WriteOff(Command, frozen=True, kw_only=True):
    """Take a pair that cannot be sold out of the books, with its stop and its orders.

    price: what a unit is booked out at, USDT; None for nothing.
    """

    symbol: Symbol
    price: Decimal | None = None


class WriteOffOrder(Command, frozen=True, kw_only=True):
    """Take an order of which its client says nothing out of the books: what it reserves is free. Nothing is sold."""

    order_id: OrderId


class PositionToImport(Struct, frozen=True, kw_only=True):
    """What is held of a pair already, outside of the books.

    quantity: base units.
    cost: what a unit was bought for on average, USDT; None for the price at the import.
    stop: USDT per unit; None for the stop of a new entry, by its ATR.
    """

    symbol: Symbol
    quantity: Decimal
    cost: Decimal | None = None
    stop: Decimal | None = None


MOST_IMPORTED = 200  # positions of one command; its answers name each of them, and messages have their bounds


class ImportPositions(Command, frozen=True, kw_only=True):
    """Take positions into the books that were opened elsewhere: all that are named or, when one does not fit, none.

    cash: USDT beside them once they are in; None leaves it as it is.
    cash_before: USDT that the books had when the operator looked. If they have another amount by then, nothing is
        booked; None for whatever they have.
    client: who holds them, where clients execute: it has to report their stops and to sell them.
    """

    positions: Annotated[tuple[PositionToImport, ...], Meta(max_length=MOST_IMPORTED)]
    cash: Decimal | None = None
    cash_before: Decimal | None = None
    client: ClientName = ""


class SetPhase(Command, frozen=True, kw_only=True):
    """Enter a phase of the plan's ramp, whatever the evidence says: an operator's own responsibility.

    phase: one of ``phases.toml``; the risk service refuses any other, with the names there are.
    """

    phase: Name
