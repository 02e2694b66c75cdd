"""Follows a running stack through its streams and keeps its state and counts, for a live view and a summary."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from shared.application.projection import Counts, Projection
from shared.messages.base import Message
from shared.messages.catalogue import is_copy
from shared.messages.orders import OrderDecided
from shared.ports.bus import Bus
from shared.ports.errors import BusLostError

WAIT_MS = 250
RETRY_SECONDS = 0.5


@dataclass(slots=True)
class Activity:
    """What a stack has done since the monitor began, and how it stands now.

    began: when that was, on the event loop's clock, in seconds.
    state: what holds now.
    counts: how often things happened.
    first_decision_seconds: how long after ``began`` the first order was decided; None while there was none.
    """

    began: float = 0.0
    state: Projection = field(default_factory=Projection)
    counts: Counts = field(default_factory=Counts)
    first_decision_seconds: float | None = None

    def take(self, message: Message, now: float) -> None:
        """Take in the next message; ``now`` is the event loop's clock."""
        if isinstance(message, OrderDecided) and self.first_decision_seconds is None:
            self.first_decision_seconds = now - self.began
        self.state.take(message)
        self.counts.take(message)


class Monitor:
    """Reads streams from given ids on, keeps the ``activity``, and hands every message to ``on_message``.

    cursors: the id of the last entry that was seen, by stream. A message that stands in two of the streams is handed on
    once. When the server goes away, the monitor waits for it and then reads on where it was: nothing is missed.
    """

    def __init__(self, bus: Bus, cursors: dict[str, str], on_message: Callable[[Message], None]) -> None:
        self.activity = Activity()
        self._bus, self._cursors, self._on_message = bus, cursors, on_message

    async def run(self) -> None:
        """Follow until cancelled."""
        while True:
            try:
                await self.step(WAIT_MS)
            except BusLostError:
                await asyncio.sleep(RETRY_SECONDS)

    async def step(self, wait_ms: int) -> int:
        """Read once; returns how many entries there were."""
        entries = await self._bus.read_from(self._cursors, wait_ms)
        now = asyncio.get_running_loop().time()
        for entry in entries:
            if entry.message is not None and not is_copy(entry.message, entry.stream):
                self._take(entry.message, now)
        return len(entries)

    def _take(self, message: Message, now: float) -> None:
        try:
            self.activity.take(message, now)
            self._on_message(message)
        except Exception:  # noqa: BLE001 - whatever it is, the others are shown
            self.activity.counts.untold[type(message).__name__] += 1

    async def drain(self) -> None:
        """Take in what is there already, at the end."""
        while await self.step(1):
            pass
