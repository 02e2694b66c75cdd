"""Which committed messages become a log line: those an operator would act on or audit, under stable event names."""

from collections.abc import Callable, Sequence
from typing import Any

from shared.messages.base import Message
from shared.messages.halts import Alerted, Halted, ResumeAsked, Resumed
from shared.messages.orders import CancelDecided, OrderClosed, OrderDecided, OrderFilled, ProposalRefused, StopPlaced
from shared.messages.portfolio import (
    CommandRefused,
    LimitsChanged,
    OrderWrittenOff,
    PhaseChanged,
    PhaseProposed,
    PositionsImported,
    PositionWrittenOff,
)
from shared.messages.reports import ReportAwaited, ReportRefused
from shared.messages.signals import SignalRaised, SignalRefused
from shared.ports.clock import Clock
from shared.runtime.few_lines import FewLines

Fields = dict[str, Any]
REFUSALS = (ProposalRefused, SignalRefused, CommandRefused)


class AuditLog:
    """Writes the log lines of one host."""

    def __init__(self, log: Any, clock: Clock) -> None:
        self._log, self._clock = log, clock
        self._refused: dict[type[Message], FewLines] = {kind: FewLines() for kind in REFUSALS}

    def log_outputs(self, outputs: Sequence[Message]) -> None:
        """Write one line for each message worth one. Bars, sizes, marks and snapshots are not: there are too many.

        Of many refusals within a minute a few have a line; the others are counted.
        """
        for message in outputs:
            line = _LINES.get(type(message))
            if line is None or _is_usual(message):
                continue
            level, event, fields = line
            named = {"symbol": message.symbol} if hasattr(message, "symbol") else {}
            if few := self._refused.get(type(message)):
                if not few.take(self._clock.wall_ns()):
                    continue
                if not few.is_each:
                    named["count"] = few.count
            getattr(self._log, level)(event, **named, trace=message.trace, **fields(message))


def _is_usual(message: Message) -> bool:
    """What happens to every order."""
    if isinstance(message, OrderClosed):
        return message.ending == "filled"
    return isinstance(message, ReportAwaited) and not message.overdue


def _decided(message: OrderDecided) -> Fields:
    return {
        **_fields(message, "order_id", "verdict", "side", "binding", "reason"),
        "requested": str(message.quantity_requested),
        "approved": str(message.quantity_approved),
        "heat": round(message.heat_after, 6),
    }


def _filled(message: OrderFilled) -> Fields:
    amounts = {name: str(getattr(message, name)) for name in ("quantity", "price", "fee_usdt")}
    return {**_fields(message, "order_id", "side"), **amounts}


def _halted(message: Halted) -> Fields:
    """``awaited`` tells a reader of the log that nobody has to act on it."""
    named = _fields(message, "mode", "trigger", "reason", "evidence", "until_ns", "cleared_by", "who")
    return {**named, "awaited": True} if message.awaited else named


def _imported(message: PositionsImported) -> Fields:
    """The positions in one text each: a line of a log is for people and for grep."""
    named = _fields(message, "who", "reason", "nav_before", "nav", "heat_before", "heat", "over", "client")
    held = [f"{each.quantity:f} {each.symbol} at {each.cost:f}, stop {each.stop:f}" for each in message.positions]
    return {**named, "cash_before": str(message.cash_before), "cash": str(message.cash), "positions": held}


def _fields(message: Message, *names: str) -> Fields:
    return {name: getattr(message, name) for name in names}


def _named(*names: str) -> Callable[[Any], Fields]:
    return lambda message: _fields(message, *names)


_LINES: dict[type[Message], tuple[str, str, Callable[[Any], Fields]]] = {
    OrderDecided: ("info", "order_decided", _decided),
    OrderFilled: ("info", "order_filled", _filled),
    OrderClosed: ("warning", "order_closed", _named("order_id", "ending", "reason")),
    CancelDecided: ("info", "cancel_decided", _named("order_id", "reason")),
    StopPlaced: ("info", "stop_placed", lambda m: {"order_id": m.order_id, "stop": str(m.stop_price)}),
    SignalRaised: ("info", "signal_raised", _named("strategy", "strength")),
    Halted: ("warning", "halted", _halted),
    Resumed: ("warning", "resumed", _named("trigger", "reason", "who")),
    ResumeAsked: ("warning", "resume_asked", _named("trigger", "who")),
    Alerted: ("warning", "alerted", _named("trigger", "reason", "evidence")),
    LimitsChanged: (
        "warning",
        "limits_changed",
        _named("who", "reason", "old", "new", "policy_before", "policy", "over"),
    ),
    PhaseProposed: ("warning", "phase_proposed", _named("phase", "to_phase", "evidence")),
    PhaseChanged: ("warning", "phase_changed", _named("phase_before", "phase", "scale", "who", "reason", "evidence")),
    PositionWrittenOff: (
        "warning",
        "position_written_off",
        _named("who", "reason", "quantity", "price", "cost_usdt", "proceeds_usdt"),
    ),
    OrderWrittenOff: (
        "warning",
        "order_written_off",
        _named("order_id", "side", "quantity", "client", "who", "reason"),
    ),
    PositionsImported: ("warning", "positions_imported", _imported),
    ReportAwaited: ("warning", "report_overdue", _named("order_id", "client", "what", "reason")),
    ReportRefused: ("warning", "report_refused", _named("order_id", "what", "code", "reason", "halts", "unanswered")),
    CommandRefused: ("warning", "command_refused", _named("command", "who", "reason")),
    ProposalRefused: ("info", "proposal_refused", _named("order_id", "what", "code", "reason", "unanswered")),
    SignalRefused: ("warning", "signal_refused", _named("strategy", "code", "reason", "unanswered")),
}
