"""The answers to what the gate does not take, on the stream of verdicts, where its senders listen.

A refusal is no verdict. It is bound to the bytes that were refused and not to the id in them, so a proposal that is
mended may come again under its own id (docs/decisions/0017).
"""

from collections.abc import Sequence

from shared.domain import refused
from shared.domain.answer_budget import AnswerBudgets
from shared.domain.risk.commands.refusals import unreadable_command
from shared.domain.risk.state.state import RiskState
from shared.messages.ask import RoomAnswered
from shared.messages.base import Message, derived_id, truncate
from shared.messages.catalogue import ASK, CONTROL, PROPOSED, client_of_key, topic_of_key
from shared.messages.dead_letter import EntrySetAside, UnreadableReceived
from shared.messages.orders import CancelProposed, OrderProposed, ProposalRefused, Refusal, StopRaised
from shared.messages.signers import SIGNATURE

Proposal = OrderProposed | StopRaised | CancelProposed


class Refusals:
    """Makes the answers, to each client no more of them than ``AnswerBudget`` allows."""

    def __init__(self, state: RiskState) -> None:
        self._state = state
        self._budgets = AnswerBudgets(state.ns_per_second)

    def of(self, message: Proposal, code: Refusal, field: str, reason: str) -> Sequence[ProposalRefused]:
        """The refusal of a message that was read."""
        state = self._state
        if (unanswered := self._budgets.take(message.client, state.now_ns)) is None:
            return ()
        order_id = message.order_id if isinstance(message, CancelProposed) else message.id
        answer = ProposalRefused(
            id=derived_id("refused", state.portfolio, message.id, code, field, reason),
            cause=message.id,
            trace=message.trace_id,
            time_ns=state.now_ns or message.time_ns,
            order_id="" if isinstance(message, StopRaised) else order_id,
            symbol="" if isinstance(message, CancelProposed) else message.symbol,
            what=type(message).__name__,
            code=code,
            field=field,
            reason=truncate(reason),
            unanswered=unanswered,
        )
        return (answer,)

    def unreadable(self, received: UnreadableReceived) -> Sequence[Message]:
        """The answer to bytes that are no message, where the senders of such messages listen."""
        if received.topic not in (PROPOSED.name, CONTROL.name, ASK.name):
            return ()
        if (unanswered := self._budgets.take(client_of_key(received.source), self._state.now_ns)) is None:
            return ()
        if received.topic == PROPOSED.name:
            return (_proposal_refused(received, unanswered),)
        if received.topic == CONTROL.name:
            return unreadable_command(received)
        return self._unanswerable(received)

    def failed(self, passed_over: EntrySetAside) -> Sequence[ProposalRefused]:
        """The answer to a proposal that the gate failed at: nobody decides it any more."""
        is_order = passed_over.message == OrderProposed.__name__
        if topic_of_key(passed_over.source) is not PROPOSED or not passed_over.cause:
            return ()
        now_ns = self._state.now_ns
        if (unanswered := self._budgets.take(client_of_key(passed_over.source), now_ns)) is None:
            return ()
        answer = ProposalRefused(
            **refused.failed(passed_over, unanswered, now_ns),
            order_id=passed_over.cause if is_order else "",
            symbol=passed_over.symbol,
            what=passed_over.message,
        )
        return (answer,)

    def _unanswerable(self, received: UnreadableReceived) -> Sequence[RoomAnswered]:
        """An empty answer with the reason, for who named a channel to answer on."""
        if not (reply_to := received.parts.get("reply_to", "")[:64]):
            return ()
        answer = RoomAnswered(
            id=derived_id("refused", received.id),
            cause=received.parts.get("id", ""),
            time_ns=received.time_ns,
            reply_to=reply_to,
            nav=0.0,
            heat=0.0,
            rooms=(),
            reason=received.sentence,
        )
        return (answer,)


def _proposal_refused(received: UnreadableReceived, unanswered: int) -> ProposalRefused:
    parts = received.parts
    sent_id, what = parts.get("id", ""), parts.get("type", "")
    fields = refused.unreadable(received, unanswered)
    if received.field == SIGNATURE:
        fields["code"] = "not_signed"
    return ProposalRefused(
        **fields,
        order_id=parts.get("order_id", "") if what == "CancelProposed" else sent_id if what != "StopRaised" else "",
        symbol=parts.get("symbol", ""),
        what=what,
    )
