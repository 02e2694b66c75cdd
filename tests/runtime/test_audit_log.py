"""Every halt, its end, and every refused command is a line in the log, with who and why."""

from structlog.testing import capture_logs

from shared.adapters.clocks import ManualClock, RealClock
from shared.messages.catalogue import AUDIT
from shared.messages.halts import Alerted, Halted, ResumeAsked, Resumed
from shared.messages.orders import CancelDecided, OrderClosed
from shared.messages.portfolio import CommandRefused
from shared.runtime.audit_log import AuditLog
from shared.runtime.logs import get_logger
from tests.samples import T0, D, bar, samples

HEADER = {"time_ns": T0, "trace": "t"}


def test_everything_in_the_audit_stream_is_a_line_too() -> None:
    for message in (message for message in samples() if isinstance(message, AUDIT.readable)):
        with capture_logs() as lines:
            AuditLog(get_logger(), RealClock()).log_outputs([message])
        assert len(lines) == 1, type(message).__name__


def test_changes_of_halts_are_lines_with_cause_evidence_and_who_may_end_them() -> None:
    halted = Halted(
        **HEADER, id="h", symbol="ETH/USDT", reason="a gap", trigger="gap", evidence="opened at 1", until_ns=5,
        cleared_by="time",
    )  # type: ignore[arg-type] # fmt: skip
    resumed = Resumed(**HEADER, id="r", symbol="ETH/USDT", trigger="gap", reason="over", who="ana")  # type: ignore[arg-type]
    asked = ResumeAsked(**HEADER, id="a", confirm="c0de", trigger="drawdown", who="ana")  # type: ignore[arg-type]
    with capture_logs() as lines:
        AuditLog(get_logger(), RealClock()).log_outputs([halted, resumed, asked])
    assert lines == [
        {
            "event": "halted", "log_level": "warning", "symbol": "ETH/USDT", "trace": "t", "mode": "halted",
            "trigger": "gap", "reason": "a gap", "evidence": "opened at 1", "until_ns": 5, "cleared_by": "time",
            "who": "risk",
        },
        {
            "event": "resumed", "log_level": "warning", "symbol": "ETH/USDT", "trace": "t", "trigger": "gap",
            "reason": "over", "who": "ana",
        },
        {
            "event": "resume_asked", "log_level": "warning", "symbol": "", "trace": "t", "trigger": "drawdown",
            "who": "ana",
        },
    ]  # fmt: skip


def test_a_halt_whose_feed_was_never_heard_says_so_on_its_line() -> None:
    awaited = Halted(**HEADER, id="h", trigger="feed", reason="feed bars:1h is not there yet", awaited=True)  # type: ignore[arg-type]
    with capture_logs() as lines:
        AuditLog(get_logger(), RealClock()).log_outputs([awaited])
    assert lines[0]["awaited"] is True


def test_alerts_cancels_and_refusals_are_lines_and_bars_and_complete_orders_are_none() -> None:
    outputs = [
        Alerted(**HEADER, id="a", trigger="drawdown", reason="drawdown of 10%"),  # type: ignore[arg-type]
        CancelDecided(**HEADER, id="c", order_id="o", symbol="ETH/USDT", reason="halted: odd"),  # type: ignore[arg-type]
        CommandRefused(**HEADER, id="x", command="Resume", who="ana", reason="not halted"),  # type: ignore[arg-type]
        OrderClosed(**HEADER, id="d", order_id="o", symbol="ETH/USDT", ending="cancelled", quantity_filled=D(0)),  # type: ignore[arg-type]
        OrderClosed(**HEADER, id="e", order_id="p", symbol="ETH/USDT", ending="filled", quantity_filled=D(1)),  # type: ignore[arg-type]
        bar(),
    ]
    with capture_logs() as lines:
        AuditLog(get_logger(), RealClock()).log_outputs(outputs)
    assert [(line["event"], line["log_level"]) for line in lines] == [
        ("alerted", "warning"), ("cancel_decided", "info"), ("command_refused", "warning"), ("order_closed", "warning"),
    ]  # fmt: skip


def test_of_a_flood_of_refusals_a_few_are_lines_and_the_others_are_counted() -> None:
    log = AuditLog(get_logger(), ManualClock())
    refused = [message for message in samples() if isinstance(message, CommandRefused)]
    with capture_logs() as lines:
        for _ in range(1_234):
            log.log_outputs(refused[:1])
    assert [line.get("count") for line in lines] == [None] * 5 + [10, 100, 1_000]
