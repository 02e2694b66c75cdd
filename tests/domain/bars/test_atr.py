"""Wilder's ATR, against its definition and against TA-Lib."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import talib
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.bars.atr import WilderAtr, true_range

Bars = list[tuple[float, float, float]]


def atr_of(bars: Bars, length: int) -> list[float | None]:
    atr = WilderAtr(length)
    return [atr.update(*bar) for bar in bars]


def test_the_true_range_includes_the_gap_from_the_bar_before() -> None:
    assert true_range(12, 10, 11) == 2
    assert true_range(12, 11, 8) == 4
    assert true_range(12, 11, 15) == 4


def test_the_first_value_is_the_mean_of_the_first_n_true_ranges_and_stands_after_n_plus_one_bars() -> None:
    bars: Bars = [(11, 9, 10), (12, 10, 11), (14, 10, 12), (13, 11, 12)]
    assert atr_of(bars, 3) == [None, None, None, pytest.approx((2 + 4 + 2) / 3)]


def test_later_values_keep_n_minus_one_parts_of_the_value_before() -> None:
    bars: Bars = [(11, 9, 10), (12, 10, 11), (14, 10, 12), (20, 11, 12)]
    assert atr_of(bars, 2)[-1] == pytest.approx(((2 + 4) / 2 + 9) / 2)


def test_a_length_of_no_bars_is_refused() -> None:
    with pytest.raises(ValueError, match="expected 1 or more bars"):
        WilderAtr(0)


@pytest.mark.parametrize("length", [10, 14])
def test_atr_equals_talib_on_the_whole_daily_history_of_every_symbol(data_dir: Path, length: int) -> None:
    table = pq.read_table(data_dir / "daily.parquet", columns=["symbol", "open_time", "high", "low", "close"])
    symbols = pc.unique(table["symbol"]).to_pylist()
    compared = 0
    for symbol in symbols:
        rows = table.filter(pc.equal(table["symbol"], symbol)).sort_by("open_time")
        high, low, close = (rows[name].to_numpy() for name in ("high", "low", "close"))
        ours = np.array(
            atr_of(list(zip(high.tolist(), low.tolist(), close.tolist(), strict=True)), length), dtype=float
        )
        theirs = talib.ATR(high, low, close, timeperiod=length)
        assert np.array_equal(np.isnan(ours), np.isnan(theirs)), symbol
        np.testing.assert_allclose(ours[length:], theirs[length:], rtol=1e-9, atol=0, err_msg=symbol)
        compared += len(ours) - length
    assert len(symbols) == 40
    assert compared == 80_025 - 40 * length


@st.composite
def market(draw: st.DrawFn) -> Bars:
    price = st.floats(1e-6, 1e6)
    corners = draw(st.lists(st.tuples(price, price, st.floats(0, 1)), min_size=2, max_size=60))
    bars = []
    for one, other, at in corners:
        low, high = min(one, other), max(one, other)
        bars.append((high, low, min(high, max(low, low + at * (high - low)))))
    return bars


@given(market(), st.integers(1, 20))
def test_atr_equals_talib_on_any_market(bars: Bars, length: int) -> None:
    high, low, close = (np.array(column) for column in zip(*bars, strict=True))
    ours = np.array(atr_of(bars, length), dtype=float)
    theirs = talib.ATR(high, low, close, timeperiod=length)
    assert np.array_equal(np.isnan(ours), np.isnan(theirs))
    assert np.allclose(ours[length:], theirs[length:], rtol=1e-9, atol=0)


@given(market(), st.integers(1, 20))
def test_atr_lies_between_the_smallest_and_the_largest_true_range(bars: Bars, length: int) -> None:
    value = atr_of(bars, length)[-1]
    ranges = [true_range(high, low, before[2]) for before, (high, low, _) in pairwise(bars)]
    if value is not None:
        assert min(ranges) * (1 - 1e-12) <= value <= max(ranges) * (1 + 1e-12)
