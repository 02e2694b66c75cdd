"""What a machine fails at for good is set aside: kept on ``hs:dead``, and told of, so that the gate halts by name.

The gate reads ``hs:set-aside``, whoever failed. It is told before the cursor moves, so that nothing is passed over in
silence, wherever the process dies. The gate's own host tells its machine in the same commit as well: no proposal is
decided in between. Of a question nobody else is told, for nothing depends on it; whoever asked is answered.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from shared.messages.base import Message, derived_id, truncate
from shared.messages.catalogue import ASK, SET_ASIDE, TOPIC_OF, topic_of_key
from shared.messages.dead_letter import EntrySetAside, UnreadableReceived, message_refused
from shared.ports.bus import Bus
from shared.ports.clock import Clock
from shared.ports.streams import Entry
from shared.runtime.host.dead_letters import DeadLetters
from shared.runtime.host.failures import Failure


class SetAside:
    """Sets aside for one service.

    portfolio: whose service it is; empty for one that serves all portfolios.
    """

    def __init__(
        self, service: str, portfolio: str, bus: Bus, clock: Clock, log: Any, dead_letters: DeadLetters
    ) -> None:
        self._service, self._portfolio = service, portfolio
        self._bus, self._clock, self._log, self._dead_letters = bus, clock, log, dead_letters
        self._held: list[Failure] = []
        self._announcements: list[EntrySetAside] = []

    def take(
        self, item: Entry, message: Message, failure: Failure
    ) -> Sequence[EntrySetAside] | Sequence[UnreadableReceived]:
        """Pass something over; what has to be published waits for ``publish``. Returns what the machine has to hear.

        It is not told here that somebody failed at what is told here.
        """
        depended_on = topic_of_key(item.stream) not in (ASK, SET_ASIDE)
        announcements = (self._announcement(item, message, failure),) if depended_on else ()
        if not failure.announced:
            self._held.append(failure)
            self._announcements += announcements
            reason = f"{self._service} fails at it: {failure.reason}"
            refused = message_refused(message, time_ns=self._clock.now_ns(), field="$", reason=reason)
            self._dead_letters.hold_refusals([refused], item)
            self._log.error("entry_set_aside", source=item.stream, entry=item.id, reason=failure.reason)
        return announcements or self.unanswered(item, failure.reason)

    def unanswered(self, item: Entry, reason: str) -> Sequence[UnreadableReceived]:
        """What the machine is told of a question that it failed at, so that whoever asked hears so; of other things
        nothing.

        It answers it as one that nobody could read.
        """
        question = item.message
        if question is None or TOPIC_OF.get(type(question)) is not ASK:
            return ()
        failed = f"{self._service} failed at this question: {reason[:512]}"
        remedy = "Ask no more like it until an operator has looked (machine_failed in the log)"
        told = UnreadableReceived(
            id=derived_id("unanswered", question.id),
            time_ns=self._clock.now_ns(),
            topic=ASK.name,
            source=item.stream,
            entry="",
            field="$",
            reason=f"{failed}. {remedy}",
            parts={"id": question.id, "reply_to": str(getattr(question, "reply_to", ""))},
        )
        return (told,)

    def take_unreadable(self, stream: str, reason: str) -> EntrySetAside:
        """An input that is no stream is passed over whole; what has to be published waits for ``publish``."""
        announcement = EntrySetAside(
            id=derived_id("aside", self._service, stream, reason),
            time_ns=self._clock.now_ns(),
            service=self._service,
            portfolio=self._portfolio,
            source=stream[:128],
            reason=truncate(reason),
        )
        if topic_of_key(stream) is not SET_ASIDE:  # where nobody hears what is told
            self._announcements.append(announcement)
        self._log.error("input_unreadable", source=stream, reason=reason)
        return announcement

    def lost(self, losses: Mapping[str, int], cursors: Mapping[str, str]) -> Sequence[EntrySetAside]:
        """Entries that are gone, and that nobody had read; what has to be published waits for ``publish``."""
        found = []
        for stream, count in losses.items():
            after = cursors.get(stream, "0-0")
            found.append(
                EntrySetAside(
                    id=derived_id("lost", self._service, self._portfolio, stream, after),
                    time_ns=self._clock.now_ns(),
                    service=self._service,
                    portfolio=self._portfolio,
                    source=stream[:128],
                    entry=after,
                    message=f"{count} entries after",
                    reason="they were taken out of the stream before they were read: find out who did it",
                )
            )
        self._announcements += found
        return found

    def hold_told(self, made: Sequence[Message]) -> Sequence[Message]:
        """What a machine made, without what it sets aside by itself: that is told before the commit as well."""
        if not any(type(message) is EntrySetAside for message in made):
            return made
        self._announcements += [message for message in made if isinstance(message, EntrySetAside)]
        return [message for message in made if type(message) is not EntrySetAside]

    @property
    def has_to_tell(self) -> bool:
        """Whether something was passed over since the last call of ``publish``."""
        return bool(self._announcements)

    async def publish(self) -> None:
        """Tell of what was passed over since the last call; its dead letters went out before."""
        if self._announcements:
            await self._bus.publish(self._announcements)
        for failure in self._held:
            failure.announced = True
        self._held.clear()
        self._announcements.clear()

    def _announcement(self, item: Entry, message: Message, failure: Failure) -> EntrySetAside:
        return EntrySetAside(
            id=derived_id("aside", self._service, item.stream, item.id or message.id),
            time_ns=self._clock.now_ns(),
            cause=message.id,
            trace=message.trace_id,
            service=self._service,
            portfolio=self._portfolio,
            source=item.stream[:128],
            entry=item.id,
            message=type(message).__name__,
            symbol=str(getattr(message, "symbol", "")),
            reason=failure.reason,
        )
