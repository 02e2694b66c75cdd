"""What cannot be read goes to ``hs:dead`` with the reason, and nothing else stops for it. Its sender is answered by the
machine, which is told of it.
"""

from typing import Any

from shared.adapters.forgiving import parts_of
from shared.messages.base import derived_id, truncate
from shared.messages.catalogue import topic_of_key
from shared.messages.dead_letter import MessageRefused, UnreadableReceived
from shared.ports.clock import Clock
from shared.ports.streams import Entry, Publisher

KEPT_BODY_BYTES = 4096
UNREADABLE = ("$", "unreadable")


class DeadLetters:
    """The way to ``hs:dead`` for one consumer, which is the name of its service."""

    def __init__(self, consumer: str, bus: Publisher, clock: Clock, log: Any) -> None:
        self._consumer, self._bus, self._clock, self._log = consumer, bus, clock, log

    async def put_entry(self, entry: Entry) -> UnreadableReceived:
        """Put away an entry without a message."""
        return await self.put(entry.stream, entry.id, entry.body, *(entry.fault or UNREADABLE))

    async def put(self, source: str, entry_id: str, body: bytes, field: str, reason: str) -> UnreadableReceived:
        """Put away bytes that are no message; gives back what a machine needs to answer their sender.

        source: the stream or channel they came by. entry_id: empty for a channel.
        field, reason: what is wrong with them, and where (``$`` for the whole).
        """
        self._log.warning("message_refused", source=source, entry=entry_id, field=field, reason=reason)
        refused = MessageRefused(
            id=derived_id("dead", source, entry_id, body.hex()),
            time_ns=self._clock.now_ns(),
            source=source[:128],
            entry=entry_id,
            field=field[:256],
            reason=truncate(reason),
            body=body[:KEPT_BODY_BYTES],
            size_bytes=len(body),
            consumer=self._consumer,
        )
        await self._bus.publish([refused])
        topic = topic_of_key(source)
        return UnreadableReceived(
            id=derived_id("unreadable", source, entry_id, body.hex()),
            time_ns=refused.time_ns,
            topic=topic.name if topic is not None else "",
            source=source,
            entry=entry_id,
            field=field,
            reason=reason,
            parts=parts_of(body),
        )
