"""Refusals of reports as messages, for whichever way of executing refuses them."""

from shared.domain import refused
from shared.messages.base import derived_id, truncate
from shared.messages.catalogue import client_of_key
from shared.messages.dead_letter import EntrySetAside, UnreadableReceived
from shared.messages.reports import AnyReport, FillReported, ReportFault, ReportRefused, StopReported
from shared.messages.signers import SIGNATURE


def refusal_of(
    report: AnyReport, code: ReportFault, field: str, reason: str, *, now_ns: int, unanswered: int, halted: str = ""
) -> ReportRefused:
    """Of a report that was read. halted: the pair that halts for it; empty for none."""
    return ReportRefused(
        id=derived_id("refused", report.id, code, field, reason),
        time_ns=now_ns or report.time_ns,
        cause=report.id,
        trace=report.trace_id,
        order_id=order_of(report),
        symbol=halted or report.symbol,
        what=type(report).__name__,
        trade_id=report.trade_id if isinstance(report, FillReported) else "",
        code=code,
        field=field,
        reason=truncate(reason),
        halts=bool(halted),
        unanswered=unanswered,
        client=report.client,
    )


def refusal_of_unreadable(received: UnreadableReceived, *, unanswered: int, halted: str = "") -> ReportRefused:
    """Of bytes in the place of one."""
    parts, fields = received.parts, refused.unreadable(received, unanswered)
    if received.field == SIGNATURE:
        fields["code"] = "not_signed"
    return ReportRefused(
        **fields,
        order_id=parts.get("order_id", ""),
        symbol=halted or parts.get("symbol", ""),
        what=parts.get("type", ""),
        trade_id=parts.get("trade_id", ""),
        halts=bool(halted),
        client=client_of_key(received.source),
    )


def refusal_of_failed(passed_over: EntrySetAside, *, now_ns: int, unanswered: int) -> ReportRefused:
    """Of a report that the machine failed at, of which its host tells."""
    return ReportRefused(
        **refused.failed(passed_over, unanswered, now_ns),
        order_id="",
        symbol=passed_over.symbol,
        what=passed_over.message,
        client=client_of_key(passed_over.source),
    )


def order_of(report: AnyReport) -> str:
    """The order that a report is of; empty for a stop."""
    return "" if isinstance(report, StopReported) else report.order_id
