"""Walking forward: the windows, and what they come to together."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.backtest.sweep.result import Fold
from services.backtest.sweep.walk import Window, stitched, windows_of
from shared.application.errors import UserError
from shared.domain.portfolio.performance import sharpe_of
from shared.domain.timeframes import DAY_MS
from tests.examples import examples
from tests.exchange_sim.sim_stage import ms

START_MS = ms("2023-01-01")


def test_each_sample_is_followed_by_days_that_it_does_not_know() -> None:
    windows = windows_of("180d/60d", START_MS, ms("2024-01-01"))
    assert [each.dates for each in windows] == [
        {"in_from": "2023-01-01", "in_to": "2023-06-30", "out_to": "2023-08-29"},
        {"in_from": "2023-03-02", "in_to": "2023-08-29", "out_to": "2023-10-28"},
        {"in_from": "2023-05-01", "in_to": "2023-10-28", "out_to": "2023-12-27"},
    ]


@examples(100)
@given(before=st.integers(1, 400), after=st.integers(1, 200), days=st.integers(2, 2000))
def test_the_days_after_follow_each_other_without_hole_or_overlap(before: int, after: int, days: int) -> None:
    end_ms = START_MS + days * DAY_MS
    if before + after > days:
        with pytest.raises(UserError, match=f"it takes {before + after} days, and there are {days}"):
            windows_of(f"{before}d/{after}d", START_MS, end_ms)
        return
    windows = windows_of(f"{before}d/{after}d", START_MS, end_ms)
    assert windows[0].start_ms == START_MS
    assert all(one.end_ms == next_.split_ms for one, next_ in pairwise(windows))
    assert all(each.split_ms - each.start_ms == before * DAY_MS for each in windows)
    assert windows[-1].end_ms <= end_ms < windows[-1].end_ms + after * DAY_MS


@pytest.mark.parametrize("text", ["180/60", "180d", "0d/60d", "60d/0d", "-1d/5d", "180d/60d/1d"])
def test_what_is_no_walk_is_told(text: str) -> None:
    with pytest.raises(UserError, match="write the days in the sample and those after it, such as 180d/60d"):
        windows_of(text, START_MS, ms("2024-01-01"))


def test_folds_are_stitched_to_one_run() -> None:
    folds = [Fold(fold=number, in_from="", in_to="", out_to="", chosen=None, out=None) for number in (1, 2)]
    together = stitched(folds, [[0.1, -0.5], [0.2, 0.0]])
    assert together.days == 4
    assert together.total_return == pytest.approx(1.1 * 0.5 * 1.2 - 1.0)
    assert together.max_drawdown == pytest.approx(0.5)
    assert together.sharpe == sharpe_of([0.1, -0.5, 0.2, 0.0])
    assert together.in_sharpe is None


def test_a_fold_that_did_not_trade_returned_nothing_on_each_of_its_days() -> None:
    assert Window(0, DAY_MS, 4 * DAY_MS).returns(None) == [0.0, 0.0, 0.0]
