"""The envelope of what could not be read."""

from typing import Annotated

from msgspec import Meta

from shared.messages.base import Message, Name, Text


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
