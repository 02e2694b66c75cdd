"""Keeps what a run did. It is told of every instant once all that follows from it has settled.

recorder = Recorder(state, plan, universe, bar_ns=HOUR_NS, start_ns=start_ns, mark_of=mark_of)
recorder.take(now_ns, host.feed(bars))
recorder.finish(now_ns)
"""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from services.backtest.recorder.curve import CurveRecorder, ExposureRecorder
from services.backtest.recorder.decisions import Decision, decision_of
from services.backtest.recorder.fills import FillRecorder
from services.backtest.recorder.halts import HaltRecorder
from services.backtest.recorder.verdicts import VerdictRecorder
from services.backtest.result import PhaseSpan
from shared.domain.plan import Plan
from shared.domain.risk.state.state import RiskState
from shared.domain.universe import PairNames, Universe
from shared.messages.base import Message
from shared.messages.halts import Alerted, Halted, Resumed
from shared.messages.orders import OrderDecided, OrderFilled, OrderProposed, StopApproved, StopPlaced
from shared.messages.portfolio import PhaseChanged, PositionWrittenOff
from shared.messages.signals import SignalRaised


class Recorder:
    """Everything that a ``Run`` has of what happened.

    mark_of: the last price of a name, USDT per unit; 0 for none.

    decisions: all of them, in order. signals: raised, by strategy. raises, alerts: how many there were.
    """

    def __init__(
        self,
        state: RiskState,
        plan: Plan,
        universe: Universe,
        *,
        bar_ns: int,
        start_ns: int,
        mark_of: Callable[[str], float],
    ) -> None:
        self._state = state
        self._names = PairNames(universe)
        self.curve, self.exposure = CurveRecorder(state), ExposureRecorder(state)
        self.fills = FillRecorder(universe, plan.costs, bar_ns)
        self.verdicts = VerdictRecorder()
        self.halts = HaltRecorder(state, plan, mark_of)
        self.phases = [PhaseSpan(phase=plan.phase, scale=plan.scale, since_ns=start_ns, reason="the run begins")]
        self.decisions: list[Decision] = []
        self.signals: Counter[str] = Counter()
        self.raises = self.alerts = 0
        self._wanted: dict[str, dict[str, float]] = {}  # strengths by strategy, by the pair's newest name
        self._reasons: dict[str, str] = {}  # by order, until it is decided
        self._bought_for: dict[str, str] = {}  # by order, until it fills
        self._handlers: dict[type[Message], Callable[[Any], None]] = {
            SignalRaised: self._signal,
            OrderProposed: self._proposed,
            OrderDecided: self._decided,
            OrderFilled: self._filled,
            StopPlaced: self.fills.stop_placed,
            StopApproved: self._stop_approved,
            Halted: self.halts.halted,
            Resumed: self.halts.resumed,
            PhaseChanged: self._phase_changed,
            PositionWrittenOff: self.fills.written_off,
            Alerted: self._alerted,
        }

    def take(self, now_ns: int, messages: Sequence[Message]) -> None:
        """All messages of an instant, in order, and the state that they left."""
        for message in messages:
            handler = self._handlers.get(type(message))
            if handler is not None:
                handler(message)
        self.curve.take(now_ns)
        self.exposure.take(now_ns)

    def finish(self, end_ns: int) -> None:
        """The run is over."""
        marks: dict[str, float] = {}
        for held in self._state.heat.positions():
            named = self._names.named(held.symbol)
            marks[named.pair] = held.mark / named.price_ratio
        self.fills.finish(end_ns, marks)
        self.halts.finish()

    def _signal(self, raised: SignalRaised) -> None:
        self.signals[raised.strategy] += 1
        self._wanted.setdefault(self._names.named(raised.symbol).pair, {})[raised.strategy] = raised.strength
        self.halts.signal(raised)

    def _proposed(self, order: OrderProposed) -> None:
        if order.side == "buy":
            wanted = self._wanted.get(self._names.named(order.symbol).pair, {})
            self._reasons[order.id] = ", ".join(name for name, strength in sorted(wanted.items()) if strength > 0.0)

    def _decided(self, order: OrderDecided) -> None:
        self.decisions.append(decision_of(order))
        self.verdicts.decided(order)
        self.halts.decided(order)
        self.fills.decided(order)
        reason = self._reasons.pop(order.order_id, "")
        if order.side == "buy" and order.quantity_approved:
            self._bought_for[order.order_id] = reason

    def _filled(self, filled: OrderFilled) -> None:
        self.fills.filled(filled, self._bought_for.pop(filled.order_id, ""))

    def _stop_approved(self, _approved: StopApproved) -> None:
        self.raises += 1

    def _alerted(self, _alerted: Alerted) -> None:
        self.alerts += 1

    def _phase_changed(self, changed: PhaseChanged) -> None:
        span = PhaseSpan(phase=changed.phase, scale=changed.scale, since_ns=changed.time_ns, reason=changed.reason)
        self.phases.append(span)
