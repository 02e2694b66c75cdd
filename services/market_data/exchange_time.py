"""What time it is at the exchange: proven by what it sent, estimated in between."""

from shared.domain.timeframes import SECOND_NS
from shared.ports.clock import Clock, market_ns
from shared.ports.exchange import Exchange

SETTLE_NS = SECOND_NS  # market time that the exchange gets to finish a bar before REST is believed
AHEAD_NS = 2 * SECOND_NS  # market time, and
AHEAD_WALL_SECONDS = 2.0  # wall time, by which our idea of the exchange's clock may be behind


class ExchangeTime:
    """``proven_ns`` never runs ahead of the exchange's clock, so a bar that ended before it is finished for certain.

    ``now_ns`` is our clock set by the exchange's: good enough to decide when to ask, never to call a bar finished.
    """

    def __init__(self, exchange: Exchange, clock: Clock) -> None:
        self._exchange, self._clock = exchange, clock
        self._offset_ns = 0
        self.proven_ns = 0

    def saw(self, event_time_ns: int) -> bool:
        """Something came that the exchange says it sent at this time; False if that is impossible, too far ahead."""
        if event_time_ns > self.now_ns() + AHEAD_NS + self.market_ns(AHEAD_WALL_SECONDS):
            return False
        self.proven_ns = max(self.proven_ns, event_time_ns)
        return True

    async def ask(self) -> int:
        """Ask the exchange; the answer proves at least that time from now on. Raises the port's errors."""
        asked_ns = self._clock.now_ns()
        told_ns = await self._exchange.server_time_ns()
        self._offset_ns = told_ns - (asked_ns + self._clock.now_ns()) // 2
        self.proven_ns = max(self.proven_ns, told_ns)
        return told_ns

    @property
    def settled_ns(self) -> int:
        """Bars that ended by then are finished, at REST too."""
        return self.proven_ns - SETTLE_NS

    async def settle(self, time_ns: int) -> None:
        """Ask the exchange unless bars that ended by ``time_ns`` are known to be finished."""
        if self.settled_ns < time_ns:
            await self.ask()

    def now_ns(self) -> int:
        return self._clock.now_ns() + self._offset_ns

    def market_ns(self, wall_seconds: float) -> int:
        """How much market time passes in so much wall time."""
        return market_ns(self._clock, wall_seconds)
