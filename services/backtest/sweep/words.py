"""What a sweep says of itself, for the terminal and for the page."""

from collections.abc import Sequence

from services.backtest.sweep.result import Fold, Row, Sweep, SweepSetup
from services.backtest.sweep.task import Measured

FIGURE_HEADINGS = ("sharpe", "deflated", "return", "CAGR", "drawdown", "calmar", "trades", "halts")
FOLD_HEADINGS = (
    "out of sample",
    "in: sharpe",
    "out: sharpe",
    "in: return",
    "out: return",
    "out: drawdown",
    "in: deflated",
)
NONE = "-"


def heading_of(setup: SweepSetup) -> str:
    """One line: how many, when, by what."""
    what = f"walked forward {setup.walk}" if setup.walk else "swept"
    return f"{setup.trials} settings {what}, {setup.start} to {setup.end}, by {setup.by}"


def about_luck(sweep: Sweep) -> str:
    """How much of the best figure is owed to the number of trials."""
    setup = sweep.setup
    failed = f" {setup.failed} of {setup.runs} runs did not end well; their rows say why." if setup.failed else ""
    if setup.luck is None:
        return f"In every sample {setup.trials} settings were tried; the deflated Sharpe ratio allows for that.{failed}"
    return (
        f"{setup.trials} trials: without any skill, the best would show a Sharpe ratio of {setup.luck:.2f}. "
        "Deflated is the probability that the true Sharpe ratio of a row is over that; trials made elsewhere are not "
        f"counted.{failed}"
    )


def stitched_words(sweep: Sweep) -> str:
    """What came of choosing, on days that the choice did not know."""
    told = sweep.stitched
    if told is None:
        return ""
    return (
        f"Out of sample, {told.days} days in all: return {percent(told.total_return)}, Sharpe ratio "
        f"{ratio(told.sharpe)}, drawdown {percent(told.max_drawdown)}. In the samples the chosen settings had a Sharpe "
        f"ratio of {ratio(told.in_sharpe)} on average. Every time begins with the starting cash and nothing held."
    )


def headings(sweep: Sweep, keys: Sequence[str]) -> list[str]:
    return ["#", *(["fold"] if sweep.folds else []), *keys, *FIGURE_HEADINGS]


def cells_of(sweep: Sweep, row: Row, keys: Sequence[str]) -> list[str]:
    """A row of the table under ``headings``."""
    fold = [str(row.fold)] if sweep.folds else []
    return [str(row.rank or NONE), *fold, *(row.changes.get(key, "") for key in keys), *_figures(row)]


def fold_cells(fold: Fold, keys: Sequence[str]) -> list[str]:
    """A row of the table of folds: the first of ``FOLD_HEADINGS``, the settings, and the others."""
    chosen, out = fold.chosen, fold.out
    within: Measured | None = chosen.measured if chosen is not None else None
    after: Measured | None = out.measured if out is not None else None
    return [
        f"{fold.in_to} to {fold.out_to}",
        *(chosen.changes.get(key, "") if chosen is not None else NONE for key in keys),
        ratio(within.sharpe if within else None),
        ratio(after.sharpe if after else None),
        percent(within.total_return if within else None),
        percent(after.total_return if after else None),
        percent(after.max_drawdown if after else None),
        percent(chosen.deflated if chosen is not None else None),
    ]


def _figures(row: Row) -> list[str]:
    measured = row.measured
    if measured is None:
        return [NONE] * len(FIGURE_HEADINGS)
    return [
        ratio(measured.sharpe),
        percent(row.deflated),
        percent(measured.total_return),
        percent(measured.cagr),
        percent(measured.max_drawdown),
        ratio(measured.calmar),
        str(measured.trades),
        str(measured.halts),
    ]


def ratio(value: float | None) -> str:
    return NONE if value is None else f"{value:.2f}"


def percent(value: float | None) -> str:
    return NONE if value is None else f"{value:.1%}".replace("%", " %")
