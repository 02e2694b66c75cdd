"""What the stack is doing, gathered from the bus: the source of the HTTP API and of the metrics."""

from collections import Counter as Count
from typing import Any

from shared.messages.base import Message
from shared.messages.catalogue import (
    AUDIT,
    DEAD,
    DECIDED,
    EXECUTED,
    FEEDS,
    HALTS,
    PORTFOLIO,
    SIGNALS,
    SIZES,
)
from shared.messages.market import FeedLost, FeedRestored
from shared.messages.orders import OrderDecided, OrderFilled
from shared.messages.portfolio import (
    Alerted,
    CommandRefused,
    Halted,
    LimitsChanged,
    PhaseChanged,
    PortfolioMarked,
    Resumed,
)
from shared.ports.bus import Bus
from shared.ports.clock import Clock
from shared.runtime.health import is_alive

FOLLOWED = (SIGNALS, SIZES, DECIDED, EXECUTED, PORTFOLIO, AUDIT, FEEDS, DEAD)  # AUDIT has all of HALTS
EXPECTED = ("market_data", "signals", "sizing", "risk", "execution")
WAIT_MS = 500
RECALLED = 1_000


class Figures:
    """Counts since this process started, and the latest of everything."""

    def __init__(self, bus: Bus, clock: Clock) -> None:
        self._bus, self._clock = bus, clock
        self._cursors = {bus.keys.of(topic): "$" for topic in FOLLOWED}
        self._known_before = [bus.keys.of(topic) for topic in (PORTFOLIO, HALTS, AUDIT, FEEDS)]
        self.counts: Count[tuple[str, str]] = Count()  # (figure, label)
        self.portfolio: PortfolioMarked | None = None
        self.phase: PhaseChanged | None = None
        self.limits: LimitsChanged | None = None
        self.lost_feeds: dict[tuple[str, str], FeedLost] = {}
        self.halts: dict[tuple[str, str], Halted] = {}  # by symbol and trigger

    async def follow(self) -> None:
        """Take in what the streams bring, until cancelled."""
        for key in self._known_before:
            for message in reversed(await self._bus.latest(key, RECALLED)):
                self._learn(message)
        while True:
            for entry in await self._bus.read_from(self._cursors, WAIT_MS):
                if entry.message is not None:
                    self._take(entry.message)

    def _take(self, message: Message) -> None:
        self.counts["messages", type(message).__name__] += 1
        if isinstance(message, OrderDecided):
            self.counts["decisions", message.verdict] += 1
            if message.binding:
                self.counts["binding", message.binding] += 1
        elif isinstance(message, OrderFilled):
            self.counts["fills", message.side] += 1
        elif isinstance(message, Halted):
            self.counts["halts", message.trigger] += 1
        elif isinstance(message, Alerted):
            self.counts["alerts", message.trigger] += 1
        elif isinstance(message, CommandRefused):
            self.counts["commands_refused", message.command] += 1
        self._learn(message)

    def _learn(self, message: Message) -> None:
        """Keep the latest of what has a present state."""
        match message:
            case PortfolioMarked():
                self.portfolio = message
            case FeedLost():
                self.lost_feeds[message.feed, message.symbol] = message
            case FeedRestored():
                self.lost_feeds.pop((message.feed, message.symbol), None)
            case Halted():
                self.halts[message.symbol, message.trigger] = message
            case Resumed():
                self.halts.pop((message.symbol, message.trigger), None)
            case PhaseChanged():
                self.phase = message
            case LimitsChanged():
                self.limits = message
            case _:
                pass

    async def services(self) -> dict[str, dict[str, Any]]:
        """Every service's heartbeat, and whether it is recent."""
        wall_ns = self._clock.wall_ns()
        return {
            name: {
                "alive": is_alive(beat, wall_ns),
                "state": beat.state,
                "pid": beat.pid,
                "age_seconds": round((wall_ns - beat.beat_wall_ns) / 1e9, 3),
                "facts": beat.facts,
            }
            for name, beat in (await self._bus.heartbeats()).items()
        }

    async def faults(self) -> list[str]:
        """What keeps the stack from being healthy, in words; empty when it is."""
        services = await self.services()
        found = [f"{name} is not running" for name in EXPECTED if not services.get(name, {}).get("alive")]
        found += [f"feed {feed} {symbol} is lost".replace("  ", " ") for feed, symbol in self.lost_feeds]
        if self.portfolio is None:
            found.append("no portfolio snapshot yet")
        return found
