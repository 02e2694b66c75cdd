"""A sweep as plain data: its tables, its page, its JSON and its CSV are made of it."""

from msgspec import Struct

from services.backtest.sweep.task import Measured


class Tried(Struct, frozen=True, kw_only=True):
    """A setting, and what of it was tried, in words. values: those of a grid; empty for a range."""

    key: str
    about: str
    values: tuple[str, ...] = ()


class Row(Struct, frozen=True, kw_only=True):
    """One run.

    rank: 1 for the best of its fold; 0 where there is no figure to go by.
    trial: its place in the order of the grid, or of the draws. fold: of a walk, from 1 on; 0 without one.
    changes: its settings, by key.
    command: that repeats it.
    measured: None where it did not end well: then ``reason`` says why.
    deflated: deflated Sharpe ratio among the trials of its fold.
    """

    rank: int
    trial: int
    fold: int
    changes: dict[str, str]
    command: str
    measured: Measured | None
    deflated: float | None
    reason: str


class Fold(Struct, frozen=True, kw_only=True):
    """A step of a walk: the best of the time before, on the time after.

    in_from, in_to, out_to: dates; the time after begins where the other ends.
    chosen: in the sample, with its rank 1; None where none had a figure to go by.
    out: the same settings on the time after.
    """

    fold: int
    in_from: str
    in_to: str
    out_to: str
    chosen: Row | None
    out: Row | None


class Stitched(Struct, frozen=True, kw_only=True):
    """The times after of all folds, one behind the other. A fold that did not trade returned nothing.

    in_sharpe: the mean of what the chosen ones had in their samples; sharpe: of all days outside of them.
    """

    days: int
    total_return: float
    cagr: float | None
    max_drawdown: float
    in_sharpe: float | None
    sharpe: float | None


class SweepSetup(Struct, frozen=True, kw_only=True):
    """command: that makes the whole again. by: the figure it is sorted by. seed: of random trials; None for a grid.

    runs: that there were; failed: of them, those that did not end well.
    luck: the Sharpe ratio that the best of so many trials is expected to have without any skill; None for a walk, where
        every fold has its own.
    """

    command: str
    start: str
    end: str
    by: str
    tried: tuple[Tried, ...]
    trials: int
    seed: int | None
    walk: str
    runs: int
    failed: int
    luck: float | None
    data: str
    code: str


class Sweep(Struct, frozen=True, kw_only=True):
    """All of it. rows: the best first, fold by fold; those without a figure last."""

    setup: SweepSetup
    rows: tuple[Row, ...]
    folds: tuple[Fold, ...] = ()
    stitched: Stitched | None = None
