"""Which settings a sweep tries."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.backtest.sweep.space import drawn, grid
from shared.application.errors import UserError
from tests.examples import examples


def test_a_grid_is_every_combination_and_its_last_setting_changes_fastest() -> None:
    assert grid(["limits.heat=0.04, 0.06", "strategies.donchian.entry=10,20,10"]).points == (
        ("limits.heat=0.04", "strategies.donchian.entry=10"),
        ("limits.heat=0.04", "strategies.donchian.entry=20"),
        ("limits.heat=0.06", "strategies.donchian.entry=10"),
        ("limits.heat=0.06", "strategies.donchian.entry=20"),
    )


def test_a_seed_draws_the_same_points_each_time_and_another_seed_others() -> None:
    ranges = ["strategies.donchian.entry=10..60", "limits.heat=0.02..0.1:log"]
    assert drawn(20, 1, [], ranges).points == drawn(20, 1, [], ranges).points
    assert drawn(20, 1, [], ranges).points != drawn(20, 2, [], ranges).points


def test_random_trials_take_values_of_a_grid_too() -> None:
    points = drawn(4, 1, ["limits.heat=0.04,0.06"], ["strategies.donchian.entry=10..11"]).points
    assert set(points) == set(grid(["limits.heat=0.04,0.06", "strategies.donchian.entry=10,11"]).points)


@examples(100)
@given(low=st.integers(1, 50), width=st.integers(1, 50), seed=st.integers(0, 1000), scale=st.sampled_from(["", ":log"]))
def test_whole_ends_give_whole_numbers_from_one_end_to_the_other(low: int, width: int, seed: int, scale: str) -> None:
    points = drawn(2, seed, [], [f"a={low}..{low + width}{scale}"]).points
    assert len(set(points)) == 2
    assert all(low <= int(point[0].removeprefix("a=")) <= low + width for point in points)


@examples(100)
@given(low=st.floats(0.001, 1.0), factor=st.floats(1.5, 100.0), seed=st.integers(0, 1000))
def test_numbers_stay_between_their_ends(low: float, factor: float, seed: int) -> None:
    points = drawn(5, seed, [], [f"a={low}..{low * factor}:log"]).points
    for (text,) in points:
        assert low * 0.999 <= float(text.removeprefix("a=")) <= low * factor * 1.001


def test_on_a_log_scale_each_doubling_is_as_likely() -> None:
    values = [float(point[0].removeprefix("a=")) for point in drawn(1000, 1, [], ["a=0.01..0.16:log"]).points]
    assert 400 < sum(value < 0.04 for value in values) < 600


def test_more_trials_than_there_are_is_told() -> None:
    with pytest.raises(UserError, match="--random 9: there are about 3 different trials; ask for fewer"):
        drawn(9, 1, [], ["strategies.donchian.entry=10..12"])


def test_a_grid_without_end_is_refused_before_it_is_made() -> None:
    values = ",".join(map(str, range(100)))
    with pytest.raises(UserError, match="100,000,000 combinations are more than 100,000; try --random 1000 of them"):
        grid([f"{key}={values}" for key in "abcd"])


def test_all_faults_are_told_at_once() -> None:
    with pytest.raises(UserError) as told:
        drawn(2, 1, ["limits.heat", "b=1", "b=2"], ["c=9..3", "d=1..x", "e=0..1:log", "f=1..2:cubic"])
    assert str(told.value).splitlines() == [
        "--grid limits.heat: write KEY=VALUE,VALUE, such as limits.heat=0.04,0.06,0.08",
        "--range c=9..3: the first number has to be below the second",
        "--range d=1..x: write KEY=FROM..TO, such as strategies.donchian.entry=10..60",
        "--range e=0..1:log: on a log scale both ends have to be above 0",
        "--range f=1..2:cubic: cubic is no scale; write :log, or nothing for linear",
        "b: it is named 2 times; name each setting once",
    ]
