"""The answers to signals that are not followed: a ``SignalRefused`` on the portfolio's audit stream.

A signal that was followed is answered by the orders it leads to, under its trace.
"""

import difflib
from collections.abc import Collection, Sequence

from msgspec import Struct

from shared.domain import refused
from shared.domain.answer_budget import AnswerBudget
from shared.domain.odd_times import fault_of_expiry, fault_of_time
from shared.domain.sizing.blender import LatestSignal
from shared.messages.base import derived_id, truncate
from shared.messages.catalogue import SIGNALS, topic_of_key
from shared.messages.dead_letter import EntrySetAside, UnreadableReceived
from shared.messages.orders import Refusal
from shared.messages.signals import SignalRaised, SignalRefused


class SignalFault(Struct, frozen=True):
    """Why a signal is not followed; the fields are those of ``SignalRefused``."""

    code: Refusal
    field: str
    reason: str


def fault_of_times(signal: SignalRaised, now_ns: int) -> SignalFault | None:
    """Of a signal whose times cannot be meant: read as they stand, it would have expired and sell the position."""
    if fault := fault_of_time("time_ns", signal.time_ns, now_ns):
        return SignalFault("odd_time", "time_ns", fault)
    if fault := fault_of_expiry(signal.expires_ns, signal.time_ns, now_ns):
        return SignalFault("odd_time", "expires_ns", fault)
    return None


def fault_of_order(signal: SignalRaised, last: LatestSignal | None) -> SignalFault | None:
    """Of a signal that comes after a later one of the same strategy."""
    if last is None or not 0 < signal.time_ns < last.time_ns:
        return None
    reason = f"time_ns {signal.time_ns} is before {last.time_ns}, that of the strategy's last signal for the pair"
    return SignalFault("too_old", "time_ns", f"{reason} ({last.signal_id}); the later one holds")


def unknown_pair(signal: SignalRaised) -> SignalFault:
    reason = f"symbol {signal.symbol!r} is not in the universe; add it to universe.toml"
    return SignalFault("unknown_pair", "symbol", reason)


def unknown_strategy(signal: SignalRaised, names: Collection[str]) -> SignalFault:
    near = difflib.get_close_matches(signal.strategy, names, n=1)
    remedy = f"did you mean {near[0]!r}?" if near else f"add it there; it has {', '.join(names) or 'none'}"
    return SignalFault(
        "unknown_strategy", "strategy", f"strategy {signal.strategy!r} is not in strategies.toml; {remedy}"
    )


class RefusedSignals:
    """Makes the answers, no more of them than ``AnswerBudget`` allows.

    ns_per_second: of market time, in a wall second.
    """

    def __init__(self, portfolio: str, ns_per_second: float) -> None:
        self._portfolio = portfolio
        self._budget = AnswerBudget(ns_per_second)

    def of(self, signal: SignalRaised, fault: SignalFault, now_ns: int) -> Sequence[SignalRefused]:
        """The refusal of a signal that was read."""
        if (unanswered := self._budget.take(now_ns)) is None:
            return ()
        answer = SignalRefused(
            id=derived_id("refused", self._portfolio, signal.id, fault.reason),
            cause=signal.id,
            trace=signal.trace_id,
            time_ns=now_ns or signal.time_ns,
            strategy=signal.strategy,
            symbol=signal.symbol,
            code=fault.code,
            field=fault.field,
            reason=truncate(fault.reason),
            unanswered=unanswered,
        )
        return (answer,)

    def unreadable(self, received: UnreadableReceived, now_ns: int) -> Sequence[SignalRefused]:
        """The answer to bytes on the stream of signals that are none."""
        if received.topic != SIGNALS.name or (unanswered := self._budget.take(now_ns)) is None:
            return ()
        answer = SignalRefused(
            **refused.unreadable(received, unanswered, portfolio=self._portfolio),
            strategy=received.parts.get("strategy", ""),
            symbol=received.parts.get("symbol", ""),
        )
        return (answer,)

    def failed(self, passed_over: EntrySetAside, now_ns: int) -> Sequence[SignalRefused]:
        """The answer to a signal that sizing failed at, of which its host tells."""
        if topic_of_key(passed_over.source) is not SIGNALS or (unanswered := self._budget.take(now_ns)) is None:
            return ()
        answer = SignalRefused(
            **refused.failed(passed_over, unanswered, now_ns, portfolio=self._portfolio),
            strategy="",
            symbol=passed_over.symbol,
        )
        return (answer,)
