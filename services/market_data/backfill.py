"""What comes by REST: history at the start, gaps, and closes that did not come.

Workers take tracks from a queue in which each stands at most once. A track that brings nothing is asked again later and
later, up to ``stale_seconds``; the gap itself stays visible in the sequencer, so nothing is forgotten.
"""

import asyncio
from collections.abc import Sequence

from services.market_data.bar_tracks import BarTrack
from services.market_data.bars import closed_bar
from services.market_data.context import MarketDataContext
from services.market_data.history import history
from services.market_data.log_digest import GAP_FILLED, HOLE_FOUND, LogDigest
from shared.messages.market import BarClosed
from shared.ports.exchange import ExchangeError, OddRowError, RateLimitedError, RejectedError

WORKERS = 8
QUEUE_LIMIT = 20_000
SCAN_SECONDS = 0.2
ROWS = 1_000
PAGES = 100  # at most, before other tracks get their turn
REPORT_SECONDS = 1.0
WARN_SECONDS = 10.0  # between lines about failing questions
RECHECK_SECONDS = 1.0  # before a missing bar is believed to be a hole
LONGEST_HALTED_RETRY_SECONDS = 60.0


class Backfill:
    """Keeps every track complete.

    catch_up_ns: after an outage, the market time until which bars are wanted at once.
    filled: how many bars came by REST so far.
    """

    def __init__(self, context: MarketDataContext) -> None:
        self._context = context
        self._queue: asyncio.Queue[BarTrack] = asyncio.Queue(QUEUE_LIMIT)
        self._digest = LogDigest(context.log)
        self._told_until_steady_ns: dict[str, int] = {}
        self.catch_up_ns = 0
        self.filled = 0

    def want(self, track: BarTrack) -> None:
        """Put a track into the queue, unless it is there or must wait.

        Longer bars of the same pair come first, for the shorter ones are judged by them.
        """
        for timeframe in self._context.plan.timeframes:
            longer = self._context.tracks.get(track.symbol, timeframe)
            if longer is None or longer.sequencer.step_ns <= track.sequencer.step_ns:
                continue
            if longer.wants_rest(self._due_ns()):
                self._put(longer)
            if longer.asking:
                return  # the next scan finds this one again
        self._put(track)

    def _due_ns(self) -> int:
        """Bars that ended by then should have come."""
        return max(self._context.time.now_ns() - self._context.late_ns(), self.catch_up_ns)

    def _put(self, track: BarTrack) -> None:
        if track.asking or track.refused or self._queue.full():
            return
        if self._context.clock.steady_ns() >= track.not_before_steady_ns:
            track.asking = True
            self._queue.put_nowait(track)

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(WORKERS):
                group.create_task(self._work())
            group.create_task(self._report())
            while True:
                self.scan()
                await asyncio.sleep(SCAN_SECONDS)

    async def _report(self) -> None:
        try:
            while True:
                await asyncio.sleep(REPORT_SECONDS)
                self._digest.flush()
        finally:
            self._digest.flush()

    def scan(self) -> None:
        """Look for tracks that need REST."""
        due_ns = self._due_ns()
        for track in self._context.tracks.active():
            if not track.asking and track.wants_rest(due_ns):
                self.want(track)

    async def _work(self) -> None:
        while True:
            track = await self._queue.get()
            try:
                await self._context.outbox.room()
                await self.fill(track)
            finally:
                track.asking = False

    async def fill(self, track: BarTrack) -> None:
        """Ask REST for what the track lacks; venue failures only set the time for the next try."""
        try:
            came = await (self._warm(track) if track.sequencer.cold else self._pages(track))
        except RejectedError as error:
            track.refused = True
            self._context.log.warning(
                "history_refused", symbol=track.symbol, timeframe=track.timeframe, reason=str(error)
            )
        except OddRowError:  # noted, and told by the watchdog
            self._postpone(track, self._retry_seconds(track))
        except ExchangeError as error:
            wait = error.retry_after_seconds if isinstance(error, RateLimitedError) else 0.0
            self._warn("rate_limited" if wait else "rest_failed", str(error), max(wait, WARN_SECONDS))
            self._postpone(track, max(wait, self._retry_seconds(track)))
        else:
            if came:
                self.filled += came
                track.failures = 0
                self._digest.add(GAP_FILLED, symbol=track.symbol, timeframe=track.timeframe, bars=came)
            if track.sequencer.gap is not None:
                self._postpone(track, RECHECK_SECONDS)
            elif not came:
                self._postpone(track, self._retry_seconds(track))

    async def _warm(self, track: BarTrack) -> int:
        bars, until_ns = await history(self._context, track)
        ready = track.sequencer.answer(bars, until_ns, history=True)
        self._publish(ready)
        return len(ready)

    async def _pages(self, track: BarTrack) -> int:
        """Page through everything that has closed since the last published bar; returns how many bars came by REST."""
        sequencer, came = track.sequencer, 0
        for _ in range(PAGES):
            since_ns = sequencer.next_open_ns
            assert since_ns is not None
            until_ns = await self._closed_until_ns(track)
            if until_ns <= since_ns:
                break
            limit = min(ROWS, (until_ns - since_ns) // sequencer.step_ns + 1)
            rows = await self._context.klines(track, since_ns, limit)
            if len(rows) >= limit:
                until_ns = min(until_ns, rows[-1].open_time_ns + sequencer.step_ns)
            bars = [closed_bar(row, backfilled=True) for row in rows if row.open_time_ns < until_ns]
            ready = sequencer.answer(bars, until_ns)
            self._publish(ready)
            came += sum(bar.backfilled for bar in ready)
            if sequencer.gap is not None or not ready:
                break
        return came

    async def _closed_until_ns(self, track: BarTrack) -> int:
        """The open time of the oldest bar that may still change at the exchange."""
        sequencer, time = track.sequencer, self._context.time
        spans = (sequencer.gap, sequencer.due(time.now_ns()))
        wanted_ns = max((span.until_ns for span in spans if span is not None), default=0)
        await time.settle(wanted_ns)
        return time.settled_ns // sequencer.step_ns * sequencer.step_ns

    def _publish(self, bars: Sequence[BarClosed]) -> None:
        self._context.outbox.add(bars)
        for bar in bars:
            if bar.hole_before:
                self._digest.add(HOLE_FOUND, symbol=bar.symbol, timeframe=bar.timeframe, bars=bar.hole_before)

    def _retry_seconds(self, track: BarTrack) -> float:
        """Seconds until the next try: longer after each that brought nothing."""
        track.failures += 1
        settings, halted = self._context.settings, track.symbol in self._context.tracks.halted
        longest = LONGEST_HALTED_RETRY_SECONDS if halted else settings.stale_seconds
        return float(min(longest, min(settings.late_seconds, 1.0) * 2 ** min(track.failures - 1, 10)))

    def _warn(self, event: str, reason: str, seconds: float) -> None:
        """One line for all tracks that meet the same trouble."""
        steady_ns = self._context.clock.steady_ns()
        if steady_ns >= self._told_until_steady_ns.get(event, 0):
            self._told_until_steady_ns[event] = steady_ns + int(seconds * 1e9)
            self._context.log.warning(event, reason=reason)

    def _postpone(self, track: BarTrack, seconds: float) -> None:
        track.not_before_steady_ns = self._context.clock.steady_ns() + int(seconds * 1e9)
