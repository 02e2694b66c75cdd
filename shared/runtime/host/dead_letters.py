"""What cannot be read, or not be believed, goes to ``hs:dead`` with the reason, and nothing else stops for it.

The sender of what could not be read is answered by the machine, which is told of it.
"""

from collections.abc import Sequence
from typing import Any

from shared.adapters.codec import encode
from shared.adapters.unreadable import parts_of
from shared.domain.timeframes import SECOND_NS
from shared.messages.base import Message, derived_id, truncate
from shared.messages.catalogue import topic_of_key
from shared.messages.dead_letter import MessageRefused, UnreadableReceived
from shared.ports.clock import Clock
from shared.ports.errors import MisplacedKeyError
from shared.ports.streams import Entry, Publisher

KEPT_BODY_BYTES = 4096
WARNED_EACH, WINDOW_NS = 5, 60 * SECOND_NS  # wall time; of a flood, the first few are logged, then every tenfold
UNREADABLE = ("$", "unreadable")


class DeadLetters:
    """The way to ``hs:dead`` for one consumer, which is the name of its service."""

    def __init__(self, consumer: str, bus: Publisher, clock: Clock, log: Any) -> None:
        self._consumer, self._bus, self._clock, self._log = consumer, bus, clock, log
        self._held: list[MessageRefused] = []
        self._window_ns, self._refused = 0, 0

    async def put(self, source: str, body: bytes, field: str, reason: str) -> UnreadableReceived:
        """Put away bytes that came by a channel and are no message; gives back what a machine needs to answer.

        field, reason: what is wrong with them, and where (``$`` for the whole).
        """
        entry = Entry(source, "", None, body)
        letter = self._letter(entry, field, reason)
        self._hold(letter)
        await self.put_held()
        return _received(entry, letter)

    # --- with a commit --------------------------------------------------------------------------------------------

    def hold_entry(self, entry: Entry) -> UnreadableReceived:
        """An entry without a message waits to be put away; gives back what a machine needs to answer its sender."""
        letter = self._letter(entry, *(entry.fault or UNREADABLE))
        self._hold(letter)
        return _received(entry, letter)

    def hold_refusals(self, made: Sequence[Message], entry: Entry) -> Sequence[Message]:
        """What a machine made of an entry, without its refusals: those are completed, and wait to be put away."""
        refusals = [message for message in made if type(message) is MessageRefused]
        if not refusals:
            return made
        body = entry.body or (encode(entry.message) if entry.message is not None else b"")
        for refused in refusals:
            self._hold(self._letter(entry._replace(body=body), refused.field, refused.reason, refused))
        return [message for message in made if type(message) is not MessageRefused]

    async def put_held(self) -> None:
        """Put away what was held.

        Apart from the commit, because ``hs:dead`` is shared by all portfolios and may stand in another slot; and before
        it, so that a crash in between repeats a letter instead of losing it.
        """
        if not self._held:
            return
        held, self._held = self._held, []
        try:
            await self._bus.publish(held)
        except MisplacedKeyError as error:  # nobody stops because there is no place for what is refused: the log has it
            for letter in held[:WARNED_EACH]:
                self._log.error(
                    "dead_letter_unwritten",
                    source=letter.source,
                    entry=letter.entry,
                    field=letter.field,
                    reason=letter.reason,
                    body=letter.body.hex(),
                )
            self._log.error("dead_letters_unwritten", count=len(held), reason=str(error))

    def _hold(self, letter: MessageRefused) -> None:
        self._warn(letter)
        self._held.append(letter)

    def _letter(self, entry: Entry, field: str, reason: str, of: MessageRefused | None = None) -> MessageRefused:
        """of: the refusal of a machine, where it is one."""
        return MessageRefused(
            id=of.id if of else derived_id("dead", entry.stream, entry.id, entry.body.hex()),
            time_ns=self._clock.now_ns(),
            cause=of.cause if of else "",
            trace=of.trace if of else "",
            source=entry.stream[:128],
            entry=entry.id,
            field=field[:256],
            reason=truncate(reason),
            body=entry.body[:KEPT_BODY_BYTES],
            size_bytes=len(entry.body),
            consumer=self._consumer,
        )

    def _warn(self, letter: MessageRefused) -> None:
        """A line in the log; under a flood a few, with the count of all since the window began."""
        now_ns = self._clock.wall_ns()
        if not 0 <= now_ns - self._window_ns < WINDOW_NS:
            self._window_ns, self._refused = now_ns, 0
        self._refused += 1
        fields = {"source": letter.source, "field": letter.field, "reason": letter.reason}
        if letter.cause:
            fields["message"] = letter.cause
        if self._refused <= WARNED_EACH:
            self._log.warning("message_refused", entry=letter.entry, **fields)
        elif str(self._refused).rstrip("0") == "1":
            self._log.warning("messages_refused", count=self._refused, **fields)


def _received(entry: Entry, letter: MessageRefused) -> UnreadableReceived:
    topic = topic_of_key(entry.stream)
    return UnreadableReceived(
        id=derived_id("unreadable", entry.stream, entry.id, entry.body.hex()),
        time_ns=letter.time_ns,
        topic=topic.name if topic is not None else "",
        source=entry.stream,
        entry=entry.id,
        field=letter.field,
        reason=letter.reason,
        parts=parts_of(entry.body),
    )
