"""``propose()`` until its verdict, in Python and in Node, beside a bare stream echo by the same process."""

import asyncio
import json
import shutil
import sys
import tempfile
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from shared.adapters.redis.bus import RedisBus
from shared.adapters.redis.embedded_valkey import running_valkey
from tests.bench.answering import check_approved, echo, gate_on, open_market, p50_p99, serving
from tests.keys import MAIN

HERE = Path(__file__).parent
NODE_CLIENT = HERE.parents[1] / "clients" / "node"
ORDERS, WARMUP, TURNS = 600, 100, 3
MOST_BYTES = 1_000_000  # of a line with all times of a turn


def commands(url: str) -> dict[str, tuple[str, ...]]:
    """The processes there can be on this machine."""
    found = {"Python": (sys.executable, "-m", "tests.bench.client_process", url)}
    if (node := shutil.which("node")) is None or not (NODE_CLIENT / "node_modules").is_dir():
        print("  Node is left out: it needs node 20 or newer, and `npm ci` in clients/node")
        return found
    return found | {"Node": (node, str(HERE / "client_process.mjs"), url, str(NODE_CLIENT))}


@asynccontextmanager
async def client(command: tuple[str, ...]) -> AsyncIterator[Process]:
    process = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE, limit=MOST_BYTES)
    try:
        yield process
    finally:
        process.kill()
        await process.wait()


async def round_trips(process: Process, what: str, name: str) -> list[float]:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(f"{what} {ORDERS + WARMUP} {name}\n".encode())
    took: list[float] = json.loads(await process.stdout.readline())
    return took[WARMUP:]


async def measured(url: str) -> None:
    async with RedisBus.open(url, MAIN) as bus:
        settings, clock = await open_market(bus)
        for language, command in commands(url).items():
            took: dict[str, list[float]] = {"echo": [], "propose": []}
            async with client(command) as process:
                for turn in range(TURNS):  # in turns, so that a busy moment of the machine hits both
                    for what in took:
                        run = partial(echo, bus) if what == "echo" else gate_on(bus, settings, clock).run
                        async with serving(run):
                            took[what] += await round_trips(process, what, f"{language.lower()}-{turn}")
            await check_approved(bus)
            bare, gate = p50_p99(took["echo"]), p50_p99(took["propose"])
            print(f"  {language:<7} bare stream echo   p50 {bare[0]:7.0f}   p99 {bare[1]:7.0f}")
            print(f"  {language:<7} propose()          p50 {gate[0]:7.0f}   p99 {gate[1]:7.0f}")
            print(f"  {language:<7} ratio              p50 {gate[0] / bare[0]:7.2f}   p99 {gate[1] / bare[1]:7.2f}")


def report() -> None:
    print("propose() to its verdict by the client libraries, one at a time (microseconds)")
    with tempfile.TemporaryDirectory() as folder, running_valkey(Path(folder)) as server:
        asyncio.run(measured(server.url))
