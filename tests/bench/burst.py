"""All bars of a timeframe close at once: from the last bar published to the last size on the wire."""

import asyncio
import tempfile
from pathlib import Path
from time import perf_counter

from msgspec import structs

from services.wiring import BY_NAME, SIZING
from shared.adapters.clocks import ManualClock
from shared.adapters.redis.bus import RedisBus
from shared.adapters.redis.embedded_valkey import running_valkey
from shared.config.model import Settings
from shared.domain.plan import Plan, StrategyPlan
from shared.messages.catalogue import SIZES
from shared.messages.portfolio import PortfolioMarked
from shared.runtime.host import MachineHost
from tests.bench.answering import Silent
from tests.bench.market import DAY_NS, HISTORY_DAYS, daily_bars, listings, universe_of
from tests.keys import MAIN
from tests.samples import T0, bar, samples

ROUNDS = 5
STRATEGIES = (StrategyPlan(name="donchian", kind="donchian", timeframe="1h", weight=1.0),)


async def burst(url: str, pairs: int) -> tuple[float, float]:
    """Milliseconds from the first bar sent, and from the last one, to the last size; best of some rounds."""
    universe = universe_of(pairs)
    best = (float("inf"), float("inf"))
    async with RedisBus.open(url, MAIN) as bus, RedisBus.open(url, MAIN) as feed:
        await bus.client.flushall()
        await bus.publish(listings(universe))
        await bus.publish_bars(daily_bars(universe))
        snapshot = next(message for message in samples() if isinstance(message, PortfolioMarked))
        await bus.publish([structs.replace(snapshot, positions=(), sectors={})])
        clock = ManualClock(T0 + HISTORY_DAYS * DAY_NS)
        settings = Settings(universe=universe, plan=Plan(strategies=STRATEGIES))
        host = MachineHost(BY_NAME[SIZING].spec(settings, clock), bus, clock, Silent())
        await host.recover()
        while await host.step(0):
            pass
        for number in range(ROUNDS):
            hour = HISTORY_DAYS * 24 + number
            bars = [bar(symbol, hour=hour, close=102.0) for symbol in universe.symbols]
            clock.time_ns = bars[0].close_time_ns + 1
            before = await bus.client.xlen(MAIN.of(SIZES))
            async with asyncio.TaskGroup() as group:
                over = asyncio.Event()
                group.create_task(stepping(host, over))
                started = perf_counter()
                await feed.publish_bars(bars)
                sent = perf_counter()
                while await feed.client.xlen(MAIN.of(SIZES)) < before + pairs:
                    await asyncio.sleep(0)
                done = perf_counter()
                over.set()
            best = min(best, ((done - started) * 1e3, (done - sent) * 1e3))
    return best


async def stepping(host: MachineHost, over: asyncio.Event) -> None:
    while not over.is_set():
        await host.step()


def report() -> None:
    print("bars of every pair close at once: to the last size on the wire (milliseconds, best of 5)")
    with tempfile.TemporaryDirectory() as folder, running_valkey(Path(folder)) as server:
        for pairs in (38, 500, 2_000):
            whole, after_last = asyncio.run(burst(server.url, pairs))
            print(f"  {pairs:>6} pairs   from the first bar {whole:7.1f}   from the last {after_last:7.1f}")
