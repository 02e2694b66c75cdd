"""What time it is at the exchange: proven by what it sent, estimated in between.

Nothing here goes by our own wall clock, so it may be set without any bar being late for it. The exchange's clock may be
set too. What it sends then does not fit the estimate any more; that alone may be a late frame, so the exchange is
asked, and its answer holds.
"""

from typing import Any

from shared.adapters.clocks import ScaledClock
from shared.domain.timeframes import SECOND_NS
from shared.ports.clock import STEP_NS, Clock, market_ns
from shared.ports.exchange import Exchange

SETTLE_NS = SECOND_NS  # market time that the exchange gets to finish a bar before REST is believed
AHEAD_NS = 2 * SECOND_NS  # market time, and
AHEAD_WALL_SECONDS = 2.0  # wall time, by which our idea of the exchange's clock may be behind
ASK_SECONDS = 30.0  # of wall time between questions: no two clocks run at the same speed


class ExchangeTime:
    """``proven_ns`` never runs ahead of the exchange's clock, so a bar that ended before it is finished for certain.

    ``now_ns`` is the last answer and the time since: good enough to decide when to ask, never to call a bar finished.

    steps_back: how often the exchange's clock was found to have been set back.
    """

    def __init__(self, exchange: Exchange, clock: Clock, log: Any) -> None:
        self._exchange, self._clock, self._log = exchange, clock, log
        self._offset_ns = clock.now_ns() - self._steady_market_ns()
        self._asked_steady_ns: int | None = None
        self._is_doubtful = False
        self.proven_ns = 0
        self.steps_back = 0

    def saw(self, event_time_ns: int) -> bool:
        """Something came that the exchange says it sent at this time; False if that is impossible, too far ahead."""
        apart_ns = event_time_ns - self.now_ns()
        tolerance_ns = AHEAD_NS + self.market_ns(AHEAD_WALL_SECONDS)
        if abs(apart_ns) > tolerance_ns:
            self._is_doubtful = True
            if apart_ns > 0:
                return False
        self.proven_ns = max(self.proven_ns, event_time_ns)
        return True

    @property
    def wants_asking(self) -> bool:
        """Whether what came does not fit, or the last answer is old."""
        if self._asked_steady_ns is None:
            return True
        age_ns = self._clock.steady_ns() - self._asked_steady_ns
        return age_ns >= (SECOND_NS if self._is_doubtful else ASK_SECONDS * SECOND_NS)

    async def ask(self) -> int:
        """Ask the exchange; the answer proves at least that time from now on. Raises the port's errors."""
        self._follow_standing()
        asked_ns, proven_ns = self._steady_market_ns(), self.proven_ns
        told_ns = await self._exchange.server_time_ns()
        answered_ns = self._steady_market_ns()
        self._follow(told_ns - (asked_ns + answered_ns) // 2, answered_ns - asked_ns)
        if told_ns < proven_ns:  # what was proven before the question is not true any more
            self.proven_ns = told_ns
            self.steps_back += 1
        self.proven_ns = max(self.proven_ns, told_ns)
        return told_ns

    def _follow(self, offset_ns: int, uncertain_ns: int) -> None:
        """Take the answer for the truth, and say so when it is another one."""
        step_ns = offset_ns - self._offset_ns
        was_asked = self._asked_steady_ns is not None
        self._offset_ns, self._asked_steady_ns, self._is_doubtful = offset_ns, self._clock.steady_ns(), False
        if was_asked and abs(step_ns) > uncertain_ns + self.market_ns(STEP_NS / SECOND_NS):
            self._log.warning(
                "exchange_clock_stepped",
                market_seconds=round(step_ns / SECOND_NS, 3),
                reason="the exchange's clock was set: what it sends is judged by its new time",
            )

    @property
    def settled_ns(self) -> int:
        """Bars that ended by then are finished, at REST too."""
        return self.proven_ns - SETTLE_NS

    async def settle(self, time_ns: int) -> None:
        """Ask the exchange unless bars that ended by ``time_ns`` are known to be finished."""
        if self.settled_ns < time_ns:
            await self.ask()

    def now_ns(self) -> int:
        self._follow_standing()
        return self._steady_market_ns() + self._offset_ns

    def _follow_standing(self) -> None:
        """A simulated market that waits for its readers has a time that does not pass."""
        if isinstance(self._clock, ScaledClock) and self._clock.stands:
            self._offset_ns = self._clock.now_ns() - self._steady_market_ns()

    def _steady_market_ns(self) -> int:
        """Market time that has passed since some moment, whoever sets our wall clock."""
        return int(self._clock.steady_ns() * self._clock.speed)

    def market_ns(self, wall_seconds: float) -> int:
        """How much market time passes in so much wall time."""
        return market_ns(self._clock, wall_seconds)
