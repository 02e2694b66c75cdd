"""The market of a backtest: its history before the start, then a block for each month. It never stands in memory whole.

Bars of a timeframe come from the store where it has them. What is missing of the longer ones is made of the shorter
ones: hours out of minutes, days out of hours.
"""

import hashlib
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, datetime

import numpy as np

from services.backtest.market.aggregation import NAMES, aggregated, between, joined, last_of
from services.backtest.market.reader import KlineReader
from shared.adapters.klines.columns import Columns
from shared.application.errors import UserError
from shared.domain.timeframes import DAILY, DAY_MS, LISTED_TIMEFRAMES, MS_NS, timeframe_ns
from shared.domain.universe import Universe, exchange_symbol
from shared.runtime.columns import PRICES, Block, Grid

SAMPLE_BARS = 240  # that tell a pair's tick and lot


class NoMarketError(UserError):
    """The store has nothing for what was asked for; the message says what is missing, and what there is."""


class Market:
    """The pairs of a universe between two times, as the store has them.

    start_ms, end_ms: from when on it is traded, and until when; milliseconds since 1970, whole days.
    bars: the timeframe that orders and stops meet.
    timeframes: all that are needed, that one and the daily one included.
    history_days, history_bars: how much comes before the start, of the daily bars and of each other timeframe.

    symbols: the pairs that have any bars then, by every name they had, in the order of the names.
    spans: opening times of the first and last bar of each, of ``bars``.
    """

    def __init__(
        self,
        reader: KlineReader,
        universe: Universe,
        *,
        bars: str,
        timeframes: Sequence[str],
        start_ms: int,
        end_ms: int,
        history_days: int,
        history_bars: int,
    ) -> None:
        self._reader, self.bars, self.timeframes = reader, bars, tuple(timeframes)
        self.start_ms, self.end_ms = start_ms, end_ms
        self._history_days, self._history_bars = history_days, history_bars
        self._lengths_ms = {name: timeframe_ns(name) // MS_NS for name in {*timeframes, *reader.timeframes, bars}}
        self._refuse_bars_of_no_use()
        names = [name for symbol in universe.symbols for name in universe.names_of(symbol)]
        self.spans = self._find_spans(names)
        self.symbols = tuple(sorted(self.spans))
        self._digest = hashlib.sha256()
        self.counted: Counter[str] = Counter()

    @property
    def digest(self) -> str:
        """SHA-256 of all bars that were handed out so far."""
        return self._digest.hexdigest()

    @property
    def bar_ms(self) -> int:
        """The length of the bars that orders and stops meet."""
        return self._lengths_ms[self.bars]

    def samples(self) -> dict[str, Columns]:
        """Some bars of each pair, by name: the last before the start, however long ago that is, or its first ones where
        it comes later.
        """
        length_ms = reach_ms = SAMPLE_BARS * self.bar_ms
        begins: dict[int, set[str]] = {}
        for name, (first_ms, _) in self.spans.items():
            begins.setdefault(max(first_ms, self.start_ms - length_ms), set()).add(name)
        found: dict[str, Columns] = {}
        for begin_ms, names in begins.items():
            found |= self._some(begin_ms, begin_ms + length_ms, names)
        while missing := {n for n, (first_ms, _) in self.spans.items() if first_ms < self.start_ms - reach_ms} - {
            *found
        }:
            reach_ms *= 2
            found |= self._some(self.start_ms - reach_ms, self.start_ms, missing)
        for name, columns in sorted(found.items()):
            self._digest.update(f"sample {name}".encode())
            for field in NAMES:
                self._digest.update(np.ascontiguousarray(getattr(columns, field)).tobytes())
        return found

    def _some(self, start_ms: int, end_ms: int, names: Collection[str]) -> dict[str, Columns]:
        """The last bars within, of the pairs that have some."""
        columns = self._columns(self.bars, start_ms, end_ms, names)
        return {name: last_of(each, SAMPLE_BARS) for name, each in columns.items() if len(each.open_ms)}

    def history(self) -> Block:
        """What comes before the start, so that averages are known: days, and the last bars of every timeframe."""
        grids = {}
        for timeframe in self.timeframes:
            count = self._history_days if timeframe == DAILY else self._history_bars
            begin_ms = self.start_ms - count * self._lengths_ms[timeframe]
            grids[timeframe] = self._grid(timeframe, begin_ms // DAY_MS * DAY_MS, self.start_ms)
        return self._block(grids)

    def months(self) -> Iterator[Block]:
        """The market from the start on, a calendar month at a time."""
        begin_ms = self.start_ms
        while begin_ms < self.end_ms:
            until_ms = min(_next_month_ms(begin_ms), self.end_ms)
            grids = {timeframe: self._grid(timeframe, begin_ms, until_ms) for timeframe in self.timeframes}
            base = grids[self.bars]
            counts = (~np.isnan(base.close)).sum(axis=0).tolist()
            self.counted.update(dict(zip(self.symbols, counts, strict=True)))
            yield self._block(grids)
            begin_ms = until_ms

    def _block(self, grids: dict[str, Grid]) -> Block:
        for timeframe, grid in sorted(grids.items()):
            self._digest.update(f"{timeframe} {' '.join(self.symbols)}".encode())
            for name in ("open_ms", *PRICES):
                self._digest.update(np.ascontiguousarray(getattr(grid, name)).tobytes())
        return Block(self.symbols, grids, live_from_ms=self.start_ms)

    def _refuse_bars_of_no_use(self) -> None:
        """Where a strategy's bar closes within one of the market, an order would meet prices that were before it."""
        for timeframe in self.timeframes:
            if self._lengths_ms[timeframe] % self.bar_ms:
                fitting = [name for name in LISTED_TIMEFRAMES if self._parts_all(timeframe_ns(name) // MS_NS)]
                raise NoMarketError(
                    f"bars {self.bars}: bars of {timeframe} are needed too, and close within them. Take longer ones for"
                    f" the strategies (strategies.NAME.timeframe), or for the market one of {', '.join(fitting)}"
                )

    def _parts_all(self, length_ms: int) -> bool:
        """Whether all bars that are needed, but those of the market, are made of whole bars of this length."""
        return not any(self._lengths_ms[each] % length_ms for each in self.timeframes if each != self.bars)

    def _find_spans(self, names: list[str]) -> dict[str, tuple[int, int]]:
        """By name, the first and last bar of those that have any before the end and after the history's begin."""
        sources = self._sources(self.bars)
        if not sources:
            there = ", ".join(self._reader.timeframes) or "nothing"
            raise NoMarketError(f"bars {self.bars}: the store has {there}; choose one of them, or import {self.bars}")
        spans: dict[str, tuple[int, int]] = {}
        for source in sources:
            known = self._reader.spans(source)
            for name in names:
                if (span := self._whole(known.get(exchange_symbol(name)), source)) is not None:
                    first, last = spans.get(name, span)
                    spans[name] = (min(first, span[0]), max(last, span[1]))
        if not spans:
            raise NoMarketError(f"pairs: the store has no bars of {', '.join(names)}")
        begin_ms = self.start_ms - self._history_days * DAY_MS
        found = {name: span for name, span in spans.items() if span[0] < self.end_ms and span[1] >= begin_ms}
        if not any(last >= self.start_ms for _, last in found.values()):
            dates = (
                f"{_day(min(span[0] for span in spans.values()))} to {_day(max(span[1] for span in spans.values()))}"
            )
            raise NoMarketError(f"from {_day(self.start_ms)}: the store has bars from {dates}")
        return found

    def _whole(self, span: tuple[int, int] | None, source: str) -> tuple[int, int] | None:
        """First and last bar of the market, where those of ``source`` have such a span; a last one in parts is none."""
        if span is None:
            return None
        first_ms = span[0] // self.bar_ms * self.bar_ms
        last_ms = (span[1] + self._lengths_ms[source]) // self.bar_ms * self.bar_ms - self.bar_ms
        return (first_ms, last_ms) if first_ms <= last_ms else None

    def _sources(self, timeframe: str) -> list[str]:
        """Timeframes of the store that bars of this one may be made of: itself first, then the longest."""
        length_ms = self._lengths_ms[timeframe]
        fitting = [name for name in self._reader.timeframes if length_ms % self._lengths_ms[name] == 0]
        return sorted(fitting, key=self._lengths_ms.__getitem__, reverse=True)

    def _grid(self, timeframe: str, start_ms: int, end_ms: int) -> Grid:
        """The bars that close from one midnight to another, whenever they opened: of a bar nothing is known before."""
        earlier_ms = max(0, self._lengths_ms[timeframe] - DAY_MS)
        return grid_of(self._columns(timeframe, start_ms - earlier_ms, end_ms - earlier_ms), self.symbols)

    def _columns(
        self, timeframe: str, start_ms: int, end_ms: int, names: Collection[str] | None = None
    ) -> dict[str, Columns]:
        """By name. What the store lacks of this timeframe is made of the next shorter one that it has."""
        wanted = {exchange_symbol(name): name for name in names or self.symbols}
        found: dict[str, Columns] = {}
        length_ms = self._lengths_ms[timeframe]
        whole_ms = start_ms // length_ms * length_ms, -(-end_ms // length_ms) * length_ms
        for source in self._sources(timeframe):
            missing = {
                exchange
                for exchange, name in wanted.items()
                if self._lacks(found.get(name), timeframe, start_ms, end_ms)
            }
            if not missing:
                break
            for exchange, shorter in self._reader.read(source, missing, *whole_ms).items():
                name = wanted[exchange]
                columns = aggregated(shorter, self._lengths_ms[source], length_ms)
                both = joined(found.get(name), columns)
                assert both is not None
                found[name] = both
        return {name: between(columns, start_ms, end_ms) for name, columns in found.items()}

    def _lacks(self, columns: Columns | None, timeframe: str, start_ms: int, end_ms: int) -> bool:
        """Whether bars are missing of what may be there."""
        return columns is None or len(columns.open_ms) < (end_ms - start_ms) // self._lengths_ms[timeframe]


def grid_of(columns: dict[str, Columns], symbols: Sequence[str]) -> Grid:
    """The bars of many pairs as arrays with a column for each of ``symbols``; NaN where a pair has no bar."""
    opens = [each.open_ms for each in columns.values()]
    open_ms = np.unique(np.concatenate(opens)) if opens else np.zeros(0, np.int64)
    arrays = {name: np.full((len(open_ms), len(symbols)), np.nan) for name in PRICES}
    for place, symbol in enumerate(symbols):
        if (found := columns.get(symbol)) is not None:
            rows = np.searchsorted(open_ms, found.open_ms)
            for name, array in arrays.items():
                array[rows, place] = getattr(found, name)
    return Grid(open_ms.astype(np.int64), **arrays)


def _next_month_ms(time_ms: int) -> int:
    date = datetime.fromtimestamp(time_ms / 1000, tz=UTC)
    following = datetime(date.year + date.month // 12, date.month % 12 + 1, 1, tzinfo=UTC)
    return int(following.timestamp()) * 1000


def _day(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, tz=UTC).strftime("%Y-%m-%d")
