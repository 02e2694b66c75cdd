"""The one way out for bars: whoever has some adds them, one task publishes them in the order in which they came.

Two tasks that published by themselves could overtake each other; the bus would then take the older bar for a repeat.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from itertools import islice
from typing import Any

from shared.messages.market import BarClosed
from shared.ports.bus import Market

BATCH = 1_000
ROOM = 20_000  # bars; who has more waits


class Outbox:
    """Bars on their way to the bus. What is lost with the process is still above the watermark, and fetched again."""

    def __init__(self, bus: Market, log: Any) -> None:
        self._bus, self._log = bus, log
        self._bars: deque[BarClosed] = deque()
        self._filled = asyncio.Event()
        self._drained = asyncio.Event()
        self._drained.set()
        self.published = 0
        self.ignored = 0

    def add(self, bars: Sequence[BarClosed]) -> None:
        """In order for each pair and timeframe. Never waits, so that asking and adding can be one step."""
        if bars:
            self._bars.extend(bars)
            self._filled.set()
            if len(self._bars) > ROOM:
                self._drained.clear()

    @property
    def idle(self) -> bool:
        """Everything that was added is on the bus."""
        return not self._bars

    async def room(self) -> None:
        """Wait while the bus is behind."""
        await self._drained.wait()

    async def run(self) -> None:
        while True:
            await self._filled.wait()
            batch = list(islice(self._bars, BATCH))
            new = await self._bus.publish_bars(batch)
            for _ in batch:
                self._bars.popleft()
            self.published += new
            if new < len(batch):  # only after another process published them: the bus keeps each bar once
                self.ignored += len(batch) - new
                self._log.warning("bars_ignored", bars=len(batch) - new, reason="at or below the watermark")
            if not self._bars:
                self._filled.clear()
            if len(self._bars) <= ROOM:
                self._drained.set()
