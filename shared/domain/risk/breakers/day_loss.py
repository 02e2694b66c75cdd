"""Day loss: NAV fell too far since UTC midnight. Only reductions until the next day, or until an operator resumes."""

from collections.abc import Sequence

from shared.domain.risk.breakers.base import NOTHING, Breaker, reaches
from shared.domain.risk.halts import NewHalt
from shared.domain.timeframes import DAY_NS
from shared.messages.base import Message
from shared.messages.portfolio import Resumed


class DayLoss(Breaker):
    """NAV at midnight is the first that is known of the day; a restart keeps it."""

    name = "day_loss"

    def time(self, message: Message) -> Sequence[Message]:
        state, nav = self._state, self._state.nav
        if not nav > 0.0:
            return NOTHING
        day = state.now_ns // DAY_NS
        if day != state.watermark.day:
            state.mark_water(day=day, day_nav=nav)
            return NOTHING
        begun = state.watermark.day_nav
        if not begun > 0.0 or not reaches((begun - nav) / begun, self.plan.day_loss):
            return NOTHING
        return self._begin(
            message,
            NewHalt(
                symbol="",
                trigger="day_loss",
                reason=f"a loss of {(begun - nav) / begun:.2%} in a day",
                evidence=f"NAV {nav:,.2f} USDT, {begun:,.2f} USDT at UTC midnight; limit {self.plan.day_loss:.2%}",
                until_ns=(day + 1) * DAY_NS,
                cleared_by="time",
            ),
        )

    def resumed(self, resumed: Resumed) -> None:
        """An operator goes on in spite of it: a further loss counts from here."""
        nav = self._state.nav
        if resumed.trigger == "day_loss" and nav > 0.0:
            self._state.mark_water(day_nav=nav)
