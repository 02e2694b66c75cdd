"""Proposal to decision through Redis, beside a bare stream echo on the same server in the same run."""

import asyncio
import tempfile
from contextlib import suppress
from pathlib import Path
from statistics import quantiles
from time import perf_counter

from redis.exceptions import ResponseError

from services.wiring import BY_NAME, RISK
from shared.adapters.clocks import ManualClock
from shared.adapters.codec import encode
from shared.adapters.redis.bus import RedisBus
from shared.adapters.redis.embedded_valkey import running_valkey
from shared.config.model import PortfolioSettings, Settings
from shared.messages.catalogue import DECIDED, PROPOSED
from shared.messages.orders import OrderDecided
from shared.runtime.host import MachineHost
from tests.bench.market import DAY_NS, HISTORY_DAYS, book, daily_bars, listings, mark, order, plan_of, universe_of
from tests.keys import MAIN
from tests.samples import T0

ORDERS = 3_000
WARMUP = 200
TURNS = 5
BACKLOG = 20_000  # proposals


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


async def echo(bus: RedisBus, stop: asyncio.Event) -> None:
    """The yardstick's server side: read a group, answer, acknowledge."""
    client = bus.client
    with suppress(ResponseError):  # it is there already
        await client.xgroup_create("echo:in", "echo", id="0", mkstream=True)
    while not stop.is_set():
        rows = await client.xreadgroup("echo", "one", {"echo:in": ">"}, count=200, block=50)
        rows = rows.items() if isinstance(rows, dict) else rows or ()
        for _, entries in rows:
            for entry_id, fields in entries:
                pipe = client.pipeline(transaction=False)
                pipe.xadd("echo:out", fields)
                pipe.xack("echo:in", "echo", entry_id)
                await pipe.execute()


async def ask(bus: RedisBus, into: str, out: str, count: int, name: str) -> list[float]:
    """Round trips in microseconds: one XADD, one answer, then the next."""
    client, cursor, took = bus.client, "$", []
    last = await client.xrevrange(out, count=1)
    cursor = last[0][0].decode() if last else "0"
    for number in range(count):
        body = encode(order(f"C{number % 38:04d}/USDT", f"{name}{number}", T0))
        started = perf_counter()
        await client.xadd(into, {"m": body})
        rows = await client.xread({out: cursor}, block=2_000, count=1)
        took.append((perf_counter() - started) * 1e6)
        [(_, entries)] = rows.items() if isinstance(rows, dict) else rows
        entries = entries[0] if isinstance(entries[0], list) else entries
        cursor = entries[-1][0].decode()
    return took[WARMUP:]


async def check_approved(bus: RedisBus) -> None:
    """A rejection costs less and would flatter the figures."""
    [last] = [each for each in await bus.latest(MAIN.of(DECIDED)) if isinstance(each, OrderDecided)]
    assert last.verdict == "approve", last.reason


def p50_p99(took: list[float]) -> tuple[float, float]:
    cuts = quantiles(took, n=100)
    return cuts[49], cuts[98]


async def measured(url: str) -> None:
    async with RedisBus.open(url, MAIN) as bus, RedisBus.open(url, MAIN) as client:
        settings, clock = await open_market(bus)
        ways = {"echo": ("echo:in", "echo:out"), "gate": (MAIN.of(PROPOSED), MAIN.of(DECIDED))}
        took: dict[str, list[float]] = {name: [] for name in ways}
        for turn in range(TURNS):  # in turns, so that a busy moment of the machine hits both
            for name, (into, out) in ways.items():
                async with asyncio.TaskGroup() as group:
                    stop, ready = asyncio.Event(), asyncio.Event()
                    if name == "echo":
                        serving = group.create_task(echo(bus, stop))
                    else:
                        host = MachineHost(BY_NAME[RISK].spec(settings, clock), bus, clock, Silent())
                        serving = group.create_task(host.run(ready.set))
                        await ready.wait()
                    took[name] += await ask(client, into, out, ORDERS // TURNS + WARMUP, f"{turn}-")
                    stop.set()
                    serving.cancel()
        bare, gate = p50_p99(took["echo"]), p50_p99(took["gate"])
        await check_approved(bus)
    print("proposal to decision through Redis, one at a time (microseconds)")
    print(f"  bare stream echo   p50 {bare[0]:7.0f}   p99 {bare[1]:7.0f}")
    print(f"  risk service       p50 {gate[0]:7.0f}   p99 {gate[1]:7.0f}")
    print(f"  ratio              p50 {gate[0] / bare[0]:7.2f}   p99 {gate[1] / bare[1]:7.2f}")


async def sustained(url: str) -> None:
    """Everything waits in the stream already: what one process with one core gets through, commits included."""
    async with RedisBus.open(url, MAIN) as bus:
        await bus.client.flushall()
        settings, clock = await open_market(bus)
        host = MachineHost(BY_NAME[RISK].spec(settings, clock), bus, clock, Silent())
        await host.recover()
        while await host.step(0):
            pass
        key, decided = MAIN.of(PROPOSED), MAIN.of(DECIDED)
        for start in range(0, BACKLOG, 500):
            pipe = bus.client.pipeline(transaction=False)
            for number in range(start, start + 500):
                pipe.xadd(key, {"m": encode(order(f"C{number % 38:04d}/USDT", f"s{number}", clock.time_ns))})
            await pipe.execute()
        started = perf_counter()
        while await bus.client.xlen(decided) < BACKLOG:
            await host.step(0)
        took = perf_counter() - started
        await check_approved(bus)
    print(
        f"proposals decided and committed by one process: {BACKLOG / took:,.0f} a second ({BACKLOG:,} in {took:.1f} s)"
    )


def report() -> None:
    with tempfile.TemporaryDirectory() as folder, running_valkey(Path(folder)) as server:
        asyncio.run(measured(server.url))
        asyncio.run(sustained(server.url))
