"""What a service could do nothing with.

``MessageRefused`` is the letter on ``hs:dead``, of what could not be read, was not believed, or was failed at.
``EntrySetAside`` tells the gate what was passed over, so that it halts what depends on it. ``UnreadableReceived`` is
how a host tells its own machine of bytes whose sender is to be answered; it never leaves the process.
"""

from typing import Annotated, NamedTuple

from msgspec import Meta

from shared.messages.base import Message, Name, PortfolioOrEmpty, Text, derived_id, truncate


class MessageRefused(Message, frozen=True, kw_only=True):
    """Bytes that could not be read as a message, or a message that a machine does not believe; from where, and why.

    cause: the message's id, where it is one.
    source: the stream or channel.
    entry: the stream entry's id; empty for a channel.
    field: where reading failed, or which field is not believed; ``$`` for the whole.
    reason: why, for people.
    body: the first 4096 bytes as they came.
    size_bytes: how long they were.
    consumer: the service that refused them.
    """

    source: Annotated[str, Meta(max_length=128)]
    entry: Annotated[str, Meta(max_length=64)]
    field: Annotated[str, Meta(max_length=256)]
    reason: Text
    body: bytes
    size_bytes: int
    consumer: Name


class EntrySetAside(Message, frozen=True, kw_only=True):
    """An entry that a service failed at again and again, and passed over; or a bar at which a strategy file failed.

    The gate halts what depends on it. The entry itself stands on ``hs:dead``.

    cause: the id of the message that it held.
    service: who failed at it.
    portfolio: whose service that is; empty for one that serves all portfolios.
    source: the stream or channel; ``time`` for the passing of time.
    entry: the stream entry's id, or the bar's own where a strategy failed at it; empty for a channel.
    message: the type of the message.
    symbol: the pair that the message is about; empty for none.
    reason: why, for people.
    """

    service: Name
    source: Annotated[str, Meta(max_length=128)]
    portfolio: PortfolioOrEmpty = ""
    entry: Annotated[str, Meta(max_length=64)] = ""
    message: Annotated[str, Meta(max_length=64)] = ""
    symbol: Annotated[str, Meta(max_length=32)] = ""
    reason: Text = ""

    @property
    def told_sender(self) -> str:
        """What the sender of the entry hears: that it was not handled, and what to do."""
        failed = f"{self.service} failed at it, so it was set aside and not handled: {self.reason[:512]}"
        return f"{failed}. Send no more like it until an operator has looked (heatsink tail dead --last 5)"


class UnreadableReceived(Message, frozen=True, kw_only=True):
    """Bytes that the host could not read, as it tells its machine, so that their sender is answered. Never on the wire.

    So it tells of questions, too, that the machine failed at.

    id: of where they stood; the same when a step is repeated.
    topic: the name of the topic that they came by.
    source, entry, field, reason: as in ``MessageRefused``.
    parts: what can be told of them nevertheless: short texts, by the names of their fields.
    """

    topic: str
    source: str
    entry: str
    field: str
    reason: str
    parts: dict[str, str]

    @property
    def bare_field(self) -> str:
        """The field as its writer would name it."""
        return self.field.removeprefix("$.")[:256]

    @property
    def sentence(self) -> str:
        """Field and reason."""
        return truncate(f"{self.bare_field}: {self.reason}".removeprefix("$: "))


class Doubt(NamedTuple):
    """What a machine does not believe of a message. field: which one. reason: why, for people."""

    field: str
    reason: str


def message_refused(message: Message, *, time_ns: int, field: str, reason: str) -> MessageRefused:
    """What a machine gives out for a message that it does not believe, while it handles that message.

    Its host adds what only the host knows: where the message stood, its bytes, and who refused it.
    """
    return MessageRefused(
        id=derived_id("dead", message.id, field, reason),
        time_ns=time_ns,
        cause=message.id,
        trace=message.trace_id,
        source="",
        entry="",
        field=field[:256],
        reason=truncate(reason),
        body=b"",
        size_bytes=0,
        consumer="",
    )
