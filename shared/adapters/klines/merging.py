"""Puts bars beside those that the store has of the same symbol. What is in it is never changed without a word."""

from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from shared.adapters.klines.checks import time_text
from shared.adapters.klines.columns import Columns, RecordingError, concatenated
from shared.adapters.klines.year_file import NAMES

SAME = 1e-9  # how far two writings of one number may be apart, as a share of it
OnConflict = Literal["refuse", "keep", "replace"]


class ConflictError(RecordingError):
    """Bars that differ from those that the store has of the same time."""


class Merged(NamedTuple):
    """columns: the old and the new bars. added, changed: how many of the new ones were not there, or not like that."""

    columns: Columns
    added: int
    changed: int


def merge(old: Columns, new: Columns, on_conflict: OnConflict, what: str) -> Merged:
    """Both in order of time. Volumes that only one of them knows are taken from it.

    on_conflict: whose bar counts where they differ; ``refuse`` raises ``ConflictError``, which names ``what``.
    """
    _, in_old, in_new = np.intersect1d(old.open_ms, new.open_ms, assume_unique=True, return_indices=True)
    mine, theirs = old.at(in_old), new.at(in_new)
    differ = np.logical_or.reduce([_differ(*pair) for pair in zip(mine.values, theirs.values, strict=True)])
    if differ.any() and on_conflict == "refuse":
        raise _conflict(mine.at(differ), theirs.at(differ), what)
    theirs_count = differ if on_conflict == "replace" else np.zeros(len(differ), dtype=np.bool_)
    values = [_chosen(*pair, theirs_count) for pair in zip(mine.values, theirs.values, strict=True)]
    filled = np.logical_or.reduce([_filled(*pair) for pair in zip(mine.values, theirs.values, strict=True)])
    both = Columns(mine.open_ms, *values)
    parts = [_without(old, in_old), both, _without(new, in_new)]
    joined = concatenated([part for part in parts if len(part)] or [new])
    changed = int((theirs_count | filled).sum())
    return Merged(joined.at(np.argsort(joined.open_ms)), len(new) - len(in_new), changed)


def _differ(mine: npt.NDArray[np.float64], theirs: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Where both know a number, and not the same one."""
    return np.abs(mine - theirs) > SAME * np.maximum(np.abs(mine), np.abs(theirs))  # with an unknown one: False


def _filled(mine: npt.NDArray[np.float64], theirs: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    return np.isnan(mine) & ~np.isnan(theirs)


def _chosen(
    mine: npt.NDArray[np.float64], theirs: npt.NDArray[np.float64], theirs_count: npt.NDArray[np.bool_]
) -> npt.NDArray[np.float64]:
    return np.where(np.isnan(mine) | (theirs_count & ~np.isnan(theirs)), theirs, mine)


def _without(columns: Columns, positions: npt.NDArray[np.intp]) -> Columns:
    keep = np.ones(len(columns), dtype=np.bool_)
    keep[positions] = False
    return columns.at(keep)


def _conflict(mine: Columns, theirs: Columns, what: str) -> ConflictError:
    name, ours, other = next(
        (name, ours[0], other[0])
        for name, ours, other in zip(NAMES[1:], mine.values, theirs.values, strict=True)
        if _differ(ours[:1], other[:1])[0]
    )
    more = "the only one" if len(mine) == 1 else f"the first of {len(mine):,} bars"
    problem = (
        f"{what} at {time_text(mine.open_ms[0])}: {name} is {other}, and the store has {ours} ({more})."
        " Nothing was written; say whether to keep what is stored or to replace it"
    )
    return ConflictError(problem)
