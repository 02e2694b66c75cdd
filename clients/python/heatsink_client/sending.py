"""A message on its way, and the answer to it.

Before anything is sent, the end of the stream of answers is noted, and whatever stands behind that point is read. So no
answer can come too early, and none is lost with a connection: the stream has it. What was sent may be sent again at any
time, for one id gets one answer that counts. The channels are not used at all.
"""

from typing import Any

from redis.exceptions import ResponseError

from heatsink_client.answers import Arrived
from heatsink_client.messages import Message
from heatsink_client.steps import (
    BLOCK_SECONDS,
    PAUSE_SECONDS,
    Deadline,
    LostError,
    Operation,
    Pause,
    Place,
    call,
    entries_in,
    newest_id,
    position,
    read_after,
)
from heatsink_client.wire import pack, unpack

REFUSALS = ("NAME", "SIZE", "MALFORMED", "CLIENTS", "QUOTA")  # of the functions that take what clients send


class Refused(Exception):  # noqa: N818 - an answer, not a fault
    """The server did not take it, for good: nothing was written."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code, self.reason = code, reason


class Deaf(Exception):  # noqa: N818 - an answer, not a fault
    """The server does not let us read answers: what was sent may be decided, and we never hear how."""


class Sending:
    """One message, put on the stream ``into``; its answer stands on ``answers``, with the message's id as its cause.

    silence: why nobody answered, if nobody does. arrived: whether the server has it. reason: why there is none yet.
    """

    into: str
    answers: str
    silence: str

    def __init__(self, place: Place, message: Message) -> None:
        self.place, self.message, self.body = place, message, pack(message)
        self.key = place.key(self.answers)
        self.cursor = ""  # from before it was sent first
        self.entry = ""
        self.arrived: Arrived = "no"
        self.reason = "there was no time to send it"

    def run(self, until: Deadline) -> Operation[Message | None]:
        """The answer; None when none came in time. Raises ``Refused``."""
        while True:
            try:
                return (yield from self._attempt(until))
            except Deaf as deaf:
                self.reason = str(deaf)
                return None
            except LostError as lost:
                self.reason = f"the server did not answer: {lost}"
            if until.left <= 0:
                return None
            yield Pause(min(PAUSE_SECONDS, until.left))

    def _attempt(self, until: Deadline) -> Operation[Message | None]:
        rows, *stored = yield from call(("XREVRANGE", self.key, "+", "-", "COUNT", 1), *self._stored_at())
        if isinstance(rows, Exception):
            raise Refused("not_allowed", self.place.unreadable(rows))
        answer, end = self._answer_in(stored), newest_id(rows)
        if self.cursor and answer is None:
            self.cursor = min(self.cursor, end, key=position)  # another server's entries may have lower ids
            answer = yield from self._read(0.0)  # it was sent before
        self.cursor = self.cursor or end
        answer = answer or (yield from self._send())
        while answer is None and until.left > 0:
            answer = yield from self._read(min(BLOCK_SECONDS, until.left))
        return answer

    def _send(self) -> Operation[Message | None]:
        """Put it where it belongs; the answer, where the server has it at once."""
        before = self.arrived
        self.arrived = "yes" if before == "yes" else "maybe"  # until the reply tells
        reply = yield from self._put()
        if isinstance(reply, Exception):
            self.arrived = before
            raise Refused(*self._code_of(str(reply)))
        self.arrived, self.reason = "yes", self.silence
        return self._taken_in(reply)

    # --- what a kind of message has of its own ------------------------------------------------------------------------

    def _put(self) -> Operation[Any]:
        """By the function for it, into the queue of this client; and by XADD where the server has none. But who signs
        has no other way than that queue.
        """
        key, function = self.place.key(self.into), self.place.function(self.into)
        if function:
            queue, signed = self.place.client_key(self.into), self.place.signed(self.into, self.body)
            [reply] = yield from call(("FCALL", function, 2, key, queue, self.body, *signed))
            if signed or not (isinstance(reply, ResponseError) and _is_no_function(str(reply))):
                return reply
            self.place.missing.add(self.into)
        [reply] = yield from call(("XADD", key, "*", "m", self.body))
        return reply

    def _taken_in(self, reply: Any) -> Message | None:
        """Where it stands now; and the answer, if it came with the reply."""
        state, given = reply if isinstance(reply, list) else (b"QUEUED", reply)
        if state != b"QUEUED":
            return self._known(given)
        self.entry = given.decode()
        return None

    def _known(self, answer: bytes) -> Message | None:
        """The answer that the server had already, in bytes, if it is about this very message."""
        return None

    def _code_of(self, error: str) -> tuple[str, str]:
        """What the server's refusal means."""
        word, _, rest = error.partition(" ")
        if word in REFUSALS:
            return word.lower(), rest
        if "permission" in error.lower():
            error = f"the user in the address may not write as client {self.place.client!r}: {error}"
        return "not_allowed", error

    def _stored_at(self) -> tuple[tuple[Any, ...], ...]:
        """The commands that bring what was answered before, if that is kept."""
        return ()

    def _answer_in(self, stored: list[Any]) -> Message | None:
        """The answer, in what they brought."""
        return None

    def _matches(self, answer: Message) -> bool:
        return answer.cause == self.message.id

    def _confirmed(self, answer: Message) -> Operation[Message]:
        """The answer that counts."""
        yield from ()
        return answer

    # --- reading ------------------------------------------------------------------------------------------------------

    def _read(self, seconds: float) -> Operation[Message | None]:
        """The next entries, and among them the answer."""
        while True:
            [reply] = yield from call(read_after(self.key, self.cursor, seconds))
            if isinstance(reply, Exception):
                raise Deaf(self.place.unreadable(reply))
            found = entries_in(reply)
            for entry_id, body in found:
                self.cursor = entry_id
                answer = unpack(body) if self._may_name_it(body) else None
                if answer is not None and self._matches(answer):
                    return (yield from self._confirmed(answer))
            if not found or seconds > 0:
                return None

    def _may_name_it(self, body: bytes) -> bool:
        """Somebody else's answers are not worth reading."""
        return any(name.encode() in body for name in (self.message.id, self.entry) if name)


def _is_no_function(error: str) -> bool:
    text = error.lower()
    return "function not found" in text or "unknown command" in text or "fcall" in text
