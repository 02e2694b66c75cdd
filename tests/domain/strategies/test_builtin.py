"""Donchian and momentum, the parameters of all built-in strategies, and the registry."""

import numpy as np
import pytest
import talib
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.plan import Plan, StrategyPlan
from shared.domain.strategies.base import ParameterError
from shared.domain.strategies.donchian import Donchian
from shared.domain.strategies.momentum import Ema, Momentum
from shared.domain.strategies.registry import STRATEGIES, build_strategy, faults_of
from shared.domain.strategies.rolling import RollingMax, RollingMin
from tests.domain.market_scripts import ohlc
from tests.domain.strategies.closes import wishes

# --- the window ---------------------------------------------------------------------------------------------------


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=200), st.integers(1, 30))
def test_rolling_extremes_equal_those_of_the_plain_window(values: list[float], length: int) -> None:
    highest, lowest = RollingMax(length), RollingMin(length)
    for index, value in enumerate(values):
        highest.push(value)
        lowest.push(value)
        window = values[max(0, index - length + 1) : index + 1]
        assert (highest.value, lowest.value) == (max(window), min(window))


def test_a_rolling_window_holds_no_more_than_its_length() -> None:
    highest = RollingMax(5)
    for value in range(1000, 0, -1):
        highest.push(float(value))
    assert len(highest._window) == 5


def test_a_window_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="expected 1 or more"):
        RollingMax(0)


# --- Donchian -----------------------------------------------------------------------------------------------------


def test_donchian_says_nothing_before_its_channel_is_full() -> None:
    assert wishes(Donchian(3, 2), [1, 2, 3, 4]) == [None, None, None, 1.0]


def test_donchian_enters_above_the_highest_high_and_leaves_below_the_lowest_low() -> None:
    closes = [10, 10, 10, 10.5, 10.4, 10.4, 10.4, 10.3, 9]
    assert wishes(Donchian(3, 2), closes)[3:] == [1.0, 1.0, 1.0, 1.0, 0.0, 0.0]


def test_donchian_needs_a_close_beyond_the_channel_not_a_touch_or_a_wick() -> None:
    strategy = Donchian(2, 2)
    for hour in range(2):
        strategy.on_bar(ohlc(hour, 10, 11, 9, 10))
    assert strategy.on_bar(ohlc(2, 10, 20, 9, 11)) == 0.0  # at the high, and the wick above it counts for nothing
    assert strategy.on_bar(ohlc(3, 10, 21, 9, 20)) == 0.0  # the wick is now the channel
    assert strategy.on_bar(ohlc(4, 20, 22, 19, 21.5)) == 1.0
    assert strategy.on_bar(ohlc(5, 20, 22, 1, 9)) == 1.0  # at the low


def test_donchian_compares_a_bar_with_the_bars_before_it_only() -> None:
    strategy = Donchian(1, 1)
    assert [strategy.on_bar(ohlc(hour, 1, close, close, close)) for hour, close in enumerate([5, 6, 7, 6])] == [
        None, 1.0, 1.0, 0.0
    ]  # fmt: skip


# --- momentum -----------------------------------------------------------------------------------------------------


@given(st.lists(st.floats(0.01, 1e6), min_size=2, max_size=120), st.integers(2, 30))
def test_ema_equals_talib(closes: list[float], length: int) -> None:
    ema = Ema(length)
    ours = np.array([ema.update(close) for close in closes], dtype=float)
    theirs = talib.EMA(np.array(closes), timeperiod=length)
    assert np.allclose(ours, theirs, rtol=1e-9, atol=0, equal_nan=True)


def test_momentum_is_long_while_the_fast_average_is_above_the_slow_one() -> None:
    closes = [10.0] * 8 + [11, 12, 13, 5, 4, 3]
    assert wishes(Momentum(2, 4), closes)[7:] == [0.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0]


def test_momentum_says_nothing_before_its_averages_have_settled() -> None:
    strategy = Momentum(2, 4)
    said = wishes(strategy, [float(close) for close in range(1, 12)])
    assert strategy.warmup_bars == 8
    assert said == [None] * 7 + [1.0] * 4


def test_momentum_hardly_remembers_where_its_history_began() -> None:
    rising = [100.0 * 1.01**hour for hour in range(400)]
    ends = [rising[-160:], rising[-200:], rising]
    assert {tuple(wishes(Momentum(20, 80), closes)[-1:]) for closes in ends} == {(1.0,)}


# --- the registry -------------------------------------------------------------------------------------------------


def plan(kind: str = "donchian", timeframe: str = "1h", **parameters: float) -> StrategyPlan:
    return StrategyPlan(name="mine", kind=kind, timeframe=timeframe, weight=0.5, parameters=parameters)


def test_the_shipped_plan_can_be_built_and_warms_within_the_history_that_is_loaded() -> None:
    for row in Plan().strategies:
        assert faults_of(row) == ()
        assert build_strategy(row).warmup_bars <= 200


def test_every_kind_can_be_built_from_its_defaults_and_describes_itself() -> None:
    for kind in STRATEGIES:
        assert build_strategy(plan(kind.name)).warmup_bars > 0
        assert kind.about
        assert all(parameter.about for parameter in kind.parameters)


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (plan("martingale"), "kind = 'martingale': set one of donchian, momentum"),
        (plan(timeframe="1x"), "timeframe = '1x': set a number and one of s, m, h, d"),
        (plan(entry=0), "entry = 0: set 1 to 1000 bars, such as 20"),
        (plan(entry=20.5), "entry = 20.5: set a whole number of bars, such as 20"),
        (plan(entry=float("nan")), "entry = nan: set a whole number of bars"),
        (plan(entry=float("inf")), "entry = inf: set"),
        (plan(enter=20), "enter = 20: remove it; donchian knows entry, exit"),
        (plan(entry=10, exit=20), "exit = 20: set it to at most entry (10 bars)"),
        (plan("momentum", fast=80, slow=80), "fast = 80: set it below slow (80 bars)"),
        (plan("momentum", slow=900), "slow = 900: set 2 to 500 bars"),
        (plan("rsi", below=51), "below = 51: set a number from 0.1 to 50, such as 10"),
        (plan("rsi", below=float("nan")), "below = nan: set a number from 0.1 to 50"),
        (plan("rsi", trend=5, exit=5), "exit = 5: set it below trend (5 bars)"),
        (plan("rsi", length=1), "length = 1: set 2 to 50 bars"),
        (plan("bollinger", deviations=-1), "deviations = -1: set a number from 0.1 to 5, such as 2"),
        (plan("bollinger", length=2.5), "length = 2.5: set a whole number of bars"),
        (plan("file"), "file = '': name the file of the strategy"),
    ],
)
def test_a_faulty_row_is_refused_with_name_value_and_remedy(row: StrategyPlan, told: str) -> None:
    with pytest.raises(ParameterError) as caught:
        build_strategy(row)
    assert told in str(caught.value)
    assert str(caught.value).startswith("strategy 'mine': ")


def test_all_faults_of_a_row_are_told_at_once() -> None:
    assert [fault.name for fault in faults_of(plan(timeframe="x", entry=0, exit=-1, speed=3))] == [
        "timeframe", "speed", "entry", "exit"
    ]  # fmt: skip
