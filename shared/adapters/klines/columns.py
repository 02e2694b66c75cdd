"""Klines of one symbol as columns, and what is said of those that cannot be used."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


class RecordingError(ValueError):
    """Klines that cannot be used. problem: what is wrong with them, for whoever knows which file is meant."""

    def __init__(self, text: str, problem: str = "") -> None:
        super().__init__(text)
        self.problem = problem or text


class NoKlinesThenError(RecordingError):
    """The recording has no klines at the time that was asked for."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Klines of one symbol, oldest first, each open time once; all arrays have the same length.

    open_ms: when each bar opened, milliseconds since 1970.
    open, high, low, close: prices, in quote units per base unit.
    volume: what was traded, in base units.
    quote_volume: what was traded, in quote units.
    """

    open_ms: npt.NDArray[np.int64]
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    quote_volume: Floats

    def __len__(self) -> int:
        return len(self.open_ms)

    @property
    def values(self) -> tuple[Floats, ...]:
        """All columns but the time."""
        return (self.open, self.high, self.low, self.close, self.volume, self.quote_volume)

    def at(self, index: slice | npt.NDArray[Any]) -> "Columns":
        """Some of the bars, by slice, positions or mask."""
        return Columns(self.open_ms[index], *(column[index] for column in self.values))

    def between(self, start_ms: int, end_ms: int) -> "Columns":
        """The bars with start_ms <= open time < end_ms."""
        first, last = np.searchsorted(self.open_ms, (start_ms, end_ms))
        return self.at(slice(int(first), int(last)))

    def filled(self) -> "Columns":
        """The same bars where nothing is unknown: a quote volume is then close x volume, and a volume 0."""
        quote = np.where(np.isnan(self.quote_volume), self.close * self.volume, self.quote_volume)
        volumes = np.nan_to_num(self.volume), np.nan_to_num(quote)
        return Columns(self.open_ms, self.open, self.high, self.low, self.close, *volumes)


def concatenated(parts: Sequence[Columns]) -> Columns:
    """The parts one behind the other, as they come."""
    if len(parts) == 1:
        return parts[0]
    values = zip(*(part.values for part in parts), strict=True)
    return Columns(np.concatenate([part.open_ms for part in parts]), *(np.concatenate(column) for column in values))


def copied(columns: Columns) -> Columns:
    """The same bars in memory of their own."""
    return Columns(columns.open_ms.copy(), *(values.copy() for values in columns.values))


def columns_of_rows(rows: Sequence[tuple[int, float, float, float, float, float, float]]) -> Columns:
    """Bars that came one by one: open time, open, high, low, close, volume, quote volume."""
    times = np.array([row[0] for row in rows], dtype=np.int64)
    return Columns(times, *np.array([row[1:] for row in rows], dtype=np.float64).reshape(len(rows), 6).T)
