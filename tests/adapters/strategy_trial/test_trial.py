"""What a trial finds in a strategy file."""

from itertools import pairwise

import pytest

from shared.adapters.strategy_trial.market import bars
from shared.adapters.strategy_trial.trial import Trial, TrialResult, try_strategy
from shared.domain.plan import StrategyPlan
from shared.messages.market import BarClosed
from tests.domain.market_scripts import BTC, ETH
from tests.domain.strategies.files import FOLLOWS, file_plan, says


def tried(strategy: StrategyPlan) -> TrialResult:
    return try_strategy(Trial(strategy=strategy, symbols=(BTC, ETH, "SOL/USDT")))


def found(source: str) -> str:
    """The one finding, as a sentence; it names a remedy."""
    [finding] = tried(file_plan(source)).findings
    assert finding.remedy
    return f"{finding.key} = {finding.value}: {finding.problem}"


def test_a_sound_file_passes_and_says_how_much_history_it_needs() -> None:
    assert tried(file_plan(FOLLOWS, parameters={"length": 7.0})) == TrialResult(warmup_bars=7)


@pytest.mark.parametrize(
    ("source", "told"),
    [
        (says("1 / bar.volume"), "raised ZeroDivisionError"),
        (says("bar.close / (bar.high - bar.low)"), "which is neither a number from 0.0 to 1.0 nor None"),
        (says("math.nan if self.bars > 300 else 0.0"), "returned nan"),
        (says("None"), "still returns None on bar 2, with warmup_bars = 1"),
        (says("1.0 if self.bars == 1 else None"), "on_bar returns None on bar 2, with warmup_bars = 1"),
        ("import time\n" + says("time.perf_counter() % 1"), "the same bars give"),
        ("import random\n" + says("random.random()"), "the same bars give"),
        ("SEEN = []\n" + says("SEEN.append(bar.close) or float(len(SEEN) % 2)"), "the same bars give"),
        (says("{'BTC/USDT': 0.5, 'ETH/USDT': 0.5}[bar.symbol]"), "raised KeyError: 'SOL/USDT'"),
        (says("0.5 if bar.symbol == 'BTC/USDT' else 3"), "returned 3, which is neither"),
        (says("0.5 if self.bars < 390 else 'x'"), "returned 'x'"),
        ("import not_there\n" + FOLLOWS, "file = strategies/mine.py: it raises when it is loaded: ModuleNotFoundError"),
    ],
)
def test_a_faulty_file_is_told_of(source: str, told: str) -> None:
    assert told in found(source)


def test_the_market_of_a_trial_is_always_the_same_and_every_bar_of_it_can_be() -> None:
    market = list(bars("AAA/USDT", "1h", 1400))
    assert market == list(bars("AAA/USDT", "1h", 1400))
    assert all(bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high for bar in market)
    assert all(later.open_time_ns - bar.open_time_ns == 3_600_000_000_000 for bar, later in pairwise(market))
    assert any(bar.volume == 0 and bar.high == bar.low for bar in market)
    assert max(bar.close for bar in market) > 1.2 * min(bar.close for bar in market)
    assert {type(bar) for bar in market} == {BarClosed}
