"""Day loss: NAV fell too far since UTC midnight. Only reductions until the next day, or until an operator resumes."""

from collections.abc import Sequence

from shared.domain.portfolio.performance import drawdown_of
from shared.domain.risk.breakers.base import Breaker, reaches
from shared.domain.risk.state.halts import NewHalt
from shared.domain.timeframes import DAY_NS
from shared.messages.base import Message
from shared.messages.halts import Resumed


class DayLoss(Breaker):
    """Measures the loss from the first NAV that is known of a day.

    That NAV outlives a restart, and a clock that steps back.
    """

    name = "day_loss"

    def on_time(self, message: Message) -> Sequence[Message]:
        state, nav = self._state, self._state.nav
        if not nav > 0.0:
            return ()
        day = state.now_ns // DAY_NS
        if day != state.loss_baselines.day:
            self._turn(day, nav)
        begun = state.loss_baselines.day_nav
        loss = drawdown_of(begun, nav)
        if not reaches(loss, self.plan.day_loss):
            return ()
        return self._begin(
            message,
            NewHalt(
                symbol="",
                trigger="day_loss",
                reason=f"a loss of {loss:.2%} in a day",
                evidence=f"NAV {nav:,.2f} USDT, {begun:,.2f} USDT at UTC midnight; limit {self.plan.day_loss:.2%}",
                until_ns=(day + 1) * DAY_NS,
                cleared_by="time",
            ),
        )

    def _turn(self, day: int, nav: float) -> None:
        """Begin another day; or go back to the one before it, if the clock had run ahead."""
        known = self._state.loss_baselines
        if day > known.day:
            self._state.move_loss_baselines(day=day, day_nav=nav, day_before=known.day, day_nav_before=known.day_nav)
        else:
            begun = known.day_nav_before if day == known.day_before else max(known.day_nav, known.day_nav_before)
            self._state.move_loss_baselines(day=day, day_nav=begun, day_before=-1, day_nav_before=0.0)

    def on_resumed(self, resumed: Resumed) -> None:
        """An operator goes on in spite of the loss, so the next one counts from here."""
        nav = self._state.nav
        if resumed.trigger == "day_loss" and nav > 0.0:
            self._state.move_loss_baselines(day_nav=nav)
