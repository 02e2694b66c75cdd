"""Proposal to decision through Redis, beside a bare stream echo on the same server in the same run.

So that the cost of users and signatures can be told, a gate that has both takes turns with one that has neither.
"""

import asyncio
import tempfile
from collections import defaultdict
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

from services.wiring import EXECUTION, RISK, SIZING
from shared.adapters.codec import encode, entry_of
from shared.adapters.redis.bus import RedisBus
from shared.adapters.redis.embedded_valkey import running_valkey
from shared.messages.catalogue import DECIDED, PROPOSED
from shared.messages.orders import OrderProposed
from shared.runtime.host import MachineHost
from tests.bench.answering import Serve, check_approved, echo, gate_on, open_market, p50_p99, print_beside, serving
from tests.bench.guarded import Guarded, checks_of
from tests.bench.market import order
from tests.keys import MAIN
from tests.samples import T0

ORDERS = 3_000
WARMUP = 200
TURNS = 5
BACKLOG = 20_000  # proposals
CLIENTS = [f"client-{turn}" for turn in range(TURNS)]  # one for all turns would be over its quota on a fast machine


class Way(NamedTuple):
    """One way from an order to its answer.

    serve: what answers. send: puts an order in. reader, out: where the answer is read. take: what is done with it.
    """

    serve: Serve
    send: Callable[[OrderProposed], Awaitable[object]]
    reader: RedisBus
    out: str
    take: Callable[[bytes, dict[bytes, bytes]], None] = lambda *_: None


def by_stream(serve: Serve, bus: RedisBus, into: str, out: str) -> Way:
    """One XADD, one answer."""
    return Way(serve, lambda each: bus.client.xadd(into, {"m": encode(each)}), bus, out)


def by_queue(host: MachineHost, client: RedisBus, name: str, reader: RedisBus) -> Way:
    """Into the client's own queue; the verdict is read, and checked where it is signed, as execution does it."""
    out, checks = reader.keys.of(DECIDED), checks_of(reader)

    def take(entry_id: bytes, fields: dict[bytes, bytes]) -> None:
        entry = checks.checked(entry_of(out, entry_id, fields))
        assert entry.fault is None, entry.fault

    return Way(host.run, lambda each: client.propose(each, name), reader, out, take)


async def ask(way: Way, count: int, name: str) -> list[float]:
    """Round trips in microseconds: one order, one answer, then the next."""
    client, took = way.reader.client, []
    last = await client.xrevrange(way.out, count=1)
    cursor = last[0][0].decode() if last else "0"
    for number in range(count):
        proposed = order(f"C{number % 38:04d}/USDT", f"{name}{number}", T0)
        started = perf_counter()
        await way.send(proposed)
        rows = await client.xread({way.out: cursor}, block=2_000, count=1)
        [(_, entries)] = rows.items() if isinstance(rows, dict) else rows
        entries = entries[0] if isinstance(entries[0], list) else entries
        way.take(*entries[-1])
        took.append((perf_counter() - started) * 1e6)
        cursor = entries[-1][0].decode()
    return took[WARMUP:]


async def measured(url: str, folder: Path) -> None:
    took: dict[str, list[float]] = defaultdict(list)
    async with RedisBus.open(url, MAIN) as bus:
        settings, clock = await open_market(bus)
        guarded = await Guarded.on(url, settings, folder, CLIENTS)
        for name in CLIENTS:
            await bus.register_client(MAIN, name)
        async with guarded.service(RISK) as risk, guarded.service(EXECUTION) as execution:
            for turn, name in enumerate(CLIENTS):  # in turns, so that a busy moment of the machine hits all of them
                async with RedisBus.open(url, MAIN) as visitor, guarded.client(name) as client:
                    plain, signed = gate_on(bus, settings, clock), gate_on(risk, guarded.settings, clock)
                    ways = {
                        "echo": by_stream(partial(echo, bus), visitor, "echo:in", "echo:out"),
                        "gate": by_stream(plain.run, visitor, MAIN.of(PROPOSED), MAIN.of(DECIDED)),
                        "queue": by_queue(gate_on(bus, settings, clock), visitor, name, visitor),
                        "guarded": by_queue(signed, client, name, execution),
                    }
                    for what, way in ways.items():
                        async with serving(way.serve):
                            took[what] += await ask(way, ORDERS // TURNS + WARMUP, f"{what}-{turn}-")
            await check_approved(bus)
            await check_approved(risk)
    bare = p50_p99(took["echo"])
    print("proposal to decision through Redis, one at a time (microseconds)")
    print(f"  bare stream echo   p50 {bare[0]:7.0f}   p99 {bare[1]:7.0f}")
    print_beside(bare, "risk service", p50_p99(took["gate"]))
    print("from a client's queue until execution has read the verdict, beside the same echo")
    print_beside(bare, "no users, unsigned", p50_p99(took["queue"]))
    print_beside(bare, "users, signatures", p50_p99(took["guarded"]))


async def seconds_to_decide(host: MachineHost, writer: RedisBus, count: int, name: str) -> float:
    """Everything waits in the stream already: what one process with one core takes for it, commits included."""
    proposed, decided, client = writer.keys.of(PROPOSED), writer.keys.of(DECIDED), writer.client
    for start in range(0, count, 500):
        pipe = client.pipeline(transaction=False)
        for number in range(start, min(start + 500, count)):
            each = order(f"C{number % 38:04d}/USDT", f"{name}{number}", host.clock.now_ns())
            pipe.xadd(proposed, {"m": encode(each)})
        await pipe.execute()
    wanted = count + await client.xlen(decided)
    started = perf_counter()
    while await client.xlen(decided) < wanted:
        await host.step(0)
    return perf_counter() - started


async def sustained(url: str, folder: Path) -> None:
    took: dict[str, float] = defaultdict(float)
    async with RedisBus.open(url, MAIN) as bus:
        await bus.client.flushall()
        settings, clock = await open_market(bus)
        guarded = await Guarded.on(url, settings, folder)
        # What sizing writes is not held to a client's share of a step.
        async with guarded.service(RISK) as risk, guarded.service(SIZING) as sizing:
            gates = {
                "plain": (gate_on(bus, settings, clock), bus),
                "guarded": (gate_on(risk, guarded.settings, clock), sizing),
            }
            for host, _ in gates.values():
                await host.recover()
                while await host.step(0):
                    pass
            for turn in range(TURNS):
                for what, (host, writer) in gates.items():
                    took[what] += await seconds_to_decide(host, writer, BACKLOG // TURNS, f"{turn}-")
            await check_approved(bus)
            await check_approved(risk)
            sign, check = await guarded.microseconds_of_signing(risk)
    plain, signed = took["plain"], took["guarded"]
    rate = f"{BACKLOG / plain:,.0f} a second ({BACKLOG:,} in {plain:.1f} s)"
    print(f"proposals decided and committed by one process: {rate}")
    print(f"  with users and signatures: {BACKLOG / signed:,.0f} a second, {plain / signed:.2f} x as many")
    print(f"  one verdict by itself: signed in {sign:.1f} microseconds, checked in {check:.1f}")


def report() -> None:
    with tempfile.TemporaryDirectory() as folder, running_valkey(Path(folder)) as server:
        asyncio.run(measured(server.url, Path(folder)))
        asyncio.run(sustained(server.url, Path(folder)))
