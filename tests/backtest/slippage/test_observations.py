"""What books of both kinds cost: walked as the gate walks them, the dearer side, and faults by name."""

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.backtest.slippage.groups import (
    LIQUID_FROM_USDT,
    MID_FROM_USDT,
    STRESS,
    liquidity_of,
    stress_flags,
)
from services.backtest.slippage.observations import of_book, of_depth
from shared.adapters.books.bookdepth import DepthSample
from shared.adapters.books.files import HeardBook
from shared.domain.timeframes import DAY_NS, HOUR_NS, MINUTE_NS
from tests.examples import examples
from tests.samples import book

BIDS = ((99.0, 10.0), (98.0, 1_000.0))
ASKS = ((101.0, 10.0), (104.0, 1_000.0))


def heard(**changes: object) -> HeardBook:
    return HeardBook(book=book(**({"bids": BIDS, "asks": ASKS} | changes)), adv_usdt=1e8, sigma_day=0.03)  # type: ignore[arg-type]


# --- books ------------------------------------------------------------------------------------------------------------


def test_the_dearer_side_counts_from_the_middle() -> None:
    found = of_book(heard(), (500.0, 101.0 * 10 + 104.0 * 10))
    assert found.mid == 100.0
    assert found.walked[0] == pytest.approx(0.01)
    assert found.walked[1] == pytest.approx(0.025)  # half at 101, half at 104
    assert (found.adv_usdt, found.sigma_day, found.touch, found.fault) == (1e8, 0.03, 0.01, "")


def test_a_book_too_thin_for_a_size_costs_without_limit_whichever_side_it_is() -> None:
    assert of_book(heard(bids=((99.0, 1.0),)), (50.0, 5_000.0)).walked == (pytest.approx(0.01), inf)


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"bids": ()}, "one_sided"),
        ({"asks": ()}, "one_sided"),
        ({"bids": ((101.0, 1.0),)}, "crossed"),
        ({"bids": ((102.0, 1.0),)}, "crossed"),
        ({"bids": ((98.0, 1.0), (99.0, 1.0))}, "impossible"),
        ({"asks": ((101.0, 1.0), (101.0, 1.0))}, "impossible"),
        ({}, ""),
    ],
)
def test_a_book_that_cannot_be_is_named(changes: dict[str, object], fault: str) -> None:
    found = of_book(heard(**changes))
    assert found.fault == fault
    assert (found.mid == 0.0) == bool(fault)


def test_two_books_that_are_alike_have_the_same_prints_and_others_have_not() -> None:
    first, again = of_book(heard()), of_book(heard(id="book-2", time_ns=1))
    assert first.prints == again.prints
    assert of_book(heard(asks=((101.0, 10.5),))).prints["asks"] != first.prints["asks"]


# --- depth in buckets -------------------------------------------------------------------------------------------------


def depth(buckets: dict[float, float], price: float = 100.0) -> DepthSample:
    return DepthSample("BTC/USDT", 0, {percent: (usdt / price, usdt) for percent, usdt in buckets.items()})


EVEN = {-2.0: 2e6, -1.0: 1e6, 1.0: 1e6, 2.0: 2e6}


def test_a_bucket_counts_as_evenly_filled() -> None:
    """Of 1M within 1 %, 25k take the nearest fortieth: at half a fortieth of 1 % in the mean."""
    found = of_depth(depth(EVEN), (1e9, 0.02), (25_000.0, 1e6, 2e6, 2e6 + 1))
    assert found.walked == (pytest.approx(0.01 / 40 / 2), pytest.approx(0.005), pytest.approx(0.01), inf)
    assert (found.mid, found.adv_usdt, found.sigma_day) == (100.0, 1e9, 0.02)


@examples(100)
@given(st.lists(st.floats(1e4, 1e8), min_size=1, max_size=5), st.lists(st.floats(1e3, 1e8), min_size=2, max_size=2))
def test_larger_orders_never_cost_less_and_never_more_than_the_last_bucket(
    steps: list[float], sizes: list[float]
) -> None:
    sums = [sum(steps[: number + 1]) for number in range(len(steps))]
    buckets = {sign * (number + 1.0): usdt for number, usdt in enumerate(sums) for sign in (-1, 1)}
    small, large = of_depth(depth(buckets), (None, None), sorted(sizes)).walked
    assert 0.0 <= small <= large * (1 + 1e-9)
    assert large == inf or large <= len(steps) / 100.0


@pytest.mark.parametrize(
    ("buckets", "fault"),
    [
        ({-1.0: 1e6}, "one_sided"),
        ({-1.0: 0.0, 1.0: 1e6}, "one_sided"),
        ({-2.0: 1e6, -1.0: 2e6, 1.0: 1e6}, "impossible"),
        (EVEN, ""),
    ],
)
def test_depth_that_cannot_be_is_named(buckets: dict[float, float], fault: str) -> None:
    assert of_depth(depth(buckets), (1e9, 0.02)).fault == fault


# --- classes and stress -----------------------------------------------------------------------------------------------


def test_a_pair_is_of_a_class_from_its_threshold_on() -> None:
    advs = (LIQUID_FROM_USDT, LIQUID_FROM_USDT - 1, MID_FROM_USDT, MID_FROM_USDT - 1)
    assert list(map(liquidity_of, advs)) == ["liquid", "mid", "mid", "thin"]


def moves(change: float, minutes: int, sigma: float) -> list[bool]:
    """A price that stands still for an hour and then changes within so many minutes."""
    times = [0, HOUR_NS, HOUR_NS + minutes * MINUTE_NS]
    return stress_flags(times, [100.0, 100.0, 100.0 * (1.0 + change)], [sigma] * 3)


def test_a_move_of_twice_the_usual_within_the_hour_is_stress_and_less_is_not() -> None:
    usual = 0.05 * (HOUR_NS / DAY_NS) ** 0.5
    assert moves(STRESS * usual * 1.05, 60, 0.05) == [False, False, True]
    assert moves(-STRESS * usual * 1.05, 60, 0.05) == [False, False, True]
    assert moves(STRESS * usual * 0.95, 60, 0.05) == [False, False, False]


def test_a_move_that_is_over_an_hour_old_is_over() -> None:
    times = [number * 30 * MINUTE_NS for number in range(6)]
    flags = stress_flags(times, [100.0, 100.0, 110.0, 110.0, 110.0, 110.0], [0.03] * 6)
    assert flags == [False, False, True, True, False, False]


def test_samples_that_are_hours_apart_are_held_against_what_is_usual_over_that_time() -> None:
    times = [0, DAY_NS, 2 * DAY_NS]
    assert stress_flags(times, [100.0, 105.0, 112.0], [0.03] * 3) == [False, False, True]
