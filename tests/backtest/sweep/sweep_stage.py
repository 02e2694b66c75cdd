"""A small market for sweeps: a store with a hundred days of hours of two pairs, and a request that trades them."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from services.backtest.pool import Pool
from services.backtest.request import Request
from services.backtest.sweep.result import Sweep
from services.backtest.sweep.sweep import SweepRequest
from shared.adapters.klines.columns import Columns
from shared.adapters.klines.store import KlineStore
from tests.adapters.klines.kline_samples import SOURCE
from tests.exchange_sim.sim_stage import ms
from tests.shipped import SHIPPED

START_MS = ms("2024-01-01")
DAYS = 100
HOUR_MS = 3_600_000
PAIRS = "BTC,ETH"
GRID = ("limits.equity_at_risk=0.003,0.005", "strategies.donchian.entry=10,20")


def walk(seed: int, days: int = DAYS) -> Columns:
    """A price that wanders, with the turnover of a liquid pair."""
    dice = np.random.default_rng(seed)
    steps = dice.normal(0.0, 0.006, 24 * days)
    closes = 100.0 * np.exp(np.cumsum(steps))
    opens = np.concatenate([[100.0], closes[:-1]])
    high = np.maximum(opens, closes) * (1.0 + dice.uniform(0.0, 0.004, len(closes)))
    low = np.minimum(opens, closes) * (1.0 - dice.uniform(0.0, 0.004, len(closes)))
    prices = [each.round(2) for each in (opens, high, low, closes)]
    volume = np.full(len(closes), 100_000.0)
    times = START_MS + np.arange(len(closes), dtype=np.int64) * HOUR_MS
    return Columns(times, *prices, volume, volume * closes)


def store_at(folder: Path) -> Path:
    """A store with the market."""
    store = KlineStore(folder / "store" / "binance")
    for seed, symbol in enumerate(("BTCUSDT", "ETHUSDT")):
        store.write("1h", symbol, walk(seed), SOURCE)
    return store.path


def backtest_of(folder: Path, **changed: object) -> Request:
    """Twelve days of it, with both strategies on hours."""
    values: dict[str, object] = {
        "store": store_at(folder) if not (folder / "store").exists() else folder / "store" / "binance",
        "config_dir": SHIPPED,
        "start": "2024-03-01",
        "end": "2024-03-13",
        "pairs": PAIRS,
        "changes": ("strategies.momentum.timeframe=1h",),
    }
    return Request(**{**values, **changed})  # type: ignore[arg-type]


def request_of(folder: Path, **changed: object) -> SweepRequest:
    """Four runs."""
    values: dict[str, object] = {"backtest": backtest_of(folder), "grids": GRID, "out": folder / "out"}
    return SweepRequest(**{**values, **changed})  # type: ignore[arg-type]


@contextmanager
def here(_tasks: int = 1) -> Iterator[Pool]:
    """A thread of this process, which needs no start."""
    with ThreadPoolExecutor(1) as executor:
        yield Pool(executor, 1)


def unwatched(_done: int, _all: int) -> None:
    """Nobody looks."""


def digests(sweep: Sweep) -> dict[int, str]:
    """Of each trial that ended well."""
    return {row.trial: row.measured.digest for row in sweep.rows if row.measured is not None}
