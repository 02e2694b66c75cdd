"""A market as columns: the bars of many pairs in arrays, and the messages that they are.

    block = Block(("BTC/USDT", "ETH/USDT"), {"1h": grid_of_hours, "1d": grid_of_days})
    for instant in instants(block):
        replay.feed(bars_at(block, instant))

An array holds a bar in 48 bytes, a message in 458: so a year of minutes fits into memory month by month. Nothing here
decides anything, and nothing is rounded: the messages have the very numbers of the arrays.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from heapq import merge
from itertools import groupby
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from shared.domain.timeframes import MS_NS, timeframe_ns
from shared.messages.market import BarClosed, MarkChanged

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
PRICES = ("open", "high", "low", "close", "volume", "quote_volume")


@dataclass(frozen=True, slots=True)
class Grid:
    """The bars of one timeframe: a row for each open time at which any pair has a bar, a column for each pair.

    open_ms: when each row opened, milliseconds since 1970, rising.
    open, high, low, close: USDT per unit; NaN where the pair has no bar.
    volume: base units. quote_volume: USDT.
    hole_before: how many bars are missing at the exchange itself before each bar; None where that is not known.
    """

    open_ms: Integers
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    quote_volume: Floats
    hole_before: Integers | None = None


@dataclass(frozen=True, slots=True)
class Block:
    """A stretch of market. Blocks of one market follow each other in time and have the same pairs.

    symbols: the pairs (``BTC/USDT``) in the order of their names, one for each column of every grid.
    grids: by timeframe.
    live_from_ms: bars that close earlier are history, which came by REST (``backfilled``).
    """

    symbols: tuple[str, ...]
    grids: Mapping[str, Grid]
    live_from_ms: int = 0

    @property
    def bars(self) -> int:
        """How many bars there are in it, of all timeframes."""
        return sum(int((~np.isnan(grid.close)).sum()) for grid in self.grids.values())

    def __post_init__(self) -> None:
        if list(self.symbols) != sorted(set(self.symbols)):
            raise ValueError("symbols of a block: expected each once, in the order of their names")
        for timeframe, grid in self.grids.items():
            timeframe_ns(timeframe)
            _check(timeframe, grid, len(self.symbols))


class Instant(NamedTuple):
    """A moment at which bars close: market time, and the timeframe and row of each grid that has a row then."""

    close_ns: int
    rows: tuple[tuple[str, int], ...]


class Prices(NamedTuple):
    """What each pair of a block cost at a moment between the closes of bars.

    time_ns: market time.
    prices: USDT per unit, a column for each pair; NaN where none was seen.
    name: of that moment, unique; the ids of its marks begin with it.
    """

    time_ns: int
    prices: Floats
    name: str


def mark_at(block: Block, prices: Prices, column: int) -> MarkChanged:
    """One of the prices as a message."""
    symbol = block.symbols[column]
    name = f"{prices.name}-{symbol.replace('/', '')}"
    return MarkChanged(id=name, time_ns=prices.time_ns, symbol=symbol, price=prices.prices.item(column))


def seen(prices: Prices) -> list[int]:
    """The columns of the pairs of which a price was seen."""
    columns: list[int] = np.flatnonzero(~np.isnan(prices.prices)).tolist()
    return columns


def instants(block: Block) -> Iterator[Instant]:
    """Every moment at which bars close, in the order of time."""
    for close_ms, rows in groupby(merge(*(_closes(name, grid) for name, grid in block.grids.items())), key=_first):
        yield Instant(close_ms * MS_NS, tuple((timeframe, row) for _, timeframe, row in rows))


def bars_at(block: Block, instant: Instant) -> list[BarClosed]:
    """The bars that close at that moment: by timeframe, then by pair."""
    bars: list[BarClosed] = []
    for timeframe, row in instant.rows:
        columns = np.flatnonzero(~np.isnan(block.grids[timeframe].close[row])).tolist()
        bars += bars_of(block, timeframe, row, columns)
    return bars


def bars_of(block: Block, timeframe: str, row: int, columns: list[int]) -> list[BarClosed]:
    """The bars of some pairs in one row; each must have one there."""
    grid, symbols = block.grids[timeframe], block.symbols
    figures = [getattr(grid, name)[row, columns].tolist() for name in PRICES]
    holes = [0] * len(columns) if grid.hole_before is None else grid.hole_before[row, columns].tolist()
    make = _maker(block, timeframe, int(grid.open_ms[row]))
    return [make(symbols[column], *each) for column, *each in zip(columns, *figures, holes, strict=True)]


def bar_at(block: Block, timeframe: str, row: int, column: int) -> BarClosed:
    """One bar; there must be one."""
    grid, place = block.grids[timeframe], (row, column)
    make = _maker(block, timeframe, grid.open_ms.item(row))
    return make(
        block.symbols[column],
        grid.open.item(place),
        grid.high.item(place),
        grid.low.item(place),
        grid.close.item(place),
        grid.volume.item(place),
        grid.quote_volume.item(place),
        0 if grid.hole_before is None else grid.hole_before.item(place),
    )


def _maker(block: Block, timeframe: str, open_ms: int) -> Callable[..., BarClosed]:
    """Makes the bars of one row."""
    open_ns = open_ms * MS_NS
    close_ns = open_ns + timeframe_ns(timeframe) - MS_NS
    is_history = close_ns < block.live_from_ms * MS_NS

    def make(
        symbol: str, open_: float, high: float, low: float, close: float, volume: float, quote_volume: float, hole: int
    ) -> BarClosed:
        name = f"{symbol.replace('/', '')}-{timeframe}-{open_ms}"
        return BarClosed(
            id=name,
            trace=name,
            time_ns=close_ns,
            symbol=symbol,
            timeframe=timeframe,
            open_time_ns=open_ns,
            close_time_ns=close_ns,
            open=open_,
            high=high,
            low=low,
            close=close,
            volume=volume,
            quote_volume=quote_volume,
            backfilled=is_history,
            hole_before=hole,
        )

    return make


def _closes(timeframe: str, grid: Grid) -> Iterator[tuple[int, str, int]]:
    """Closing time, timeframe and number of every row."""
    last_ms = timeframe_ns(timeframe) // MS_NS - 1
    return ((open_ms + last_ms, timeframe, row) for row, open_ms in enumerate(grid.open_ms.tolist()))


def _first(row: tuple[int, str, int]) -> int:
    return row[0]


def _check(timeframe: str, grid: Grid, pairs: int) -> None:
    rows = len(grid.open_ms)
    if rows > 1 and not (np.diff(grid.open_ms) > 0).all():
        raise ValueError(f"open times of {timeframe}: expected each later than the one before it")
    for name in PRICES if grid.hole_before is None else (*PRICES, "hole_before"):
        shape = getattr(grid, name).shape
        if shape != (rows, pairs):
            raise ValueError(f"{name} of {timeframe}: expected {rows} rows and {pairs} pairs, there are {shape}")
