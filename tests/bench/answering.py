"""What answers in a bench over Redis: a bare stream echo, or the gate on a market of 38 pairs; and how it is told."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from statistics import quantiles
from typing import Any

from redis.exceptions import ResponseError

from services.wiring import BY_NAME, RISK
from shared.adapters.clocks import ManualClock
from shared.adapters.redis.bus import RedisBus
from shared.config.model import PortfolioSettings, Settings
from shared.messages.catalogue import DECIDED
from shared.messages.orders import OrderDecided
from shared.runtime.host import MachineHost
from tests.bench.market import DAY_NS, HISTORY_DAYS, book, daily_bars, listings, mark, plan_of, universe_of
from tests.samples import T0

Serve = Callable[[Callable[[], None]], Coroutine[Any, Any, None]]  # works until it is cancelled; says when it is ready


class Silent:
    """A log that costs nothing, so that both sides write none."""

    def __getattr__(self, name: str):
        return lambda *_, **__: None


async def open_market(bus: RedisBus) -> tuple[Settings, ManualClock]:
    """38 pairs with all that the gate wants to know of them."""
    universe, clock = universe_of(38), ManualClock(T0 + HISTORY_DAYS * DAY_NS)
    await bus.publish(listings(universe))
    await bus.publish_bars(daily_bars(universe))
    await bus.set_books([book(symbol, clock.time_ns) for symbol in universe.symbols])
    await bus.set_marks([mark(symbol, clock.time_ns) for symbol in universe.symbols])
    cash = PortfolioSettings(starting_cash_usdt=10_000_000.0)
    return Settings(universe=universe, plan=plan_of(), portfolio=cash), clock


async def echo(bus: RedisBus, ready: Callable[[], None]) -> None:
    """The yardstick's server side: read a group, answer, acknowledge."""
    client = bus.client
    with suppress(ResponseError):  # it is there already
        await client.xgroup_create("echo:in", "echo", id="0", mkstream=True)
    ready()
    while True:
        rows = await client.xreadgroup("echo", "one", {"echo:in": ">"}, count=200, block=50)
        rows = rows.items() if isinstance(rows, dict) else rows or ()
        for _, entries in rows:
            for entry_id, fields in entries:
                pipe = client.pipeline(transaction=False)
                pipe.xadd("echo:out", fields)
                pipe.xack("echo:in", "echo", entry_id)
                await pipe.execute()


def gate_on(bus: RedisBus, settings: Settings, clock: ManualClock) -> MachineHost:
    """A gate that goes on from what is stored."""
    return MachineHost(BY_NAME[RISK].spec(settings, clock), bus, clock, Silent())


@asynccontextmanager
async def serving(run: Serve) -> AsyncIterator[None]:
    """While the block lasts, the echo or a gate answers."""
    async with asyncio.TaskGroup() as group:
        ready = asyncio.Event()
        task = group.create_task(run(ready.set))
        await ready.wait()
        yield
        task.cancel()


async def check_approved(bus: RedisBus) -> None:
    """A rejection costs less and would flatter the figures."""
    [last] = [each for each in await bus.latest(bus.keys.of(DECIDED)) if isinstance(each, OrderDecided)]
    assert last.verdict == "approve", last.reason


def p50_p99(took: list[float]) -> tuple[float, float]:
    cuts = quantiles(took, n=100)
    return cuts[49], cuts[98]


def print_beside(bare: tuple[float, float], name: str, figures: tuple[float, float]) -> None:
    """p50 and p99 of a contender, and how many times those of the echo they are."""
    print(f"  {name:<18} p50 {figures[0]:7.0f}   p99 {figures[1]:7.0f}")
    print(f"  {'ratio':<18} p50 {figures[0] / bare[0]:7.2f}   p99 {figures[1] / bare[1]:7.2f}")
