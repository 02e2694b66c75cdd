"""The answers to reports that are not taken, on the stream where clients hear what became of their orders."""

from collections.abc import Sequence

from shared.domain.answer_budget import AnswerBudget
from shared.domain.execution.client.doubts import ReportDoubt
from shared.domain.execution.client.state import ClientState
from shared.messages.base import Message, derived_id, truncate
from shared.messages.catalogue import REPORTED, topic_of_key
from shared.messages.dead_letter import EntrySetAside, UnreadableReceived, message_refused
from shared.messages.reports import (
    ClosedReported,
    FillReported,
    PlacedReported,
    Report,
    ReportRefused,
    StopReported,
)

AnyReport = PlacedReported | FillReported | ClosedReported | StopReported
HALT_AGAIN_SECONDS = 10.0  # wall time: how often a pair is halted anew by reports of which too many come to be answered


class Answers:
    """Makes them, no more than ``AnswerBudget`` allows; but a flood keeps no pair from being halted."""

    def __init__(self, state: ClientState) -> None:
        self._state = state
        self._budget = AnswerBudget(state.ns_per_second)
        self._halted_ns: dict[str, int] = {}

    def refuse(self, report: AnyReport, doubt: ReportDoubt) -> Sequence[Message]:
        """The report is not taken. Where money could be wrong, it is set aside too, and its pair halts."""
        now_ns = self._state.now_ns
        if (unanswered := self._may_answer(report.symbol, doubt.halts)) is None:
            return ()
        refused = ReportRefused(
            id=derived_id("refused", report.id, doubt.code, doubt.field, doubt.reason),
            time_ns=now_ns or report.time_ns,
            cause=report.id,
            trace=report.trace_id,
            order_id="" if isinstance(report, StopReported) else report.order_id,
            symbol=report.symbol,
            what=type(report).__name__,
            trade_id=report.trade_id if isinstance(report, FillReported) else "",
            code=doubt.code,
            field=doubt.field,
            reason=truncate(doubt.reason),
            halts=doubt.halts,
            unanswered=unanswered,
        )
        return (refused, *(self._set_aside(report, doubt) if doubt.halts else ()))

    def _set_aside(self, report: Report, doubt: ReportDoubt) -> Sequence[Message]:
        now_ns = self._state.now_ns or report.time_ns
        return (message_refused(report, time_ns=now_ns, field=doubt.field, reason=doubt.reason),)

    def unreadable(self, received: UnreadableReceived) -> Sequence[Message]:
        """The answer to bytes that are no report. They may have been a trade, which the books lack then."""
        if received.topic != REPORTED.name:
            return ()
        parts = received.parts
        symbol, what = parts.get("symbol", ""), parts.get("type", "")
        halts = what == FillReported.__name__ and self._state.prices.knows(symbol)
        if (unanswered := self._may_answer(symbol, halts)) is None:
            return ()
        refused = ReportRefused(
            id=derived_id("refused", received.id),
            cause=parts.get("id", ""),
            trace=parts.get("trace", "") or parts.get("id", ""),
            time_ns=received.time_ns,
            order_id=parts.get("order_id", ""),
            symbol=symbol,
            what=what,
            trade_id=parts.get("trade_id", ""),
            code="malformed",
            field=received.bare_field,
            reason=received.sentence,
            halts=halts,
            source=received.source[:128],
            entry=received.entry,
            unanswered=unanswered,
        )
        return (refused,)

    def failed(self, passed_over: EntrySetAside) -> Sequence[Message]:
        """The answer to a report that execution failed at, of which its host tells. The gate halts its pair."""
        if topic_of_key(passed_over.source) is not REPORTED:
            return ()
        if (unanswered := self._may_answer(passed_over.symbol, halts=False)) is None:
            return ()
        refused = ReportRefused(
            id=derived_id("refused", passed_over.id),
            cause=passed_over.cause,
            trace=passed_over.trace_id,
            time_ns=self._state.now_ns or passed_over.time_ns,
            order_id="",
            symbol=passed_over.symbol,
            what=passed_over.message,
            code="failed",
            field="$",
            reason=truncate(passed_over.told_sender),
            source=passed_over.source,
            entry=passed_over.entry,
            unanswered=unanswered,
        )
        return (refused,)

    def _may_answer(self, symbol: str, halts: bool) -> int | None:
        """How many before were not answered; None where this one is not either."""
        now_ns = self._state.now_ns
        unanswered = self._budget.take(now_ns)
        if not halts or not self._state.prices.knows(symbol):
            return unanswered
        since_ns = now_ns - self._halted_ns.get(symbol, -(1 << 62))
        if unanswered is None and since_ns < HALT_AGAIN_SECONDS * self._state.ns_per_second:
            return None
        self._halted_ns[symbol] = now_ns
        return unanswered or 0
