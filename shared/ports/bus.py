"""The bus: streams that keep every message, channels that carry a live copy, and the writer leases of machines.

Two adapters keep this contract: ``adapters.redis.bus`` and its twin in memory, ``adapters.memory_bus``; the same tests
in ``tests/contracts`` run over both.
"""

from collections.abc import Sequence
from typing import Protocol

from shared.messages.base import Message
from shared.messages.keys import Keys
from shared.messages.market import BarClosed, BookSampled, MarkChanged
from shared.messages.orders import CancelProposed, OrderDecided, OrderProposed, StopRaised
from shared.ports.writer_lease import WriterLease

Proposal = OrderProposed | StopRaised | CancelProposed


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

    def writer_lease(self, service: str, inputs: Sequence[str], *, home: str) -> WriterLease:
        """``inputs``: stream keys in order of priority. ``home``: the key prefix with the hash tag of its state."""
        ...
