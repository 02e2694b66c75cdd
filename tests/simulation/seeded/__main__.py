"""``make simulate SEED=... RUNS=...``: many runs, one after the other on each core, and what came of them."""

import argparse
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from random import randrange
from typing import NamedTuple

from tests.simulation.seeded.chance import EVERY_KIND
from tests.simulation.seeded.run import simulate

SEEDS_A_TASK = 10


class Came(NamedTuple):
    """What came of one seed. fault: what did not hold; empty when all did."""

    seed: int
    told: dict[str, int]
    fingerprint: str
    fault: str


def came_of(seed: int) -> Came:
    """Run a seed."""
    try:
        ran = simulate(seed)
    except Exception as error:  # noqa: BLE001 - whatever it is, the seed repeats it
        return Came(seed, {}, "", f"{type(error).__name__}: {error}")
    return Came(seed, ran.told, ran.fingerprint, "")


def words_of(came: Came) -> str:
    """A failure, with the command that repeats it."""
    return f"seed {came.seed}: {came.fault}\n  again: make simulate SEED={came.seed} RUNS=1"


def _all(first: int, runs: int) -> Iterator[Came]:
    seeds = range(first, first + runs)
    workers = min(os.cpu_count() or 1, -(-runs // SEEDS_A_TASK))
    if workers < 2:
        yield from map(came_of, seeds)
        return
    with ProcessPoolExecutor(workers) as pool:
        yield from pool.map(came_of, seeds, chunksize=SEEDS_A_TASK)


def main() -> int:
    parser = argparse.ArgumentParser(prog="make simulate", description=__doc__)
    parser.add_argument("--seed", type=int, help="the first seed; by default one that was never tried, most likely")
    parser.add_argument("--runs", type=int, default=1_000)
    parser.add_argument("--fingerprints", action="store_true", help="print what each run left, and nothing else")
    options = parser.parse_args()
    first = options.seed if options.seed is not None else randrange(1_000_000_000)
    began, told, failed = time.monotonic(), Counter[str](), 0
    for came in _all(first, options.runs):
        told.update(came.told)
        if options.fingerprints:
            print(came.seed, came.fingerprint or came.fault)
        elif came.fault:
            print(words_of(came), flush=True)
        failed += bool(came.fault)
    if not options.fingerprints:
        seconds = time.monotonic() - began
        print(f"{options.runs} runs from seed {first} in {seconds:.0f} s ({options.runs / seconds:.1f} a second)")
        print("  " + ", ".join(f"{kind} {told[kind]}" for kind in EVERY_KIND))
        print(f"  commits {told['commits']}, verdicts that bought {told['bought_by_approve'] + told['bought_by_trim']}")
        print(f"{failed} failed" if failed else "all of it held in every run")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
