"""Proposals: orders, cancels and raised stops, and what the gate says to them."""

from typing import Any

from heatsink_client.answers import Answer, Verdict, is_same_order
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
from heatsink_client.sending import Refused, Sending
from heatsink_client.steps import Deadline, Operation, Place, call
from heatsink_client.wire import read_as


class Proposal(Sending):
    """Any proposal."""

    into, answers = "proposed", "decided"
    silence = "the gate has not answered in time: is the risk service running? (heatsink status)"

    def _known(self, answer: bytes) -> Message | None:
        decided = read_as(OrderDecided, answer)
        return decided if decided is not None and self._matches(decided) else None

    def _matches(self, answer: Message) -> bool:
        if isinstance(answer, ProposalRefused):
            return self._is_about_this(answer)
        return isinstance(answer, CancelDecided | StopApproved) and super()._matches(answer)

    def _is_about_this(self, refused: ProposalRefused) -> bool:
        """Where it stood says whose it was: an id may be used by several, and entries of two queues may have one id."""
        if refused.source and refused.source != self.place.stands_in(self.into):
            return False
        if refused.entry and self.entry:
            return refused.entry == self.entry
        return refused.cause == self.message.id and refused.what in (type(self.message).__name__, "")


class Order(Proposal):
    """An order. Its verdict is kept under its id, so it may have one already."""

    def __init__(self, place: Place, order: OrderProposed) -> None:
        super().__init__(place, order)
        self.order = order

    def _stored_at(self) -> tuple[tuple[Any, ...], ...]:
        return (("GET", self.place.decision_key(self.order.id)),)

    def _answer_in(self, stored: list[Any]) -> Message | None:
        decided = read_as(OrderDecided, stored[0]) if isinstance(stored[0], bytes) else None
        return decided if decided is not None and self._matches(decided) else None

    def _matches(self, answer: Message) -> bool:
        """A verdict under this id may be that of somebody else's order."""
        if isinstance(answer, OrderDecided):
            return answer.order_id == self.order.id and is_same_order(self.order, answer, self.place.client)
        return super()._matches(answer)

    def _confirmed(self, answer: Message) -> Operation[Message]:
        """That the id is another order's may be the answer to somebody else, who used it after this one."""
        if isinstance(answer, ProposalRefused) and answer.code == "other_body":
            return self._answer_in((yield from call(*self._stored_at()))) or answer
        return answer


def propose(place: Place, order: OrderProposed, seconds: float) -> Operation[Verdict]:
    """The verdict on an order, within so much time."""
    sending = Order(place, order)
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
    return (yield from answer_to(Proposal(place, proposal), seconds))


def answer_to(sending: Sending, seconds: float) -> Operation[Answer]:
    """What is told of anything but an order."""
    try:
        answer = yield from sending.run(Deadline(seconds))
    except Refused as refused:
        return Answer.refusal(sending.message.id, refused.code, "$", refused.reason)
    if answer is None:
        return Answer.unknown(sending.message.id, sending.arrived, sending.reason)
    return Answer.of(sending.message.id, answer)
