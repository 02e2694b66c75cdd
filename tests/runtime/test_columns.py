"""A market as columns gives the very bars that it was made of, in the order in which they close."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.timeframes import timeframe_ns
from shared.messages.market import BarClosed
from shared.runtime.columns import PRICES, Block, bars_at, instants
from tests.history import bar_of, by_close
from tests.runtime.blocks import block_of

START_MS = 1_700_006_400_000  # a UTC day begins
PAIRS = ("AAA/USDT", "BBB/USDT", "CCC/USDT")
TIMEFRAMES = ("1d", "1h", "4h", "1m")


@st.composite
def some_bars(draw: st.DrawFn) -> list[BarClosed]:
    places = st.tuples(st.sampled_from(PAIRS), st.sampled_from(TIMEFRAMES), st.integers(0, 30))
    prices = st.floats(0.0001, 1e6)
    return [
        bar_of(
            symbol, timeframe, START_MS + row * timeframe_ns(timeframe) // 1_000_000,
            tuple(draw(prices) for _ in PRICES), backfilled=False,
        )
        for symbol, timeframe, row in draw(st.lists(places, unique=True, max_size=40))
    ]  # fmt: skip


@given(bars=some_bars())
def test_columns_give_the_bars_that_they_were_made_of_as_they_close(bars: list[BarClosed]) -> None:
    block = block_of(bars, PAIRS)
    assert [bars_at(block, instant) for instant in instants(block)] == list(by_close(bars))


def test_bars_from_before_the_live_part_are_history() -> None:
    hours = [bar_of(PAIRS[0], "1h", START_MS + row * 3_600_000, (1.0,) * 6, backfilled=False) for row in range(3)]
    block = replace(block_of(hours, PAIRS), live_from_ms=START_MS + 3_600_000)
    assert [bar.backfilled for instant in instants(block) for bar in bars_at(block, instant)] == [True, False, False]


def test_a_bar_says_how_many_are_missing_before_it() -> None:
    bars = [bar_of(PAIRS[0], "1h", START_MS + row * 3_600_000, (1.0,) * 6, backfilled=False) for row in (0, 3)]
    grid = block_of(bars, PAIRS).grids["1h"]
    holes = np.zeros(grid.close.shape, dtype=np.int64)
    holes[1, 0] = 2
    block = Block(PAIRS, {"1h": replace(grid, hole_before=holes)})
    assert [bar.hole_before for instant in instants(block) for bar in bars_at(block, instant)] == [0, 2]


def test_what_is_no_market_is_refused() -> None:
    hours = [bar_of(PAIRS[0], "1h", START_MS + row, (1.0,) * 6, backfilled=False) for row in (0, 1)]
    grid = block_of(hours, PAIRS).grids["1h"]
    with pytest.raises(ValueError, match="in the order of their names"):
        Block(PAIRS[::-1], {"1h": grid})
    with pytest.raises(ValueError, match="expected 2 rows and 2 pairs"):
        Block(PAIRS[:2], {"1h": grid})
    with pytest.raises(ValueError, match="expected each later"):
        Block(PAIRS, {"1h": replace(grid, open_ms=grid.open_ms[::-1].copy())})
    with pytest.raises(ValueError, match="timeframe"):
        Block(PAIRS, {"hour": grid})
