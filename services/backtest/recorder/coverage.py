"""What the store had of every pair, and what the market did: of those that were there, day by day."""

from collections.abc import Mapping

import numpy as np

from services.backtest.result import PairCoverage
from shared.domain.timeframes import DAILY, DAY_MS, MS_NS
from shared.domain.universe import Universe
from shared.runtime.columns import Block


class CoverageRecorder:
    """Takes every block of the market, its history first. min_days: daily bars that a size takes."""

    def __init__(self, universe: Universe, min_days: int, start_ms: int) -> None:
        self._universe, self._min_days, self._start_ms = universe, min_days, start_ms
        self._days: dict[str, int] = {}
        self._tradable_ms: dict[str, int] = {}
        self._closes: dict[str, float] = {}
        self._returns: list[float] = []

    def take(self, block: Block) -> None:
        grid = block.grids.get(DAILY)
        if grid is None:
            return
        for row, open_ms in enumerate(grid.open_ms.tolist()):
            self._take_day(open_ms, dict(zip(block.symbols, grid.close[row].tolist(), strict=True)))

    def _take_day(self, open_ms: int, closes: dict[str, float]) -> None:
        present = {symbol: close for symbol, close in closes.items() if close == close}
        changes = [close / self._closes[symbol] - 1.0 for symbol, close in present.items() if symbol in self._closes]
        if open_ms >= self._start_ms:
            days_before = (open_ms - self._start_ms) // DAY_MS
            self._returns += [0.0] * (days_before - len(self._returns))  # what moved meanwhile counts today
            self._returns.append(float(np.mean(changes)) if changes else 0.0)
        self._closes = present
        for pair in dict.fromkeys(self._universe.names_of(symbol)[0] for symbol in present):
            self._days[pair] = self._days.get(pair, 0) + 1
            if self._days[pair] == self._min_days:
                self._tradable_ms[pair] = open_ms + DAY_MS

    def market_returns(self) -> list[float]:
        """Of an equal-weighted basket of the pairs, once a UTC day."""
        return self._returns

    def result(
        self, spans: Mapping[str, tuple[int, int]], counted: Mapping[str, int], bar_ms: int, end_ms: int
    ) -> tuple[PairCoverage, ...]:
        """spans: opening times of each name's first and last bar. counted: bars of each name within the run."""
        return tuple(
            self._coverage(pair.symbol, pair.sector, spans, counted, bar_ms, end_ms) for pair in self._universe.pairs
        )

    def _coverage(
        self,
        symbol: str,
        sector: str,
        spans: Mapping[str, tuple[int, int]],
        counted: Mapping[str, int],
        bar_ms: int,
        end_ms: int,
    ) -> PairCoverage:
        names = tuple(name for name in self._universe.names_of(symbol) if counted.get(name))
        firsts = [max(spans[name][0], self._start_ms) for name in names]
        lasts = [min(spans[name][1], end_ms - bar_ms) for name in names]
        first_ms, last_ms = (min(firsts), max(lasts)) if names else (0, 0)
        bars = sum(counted[name] for name in names)
        expected = (last_ms - first_ms) // bar_ms + 1 if names else 0
        tradable_ms = self._tradable_ms.get(self._universe.names_of(symbol)[0], 0)
        return PairCoverage(
            symbol=symbol,
            sector=sector,
            first_ns=first_ms * MS_NS,
            last_ns=last_ms * MS_NS,
            bars=bars,
            missing=max(0, expected - bars),
            tradable_ns=max(tradable_ms, first_ms, self._start_ms) * MS_NS if tradable_ms and names else 0,
            listed=bool(names) and first_ms <= self._start_ms,
            ended=bool(names) and last_ms + bar_ms < end_ms,
            names=names,
        )
