"""The request weight that all users of one address share: spend it before each request, queue when it is used up."""

import asyncio

from shared.ports.clock import Clock
from shared.ports.exchange import RateLimitedError

SHARE = 0.9  # of the exchange's limit: what we miscount, and what others on this address spend meanwhile, needs room
RESERVE = 0.25  # of the budget that what can wait leaves to the others
LOOK_SECONDS = 0.05  # between looks whether nobody else waits
LONGEST_WAIT_SECONDS = 60.0
DEFAULT_PAUSE_SECONDS = 10.0  # after a 429 without Retry-After
BANNED = 418


class WeightBudget:
    """A token bucket, refilled evenly over the minute and corrected by what the exchange reports.

    Callers wait in the order in which they came. Who would wait longer than ``LONGEST_WAIT_SECONDS`` (a ban lasts from
    minutes to days) gets ``RateLimitedError`` at once instead.

    capacity: the weight that this process allows itself in a minute.
    used_weight: the exchange's own count for the current minute, as it last told.
    refusals: how often it answered 429 or 418.
    """

    def __init__(self, clock: Clock, weight_per_minute: int) -> None:
        self._clock = clock
        self.capacity = weight_per_minute * SHARE
        self._per_second = self.capacity / 60.0
        self._tokens = self.capacity
        self._counted_steady_ns = clock.steady_ns()
        self._paused_until_steady_ns = 0
        self._queue = asyncio.Lock()
        self.used_weight = 0
        self.refusals = 0

    async def spend(self, weight: int) -> None:
        """Take ``weight`` out of the budget, waiting for it if need be."""
        async with self._queue:
            while (wait_seconds := self._wait_seconds(weight)) > 0:
                if wait_seconds > LONGEST_WAIT_SECONDS:
                    raise RateLimitedError(f"no requests for {wait_seconds:.0f} s", wait_seconds)
                await self._clock.sleep_wall(wait_seconds)
            self._tokens -= weight

    async def spend_spare(self, weight: int) -> None:
        """``spend`` for what can wait: lets all others go first and leaves them ``RESERVE`` of the budget.

        Raises ``RateLimitedError`` when it had no turn for ``LONGEST_WAIT_SECONDS``.
        """
        waited_seconds = 0.0
        while (pause_seconds := self._spare_wait_seconds(weight)) > 0:
            if waited_seconds + pause_seconds > LONGEST_WAIT_SECONDS:
                raise RateLimitedError("no request weight to spare", pause_seconds)
            await self._clock.sleep_wall(pause_seconds)
            waited_seconds += pause_seconds
        self._tokens -= weight

    def reported(self, used_weight: int) -> None:
        """The exchange's own count for the current minute: trust it when it leaves less than ours."""
        self.used_weight = used_weight
        self._refill()
        self._tokens = min(self._tokens, self.capacity - used_weight)

    def refused(self, status: int, retry_after_seconds: float | None) -> float:
        """A 429 or 418 came: nobody asks until the pause is over. Returns how long that is, in seconds."""
        pause = retry_after_seconds if retry_after_seconds is not None else DEFAULT_PAUSE_SECONDS
        if status == BANNED and retry_after_seconds is None:
            pause = LONGEST_WAIT_SECONDS * 2
        self.refusals += 1
        self._paused_until_steady_ns = max(self._paused_until_steady_ns, self._clock.steady_ns() + int(pause * 1e9))
        return pause

    @property
    def pause_left_seconds(self) -> float:
        """Wall time until the exchange may be asked again; 0 when it may be asked now."""
        return max(0.0, (self._paused_until_steady_ns - self._clock.steady_ns()) / 1e9)

    def _wait_seconds(self, weight: float) -> float:
        self._refill()
        lacking = min(weight, self.capacity) - self._tokens
        return max(self.pause_left_seconds, lacking / self._per_second)

    def _spare_wait_seconds(self, weight: int) -> float:
        wait_seconds = self._wait_seconds(weight + self.capacity * RESERVE)
        if self._queue.locked() or wait_seconds > 0:
            return max(LOOK_SECONDS, wait_seconds)
        return 0.0

    def _refill(self) -> None:
        now_ns = self._clock.steady_ns()
        elapsed_seconds = max(0, now_ns - self._counted_steady_ns) / 1e9
        self._counted_steady_ns = now_ns
        self._tokens = min(self.capacity, self._tokens + elapsed_seconds * self._per_second)
