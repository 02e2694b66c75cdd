"""Runs as the rows of a table, the best first."""

from collections.abc import Callable, Sequence

from msgspec import structs

from services.backtest.sweep.deflated import best_by_luck, deflated_sharpe
from services.backtest.sweep.result import Row
from services.backtest.sweep.task import Measured, Played
from services.backtest.sweep.trials import Trial

# What a table can be sorted by; the most is the best.
FIGURES: dict[str, Callable[[Measured], float | None]] = {
    "sharpe": lambda measured: measured.sharpe,
    "sortino": lambda measured: measured.sortino,
    "calmar": lambda measured: measured.calmar,
    "return": lambda measured: measured.total_return,
    "drawdown": lambda measured: -measured.max_drawdown,
}
Outcome = tuple[Played | None, str]


def figure_of(row: Row, by: str) -> float | None:
    """What the row is sorted by."""
    return FIGURES[by](row.measured) if row.measured is not None else None


def luck_of(outcomes: Sequence[Outcome]) -> float:
    """What the best of these runs would have by luck alone, as a Sharpe ratio."""
    return best_by_luck([played.measured.sharpe for played, _ in outcomes if played is not None])


def rows_of(trials: Sequence[Trial], outcomes: Sequence[Outcome], by: str, fold: int = 0) -> tuple[Row, ...]:
    """A row for each trial, the best first; of equal ones the first trial. Then those without a figure."""
    luck = luck_of(outcomes)
    rows = [row_of(trial, outcome, luck, fold) for trial, outcome in zip(trials, outcomes, strict=True)]
    figures = {row.trial: figure_of(row, by) for row in rows}
    ranked = sorted(rows, key=lambda row: -value if (value := figures[row.trial]) is not None else float("inf"))
    return tuple(
        structs.replace(row, rank=place if figures[row.trial] is not None else 0)
        for place, row in enumerate(ranked, start=1)
    )


def row_of(trial: Trial, outcome: Outcome, luck: float | None, fold: int = 0) -> Row:
    """The row of a trial, without a rank. luck: None for one that was not chosen among others."""
    played, reason = outcome
    return Row(
        rank=0,
        trial=trial.number,
        fold=fold,
        changes=trial.changes,
        command=trial.request.command,
        measured=played.measured if played is not None else None,
        deflated=deflated_sharpe(played.returns, luck) if played is not None and luck is not None else None,
        reason=reason,
    )
