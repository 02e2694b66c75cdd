"""Proposal to decision through Redis, beside a bare stream echo on the same server in the same run."""

import asyncio
import tempfile
from functools import partial
from pathlib import Path
from time import perf_counter

from shared.adapters.codec import encode
from shared.adapters.redis.bus import RedisBus
from shared.adapters.redis.embedded_valkey import running_valkey
from shared.messages.catalogue import DECIDED, PROPOSED
from tests.bench.answering import check_approved, echo, gate_on, open_market, p50_p99, print_beside, serving
from tests.bench.market import order
from tests.keys import MAIN
from tests.samples import T0

ORDERS = 3_000
WARMUP = 200
TURNS = 5
BACKLOG = 20_000  # proposals


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


async def measured(url: str) -> None:
    async with RedisBus.open(url, MAIN) as bus, RedisBus.open(url, MAIN) as client:
        settings, clock = await open_market(bus)
        ways = {"echo": ("echo:in", "echo:out"), "gate": (MAIN.of(PROPOSED), MAIN.of(DECIDED))}
        took: dict[str, list[float]] = {name: [] for name in ways}
        for turn in range(TURNS):  # in turns, so that a busy moment of the machine hits both
            for name, (into, out) in ways.items():
                run = partial(echo, bus) if name == "echo" else gate_on(bus, settings, clock).run
                async with serving(run):
                    took[name] += await ask(client, into, out, ORDERS // TURNS + WARMUP, f"{turn}-")
        bare, gate = p50_p99(took["echo"]), p50_p99(took["gate"])
        await check_approved(bus)
    print("proposal to decision through Redis, one at a time (microseconds)")
    print(f"  bare stream echo   p50 {bare[0]:7.0f}   p99 {bare[1]:7.0f}")
    print_beside(bare, "risk service", gate)


async def sustained(url: str) -> None:
    """Everything waits in the stream already: what one process with one core gets through, commits included."""
    async with RedisBus.open(url, MAIN) as bus:
        await bus.client.flushall()
        settings, clock = await open_market(bus)
        host = gate_on(bus, settings, clock)
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
