"""The envelope of what could not be read."""

from typing import Annotated

from msgspec import Meta

from shared.messages.base import Message, Name, Text, truncate


class MessageRefused(Message, frozen=True, kw_only=True):
    """Bytes that could not be read as a message, where they came from, and why.

    source: the stream or channel.
    entry: the stream entry's id; empty for a channel.
    field: where reading failed; ``$`` for the whole.
    reason: why, for people.
    body: the first 4096 bytes as they came.
    size_bytes: how long they were.
    consumer: the service that could not read them.
    """

    source: Annotated[str, Meta(max_length=128)]
    entry: Annotated[str, Meta(max_length=64)]
    field: Annotated[str, Meta(max_length=256)]
    reason: Text
    body: bytes
    size_bytes: int
    consumer: Name


class UnreadableReceived(Message, frozen=True, kw_only=True):
    """Bytes that the host could not read, as it tells its machine, so that their sender is answered. Never on the wire.

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
