"""What the stack is doing, gathered from the bus: the source of the HTTP API and of the metrics."""

from collections.abc import Callable
from typing import Any

from services.wiring import OPS, SERVICES
from shared.application.projection import Counts, Projection
from shared.application.status import services_as_objects, what_holds
from shared.messages.base import Message
from shared.messages.catalogue import AUDIT, DEAD, DECIDED, EXECUTED, FEEDS, PORTFOLIO, SET_ASIDE, SIGNALS, SIZES
from shared.ports.bus import Bus
from shared.ports.clock import Clock

FOLLOWED = (SIGNALS, SIZES, DECIDED, EXECUTED, PORTFOLIO, AUDIT, FEEDS, DEAD, SET_ASIDE)  # AUDIT has all of HALTS
EXPECTED = tuple(row.name for row in SERVICES if not row.only_with and row.name != OPS)
WAIT_MS = 500
RECALLED = 1_000  # of AUDIT, for the last change of the phase and of the limits


class Figures:
    """Follows the stack.

    state: what holds now; messages from before this process started are looked up.
    counts: how often things happened since this process started.
    """

    def __init__(self, bus: Bus, clock: Clock) -> None:
        self._bus, self._clock = bus, clock
        self._cursors = {bus.keys.of(topic): "$" for topic in FOLLOWED}
        self.state, self.counts = Projection(), Counts()

    async def recall(self) -> None:
        """Look up how things stand, from what was written before this process started.

        It is followed from before that look: what is written meanwhile is perhaps taken in twice, and never missed.
        """
        self._cursors = await self._bus.stream_ends(list(self._cursors))
        changes = reversed(await self._bus.latest(self._bus.keys.of(AUDIT), RECALLED))
        for message in (*changes, *await what_holds(self._bus)):
            self._fold(self.state.take, message)

    async def follow(self) -> None:
        """Take in what the streams bring, until cancelled."""
        await self.recall()
        while True:
            await self.step(WAIT_MS)

    async def step(self, wait_ms: int) -> None:
        """Read once."""
        for entry in await self._bus.read_from(self._cursors, wait_ms):
            if entry.message is not None:
                self.take(entry.message)

    def take(self, message: Message) -> None:
        """Count a message, and take it into what holds now."""
        self._fold(self.counts.take, message)
        self._fold(self.state.take, message)

    def _fold(self, fold: Callable[[Message], None], message: Message) -> None:
        """A bug in how one message is taken in must not end who watches over the others."""
        try:
            fold(message)
        except Exception:  # noqa: BLE001 - whatever it is, the others are shown
            self.counts.untold[type(message).__name__] += 1

    async def services(self) -> dict[str, dict[str, Any]]:
        """Every service's heartbeat, and whether it is recent."""
        return services_as_objects(await self._bus.heartbeats(), self._clock)

    async def faults(self) -> list[str]:
        """What keeps the stack from being healthy, in words; empty when it is."""
        services = await self.services()
        found = [f"{name} is not running" for name in EXPECTED if not services.get(name, {}).get("alive")]
        found += [f"feed {feed} {symbol} is lost".replace("  ", " ") for feed, symbol in self.state.lost_feeds]
        if self.state.portfolio is None:
            found.append("no portfolio snapshot yet")
        return found
