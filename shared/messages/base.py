"""What every message shares: the header, the text types, and how ids are made.

Times are Unix nanoseconds in *market time*, which equals wall time unless history is replayed faster. Symbols are pairs
such as ``BTC/USDT``. Amounts that are accounted for travel as decimal strings (at most 28 digits, from 1E-28 to below
1E18), which are written without exponent; estimates travel as 64-bit floats.
"""

from decimal import Decimal
from hashlib import blake2b
from typing import Annotated

from msgspec import Meta, Struct

MAX_MESSAGE_BYTES = 64 * 1024

# What an amount may be, so that every sum and product of two of them is exact enough and small enough to be booked.
AMOUNT_DIGITS = 28
AMOUNT_BELOW, AMOUNT_FROM = 18, -28  # powers of ten

MAX_ID = 96
# Patterns end with \Z: $ would let a line feed follow, and "mine-1\n" is no id.
MessageId = Annotated[str, Meta(min_length=1, max_length=MAX_ID, pattern=r"^[A-Za-z0-9._:/-]+\Z")]
OrderId = Annotated[str, Meta(min_length=1, max_length=36, pattern=r"^[A-Za-z0-9_-]+\Z")]
Symbol = Annotated[str, Meta(min_length=3, max_length=32, pattern=r"^[A-Z0-9]+/[A-Z0-9]+\Z")]
# Of a fixed length: seconds, minutes, hours, days. A week of Binance's begins on a Monday, a month has no one length.
Timeframe = Annotated[str, Meta(min_length=2, max_length=4, pattern=r"^[1-9][0-9]?[smhd]\Z")]
PortfolioName = Annotated[str, Meta(min_length=1, max_length=32, pattern=r"^[a-z0-9_-]+\Z")]
PortfolioOrEmpty = Annotated[str, Meta(max_length=32, pattern=r"^[a-z0-9_-]*\Z")]
Name = Annotated[str, Meta(min_length=1, max_length=64)]
ClientName = Annotated[str, Meta(max_length=64)]
MAX_TEXT = 1024
Text = Annotated[str, Meta(max_length=MAX_TEXT)]
Cause = Annotated[str, Meta(max_length=MAX_ID)]
LAST_NS = 2**63 - 1  # the last moment that a message can name
ESTIMATE_BELOW = 1e24  # no price, volume or sum of either comes near
TimeNs = Annotated[int, Meta(ge=0, le=LAST_NS)]
PositiveFloat = Annotated[float, Meta(gt=0)]
NonNegativeFloat = Annotated[float, Meta(ge=0)]
Fraction = Annotated[float, Meta(ge=0, le=1)]


class Message(Struct, frozen=True, kw_only=True, tag_field="type", gc=False):
    """A fact (``OrderFilled``) or a command (``Halt``), as it stands on the wire.

    id: unique. It follows from the cause, so that doing a thing twice yields one message.
    time_ns: market time of the event, in nanoseconds since 1970.
    cause: id of the message that led to this one; empty for what came from outside.
    trace: one id from bar to fill.
    v: schema version of the type; fields are only ever added.

    Messages hold no cycles, so the garbage collector need not visit each of them (``gc=False``).
    """

    id: MessageId
    time_ns: TimeNs
    cause: Cause = ""
    trace: Cause = ""
    v: Annotated[int, Meta(ge=1)] = 1

    @property
    def trace_id(self) -> str:
        """The trace of all that follows from this message: its own, or the one that begins with it."""
        return self.trace or self.id


class TimePassed(Message, frozen=True, kw_only=True):
    """The host's clock as a message. It is the only way in which a machine learns the time, and never on the wire."""


class MemoryMeasured(Message, frozen=True, kw_only=True):
    """How full the memory of the server is, as its host tells a machine. Never on the wire.

    used: the share of the server's bound; 0 where it has none.
    """

    used: float


def derived_id(prefix: str, *causes: str | int | Decimal) -> str:
    """A short id that is the same for the same causes: the prefix, a dash, 20 hex digits."""
    digest = blake2b("\x1f".join(map(str, causes)).encode(), digest_size=10).hexdigest()
    return f"{prefix}-{digest}"


def truncate(text: str) -> str:
    """As much of it as a message's ``Text`` holds."""
    return text[:MAX_TEXT]
