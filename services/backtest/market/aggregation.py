"""Longer bars out of shorter ones, and columns of two origins as one."""

from dataclasses import fields

import numpy as np

from shared.adapters.klines.columns import Columns

NAMES = [field.name for field in fields(Columns)]


def aggregated(columns: Columns, bar_ms: int, length_ms: int) -> Columns:
    """Bars of ``length_ms`` out of bars of ``bar_ms``, UTC. One whose last part is missing is left out, for nobody
    knows at what it closed; a hole before that is no obstacle, as at the exchange.
    """
    if bar_ms == length_ms or not len(columns.open_ms):
        return columns
    starts = columns.open_ms // length_ms * length_ms
    first = np.flatnonzero(np.diff(starts, prepend=-1))
    last = np.append(first[1:], len(starts)) - 1
    whole = columns.open_ms[last] == starts[last] + length_ms - bar_ms
    return Columns(
        open_ms=starts[first][whole],
        open=columns.open[first][whole],
        high=np.maximum.reduceat(columns.high, first)[whole],
        low=np.minimum.reduceat(columns.low, first)[whole],
        close=columns.close[last][whole],
        volume=np.add.reduceat(columns.volume, first)[whole],
        quote_volume=np.add.reduceat(columns.quote_volume, first)[whole],
    )


def joined(first: Columns | None, second: Columns | None) -> Columns | None:
    """Both in order of time; where both have a bar, that of the first counts."""
    if first is None or second is None:
        return first if second is None else second
    new = ~np.isin(second.open_ms, first.open_ms)
    if not new.any():
        return first
    times = np.concatenate([first.open_ms, second.open_ms[new]])
    order = np.argsort(times, kind="stable")
    parts = {name: np.concatenate([getattr(first, name), getattr(second, name)[new]])[order] for name in NAMES}
    return Columns(**parts)


def between(columns: Columns, start_ms: int, end_ms: int) -> Columns:
    """The bars with start_ms <= open time < end_ms."""
    lower, upper = np.searchsorted(columns.open_ms, [start_ms, end_ms])
    return Columns(**{name: getattr(columns, name)[lower:upper] for name in NAMES})


def last_of(columns: Columns, count: int) -> Columns:
    """The last so many bars."""
    return Columns(**{name: getattr(columns, name)[-count:] for name in NAMES})
