"""Walking a book, the spread at a size, and the median of its samples."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.liquidity import SpreadStatistics, spread_at_size, summed_up, walk

ASKS = ((100.0, 10.0), (101.0, 10.0), (102.0, 100.0))
BIDS = ((99.0, 10.0), (98.0, 10.0), (97.0, 100.0))

amounts = st.floats(0.001, 1e6)


@st.composite
def sides(draw: st.DrawFn) -> list[tuple[float, float]]:
    """Asks: each price above the one before."""
    gaps = draw(st.lists(st.floats(0.01, 5.0), min_size=1, max_size=60))
    price, levels = 100.0, []
    for gap in gaps:
        price += gap
        levels.append((price, draw(amounts)))
    return levels


def test_a_size_within_the_first_level_trades_at_its_price() -> None:
    assert walk(ASKS, 1_000.0) == pytest.approx(100.0)
    assert walk(BIDS, 990.0) == pytest.approx(99.0)


def test_a_larger_size_trades_at_the_average_weighted_by_volume() -> None:
    size_usdt = 10 * 100.0 + 10 * 101.0 + 5 * 102.0
    assert walk(ASKS, size_usdt) == pytest.approx(size_usdt / 25)


def test_a_side_that_is_too_thin_has_no_price() -> None:
    assert walk(ASKS, 10 * 100.0 + 10 * 101.0 + 100 * 102.0) is not None
    assert walk(ASKS, 10 * 100.0 + 10 * 101.0 + 100 * 102.0 + 1.0) is None
    assert walk((), 1.0) is None


def test_the_spread_is_what_in_and_out_costs_as_a_fraction_of_the_mid() -> None:
    assert spread_at_size(BIDS, ASKS, 500.0) == pytest.approx(1.0 / 99.5)
    ask, bid = walk(ASKS, 2_000.0), walk(BIDS, 2_000.0)
    assert ask is not None
    assert bid is not None
    assert spread_at_size(BIDS, ASKS, 2_000.0) == pytest.approx((ask - bid) / 99.5)


@pytest.mark.parametrize(("bids", "asks"), [((), ASKS), (BIDS, ()), (BIDS, ASKS[:1]), (((100.5, 1000.0),), ASKS)])
def test_there_is_no_spread_where_a_side_is_thin_or_the_book_is_crossed(
    bids: tuple[tuple[float, float], ...], asks: tuple[tuple[float, float], ...]
) -> None:
    assert spread_at_size(bids, asks, 2_500.0) is None


@given(sides(), st.floats(1.0, 1e7))
def test_a_book_summed_up_never_looks_better_than_it_is(levels: list[tuple[float, float]], size_usdt: float) -> None:
    short = summed_up(levels, 10, 10)
    assert len(short) <= 20
    assert short[:10] == tuple(levels[:10])
    assert math.fsum(amount for _, amount in short) == pytest.approx(math.fsum(amount for _, amount in levels))
    true, told = walk(levels, size_usdt), walk(short, size_usdt)
    if true is not None and told is not None:  # a sum at a higher price is worth more, so only the short one may reach
        assert told >= true * (1 - 1e-9)
    for highest in (101.0, 110.0, 150.0):
        carried = sum(amount for price, amount in short if price <= highest)
        assert carried <= sum(amount for price, amount in levels if price <= highest) * (1 + 1e-9)


@given(sides(), st.floats(1.0, 1e6), st.floats(1.0, 10.0))
def test_a_larger_size_never_gets_a_better_price(
    levels: list[tuple[float, float]], size_usdt: float, times: float
) -> None:
    small, large = walk(levels, size_usdt), walk(levels, size_usdt * times)
    if small is not None and large is not None:
        assert large >= small * (1 - 1e-9)


def test_the_median_is_of_the_last_samples_only() -> None:
    statistics = SpreadStatistics(3)
    assert statistics.median is None
    for spread in (0.5, 0.001, 0.003):
        statistics.add(spread)
    assert (statistics.median, statistics.count) == (0.003, 3)
    statistics.add(0.002)  # 0.5 falls out
    assert (statistics.median, statistics.count) == (0.002, 3)


def test_the_median_of_an_even_number_lies_between_the_two_in_the_middle() -> None:
    statistics = SpreadStatistics(60)
    for spread in (0.004, 0.001, 0.002, 0.003):
        statistics.add(spread)
    assert statistics.median == pytest.approx(0.0025)


def test_books_that_were_too_thin_count_as_the_widest() -> None:
    statistics = SpreadStatistics(60)
    for spread in (None, 0.001, 0.002):
        statistics.add(spread)
    assert statistics.median == 0.002
    statistics.add(None)
    assert statistics.median is None
