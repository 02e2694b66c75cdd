"""Bollinger breakout, against TA-Lib's bands and against the rule over whole arrays."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import talib

from shared.domain.strategies.bollinger import Bollinger
from tests.domain.market_scripts import flat
from tests.domain.strategies.closes import WALKS, real_closes, walk, wishes


def oracle(closes: npt.NDArray[np.float64], length: int, deviations: float) -> list[float | None]:
    """From TA-Lib's bands: +1 where a close breaks out, -1 below the middle; the last of them holds."""
    upper, middle, _ = talib.BBANDS(closes, timeperiod=length, nbdevup=deviations, nbdevdn=deviations)
    turns = np.where(closes > upper, 1, np.where(closes < middle, -1, 0))
    last = np.maximum.accumulate(np.where(turns != 0, np.arange(len(closes)), -1))
    held = np.where(last < 0, 0, turns[last]) > 0
    return [None if at < length - 1 else float(held[at]) for at in range(len(closes))]


def test_it_enters_above_the_upper_band_and_leaves_below_the_middle() -> None:
    closes = [100.0, 101, 99, 100, 110, 108, 107, 104]
    assert wishes(Bollinger(4, 1.5), closes) == [None, None, None, 0.0, 1.0, 1.0, 1.0, 0.0]


def test_a_market_that_stands_still_is_no_breakout() -> None:
    assert wishes(Bollinger(3, 0.1), [0.1 + 0.2] * 6) == [None, None, 0.0, 0.0, 0.0, 0.0]


def test_it_answers_from_the_bar_on_which_its_band_is_full() -> None:
    strategy = Bollinger(20, 2.0)
    said = [strategy.on_bar(flat(hour)) for hour in range(22)]
    assert strategy.warmup_bars == 20
    assert said == [None] * 19 + [0.0] * 3


@pytest.mark.parametrize("seed", range(WALKS))
@pytest.mark.parametrize(("length", "deviations"), [(20, 2.0), (5, 1.0), (60, 2.5)])
def test_over_random_bars_it_wants_what_the_rule_says(seed: int, length: int, deviations: float) -> None:
    closes = walk(seed)
    said = wishes(Bollinger(length, deviations), closes.tolist())
    assert said == oracle(closes, length, deviations)
    assert 1.0 in said


def test_over_real_bars_it_wants_what_the_rule_says(data_dir: Path) -> None:
    trades = 0
    for symbol, closes in real_closes(data_dir).items():
        said = wishes(Bollinger(20, 2.0), closes.tolist())
        assert said == oracle(closes, 20, 2.0), symbol
        trades += said.count(1.0)
    assert trades > 1000


@pytest.mark.parametrize("seed", range(WALKS))
def test_twice_the_history_changes_nothing_once_both_have_been_flat(seed: int) -> None:
    closes = walk(seed, count=600).tolist()
    long, short = (wishes(Bollinger(20, 2.0), closes[begin:])[-500:] for begin in (0, 80))
    both_flat = next(at for at in range(500) if long[at] == short[at] == 0.0)
    assert both_flat < 100
    assert long[both_flat:] == short[both_flat:]
