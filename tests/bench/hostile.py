"""The time to a verdict of an honest client, beside one that means ill and without it, in turns.

A client that means ill has processors of its own. Here it shares them with the stack, so it runs at the lowest
priority: what is measured is what its messages do, and not its process. What an attack leaves behind in the queues is
taken before the next turn begins, so that nobody who is timed alone waits for it.
"""

import asyncio
import tempfile
from pathlib import Path
from time import perf_counter

from heatsink_client import Gate

from shared.messages.catalogue import DECIDED, EXECUTED, PROPOSED, REPORTED, SIGNALS
from shared.ports.streams import StreamReader
from tests.bench.answering import p50_p99
from tests.clients.hostile_process import ME
from tests.clients.hostile_scene import CAREFUL, HONEST, attacked, stack
from tests.keys import MAIN
from tests.patience import PATIENCE_SECONDS

ORDERS, WARMUP, TURNS = 150, 20, 4
LOWEST_PRIORITY = 19
PAIRS = ("BTC/USDT", "ETH/USDT")


def proposed(url: str, turn: str) -> list[float]:
    """Microseconds of one order after the other. A stop above the price: rejected, so that nothing is used up."""
    took = []
    with Gate(url, strategy=HONEST, timeout=60.0) as gate:
        for number in range(WARMUP + ORDERS):
            started = perf_counter()
            verdict = gate.propose(PAIRS[number % 2], "buy", "0.06", stop_price="150", id=f"{turn}-{number}")
            took.append((perf_counter() - started) * 1e6)
            assert verdict.verdict == "reject", verdict
    return took[WARMUP:]


async def nothing_waits(bus: StreamReader) -> None:
    """Until the services have handled all that was written."""
    streams = [MAIN.of(topic) for topic in (PROPOSED, DECIDED, EXECUTED, SIGNALS)]
    streams += [MAIN.of_client(client, topic) for client in (ME, CAREFUL) for topic in (PROPOSED, REPORTED)]
    async with asyncio.timeout(PATIENCE_SECONDS):
        while any(reader.lag or reader.pending for reader in await bus.readers(streams)):
            await asyncio.sleep(0.1)


async def measured(folder: Path) -> None:
    took: dict[str, list[float]] = {"alone": [], "beside": []}
    did = 0
    async with stack(folder) as scene:
        url = scene.url_of(HONEST)
        for turn in range(TURNS):  # in turns, so that a busy moment of the machine hits both
            took["alone"] += await asyncio.to_thread(proposed, url, f"alone-{turn}")
            async with attacked(scene, seed=turn, niceness=LOWEST_PRIORITY) as attack:
                took["beside"] += await asyncio.to_thread(proposed, url, f"beside-{turn}")
            did += sum(attack.told["counts"].values())
            await nothing_waits(scene.bus)
    alone, beside = p50_p99(took["alone"]), p50_p99(took["beside"])
    print(f"  alone                    p50 {alone[0]:7.0f}   p99 {alone[1]:7.0f}")
    print(f"  beside {did:>7,} attacks   p50 {beside[0]:7.0f}   p99 {beside[1]:7.0f}")
    print(f"  ratio                    p50 {beside[0] / alone[0]:7.2f}   p99 {beside[1] / alone[1]:7.2f}")


def report() -> None:
    print("propose() to its verdict of one client while another one attacks, each with its Redis user (microseconds)")
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(measured(Path(folder)))
