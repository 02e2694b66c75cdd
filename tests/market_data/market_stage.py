"""market_data against a running simulated exchange, on any bus: what the market was, and what was published of it."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import partial
from itertools import pairwise
from typing import Any, cast

from services.exchange_sim.exchange import ExchangeOptions, SimulatedExchange
from services.exchange_sim.faults import Fault
from services.exchange_sim.frames import klines
from services.exchange_sim.market.bars import INTERVALS
from services.exchange_sim.market.generated import GeneratedMarket
from services.exchange_sim.market.market import Market
from services.market_data.service import run
from shared.adapters.clocks import RealClock, ScaledClock
from shared.adapters.memory_bus import MemoryBus
from shared.adapters.redis.bus import RedisBus
from shared.config.model import ExchangeSettings, MarketDataSettings, Settings
from shared.domain.universe import Pair, Rename, Universe
from shared.messages.base import Message
from shared.messages.catalogue import BARS, FEEDS, PAIRS
from shared.messages.market import BarClosed, FeedLost, FeedRestored, PairListed
from shared.ports.clock import Clock, ClockOrigin
from shared.runtime.service import Context
from tests.keys import MAIN
from tests.patience import until

START_MS = 1_735_693_200_000  # 2025-01-01 01:00 UTC
TIMEFRAMES = ("15m", "1h", "1d")
MS_NS = 1_000_000
UNIVERSE = Universe(
    pairs=tuple(
        Pair(base=base, quote="USDT", sector="Layer 1") for base in ("BTC", "ETH", "SOL", "DOGE", "FTM", "LINK")
    ),
    renames=(Rename(old="FTM", new="S", cutover=date(2025, 1, 16), ratio=Decimal(1)),),
)
QUICK = MarketDataSettings(
    mark_interval_ms=50, warmup_bars=50, warmup_days=60, late_seconds=0.3, stale_seconds=1.0, refresh_seconds=0.5
)


class LogLines:
    """A logger that keeps its lines, and the last time of each event."""

    def __init__(self, clock: Clock | None = None) -> None:
        self.lines: list[tuple[str, dict[str, Any]]] = []
        self.last_ns: dict[str, int] = {}
        self._clock = clock

    def info(self, event: str, **fields: Any) -> None:
        self.lines.append((event, fields))
        self.last_ns[event] = self._clock.now_ns() if self._clock is not None else 0

    warning = error = info

    def all(self, event: str) -> list[dict[str, Any]]:
        return [fields for name, fields in self.lines if name == event]


class Beats:
    """Takes what the service says of its health."""

    def __init__(self) -> None:
        self.is_ready = False
        self.facts: dict[str, Any] = {}

    def ready(self) -> None:
        self.is_ready = True

    def fact(self, **facts: Any) -> None:
        self.facts.update(facts)


class JournalBus(MemoryBus):
    """Keeps the order between streams too."""

    def __init__(self) -> None:
        super().__init__(MAIN)
        self.journal: list[Message] = []

    def append(self, message: Message) -> None:
        self.journal.append(message)
        super().append(message)


@dataclass
class Stage:
    """One exchange and one bus; ``follow`` runs the service on them, as often as the test wants."""

    exchange: SimulatedExchange
    clock: ScaledClock
    bus: MemoryBus | RedisBus
    settings: Settings
    log: LogLines
    health: Beats = field(default_factory=Beats)

    @asynccontextmanager
    async def follow(self) -> AsyncIterator[None]:
        """The service runs inside the block."""
        self.health.is_ready = False
        context = Context(self.settings, self.clock, self.bus, self.log, cast("Any", self.health))
        async with asyncio.TaskGroup() as group:
            task = group.create_task(run(context))
            try:
                yield
            finally:
                task.cancel()

    def inflict(self, **fault: Any) -> None:
        self.exchange.inflict(Fault(**fault))

    def happened(self, fault: str) -> int:
        return self.exchange.faults.happened[fault]

    async def messages(self, key: str) -> list[Message]:
        """A stream, oldest first."""
        return list(reversed(await self.bus.latest(key, 1_000_000)))

    async def bars(self, symbol: str, timeframe: str) -> list[BarClosed]:
        found = await self.messages(MAIN.of(BARS, timeframe))
        return [bar for bar in found if isinstance(bar, BarClosed) and bar.symbol == symbol]

    async def pairs(self) -> dict[str, PairListed]:
        """The last word on every pair."""
        found = await self.messages(PAIRS.key)
        return {pair.symbol: pair for pair in found if isinstance(pair, PairListed)}

    async def lost_feeds(self) -> list[FeedLost]:
        """Every loss that was ever reported, oldest first."""
        return [one for one in await self.messages(FEEDS.key) if isinstance(one, FeedLost)]

    async def open_losses(self) -> set[tuple[str, str]]:
        """Feeds that are lost now, from the messages alone."""
        lost: set[tuple[str, str]] = set()
        for message in await self.messages(FEEDS.key):
            if isinstance(message, FeedLost):
                assert (message.feed, message.symbol) not in lost, "lost twice in a row"
                lost.add((message.feed, message.symbol))
            elif isinstance(message, FeedRestored):
                lost.remove((message.feed, message.symbol))
        return lost

    async def until(self, is_so: Callable[[], Any]) -> None:
        """Wait for something to become so; fails after ``PATIENCE_SECONDS``."""
        await until(is_so)

    async def until_calm(self) -> None:
        """Everything is restored."""

        async def is_calm() -> bool:
            return bool(await self.messages(FEEDS.key)) and not await self.open_losses()

        await self.until(is_calm)

    async def until_published(self, symbol: str, timeframe: str, more: int) -> None:
        """So many further bars of the pair are on the bus."""
        await self.until_count(symbol, timeframe, len(await self.bars(symbol, timeframe)) + more)

    async def until_count(self, symbol: str, timeframe: str, count: int) -> None:
        """So many bars of the pair are on the bus."""

        async def are_there() -> bool:
            return len(await self.bars(symbol, timeframe)) >= count

        await self.until(are_there)

    def market_bars(self, symbol: str, timeframe: str, since_ns: int, until_ns: int) -> list[tuple[Any, ...]]:
        """What the exchange has: every closed bar that opened in between."""
        interval = INTERVALS[timeframe]
        now_ms = self.exchange.clock.now_ns() // 1_000_000
        found = self.exchange.market.klines(
            symbol.replace("/", ""), interval, now_ms=now_ms, start_ms=since_ns // 1_000_000, limit=1_000_000
        )
        return [
            (
                row.open_ms * 1_000_000,
                *map(float, (row.open, row.high, row.low, row.close, row.volume, row.quote_volume)),
                row.trades,
            )
            for row in klines(found, interval)
            if row.open_ms * 1_000_000 < until_ns and row.close_ms < now_ms
        ]

    async def check_all(self, symbols: tuple[str, ...]) -> dict[str, int]:
        """Every bar that has closed by now, since the first published one: once, in order, equal. Returns counts.

        Waits for what is still on its way.
        """
        now_ns = self.exchange.clock.now_ns()
        counts: dict[str, int] = defaultdict(int)
        for timeframe in TIMEFRAMES:
            step_ns = INTERVALS[timeframe].length_ms * 1_000_000
            for symbol in symbols:
                await self.until(partial(self._is_complete, symbol, timeframe, now_ns - step_ns))
                bars = await self.bars(symbol, timeframe)
                end_ns = bars[-1].open_time_ns + step_ns
                truth = self.market_bars(symbol, timeframe, bars[0].open_time_ns, end_ns)
                assert [values(bar) for bar in bars] == truth, f"{symbol} {timeframe}"
                for before, bar in pairwise(bars):
                    assert bar.open_time_ns == before.open_time_ns + step_ns * (1 + bar.hole_before)
                counts[timeframe] += len(bars)
                counts["backfilled"] += sum(bar.backfilled for bar in bars)
                counts["streamed"] += sum(not bar.backfilled for bar in bars)
                counts["holes"] += sum(bar.hole_before for bar in bars)
        return counts

    async def _is_complete(self, symbol: str, timeframe: str, until_ns: int) -> bool:
        """Nothing that opened by then is missing behind the last published bar."""
        bars = await self.bars(symbol, timeframe)
        return bool(bars) and not self.market_bars(symbol, timeframe, bars[-1].open_time_ns + MS_NS, until_ns + 1)


def values(bar: BarClosed) -> tuple[Any, ...]:
    """What must equal the market's bar."""
    return (
        bar.open_time_ns, bar.open, bar.high, bar.low, bar.close, bar.volume, bar.quote_volume, bar.trades,
    )  # fmt: skip


@asynccontextmanager
async def market_stage(
    bus: MemoryBus | RedisBus | None = None,
    *,
    speed: float = 7200.0,
    universe: Universe = UNIVERSE,
    market_data: MarketDataSettings = QUICK,
    options: ExchangeOptions | None = None,
    start_ms: int = START_MS,
) -> AsyncIterator[Stage]:
    """A running exchange with a generated market; nothing follows it yet."""
    market = Market(GeneratedMarket(universe, 7, start_ms))
    wall_ns = RealClock().wall_ns()
    clock = ScaledClock(ClockOrigin(origin_market_ns=start_ms * 1_000_000, origin_wall_ns=wall_ns, speed=speed))
    exchange = SimulatedExchange(market, clock, options or ExchangeOptions(tick_ms=50))
    async with exchange.running("127.0.0.1", 0) as port:
        settings = Settings(
            universe=universe, exchange=ExchangeSettings(url=f"http://127.0.0.1:{port}"), market_data=market_data
        )
        yield Stage(exchange, clock, bus or MemoryBus(MAIN), settings, LogLines(clock))
