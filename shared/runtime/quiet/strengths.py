"""What strategies ask for after each bar of a block, computed in vectors before the block is played.

A strategy sees closed bars of its pair only, each once and in order, whether they are handed to it one by one or as
arrays. So that this is done ahead shows it nothing of what is to come.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from shared.domain.plan import Plan, StrategyPlan
from shared.domain.strategies.machine import SignalsMachine
from shared.domain.strategies.registry import kind_named
from shared.domain.universe import PairNames, Universe
from shared.messages.base import Message
from shared.runtime.columns import Floats
from shared.runtime.quiet.guard import Guard
from shared.runtime.quiet.market import Flags, Market, Places, Track
from shared.runtime.quiet.vectors import VECTORS, Series, Vector


@dataclass(frozen=True, slots=True)
class Wishes:
    """What strategies of one timeframe ask for, in the order of the plan: a row a bar, a column a pair.

    names: of the strategies.
    strengths: NaN where there is no bar, or too little history.
    """

    names: tuple[str, ...]
    strengths: tuple[Floats, ...]

    def at(self, row: int, column: int) -> list[tuple[str, float]]:
        """What each asks for after one bar."""
        said = zip(self.names, (float(each[row, column]) for each in self.strengths), strict=True)
        return [(name, strength) for name, strength in said if not np.isnan(strength)]


class Strengths:
    """The strategies of a plan on all pairs, from block to block."""

    def __init__(self, plan: Plan, universe: Universe) -> None:
        self._plan, self._names = plan, PairNames(universe)
        self._running: dict[tuple[str, str], Vector] = {}

    def has(self, timeframe: str) -> bool:
        """Whether every strategy of the timeframe has a vector form."""
        return all(strategy.kind in VECTORS for strategy in self._of(timeframe))

    def of(self, market: Market, timeframe: str) -> Wishes:
        """What they ask for in this block, which follows on the one before."""
        track, plans = market.tracks[timeframe], self._of(timeframe)
        strengths = [np.full(track.here.shape, np.nan) for _ in plans]
        for pair, columns in self._pairs(market).items():
            rows, places, series = self._series(market, track, columns)
            for strategy, asked in zip(plans, strengths, strict=True):
                asked[rows, places] = self._vector(strategy, pair).run(series)
        return Wishes(tuple(strategy.name for strategy in plans), tuple(strengths))

    def _of(self, timeframe: str) -> list[StrategyPlan]:
        return [strategy for strategy in self._plan.strategies if strategy.timeframe == timeframe]

    def _pairs(self, market: Market) -> dict[str, list[int]]:
        """The columns of each pair, by its newest name."""
        found: dict[str, list[int]] = {}
        for column, symbol in enumerate(market.symbols):
            if (named := self._names.get(symbol)) is not None:
                found.setdefault(named.pair, []).append(column)
        return found

    def _series(self, market: Market, track: Track, columns: list[int]) -> tuple[Places, Places, Series]:
        """Rows and columns of a pair's bars, and the bars in units of its newest name.

        Of two names that have a bar at the same time, the first one counts.
        """
        ratios = np.array([named.price_ratio for c in columns if (named := self._names.get(market.symbols[c]))])
        here = track.here[:, columns]
        rows = np.flatnonzero(here.any(axis=1))
        first = here[rows].argmax(axis=1)
        places, grid = np.array(columns)[first], track.grid
        high, low, close = (each[rows, places] / ratios[first] for each in (grid.high, grid.low, grid.close))
        return rows, places, Series(high, low, close)

    def _vector(self, plan: StrategyPlan, pair: str) -> Vector:
        key = (plan.name, pair)
        if key not in self._running:
            kind = kind_named(plan.kind)
            assert kind is not None, "a plan that cannot run was refused by the machine"
            self._running[key] = VECTORS[plan.kind](kind.completed(plan.parameters))
        return self._running[key]


class SignalsGuard(Guard[SignalsMachine]):
    """Hands the signals machine what its strategies ask for, where that is something else than before.

    On a timeframe with a strategy that has no vector form the machine is shown every bar.
    """

    def __init__(self, machine: SignalsMachine, timeframes: Sequence[str]) -> None:
        self._strengths, self._names = Strengths(machine.plan, machine.universe), PairNames(machine.universe)
        super().__init__(machine, timeframes)

    def prepare(self) -> None:
        vectors = [timeframe for timeframe in self._reads if self._strengths.has(timeframe)]
        self._wishes = {timeframe: self._strengths.of(self.market, timeframe) for timeframe in vectors}
        self._changes = {timeframe: self._changes_of(wishes, timeframe) for timeframe, wishes in self._wishes.items()}
        self._unsaid: dict[str, set[int]] = {timeframe: set() for timeframe in vectors}

    def take(self, timeframe: str, row: int) -> Sequence[Message]:
        if timeframe not in self._wishes:
            return super().take(timeframe, row)
        columns: Sequence[int] = self._changes[timeframe][row]
        if unsaid := self._unsaid[timeframe]:
            columns = sorted(unsaid.intersection(self.market.tracks[timeframe].columns(row)).union(columns))
            unsaid.difference_update(columns)
        return self._ask_for(timeframe, row, columns)

    def take_late(self, timeframe: str, row: int) -> Sequence[Message]:
        """What was asked for on old bars may not have been said: then it is on the first one of now."""
        if timeframe not in self._wishes:
            return super().take_late(timeframe, row)
        columns = self.market.tracks[timeframe].columns(row)
        self._unsaid[timeframe].update(columns)
        return self._ask_for(timeframe, row, columns)

    def _ask_for(self, timeframe: str, row: int, columns: Sequence[int]) -> list[Message]:
        made: list[Message] = []
        for column in columns:
            bar = self.market.bar(timeframe, row, column)
            made += self.machine.ask_for(bar, self._wishes[timeframe].at(row, column))
        return made

    def catch_up(self, column: int) -> None:
        """Nothing is ever missing: the machine sees every bar, or none."""

    def _changes_of(self, wishes: Wishes, timeframe: str) -> list[list[int]]:
        """For each row, the pairs in which a strategy asks for something else than after the bar before."""
        columns_of_row: list[list[int]] = [[] for _ in self.market.tracks[timeframe].is_any]
        for column, symbol in enumerate(self.market.symbols):
            if (named := self._names.get(symbol)) is None:
                continue
            has_one_name = len(self.market.same_pair[column]) == 1
            changes: Flags = np.zeros(len(columns_of_row), dtype=np.bool_)
            for name, each in zip(wishes.names, wishes.strengths, strict=True):
                said = each[:, column]
                raised = self.machine.raised(name, named.pair)
                changes |= _changed(said, raised) if has_one_name else ~np.isnan(said)
            for row in np.flatnonzero(changes).tolist():
                columns_of_row[row].append(column)
        return columns_of_row


def _changed(strengths: Floats, raised: float) -> Flags:
    """Where a strategy asks for something else than before; ``raised`` is what it asked for last."""
    said = ~np.isnan(strengths)
    values = strengths[said]
    changes: Flags = np.zeros(len(strengths), dtype=np.bool_)
    changes[said] = values != np.concatenate(([raised], values[:-1]))
    return changes
