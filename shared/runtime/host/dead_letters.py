"""What cannot be read, or not be believed, goes to ``hs:dead`` with the reason, and nothing else stops for it.

The sender of what could not be read is answered by the machine, which is told of it.
"""

from collections.abc import Sequence
from typing import Any

from msgspec import structs

from shared.adapters.codec import encode
from shared.adapters.unreadable import parts_of
from shared.messages.base import MAX_TEXT, Message, derived_id, truncate
from shared.messages.catalogue import topic_of_key
from shared.messages.dead_letter import MessageRefused, UnreadableReceived
from shared.ports.clock import Clock
from shared.ports.errors import MisplacedKeyError
from shared.ports.streams import Entry, Publisher
from shared.runtime.few_lines import FewLines

KEPT_BODY_BYTES = 4096
LETTERS_EACH = 1_000  # within the log's window; of more, each step tells of the first of a kind and counts the others
LOGGED_WHOLE = 5  # of letters for which there is no place
UNREADABLE = ("$", "unreadable")


class DeadLetters:
    """The way to ``hs:dead`` for one consumer, which is the name of its service."""

    def __init__(self, consumer: str, bus: Publisher, clock: Clock, log: Any) -> None:
        self._consumer, self._bus, self._clock, self._log = consumer, bus, clock, log
        self._held: list[MessageRefused] = []
        self._few = FewLines()

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

    def take_held(self) -> Sequence[MessageRefused]:
        """What was held, to be put away by a commit."""
        held, self._held = self._held, []
        return held if self._few.count <= LETTERS_EACH else _condensed(held)

    async def put_held(self) -> None:
        """Put away what was held, apart from a commit: ``hs:dead`` is shared by all portfolios, and on a cluster it may
        stand in another slot. That is before the commit, so that a crash in between repeats a letter and loses none.
        """
        if self._held:
            await self.put_all(self.take_held())

    async def put_all(self, letters: Sequence[MessageRefused]) -> None:
        """Put these away."""
        try:
            await self._bus.publish(letters)
        except MisplacedKeyError as error:  # nobody stops because there is no place for what is refused: the log has it
            for letter in letters[:LOGGED_WHOLE]:
                self._log.error(
                    "dead_letter_unwritten",
                    source=letter.source,
                    entry=letter.entry,
                    field=letter.field,
                    reason=letter.reason,
                    body=letter.body.hex(),
                )
            self._log.error("dead_letters_unwritten", count=len(letters), reason=str(error))

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
            size_bytes=entry.size_bytes or len(entry.body),
            consumer=self._consumer,
        )

    def _warn(self, letter: MessageRefused) -> None:
        """A line in the log; under a flood a few, with the count of all since the window began."""
        if not self._few.take(self._clock.wall_ns()):
            return
        fields = {"source": letter.source, "field": letter.field, "reason": letter.reason}
        if letter.cause:
            fields["message"] = letter.cause
        if self._few.is_each:
            self._log.warning("message_refused", entry=letter.entry, **fields)
        else:
            self._log.warning("messages_refused", count=self._few.count, **fields)


def _condensed(letters: Sequence[MessageRefused]) -> Sequence[MessageRefused]:
    """Of entries that are refused alike the first, which says how many more there are; what has a cause stays."""
    alike: dict[tuple[str, str], list[MessageRefused]] = {}
    for letter in letters:
        alike.setdefault((letter.source, letter.cause), []).append(letter)
    return [_with_count(group) for group in alike.values()]


def _with_count(letters: Sequence[MessageRefused]) -> MessageRefused:
    first, last = letters[0], letters[-1]
    if len(letters) == 1:
        return first
    more = f"; and {len(letters) - 1} more were refused, up to {last.entry or last.id}: too many to keep each"
    return structs.replace(first, reason=truncate(first.reason[: MAX_TEXT - len(more)] + more))


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
