"""What cannot be read goes to ``hs:dead`` with the reason, and nothing else stops for it."""

from typing import Any

from shared.domain.timeframes import SECOND_NS
from shared.messages.base import derived_id, truncate
from shared.messages.dead_letter import MessageRefused
from shared.ports.clock import Clock
from shared.ports.streams import Entry, Publisher

KEPT_BODY_BYTES = 4096
WARNED_EACH, WINDOW_NS = 5, 60 * SECOND_NS  # wall time; of a flood, the first few are logged, then every tenfold
UNREADABLE = ("$", "unreadable")


class DeadLetters:
    """The way to ``hs:dead`` for one consumer, which is the name of its service."""

    def __init__(self, consumer: str, bus: Publisher, clock: Clock, log: Any) -> None:
        self._consumer, self._bus, self._clock, self._log = consumer, bus, clock, log
        self._window_ns, self._refused = 0, 0

    async def put_entry(self, entry: Entry) -> None:
        """Put away an entry without a message."""
        await self.put(entry.stream, entry.id, entry.body, *(entry.fault or UNREADABLE))

    async def put(self, source: str, entry_id: str, body: bytes, field: str, reason: str) -> None:
        """Put away bytes that are no message.

        source: the stream or channel they came by. entry_id: empty for a channel.
        field, reason: what is wrong with them, and where (``$`` for the whole).
        """
        self._warn(source, entry_id, field, reason)
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

    def _warn(self, source: str, entry_id: str, field: str, reason: str) -> None:
        """A line in the log; under a flood a few, with the count of all since the window began."""
        now_ns = self._clock.wall_ns()
        if not 0 <= now_ns - self._window_ns < WINDOW_NS:
            self._window_ns, self._refused = now_ns, 0
        self._refused += 1
        if self._refused <= WARNED_EACH:
            self._log.warning("message_refused", source=source, entry=entry_id, field=field, reason=reason)
        elif str(self._refused).rstrip("0") == "1":
            self._log.warning("messages_refused", count=self._refused, source=source, field=field, reason=reason)
