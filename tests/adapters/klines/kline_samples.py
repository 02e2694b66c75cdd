"""Klines for tests of the store: some that a market could have made, in any number and with holes."""

import numpy as np
from hypothesis import strategies as st

from shared.adapters.klines.columns import Columns
from shared.adapters.klines.manifest import Source
from shared.adapters.klines.timeframes import bar_ms_of
from tests.exchange_sim.sim_stage import ms

START_MS = ms("2023-12-28")
SOURCE = Source(name="test")


def hourly(hours: list[int], seed: int = 0, *, bar_ms: int = 3_600_000, start_ms: int = START_MS) -> Columns:
    """Bars at these hours after the start. One hour of one seed is always the same bar."""
    places = np.array(sorted(set(hours)), dtype=np.int64)
    random = np.random.default_rng(seed).random((places.max() + 1, 7))[places].T
    first, last = 100 + 50 * random[0], 100 + 50 * random[1]
    high, low = np.maximum(first, last) + random[2], np.minimum(first, last) - random[3]
    columns = (first, high, low, last, 1000 * random[4], 1000 * random[5])
    return Columns(start_ms + places * bar_ms, *(values.round(4) for values in columns))


@st.composite
def any_columns(draw: st.DrawFn, timeframe: str = "1h", most: int = 60) -> Columns:
    """Any bars that an exchange could have written, with holes, over the turn of years."""
    bar_ms = bar_ms_of(timeframe)
    offset = 4 * 86_400_000 if timeframe == "1w" else 0
    first = (START_MS - offset) // bar_ms * bar_ms + offset
    hours = sorted(draw(st.sets(st.integers(0, 400), min_size=1, max_size=most)))
    price = st.floats(1e-8, 1e12)
    amount = st.one_of(st.floats(0, 1e18), st.just(float("nan")))
    rows = [(sorted(draw(st.tuples(*[price] * 4))), draw(st.booleans()), draw(amount), draw(amount)) for _ in hours]
    low, middle, other, high = (np.array([row[0][place] for row in rows]) for place in range(4))
    up = np.array([row[1] for row in rows])
    opens, closes = np.where(up, middle, other), np.where(up, other, middle)
    volumes = (np.array([row[place] for row in rows], dtype=np.float64) for place in (2, 3))
    return Columns(first + np.array(hours, dtype=np.int64) * bar_ms, opens, high, low, closes, *volumes)


def equal(one: Columns, other: Columns) -> bool:
    """To the last bit, whatever is unknown."""
    pairs = zip((one.open_ms, *one.values), (other.open_ms, *other.values), strict=True)
    return all(np.array_equal(mine, theirs, equal_nan=True) for mine, theirs in pairs)
