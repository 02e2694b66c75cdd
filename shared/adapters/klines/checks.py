"""What rows of a recording must be like before a market is made of them: a fault has column, symbol, time and count.

One odd row would stop more than itself: a close that is no number leaves every later average without one, and a time
off the grid opens a bar that ends nowhere.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from shared.domain.timeframes import DAY_MS, FIRST_DATE, LAST_DATE, MS_NS, iso_ns, kline_interval

Values = npt.NDArray[Any]
Spans = Mapping[str, tuple[int, int]]
PRICES = ("open", "high", "low", "close")
LEAST_PRICE, MOST_PRICE = 1e-8, 1e12  # an exchange writes eight decimals
MOST_AMOUNT = 1e18
_FIRST_MS, _LAST_MS = iso_ns(FIRST_DATE) // MS_NS, iso_ns(LAST_DATE) // MS_NS
_IN_A_MS = {"seconds": 0.001, "microseconds": 1_000, "nanoseconds": 1_000_000}
_WEEK, _MONTH = "1w", "1M"
_FIRST_MONDAY_MS = 4 * DAY_MS


@dataclass(slots=True)
class _Finding:
    """The first row in which something was found, and how many there are."""

    column: str
    problem: str
    symbol: str
    time: str
    value: str
    rows: int = 0

    def __str__(self) -> str:
        more = "the only one" if self.rows == 1 else f"the first of {self.rows:,} rows"
        at = f" at {self.time}" if self.time else ""
        return f"column {self.column}: {self.value} of {self.symbol}{at} is {self.problem} ({more})"


class Findings:
    """What was found so far, each kind once, with its first row and the number of all."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], _Finding] = {}

    def note(self, column: str, problem: str, wrong: Values, symbol: str, times: Values, values: Values) -> None:
        """Count the rows that are wrong, if any."""
        if not wrong.any():
            return
        at = int(np.argmax(wrong))
        found = _Finding(column, problem, symbol, time_text(times[at]), str(values[at]))
        self._found.setdefault((column, problem), found).rows += int(wrong.sum())

    def __str__(self) -> str:
        """All of it in one line; empty while nothing was found."""
        return "; ".join(map(str, self._found.values()))


def check_unit(findings: Findings, symbol: str, times: Values) -> None:
    """Times are milliseconds between two dates at which a market can be."""
    outside = (times < _FIRST_MS) | (times > _LAST_MS)
    if not outside.any():
        return
    first = int(times[outside][0])
    meant = [name for name, per_ms in _IN_A_MS.items() if _FIRST_MS <= first / per_ms <= _LAST_MS]
    problem = f"not in milliseconds since 1970{f', but {meant[0]}' if meant else ''}"
    findings.note("open_time", problem, outside, symbol, times, times)


class RowChecks:
    """Takes the rows of a recording in parts, in any order, once its times are known to be milliseconds.

    bar_ms: how long a bar is. spans: the first and last open time of each symbol.
    """

    def __init__(self, findings: Findings, bar_ms: int, spans: Spans) -> None:
        self._findings, self._bar_ms, self._spans = findings, bar_ms, spans
        self._interval = kline_interval(bar_ms)
        self._seen: dict[str, npt.NDArray[np.bool_]] = {}

    def take(self, symbol: str, rows: Mapping[str, Values]) -> None:
        """Rows of one symbol: ``open_time``, prices and volumes."""
        times = rows["open_time"].astype(np.int64)
        off = self._opens(times) != times
        if off.any():
            ends = self._opens(times[off] + 1) == times[off] + 1
            closed = "when a bar closed; the time at which it opened is expected"
            problem = closed if ends.all() else f"not on the grid of {self._interval} bars"
            self._findings.note("open_time", problem, off, symbol, times, times)
        else:
            self._look_for_doubles(symbol, times)
        self._check_values(symbol, times, {name: values.astype(np.float64) for name, values in rows.items()})

    def _check_values(self, symbol: str, times: Values, rows: Mapping[str, Values]) -> None:
        note = self._findings.note
        for name in PRICES:
            wrong = ~((rows[name] >= LEAST_PRICE) & (rows[name] <= MOST_PRICE))
            note(name, f"no price from {LEAST_PRICE:g} to {MOST_PRICE:g}", wrong, symbol, times, rows[name])
        high, low = rows["high"], rows["low"]
        for name in ("volume", "quote_volume"):  # NaN: the file does not know, which is allowed
            if (amounts := rows.get(name)) is not None:
                wrong = (amounts < 0) | (amounts > MOST_AMOUNT)
                note(name, f"no amount from 0 to {MOST_AMOUNT:g}", wrong, symbol, times, amounts)
        note("high", "under its open or close", high < np.fmax(rows["open"], rows["close"]), symbol, times, high)
        note("low", "over its open or close", low > np.fmin(rows["open"], rows["close"]), symbol, times, low)

    def _look_for_doubles(self, symbol: str, times: Values) -> None:
        """A flag for each bar between the first and the last says whether it was there already."""
        first, last = self._places(np.array(self._spans[symbol], dtype=np.int64)).tolist()
        seen = self._seen.setdefault(symbol, np.zeros(last - first + 1, dtype=np.bool_))
        places, at = np.unique(self._places(times) - first, return_index=True)
        double = np.ones(len(times), dtype=np.bool_)
        double[at] = seen[places]
        seen[places] = True
        self._findings.note("open_time", "a second row of one bar", double, symbol, times, times)

    def holes(self) -> dict[str, list[tuple[int, int]]]:
        """What is missing between the first and the last bar of each symbol: where each hole begins, and its bars."""
        found: dict[str, list[tuple[int, int]]] = {}
        for symbol, seen in self._seen.items():
            edges = np.flatnonzero(np.diff(seen.astype(np.int8)))  # the last bar before a hole, and the last one in it
            begins, ends = edges[::2] + 1, edges[1::2] + 1
            first_ms = self._spans[symbol][0]
            pairs = zip((first_ms + begins * self._bar_ms).tolist(), (ends - begins).tolist(), strict=True)
            found[symbol] = list(pairs)
        return found

    def _places(self, times: Values) -> Values:
        return _months(times).astype(np.int64) if self._interval == _MONTH else times // self._bar_ms

    def _opens(self, times: Values) -> Values:
        """When the bars opened that hold these times."""
        if self._interval == _MONTH:
            return _months(times).astype("datetime64[ms]").astype(np.int64)
        offset = _FIRST_MONDAY_MS if self._interval == _WEEK else 0
        return (times - offset) // self._bar_ms * self._bar_ms + offset


def _months(times: Values) -> Values:
    return times.astype("datetime64[ms]").astype("datetime64[M]")


def time_text(time_ms: float) -> str:
    """``2022-11-01T05:00``; empty for a time that no market has."""
    if not _FIRST_MS <= time_ms <= _LAST_MS:
        return ""
    return str(np.datetime64(int(time_ms), "ms").astype("datetime64[m]"))
