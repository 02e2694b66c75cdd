"""A backtest: a year of hours in turns with NautilusTrader, and what bars cost with many pairs and over many minutes.

CPU seconds of playing alone, on all sides. Each figure is of a process of its own.

    python -m tests.bench.backtest quiet 38 8760     one run of ours, as JSON
"""

import json
import subprocess
import sys
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from time import perf_counter

from tests.bench import yardstick
from tests.bench.columns import Played, hours, minutes, played, stack

SCRIPT = Path(__file__).with_name("nautilus_backtest.py")
PAIRS, HOURS, ROUNDS = 38, 8760, 2
MONTHS = (1, 12)
EACH_PAIR = ((38, 1440), (250, 480), (1_000, 240))
Figures = dict[str, float]


def report() -> None:
    print(f"backtest: {PAIRS} pairs x {HOURS} hours, all limits on, in turns; CPU seconds of playing")
    in_turns()
    print("  cost of a bar by the number of pairs, and of minutes streamed by month under hourly strategies:")
    for pairs, bars in EACH_PAIR:
        found = ours("quiet", pairs, bars)
        print(f"    {pairs:5,} pairs: {found['seconds'] / found['bars'] * 1e6:5.1f} us a bar")
    for months in MONTHS:
        found = ours("minutes", PAIRS, months)
        print(
            f"    {months:2} months of minutes: {found['bars'] / 1e6:5.1f}M bars, {found['seconds']:6.1f} s,"
            f" {found['seconds'] / found['bars'] * 1e6:5.2f} us a bar, {found['rss_mb']:,.0f} MB at most,"
            f" {found['wall']:,.0f} s of wall time with the making of the market"
        )


def in_turns() -> None:
    """Rounds of every job, one after the other, and the best of each: other work on the machine comes and goes."""
    python = yardstick.python()
    jobs = {"quiet": lambda: ours("quiet", PAIRS, HOURS), "full": lambda: ours("full", PAIRS, HOURS)}
    if python:
        for name in ("equal", "bare"):
            jobs[f"NautilusTrader, {name}"] = lambda name=name: nautilus(python, name)
    else:
        print(f"  {yardstick.MISSING}")
    rounds = [{name: job() for name, job in jobs.items()} for _ in range(ROUNDS)]
    best = {name: min((each[name] for each in rounds), key=lambda found: found["seconds"]) for name in jobs}
    for name, found in best.items():
        ratio = found["seconds"] / best["quiet"]["seconds"]
        print(
            f"  {name:24} {found['bars'] / found['seconds']:10,.0f} bars/s {found['seconds']:7.1f} s"
            f"   quiet is {ratio:4.1f} x as fast   {found['fills']:,.0f} fills, {found['raises']:,.0f} raised stops"
        )


def nautilus(python: str, job: str) -> Figures:
    return _json([python, str(SCRIPT), job, str(PAIRS), str(HOURS)])


def ours(job: str, pairs: int, length: int) -> Figures:
    return _json([sys.executable, "-m", "tests.bench.backtest", job, str(pairs), str(length)])


def _json(command: list[str]) -> Figures:
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    figures: Figures = json.loads(told.splitlines()[-1])
    return figures


def run(job: str, pairs: int, length: int) -> Figures:
    since = perf_counter()
    if job == "minutes":
        found: Played = played(stack(pairs, "quiet", base="1m"), minutes(pairs, length))
    else:
        found = played(stack(pairs, "full" if job == "full" else "quiet"), hours(pairs, length))
    return {
        "seconds": found.seconds,
        "bars": found.bars,
        "fills": found.messages["OrderFilled"],
        "raises": found.messages["StopRaised"],
        "rss_mb": getrusage(RUSAGE_SELF).ru_maxrss / 1024,
        "wall": perf_counter() - since,
    }


if __name__ == "__main__":
    print(json.dumps(run(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))))
