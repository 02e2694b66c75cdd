"""The path inside a bar: whatever the bar, it stays within it, touches its ends, and its pieces add up to it."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from services.exchange_sim.market.bars import INTERVALS, Bar, added_up, interval_of_length
from services.exchange_sim.market.path import Path, path_through

HOUR_MS = 3_600_000
OPEN_MS = 1_667_260_800_000


@st.composite
def bars(draw: st.DrawFn) -> Bar:
    """Any legal bar in cents, flat and one-sided ones among them."""
    low, *between, high = sorted(draw(st.lists(st.integers(1, 10_000_000), min_size=4, max_size=4)))
    first, last = draw(st.permutations(between))
    volume = draw(st.integers(0, 10**9)) / 1000
    open_ms = OPEN_MS + HOUR_MS * draw(st.integers(0, 50_000))
    return Bar(open_ms, first / 100, high / 100, low / 100, last / 100, volume, volume * first / 100)


def path_of(bar: Bar) -> Path:
    return path_through("BTCUSDT", bar, HOUR_MS, places=2, volume_places=3)


@given(bars(), st.lists(st.floats(0, 1), max_size=20))
def test_the_price_never_leaves_the_bar(bar: Bar, moments: list[float]) -> None:
    path = path_of(bar)
    for moment in moments:
        assert bar.low <= path.price_at(bar.open_ms + moment * HOUR_MS) <= bar.high


@given(bars())
def test_the_path_starts_at_the_open_touches_high_and_low_and_ends_at_the_close(bar: Bar) -> None:
    prices = path_of(bar).prices
    assert (prices[0], prices.max(), prices.min(), prices[-1]) == (bar.open, bar.high, bar.low, bar.close)


@given(bars())
def test_the_same_bar_always_takes_the_same_path(bar: Bar) -> None:
    assert np.array_equal(path_of(bar).prices, path_of(bar).prices)


@given(bars(), st.lists(st.integers(1, HOUR_MS - 1), max_size=30, unique=True))
def test_pieces_of_a_bar_add_up_to_the_bar_wherever_it_is_cut(bar: Bar, cuts: list[int]) -> None:
    edges = np.array([0, *sorted(cuts), HOUR_MS], dtype=np.int64) + bar.open_ms
    pieces = path_of(bar).cut(edges)
    (whole,) = added_up(pieces, interval_of_length(HOUR_MS))
    assert whole[:5] == bar[:5]
    assert np.isclose(whole.volume, bar.volume, rtol=1e-9, atol=1e-6)
    assert np.isclose(whole.quote_volume, bar.quote_volume, rtol=1e-9, atol=1e-4)
    assert np.array_equal(pieces.open[1:], pieces.close[:-1])


@given(bars(), st.sampled_from(["1m", "3m", "5m", "15m", "30m"]))
def test_finer_bars_are_legal_bars(bar: Bar, name: str) -> None:
    edges = np.arange(bar.open_ms, bar.open_ms + HOUR_MS + 1, INTERVALS[name].length_ms, dtype=np.int64)
    finer = path_of(bar).cut(edges)
    assert (finer.low <= np.minimum(finer.open, finer.close)).all()
    assert (finer.high >= np.maximum(finer.open, finer.close)).all()
    assert (finer.volume >= 0).all()
    assert ((finer.low >= bar.low) & (finer.high <= bar.high)).all()
