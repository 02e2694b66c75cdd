"""Streams, which keep every message, and the channels of the same names, which carry a live copy of it."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import NamedTuple, Protocol

from shared.messages.base import Message


class Entry(NamedTuple):
    """One stream entry as it was read: a message, or the reason why it is none.

    stream: the key of the stream.
    id: the entry's id, which says its place in the stream (see ``entry_order``).
    message: what stands in it; None when it cannot be read.
    body: the bytes of the message as they came.
    fault: which field is wrong, and why; None when all is well.
    size_bytes: how long an entry is of which ``body`` has the beginning only; 0 for all others.
    signature: what its writer signed it with (``ports.signatures``); empty for none.
    """

    stream: str
    id: str
    message: Message | None
    body: bytes = b""
    fault: tuple[str, str] | None = None
    size_bytes: int = 0
    signature: bytes = b""


class Reader(NamedTuple):
    """How far a group of readers is in a stream.

    stream: the key of the stream.
    group: the group's name; a service's begins with the service's name and a colon.
    lag: entries that were not given to it yet; None where the server cannot tell.
    pending: entries that it was given and did not acknowledge yet.
    """

    stream: str
    group: str
    lag: int | None
    pending: int


def entry_order(entry_id: str) -> tuple[int, int]:
    """What entries of a stream sort by: milliseconds, then number. As text, ``10-0`` would come before ``9-0``."""
    milliseconds, _, number = entry_id.partition("-")
    return int(milliseconds), int(number or 0)


class Publisher(Protocol):
    """Where messages go out."""

    async def publish(self, messages: Sequence[Message]) -> None:
        """Append each message to its streams, and publish the copies on the channels of the same names.

        Raises ``TooLongError`` for a message that is longer than what is read, and then writes none of them.
        """
        ...


class StreamReader(Protocol):
    """Reads streams and leaves no trace there: for those who watch. A machine reads by its ``WriterLease``."""

    async def latest(self, key: str, count: int = 1) -> list[Message]:
        """The newest ``count`` entries of a stream, newest first. What cannot be read is left out."""
        ...

    async def stream_ends(self, streams: Sequence[str]) -> dict[str, str]:
        """The id of each stream's last entry, ``0-0`` for an empty one: cursors for all that comes after now."""
        ...

    async def read_from(self, cursors: dict[str, str], wait_ms: int) -> list[Entry]:
        """The entries after each stream's cursor, stream by stream, a bounded number of each.

        Waits for something to come, at most ``wait_ms`` milliseconds. The cursors move along. One that is ``$`` stands
        for the end of its stream at the first call.
        """
        ...

    async def clients(self) -> Sequence[str]:
        """The names of all clients that have a queue of their own (``Keys.of_client``), in order."""
        ...

    async def readers(self, streams: Sequence[str]) -> list[Reader]:
        """Every reading group of these streams, but for those of another portfolio's machines.

        A stream that does not exist yet has none.
        """
        ...


class Listener(Protocol):
    """Hears the live copies on some channels."""

    async def next(self, timeout_seconds: float) -> tuple[str, bytes] | None:
        """The next channel and message, as bytes; None when none came in time."""
        ...


class LiveChannels(Protocol):
    """Channels only: what goes out here is kept nowhere."""

    def listen(self, *channels: str) -> AbstractAsyncContextManager[Listener]:
        """Hear some channels while the block lasts, and miss nothing from its beginning on.

        Lossy by nature: a listener that is too slow loses copies. What must not be lost is read from the streams.
        """
        ...

    async def echo(self, messages: Sequence[Message]) -> None:
        """Publish each message on the channel of its topic: questions, and decisions that were asked for once more."""
        ...

    async def answer(self, answers: Sequence[Message]) -> None:
        """Publish each on the channel that its asker named (see ``Keys.reply_channel``), where that is allowed."""
        ...
