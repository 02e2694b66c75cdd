"""Drawdown from the highest NAV since the last resume: a warning first, then only reductions until somebody resumes."""

from collections.abc import Sequence

from shared.domain.portfolio.performance import drawdown_of
from shared.domain.risk.breakers.base import Breaker, reaches
from shared.domain.risk.state.halts import NewHalt
from shared.messages.base import Message, derived_id
from shared.messages.halts import Alerted, Resumed


class Drawdown(Breaker):
    """The halt ends by an operator in two steps. The NAV of that moment is the peak from which the next fall counts."""

    name = "drawdown"

    def on_time(self, message: Message) -> Sequence[Message]:
        state = self._state
        peak, nav = state.loss_baselines.peak_nav_since_resume, state.nav
        fallen = drawdown_of(peak, nav)
        evidence = f"NAV {nav:,.2f} USDT, high-water mark {peak:,.2f} USDT"
        if reaches(fallen, state.limits.drawdown):
            limit = f"limit {state.limits.drawdown:.2%}"
            return self._begin(
                message,
                NewHalt(
                    symbol="",
                    trigger="drawdown",
                    reason=f"drawdown of {fallen:.2%}",
                    evidence=f"{evidence}; {limit}",
                    cleared_by="two_steps",
                ),
            )
        if reaches(fallen, self.plan.drawdown_warning) and not state.loss_baselines.warned:
            return self._warn(message, fallen, evidence)
        return ()

    def _warn(self, message: Message, fallen: float, evidence: str) -> Sequence[Message]:
        """Warn, once for each peak."""
        self._state.move_loss_baselines(warned=True)
        return (
            Alerted(
                id=derived_id("alerted", message.id, "drawdown"),
                cause=message.id,
                trace=message.trace_id,
                time_ns=message.time_ns,
                trigger="drawdown",
                reason=f"drawdown of {fallen:.2%}, trading halts at {self._state.limits.drawdown:.2%}",
                evidence=evidence,
            ),
        )

    def on_resumed(self, resumed: Resumed) -> None:
        nav = self._state.nav
        if resumed.trigger == "drawdown" and nav > 0.0:
            self._state.move_loss_baselines(peak_nav_since_resume=nav, warned=False)
