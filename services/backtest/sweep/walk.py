"""Walking forward: settings are chosen on a time, and judged on the time that follows, over and over.

in-sample 180 days        out 60
|-----------------------|-------|
         |-----------------------|-------|
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from services.backtest.statistics.daily import compounded
from services.backtest.statistics.ratios import cagr_of, deepest_fall
from services.backtest.sweep.result import Fold, Stitched
from services.backtest.sweep.task import Played
from services.backtest.sweep.trials import date_of
from shared.application.errors import UserError
from shared.domain.portfolio.performance import sharpe_of
from shared.domain.timeframes import DAY_MS

_WALK = re.compile(r"(\d+)d/(\d+)d")


class Window(NamedTuple):
    """One step, in milliseconds since 1970: the sample, and the time after it."""

    start_ms: int
    split_ms: int
    end_ms: int

    @property
    def dates(self) -> dict[str, str]:
        return {"in_from": date_of(self.start_ms), "in_to": date_of(self.split_ms), "out_to": date_of(self.end_ms)}

    def returns(self, played: Played | None) -> list[float]:
        """Of each day after the sample; nothing where nothing was played."""
        return played.returns if played is not None else [0.0] * ((self.end_ms - self.split_ms) // DAY_MS)


def windows_of(text: str, start_ms: int, end_ms: int) -> list[Window]:
    """``180d/60d`` between two times; each step begins as many days later as the time after has. A last one that does
    not fit whole is left out. Raises ``UserError``.
    """
    match = _WALK.fullmatch(text)
    before, after = (int(part) * DAY_MS for part in match.groups()) if match else (0, 0)
    if not before or not after:
        raise UserError(f"--walk {text}: write the days in the sample and those after it, such as 180d/60d")
    starts = range(start_ms, end_ms - before - after + 1, after)
    if not starts:
        days = (end_ms - start_ms) // DAY_MS
        raise UserError(f"--walk {text}: it takes {(before + after) // DAY_MS} days, and there are {days}")
    return [Window(start, start + before, start + before + after) for start in starts]


def stitched(folds: Sequence[Fold], returns: Sequence[list[float]]) -> Stitched:
    """All times after as one. returns: of each fold's days; nothing for one that did not trade."""
    days = [each for part in returns for each in part]
    samples = [fold.chosen.measured.sharpe for fold in folds if fold.chosen is not None and fold.chosen.measured]
    known = [each for each in samples if each is not None]
    return Stitched(
        days=len(days),
        total_return=compounded(days),
        cagr=cagr_of(days),
        max_drawdown=deepest_fall(days),
        in_sharpe=sum(known) / len(known) if known else None,
        sharpe=sharpe_of(days),
    )
