"""Reports where orders fill on paper: nobody executes by himself here, so none is booked, and its client is told so."""

from collections.abc import Sequence

from shared.domain.answer_budget import AnswerBudgets
from shared.domain.execution.report_answers import refusal_of, refusal_of_failed, refusal_of_unreadable
from shared.messages.catalogue import REPORTED, client_of_key, topic_of_key
from shared.messages.dead_letter import EntrySetAside, UnreadableReceived
from shared.messages.reports import AnyReport, ReportRefused

REASON = (
    'orders fill on paper here (exchange.orders = "paper"), so nothing was booked; to execute by yourself what is '
    'approved, write orders = "client" under [exchange] in stack.toml'
)


class PaperReports:
    """Refuses every report, to each client no more of them than ``AnswerBudget`` allows.

    ns_per_second: of market time, in a wall second.
    """

    def __init__(self, ns_per_second: float) -> None:
        self._budgets = AnswerBudgets(ns_per_second)

    def refuse(self, report: AnyReport, now_ns: int) -> Sequence[ReportRefused]:
        """A report that was read."""
        if (unanswered := self._budgets.take(report.client, now_ns)) is None:
            return ()
        return (refusal_of(report, "on_paper", "$", REASON, now_ns=now_ns, unanswered=unanswered),)

    def unreadable(self, received: UnreadableReceived, now_ns: int) -> Sequence[ReportRefused]:
        """Bytes in the place of one."""
        client = client_of_key(received.source)
        if received.topic != REPORTED.name or (unanswered := self._budgets.take(client, now_ns)) is None:
            return ()
        return (refusal_of_unreadable(received, unanswered=unanswered),)

    def failed(self, passed_over: EntrySetAside, now_ns: int) -> Sequence[ReportRefused]:
        """A report that the machine failed at, of which its host tells."""
        client = client_of_key(passed_over.source)
        if topic_of_key(passed_over.source) is not REPORTED:
            return ()
        if (unanswered := self._budgets.take(client, now_ns)) is None:
            return ()
        return (refusal_of_failed(passed_over, now_ns=now_ns, unanswered=unanswered),)
