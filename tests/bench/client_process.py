"""A bot in Python, in a process of its own: a line ``echo 700 name`` or ``propose 700 name`` for so many round trips.

Prints their microseconds as JSON. ``client_process.mjs`` is the same in Node.
"""

import json
import sys
from time import perf_counter

import redis
from heatsink_client import Gate


def echo(server: redis.Redis, count: int, name: str) -> list[float]:
    """One XADD, one answer, then the next: what a client library cannot do less than."""
    body, took = b"x" * 200, []
    last = server.xrevrange("echo:out", count=1)
    cursor = last[0][0] if last else b"0"
    for _ in range(count):
        started = perf_counter()
        server.xadd("echo:in", {"m": body})
        [(_, entries)] = server.xread({"echo:out": cursor}, block=2_000, count=1)
        took.append((perf_counter() - started) * 1e6)
        cursor = entries[-1][0]
    return took


def propose(gate: Gate, count: int, name: str) -> list[float]:
    took = []
    for number in range(count):
        symbol = f"C{number % 38:04d}/USDT"
        started = perf_counter()
        verdict = gate.propose(symbol, "buy", "0.01", stop_price="95", id=f"{name}-{number}")
        took.append((perf_counter() - started) * 1e6)
        assert verdict.is_known, verdict.reason
    return took


def main(url: str) -> None:
    server = redis.Redis.from_url(url, protocol=2)
    gate = Gate(url)
    for line in sys.stdin:
        what, count, name = line.split()
        took = echo(server, int(count), name) if what == "echo" else propose(gate, int(count), name)
        print(json.dumps(took), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
