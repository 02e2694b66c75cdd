"""Klines as columns, and how they are added up into longer ones. Times are milliseconds since 1970, as on the wire."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from shared.domain.timeframes import DAY_MS, KLINE_INTERVALS_MS, kline_interval

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Positions = npt.NDArray[np.intp] | npt.NDArray[np.bool_]

VOLUME_PLACES = 8


class Bar(NamedTuple):
    """One bar."""

    open_ms: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    quote_volume: float


@dataclass(frozen=True, slots=True)
class Bars:
    """Bars of one symbol, oldest first; one entry a bar in every column. Volumes in base and quote units."""

    open_ms: Integers
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    quote_volume: Floats

    @property
    def count(self) -> int:
        return len(self.open_ms)

    @property
    def values(self) -> tuple[Floats, ...]:
        """All columns but the time."""
        return (self.open, self.high, self.low, self.close, self.volume, self.quote_volume)

    def __iter__(self) -> Iterator[Bar]:
        columns = (column.tolist() for column in (self.open_ms, *self.values))
        return (Bar(*row) for row in zip(*columns, strict=True))

    def at(self, index: slice | Positions) -> "Bars":
        """Some of the bars, by slice, positions or mask."""
        return Bars(self.open_ms[index], *(column[index] for column in self.values))

    def between(self, start_ms: int, end_ms: int) -> "Bars":
        """The bars with start_ms <= open time < end_ms."""
        first, last = np.searchsorted(self.open_ms, (start_ms, end_ms))
        return self.at(slice(int(first), int(last)))

    def scaled(self, price_ratio: float, places: int) -> "Bars":
        """The same trades at ``price_ratio`` times the price, to ``places`` decimals."""
        if price_ratio == 1.0:
            return self
        open_, high, low, close = ((price * price_ratio).round(places) for price in self.values[:4])
        volume = (self.volume / price_ratio).round(VOLUME_PLACES)
        return Bars(
            open_ms=self.open_ms,
            open=open_,
            high=high,
            low=low,
            close=close,
            volume=volume,
            quote_volume=self.quote_volume,
        )


def no_bars() -> Bars:
    empty = np.empty(0)
    return Bars(
        open_ms=np.empty(0, dtype=np.int64),
        open=empty,
        high=empty,
        low=empty,
        close=empty,
        volume=empty,
        quote_volume=empty,
    )


def joined(parts: list[Bars]) -> Bars:
    if len(parts) == 1:
        return parts[0]
    if not parts:
        return no_bars()
    values = zip(*(part.values for part in parts), strict=True)
    return Bars(np.concatenate([part.open_ms for part in parts]), *(np.concatenate(column) for column in values))


class Interval(NamedTuple):
    """A kline interval.

    name: as Binance writes it, such as ``1h``.
    length_ms: of one bar; of a month, that of the longest.
    offset_ms: from 1970 to the first open time, because weeks open on Mondays and 1970 began on a Thursday.
    """

    name: str
    length_ms: int
    offset_ms: int = 0

    def opens(self, times_ms: Integers) -> Integers:
        """When the bars that hold these times opened."""
        if self.name == "1M":
            months = times_ms.astype("datetime64[ms]").astype("datetime64[M]")
            return months.astype("datetime64[ms]").astype(np.int64)
        return (times_ms - self.offset_ms) // self.length_ms * self.length_ms + self.offset_ms

    def open_of(self, time_ms: int) -> int:
        return int(self.opens(np.array([time_ms], dtype=np.int64))[0])

    def first_open_from(self, time_ms: int) -> int:
        """When the first bar opens that does so at ``time_ms`` or later."""
        open_ms = self.open_of(time_ms)
        return open_ms if open_ms == time_ms else self.end_of(open_ms)

    def end_of(self, open_ms: int) -> int:
        """When the bar that opened at ``open_ms`` ends, which is when the next one opens."""
        if self.name == "1M":
            return self.open_of(open_ms + self.length_ms)
        return open_ms + self.length_ms


_OFFSETS_MS = {"1w": 4 * DAY_MS}  # weeks begin on Monday; the first day of 1970 was a Thursday
INTERVALS = {
    name: Interval(name, length_ms, _OFFSETS_MS.get(name, 0)) for name, length_ms in KLINE_INTERVALS_MS.items()
}


def interval_of_length(length_ms: int) -> Interval:
    """The interval of bars that are ``length_ms`` apart. Raises ``ValueError`` where there is none."""
    return INTERVALS[kline_interval(length_ms)]


def added_up(bars: Bars, interval: Interval) -> Bars:
    """Longer bars out of shorter ones. What is missing in between stays missing; nothing is invented."""
    if bars.count == 0:
        return bars
    opens = interval.opens(bars.open_ms)
    starts = np.flatnonzero(np.diff(opens, prepend=opens[0] - 1))
    ends = np.append(starts[1:], len(opens)) - 1
    return Bars(
        open_ms=opens[starts],
        open=bars.open[starts],
        high=np.maximum.reduceat(bars.high, starts),
        low=np.minimum.reduceat(bars.low, starts),
        close=bars.close[ends],
        volume=_sums(bars.volume, starts),
        quote_volume=_sums(bars.quote_volume, starts),
    )


def _sums(column: Floats, starts: Positions) -> Floats:
    """Sums without the dust of adding floats; what stands alone is left as it is, to the last digit."""
    sums = np.add.reduceat(column, starts).astype(np.float64)
    alone = np.diff(starts, append=len(column)) == 1
    return np.where(alone, sums, sums.round(VOLUME_PLACES))
