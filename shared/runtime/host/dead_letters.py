"""What cannot be read, or not be believed, goes to ``hs:dead`` with the reason, and nothing else stops for it."""

from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from shared.adapters.codec import encode
from shared.messages.base import Message, derived_id, truncate
from shared.messages.dead_letter import MessageRefused
from shared.ports.clock import Clock
from shared.ports.streams import Entry, Publisher

KEPT_BODY_BYTES = 4096
UNREADABLE = ("$", "unreadable")


class DeadLetters:
    """The way to ``hs:dead`` for one consumer, which is the name of its service."""

    def __init__(self, consumer: str, bus: Publisher, clock: Clock, log: Any) -> None:
        self._consumer, self._bus, self._clock, self._log = consumer, bus, clock, log
        self._held: list[MessageRefused] = []

    async def put_entry(self, entry: Entry) -> None:
        """Put away an entry without a message."""
        await self.put(entry.stream, entry.id, entry.body, *(entry.fault or UNREADABLE))

    async def put(self, source: str, entry_id: str, body: bytes, field: str, reason: str) -> None:
        """Put away bytes that are no message.

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

    # --- what a machine refuses -----------------------------------------------------------------------------------

    def hold_refusals(self, made: Sequence[Message], entry: Entry) -> Sequence[Message]:
        """What a machine made of an entry, without its refusals: those are completed, and wait to be put away."""
        refusals = [message for message in made if isinstance(message, MessageRefused)]
        if not refusals:
            return made
        self._held += (self._completed(refused, entry) for refused in refusals)
        return [message for message in made if not isinstance(message, MessageRefused)]

    async def put_refusals(self) -> None:
        """Put away what was held.

        Apart from the commit, because ``hs:dead`` is shared by all portfolios and may stand in another slot; and before
        it, so that a crash in between repeats a refusal instead of losing it.
        """
        if not self._held:
            return
        refusals, self._held = self._held, []
        for refused in refusals:
            self._log.warning(
                "message_refused",
                source=refused.source,
                entry=refused.entry,
                field=refused.field,
                reason=refused.reason,
                message=refused.cause,
            )
        await self._bus.publish(refusals)

    def _completed(self, refused: MessageRefused, entry: Entry) -> MessageRefused:
        body = entry.body or (encode(entry.message) if entry.message is not None else b"")
        return replace(
            refused,
            source=entry.stream[:128],
            entry=entry.id,
            body=body[:KEPT_BODY_BYTES],
            size_bytes=len(body),
            consumer=self._consumer,
        )
