"""Proposals, and the answers to them.

Before anything is sent, the end of the stream of answers is noted, and whatever stands behind that point is read. So no
answer can come too early, and none is lost with a connection: the stream has it. What was sent may be sent again at any
time, for one id gets one verdict. The channels are not used at all.
"""

from typing import Any

from redis.exceptions import ResponseError

from heatsink_client.answers import Answer, Arrived, Verdict, is_same_order
from heatsink_client.messages import (
    MAX_MESSAGE_BYTES,
    CancelDecided,
    CancelProposed,
    Message,
    OrderDecided,
    OrderProposed,
    ProposalRefused,
    StopApproved,
    StopRaised,
)
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
from heatsink_client.wire import pack, read_as, unpack

Taken = OrderDecided | CancelDecided | StopApproved
REFUSALS = ("NAME", "SIZE", "MALFORMED", "CLIENTS", "QUOTA")  # of the function that takes proposals


class Refused(Exception):  # noqa: N818 - an answer, not a fault
    """The server did not take it, for good: nothing was written."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code, self.reason = code, reason


class Sending:
    """One proposal on its way. arrived: whether the server has it. reason: why there is no answer yet."""

    def __init__(self, place: Place, proposal: Message) -> None:
        self.place, self.proposal, self.body = place, proposal, pack(proposal)
        self.decided = place.key("decided")
        self.cursor = ""  # from before it was sent first
        self.entry = ""
        self.arrived: Arrived = "no"
        self.reason = "there was no time to send it"

    def run(self, until: Deadline) -> Operation["Taken | ProposalRefused | None"]:
        """The gate's answer; None when none came in time. Raises ``Refused``."""
        while True:
            try:
                return (yield from self._attempt(until))
            except LostError as lost:
                self.reason = f"the server did not answer: {lost}"
            if until.left <= 0:
                return None
            yield Pause(min(PAUSE_SECONDS, until.left))

    def _attempt(self, until: Deadline) -> Operation["Taken | ProposalRefused | None"]:
        stored_at = self.place.decision_key(self.proposal.id)
        replies = yield from call(("XREVRANGE", self.decided, "+", "-", "COUNT", 1), ("GET", stored_at))
        for reply in replies:
            if isinstance(reply, Exception):
                raise Refused("not_allowed", str(reply))
        end, stored = newest_id(replies[0]), read_as(OrderDecided, replies[1])
        self.cursor = min(self.cursor or end, end, key=position)  # another server's entries may have lower ids
        if (answer := stored if self._is_mine(stored) else (yield from self._read(0.0))) is not None:
            return answer
        if (decided := (yield from self._send())) is not None:
            return decided
        while until.left > 0:
            if (answer := (yield from self._read(min(BLOCK_SECONDS, until.left)))) is not None:
                return answer
        return None

    def _send(self) -> Operation[OrderDecided | None]:
        """Put it where proposals go; the stored decision, where the server knows that one comes again."""
        self.arrived = "yes" if self.arrived == "yes" else "maybe"  # until the reply tells
        reply = yield from self._put()
        if isinstance(reply, Exception):
            self.arrived = "no"
            word = str(reply).partition(" ")[0]
            raise Refused(word.lower() if word in REFUSALS else "not_allowed", str(reply))
        self.arrived = "yes"
        self.reason = "the gate has not decided it in time: is the risk service running? (heatsink status)"
        if isinstance(reply, list):
            state, given = reply
            if state == b"DECIDED" and self._is_mine(decided := read_as(OrderDecided, given)):
                return decided
            reply = given
        self.entry = reply.decode() if isinstance(reply, bytes) and len(reply) < 64 else ""
        return None

    def _put(self) -> Operation[Any]:
        """By the function where the server has it, which knows clients by name and bounds them; else by XADD."""
        key, client_key = self.place.key("proposed"), self.place.client_key
        if self.place.has_function:
            [reply] = yield from call(("FCALL", "hs_propose", 2, key, client_key, self.body))
            if not (isinstance(reply, ResponseError) and _is_no_function(reply)):
                return reply
            self.place.has_function = False
        [reply] = yield from call(("XADD", key, "*", "m", self.body))
        return reply

    def _read(self, seconds: float) -> Operation["Taken | ProposalRefused | None"]:
        """The next answers, and among them this proposal's own."""
        while True:
            [reply] = yield from call(read_after(self.decided, self.cursor, seconds))
            found = entries_in(reply if not isinstance(reply, Exception) else ())
            for entry_id, body in found:
                self.cursor = entry_id
                if (answer := self._answer_in(body)) is None:
                    continue
                if isinstance(answer, ProposalRefused) and answer.code == "other_body":
                    [stored] = yield from call(("GET", self.place.decision_key(self.proposal.id)))
                    if self._is_mine(first := read_as(OrderDecided, stored)):
                        return first  # somebody else used the id for another order, later
                return answer
            if not found or seconds > 0:
                return None

    def _answer_in(self, body: bytes) -> "Taken | ProposalRefused | None":
        if not any(name.encode() in body for name in (self.proposal.id, self.entry) if name):
            return None  # somebody else's: not worth reading
        match unpack(body):
            case OrderDecided() as decided if self._is_mine(decided):
                return decided
            case CancelDecided() | StopApproved() as taken if taken.cause == self.proposal.id:
                return taken
            case ProposalRefused() as refused if self._is_about_this(refused):
                return refused
        return None

    def _is_about_this(self, refused: ProposalRefused) -> bool:
        """Of bytes that could not be read, the entry says whose they were: an id may be used by several."""
        if refused.entry and self.entry:
            return refused.entry == self.entry
        return refused.cause == self.proposal.id and refused.what in (type(self.proposal).__name__, "")

    def _is_mine(self, decided: OrderDecided | None) -> bool:
        order = self.proposal
        return (
            isinstance(order, OrderProposed)
            and decided is not None
            and decided.order_id == order.id
            and is_same_order(order, decided)
        )


def propose(place: Place, order: OrderProposed, seconds: float) -> Operation[Verdict]:
    """The verdict on an order, within so much time."""
    sending = Sending(place, order)
    if len(sending.body) > MAX_MESSAGE_BYTES:
        reason = f"{len(sending.body)} bytes; a message has at most {MAX_MESSAGE_BYTES}"
        return Verdict.refusal(order.id, "size", "$", reason, symbol=order.symbol)
    try:
        answer = yield from sending.run(Deadline(seconds))
    except Refused as refused:
        return Verdict.refusal(order.id, refused.code, "$", refused.reason, symbol=order.symbol)
    if isinstance(answer, OrderDecided):
        return Verdict.of(answer)
    if isinstance(answer, ProposalRefused):
        return Verdict.refusal(order.id, answer.code, answer.field, answer.reason, symbol=order.symbol)
    return Verdict.unknown(order.id, sending.arrived, sending.reason, symbol=order.symbol)


def ask_for(place: Place, proposal: CancelProposed | StopRaised, seconds: float) -> Operation[Answer]:
    """Whether a cancel or a raised stop is taken, within so much time."""
    sending = Sending(place, proposal)
    try:
        answer = yield from sending.run(Deadline(seconds))
    except Refused as refused:
        return Answer.refusal(proposal.id, refused.code, "$", refused.reason)
    if answer is None or isinstance(answer, OrderDecided):
        return Answer(id=proposal.id, outcome="unknown", reason=sending.reason, arrived=sending.arrived)
    return Answer.of(proposal.id, answer)


def _is_no_function(error: ResponseError) -> bool:
    text = str(error).lower()
    return "function not found" in text or "unknown command" in text or "fcall" in text
