"""The bus: streams that keep every message, channels that carry a live copy, and the seat of a machine on them.

Two adapters keep this contract: ``adapters.redis_bus`` and its twin in memory, ``adapters.memory_bus``; the same tests
in ``tests/contracts`` run over both.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import NamedTuple, Protocol

from msgspec import Struct

from shared.domain.machine import ReservationCheck
from shared.messages.base import Message
from shared.messages.keys import Keys
from shared.messages.market import BarClosed, BookSampled, MarkChanged
from shared.messages.orders import CancelProposed, OrderDecided, OrderProposed, StopRaised

Proposal = OrderProposed | StopRaised | CancelProposed


class BusLostError(ConnectionError):
    """The server went away or its reply did not arrive: what was under way may or may not have happened."""


class FencedError(RuntimeError):
    """Another process took this seat over: stop at once."""


class StateGoneError(RuntimeError):
    """The server no longer has what this process stored there: emptied, replaced, or its last writes lost.

    Nothing may go on from there by itself: a ledger that begins anew would approve what the old one could not.
    """


class CorruptStateError(RuntimeError):
    """The stored records do not match their digest, or entries that they depend on are missing: refuse to start."""


class CommitRefusedError(RuntimeError):
    """A check of the commit itself found it wrong (sequence, heat over the limit, a key of another type, a message that
    is longer than what is read); nothing was written.
    """


class AlreadyDecidedError(RuntimeError):
    """Orders in the commit were decided before. Nothing was written; ``decisions`` are the stored ones."""

    def __init__(self, decisions: Sequence[OrderDecided]) -> None:
        super().__init__(", ".join(decision.order_id for decision in decisions))
        self.decisions = tuple(decisions)


class Entry(NamedTuple):
    """One stream entry as read: a message, or the reason why it is none."""

    stream: str
    id: str
    message: Message | None
    body: bytes = b""
    fault: tuple[str, str] | None = None  # field, reason


class Commit(Struct, kw_only=True):
    """All that follows from a batch of messages; it happens together or not at all.

    outputs: messages to append and publish. records: state rows by key, None to delete. cursors: the last entry handled
    per stream. handled: entries to acknowledge. seq: one more than the last commit's. digest: of all records after it.
    """

    seq: int
    outputs: Sequence[Message]
    records: Mapping[str, bytes | None]
    cursors: Mapping[str, str]
    handled: Sequence[tuple[str, str]]
    digest: int
    reservation_checks: Sequence[ReservationCheck] = ()


class Snapshot(Struct, kw_only=True):
    """What a seat's last commit left: see ``Commit``."""

    seq: int
    records: Mapping[str, bytes]
    cursors: Mapping[str, str]
    digest: int


def entry_order(entry_id: str) -> tuple[int, int]:
    """Entries of a stream sort by this: milliseconds, then number."""
    milliseconds, _, number = entry_id.partition("-")
    return int(milliseconds), int(number or 0)


class Seat(Protocol):
    """One machine's place on the bus: its inputs, its stored state, and the right to read them as the one writer.

    losses: entries per stream that were gone before they were handled, as ``acquire`` found them.
    """

    losses: Mapping[str, int]

    async def acquire(self) -> int:
        """Become the one writer; returns the epoch. Waits while another holder is alive.

        Whoever held the seat before can neither commit nor read from then on.
        """
        ...

    async def release(self) -> None: ...

    async def renew(self) -> None:
        """Say that this writer is alive. Raises ``FencedError`` when it no longer is the writer, ``StateGoneError``
        when nobody is."""
        ...

    async def load(self) -> Snapshot: ...

    def history(self, stream: str, up_to: str) -> AsyncIterator[Entry]:
        """Retained entries, oldest first, up to and including an id."""
        ...

    async def pending(self) -> Sequence[Entry]:
        """Entries that an earlier holder of the seat was given and did not handle."""
        ...

    async def read(self, wait_ms: int) -> Sequence[Entry]:
        """New entries of all inputs, in the inputs' order, waiting at most ``wait_ms``; a bounded number of each."""
        ...

    async def commit(self, commit: Commit) -> None: ...


class Bus(Protocol):
    """What every process may do. keys: where the messages of this bus's portfolio stand."""

    keys: Keys

    async def publish(self, messages: Sequence[Message]) -> None:
        """Append each message to its stream and publish the copy on its channel."""
        ...

    async def publish_bars(self, bars: Sequence[BarClosed]) -> int:
        """Append bars that are newer than their pair's last one; returns how many were. Atomic per timeframe."""
        ...

    async def bar_watermarks(self, timeframe: str) -> dict[str, int]:
        """Open time (ns) of the last bar published per pair."""
        ...

    async def set_marks(self, marks: Sequence[MarkChanged]) -> None: ...

    async def marks(self) -> dict[str, MarkChanged]: ...

    async def set_books(self, books: Sequence[BookSampled]) -> None: ...

    async def books(self) -> dict[str, BookSampled]: ...

    async def take_in(self, proposal: Proposal) -> bool:
        """Make a proposal that came by PUBLISH durable, unless its stream has it already; says whether it was new."""
        ...

    async def echo(self, messages: Sequence[Message]) -> None:
        """Publish copies on the channels only: answers to what was asked once more."""
        ...

    async def answer(self, answers: Sequence[Message]) -> None:
        """Publish each on the channel its asker named (see ``Keys.reply_channel``); kept nowhere."""
        ...

    async def decision(self, order_id: str) -> OrderDecided | None: ...

    async def latest(self, key: str, count: int = 1) -> list[Message]:
        """The newest messages of a stream, newest first. What can't be read is left out."""
        ...

    def seat(self, service: str, inputs: Sequence[str], *, home: str) -> Seat:
        """``inputs``: stream keys in order of priority. ``home``: the key prefix with the hash tag of its state."""
        ...
