"""Streams as their readers see them."""

from typing import NamedTuple

from shared.messages.base import Message


class Entry(NamedTuple):
    """One stream entry as it was read: a message, or the reason why it is none.

    stream: the key of the stream.
    id: the entry's id, which says its place in the stream (see ``entry_order``).
    message: what stands in it; None when it cannot be read.
    body: the bytes of the message as they came.
    fault: which field is wrong, and why; None when all is well.
    """

    stream: str
    id: str
    message: Message | None
    body: bytes = b""
    fault: tuple[str, str] | None = None


def entry_order(entry_id: str) -> tuple[int, int]:
    """What entries of a stream sort by: milliseconds, then number. Text would sort ``10-0`` before ``9-0``."""
    milliseconds, _, number = entry_id.partition("-")
    return int(milliseconds), int(number or 0)
