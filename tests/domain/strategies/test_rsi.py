"""RSI mean reversion after Connors, against TA-Lib and against the rule written down once more over whole arrays."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import talib
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.strategies.rsi import Rsi, RsiReversion
from tests.domain.market_scripts import flat
from tests.domain.strategies.closes import WALKS, real_closes, walk, wishes

Floats = npt.NDArray[np.float64]


def rsi_of(closes: Floats, length: int) -> Floats:
    """Wilder's index as his book has it: the first averages are means, NaN before."""
    changes = np.diff(closes)
    up, down = np.clip(changes, 0, None), np.clip(-changes, 0, None)
    index = np.full(len(closes), np.nan)
    for at in range(length, len(closes)):
        weights = ((length - 1) / length) ** np.arange(at - length - 1, -1, -1) / length
        rest = ((length - 1) / length) ** (at - length)
        gain = rest * up[:length].mean() + (weights * up[length:at]).sum()
        loss = rest * down[:length].mean() + (weights * down[length:at]).sum()
        index[at] = 100 - 100 / (1 + gain / loss) if loss > 0 else (100.0 if gain > 0 else 50.0)
    return index


def mean_of(closes: Floats, length: int) -> Floats:
    means = np.full(len(closes), np.nan)
    if len(closes) >= length:
        means[length - 1 :] = np.lib.stride_tricks.sliding_window_view(closes, length).mean(axis=1)
    return means


def oracle(closes: Floats, length: int, below: float, trend: int, exit_: int) -> list[float | None]:
    """Where trades begin and end, from arrays: an entry holds until the first close over the mean of ``exit_`` bars."""
    index, uptrend, over = rsi_of(closes, length), closes > mean_of(closes, trend), closes > mean_of(closes, exit_)
    warm = max(trend, exit_, 10 * length)
    held = np.zeros(len(closes))
    at = warm - 1
    while at < len(closes):
        if not (index[at] < below and uptrend[at]):
            at += 1
            continue
        ends = np.flatnonzero(over[at + 1 :])
        end = at + 1 + int(ends[0]) if len(ends) else len(closes)
        held[at:end] = 1.0
        at = end + 1
    return [None if at < warm - 1 else float(held[at]) for at in range(len(closes))]


@given(st.lists(st.floats(0.01, 1e6), min_size=3, max_size=120), st.integers(2, 30))
def test_rsi_equals_talib(closes: list[float], length: int) -> None:
    rsi = Rsi(length)
    ours = np.array([rsi.update(close) for close in closes], dtype=float)
    theirs = talib.RSI(np.array(closes), timeperiod=length)
    moved = np.abs(np.diff(np.array(closes), prepend=closes[0])) > 0
    since = np.maximum.accumulate(np.where(moved, np.arange(len(closes)), -(10**6)))
    live = np.arange(len(closes)) - since < 5  # after a long standstill both are quotients of next to nothing
    live &= ~np.isnan(theirs)
    assert np.array_equal(np.isnan(ours), np.isnan(theirs))
    assert np.allclose(ours[live], theirs[live], rtol=1e-6, atol=1e-6)


def test_rsi_of_a_market_that_never_moved_is_neither_strong_nor_weak() -> None:
    rsi = Rsi(2)
    assert [rsi.update(7.0) for _ in range(4)] == [None, None, 50.0, 50.0]


def test_it_buys_a_setback_within_an_uptrend_and_sells_above_the_short_mean() -> None:
    rising = [100.0 + step for step in range(30)]
    said = wishes(RsiReversion(2, 10.0, 20, 3), [*rising, 126, 123, 122, 128, 129])
    assert said[-5:] == [0.0, 0.0, 1.0, 0.0, 0.0]  # at 123 RSI is 10, and not below


def test_it_buys_no_setback_below_the_long_mean() -> None:
    falling = [200.0 - step for step in range(60)]
    assert set(wishes(RsiReversion(2, 10.0, 20, 3), falling)) == {None, 0.0}


def test_it_answers_from_the_bar_on_which_its_long_mean_is_full() -> None:
    strategy = RsiReversion(2, 10.0, 200, 5)
    said = [strategy.on_bar(flat(hour)) for hour in range(202)]
    assert strategy.warmup_bars == 200
    assert said == [None] * 199 + [0.0] * 3


@pytest.mark.parametrize("seed", range(WALKS))
@pytest.mark.parametrize(
    ("length", "below", "trend", "exit_"), [(2, 10.0, 200, 5), (4, 25.0, 50, 8), (14, 50.0, 30, 3)]
)
def test_over_random_bars_it_wants_what_the_rule_says(
    seed: int, length: int, below: float, trend: int, exit_: int
) -> None:
    closes = walk(seed)
    said = wishes(RsiReversion(length, below, trend, exit_), closes.tolist())
    assert said == oracle(closes, length, below, trend, exit_)
    assert 1.0 in said


@pytest.mark.long
def test_over_real_bars_it_wants_what_the_rule_says(data_dir: Path) -> None:
    trades = 0
    for symbol, closes in real_closes(data_dir).items():
        said = wishes(RsiReversion(2, 10.0, 200, 5), closes.tolist())
        assert said == oracle(closes, 2, 10.0, 200, 5), symbol
        trades += said.count(1.0)
    assert trades > 100


@pytest.mark.parametrize("seed", range(WALKS))
def test_twice_the_history_changes_nothing_once_both_have_begun_a_trade_anew(seed: int) -> None:
    """Index and means are the same to the last bit. What is left is a trade that began before the shorter history."""
    closes = walk(seed, count=900).tolist()
    long, short = (wishes(RsiReversion(2, 10.0, 200, 5), closes[begin:])[-500:] for begin in (0, 200))
    both_flat = next(at for at in range(500) if long[at] == short[at] == 0.0)
    assert both_flat < 30
    assert long[both_flat:] == short[both_flat:]
