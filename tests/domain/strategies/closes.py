"""Series of closes for strategies: random walks, and real ones."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from shared.domain.strategies.base import Strategy
from tests.domain.market_scripts import flat
from tests.history import hourly
from tests.shipped import shipped_universe

WALKS = 6


def walk(seed: int, count: int = 1500) -> npt.NDArray[np.float64]:
    """A random walk with a drift that turns, from 100."""
    random = np.random.default_rng(seed)
    drift = 0.002 * np.sin(np.arange(count) / 180 + seed)
    return np.asarray(100 * np.exp(np.cumsum(random.normal(drift, 0.012))))


def real_closes(data: Path) -> dict[str, npt.NDArray[np.float64]]:
    """Hourly closes of all pairs over the ten weeks around the fall of FTX, from 100, with a breath of noise.

    Prices stand on a grid, so that a close often equals the mean that it is compared with, and rounding would decide.
    """
    columns = hourly(data, shipped_universe(), "2022-11-01", 28, before_days=42)
    random = np.random.default_rng(1)
    return {
        symbol: 100 * np.asarray(each.close) / each.close[0] * (1 + 1e-7 * random.normal(size=len(each.close)))
        for symbol, each in columns.items()
    }


def wishes(strategy: Strategy, closes: list[float]) -> list[float | None]:
    return [strategy.on_bar(flat(hour, close)) for hour, close in enumerate(closes)]
