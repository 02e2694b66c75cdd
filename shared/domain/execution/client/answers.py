"""The answers to reports that are not taken, on the stream where clients hear what became of their orders."""

from collections.abc import Sequence

from shared.domain.answer_budget import AnswerBudgets
from shared.domain.execution.client.doubts import ReportDoubt
from shared.domain.execution.client.state import ClientState
from shared.domain.execution.report_answers import order_of, refusal_of, refusal_of_failed, refusal_of_unreadable
from shared.messages.base import Message
from shared.messages.catalogue import REPORTED, client_of_key, topic_of_key
from shared.messages.dead_letter import EntrySetAside, UnreadableReceived, message_refused
from shared.messages.reports import AnyReport, FillReported, Report
from shared.messages.signers import SIGNATURE

HALT_AGAIN_SECONDS = 10.0  # wall time: how often a pair is halted anew by reports of which too many come to be answered


class Answers:
    """Makes them, to each client no more than ``AnswerBudget`` allows; but a flood keeps no pair from being halted."""

    def __init__(self, state: ClientState) -> None:
        self._state = state
        self._budgets = AnswerBudgets(state.ns_per_second)
        self._halted_ns: dict[str, int] = {}

    def refuse(self, report: AnyReport, doubt: ReportDoubt) -> Sequence[Message]:
        """The report is not taken. Where money could be wrong, it is set aside too, and its pair halts."""
        halted = self._halted(report.client, report.symbol, order_of(report)) if doubt.halts else ""
        if (unanswered := self._may_answer(report.client, halted)) is None:
            return ()
        answer = refusal_of(
            report,
            doubt.code,
            doubt.field,
            doubt.reason,
            now_ns=self._state.now_ns,
            unanswered=unanswered,
            halted=halted,
        )
        return (answer, *(self._set_aside(report, doubt) if doubt.halts else ()))

    def _set_aside(self, report: Report, doubt: ReportDoubt) -> Sequence[Message]:
        now_ns = self._state.now_ns or report.time_ns
        return (message_refused(report, time_ns=now_ns, field=doubt.field, reason=doubt.reason),)

    def unreadable(self, received: UnreadableReceived) -> Sequence[Message]:
        """The answer to bytes that are no report. They may have been a trade, which the books lack then.

        What is not signed by whom it has to be says nothing of him: it halts nothing.
        """
        if received.topic != REPORTED.name:
            return ()
        parts = received.parts
        client, symbol, order_id = client_of_key(received.source), parts.get("symbol", ""), parts.get("order_id", "")
        is_trade = parts.get("type", "") == FillReported.__name__ and self._state.prices.knows(symbol)
        is_trade = is_trade and received.field != SIGNATURE
        halted = self._halted(client, symbol, order_id) if is_trade else ""
        if (unanswered := self._may_answer(client, halted)) is None:
            return ()
        return (refusal_of_unreadable(received, unanswered=unanswered, halted=halted),)

    def failed(self, passed_over: EntrySetAside) -> Sequence[Message]:
        """The answer to a report that execution failed at, of which its host tells. The gate halts its pair."""
        if topic_of_key(passed_over.source) is not REPORTED:
            return ()
        if (unanswered := self._may_answer(client_of_key(passed_over.source), "")) is None:
            return ()
        return (refusal_of_failed(passed_over, now_ns=self._state.now_ns, unanswered=unanswered),)

    def _halted(self, client: str, symbol: str, order_id: str) -> str:
        """The pair that a misfit report halts, empty for none: a client halts no pair in which others alone trade.

        client: who sent it; empty where nobody vouches for that. Then it may have been whoever trades there.
        """
        store = self._state.store
        if not client:
            return symbol
        order = store.order(order_id) if order_id else None
        if order is not None and order.owner not in ("", client):
            return ""
        if store.is_of(client, symbol):
            return symbol
        return order.symbol if order is not None else ""

    def _may_answer(self, client: str, halted: str) -> int | None:
        """How many before were not answered to a client; None where this one is not either.

        halted: the pair that it halts; empty for none.
        """
        now_ns = self._state.now_ns
        unanswered = self._budgets.take(client, now_ns)
        if not halted or not self._state.prices.knows(halted):
            return unanswered
        since_ns = now_ns - self._halted_ns.get(halted, -(1 << 62))
        if unanswered is None and since_ns < HALT_AGAIN_SECONDS * self._state.ns_per_second:
            return None
        self._halted_ns[halted] = now_ns
        return unanswered or 0
