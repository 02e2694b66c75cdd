"""Axes, thinning and plots."""

from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.backtest.report.page.axes import MOST_DATES, dates, fractions, money, steps
from services.backtest.report.page.plot import Line, Plot, drawn, for_script
from services.backtest.report.page.thinning import kept, means, merged
from shared.domain.timeframes import DAY_NS, HOUR_NS
from tests.backtest.believable import START_NS
from tests.examples import examples

values = st.lists(st.floats(-1e6, 1e6, allow_nan=False), min_size=1, max_size=400)


@given(line=values, strips=st.integers(1, 50))
@examples(200)
def test_thinning_loses_no_peak_and_no_bottom(line: list[float], strips: int) -> None:
    indices = kept([line], strips)
    assert indices == sorted(set(indices))
    chosen = [line[index] for index in indices]
    assert (min(chosen), max(chosen), chosen[0], chosen[-1]) == (min(line), max(line), line[0], line[-1])
    assert len(indices) <= max(2 * strips + 2, 2)


@given(line=values, strips=st.integers(1, 50))
@examples(100)
def test_means_stay_between_the_extremes(line: list[float], strips: int) -> None:
    found = means(line, strips)
    assert len(found) == min(len(line), strips)
    assert min(line) - 1e-6 <= min(found) <= max(found) <= max(line) + 1e-6


@given(spans=st.lists(st.tuples(st.integers(-5, 1_005), st.integers(0, 300))), strips=st.integers(1, 80))
@examples(200)
def test_spans_that_are_merged_cover_the_same_time_and_never_touch(spans: list[tuple[int, int]], strips: int) -> None:
    whole = [(begin, begin + length) for begin, length in spans]
    found = merged(whole, 0, 1_000, strips)
    assert all(0 <= first < last <= strips for first, last in found)
    assert all(before[1] < after[0] for before, after in pairwise(found))
    for begin, end in whole:
        middle = min(strips - 1, max(0, min(max(begin, 0), 999) * strips // 1_000))
        assert any(first <= middle < last for first, last in found), (begin, end)


@given(low=st.floats(-1e6, 1e6), span=st.floats(1e-6, 1e7))
@examples(200)
def test_steps_are_few_and_within(low: float, span: float) -> None:
    found = steps(low, low + span)
    assert len(found) <= 6
    assert all(low - span * 1e-6 <= each <= low + span * 1.000001 for each in found)


@given(start=st.integers(0, 20_000), days=st.floats(0.1, 5_000))
@examples(200)
def test_dates_are_few_in_order_and_within(start: int, days: float) -> None:
    begin_ns = start * DAY_NS
    found = dates(begin_ns, begin_ns + int(days * DAY_NS))
    assert len(found) <= MOST_DATES + 1
    times = [at for at, _ in found]
    assert times == sorted(set(times))
    assert all(begin_ns <= at <= begin_ns + days * DAY_NS for at in times)


def test_dates_of_five_years_are_years_and_of_a_week_are_days() -> None:
    begin = int(datetime(2021, 1, 1, tzinfo=UTC).timestamp()) * 10**9
    assert [text for _, text in dates(begin, begin + 1826 * DAY_NS)] == ["2021", "2022", "2023", "2024", "2025", "2026"]
    assert [text for _, text in dates(begin, begin + 3 * DAY_NS)] == ["1 Jan", "2 Jan", "3 Jan", "4 Jan"]


def test_money_and_fractions_are_short_and_differ() -> None:
    assert [money(each) for each in (0, 950, 200_000, 1_250_000, -2_500)] == ["$0", "$950", "$200k", "$1.25M", "-$2.5k"]
    assert fractions([0.0, 0.02, 0.04]) == ["0 %", "2 %", "4 %"]
    assert fractions([0.0, 0.005, 0.01]) == ["0.0 %", "0.5 %", "1.0 %"]


def plot(line: list[float], limit: list[float] | None = None) -> Plot:
    lines = [Line("heat", line), *([Line("limit", limit, "limit")] if limit else [])]
    return Plot(
        "heat", "Heat", "Heat over time.", [START_NS + n * HOUR_NS for n in range(len(line))], lines, "fraction"
    )


def test_a_script_gets_the_same_times_and_values() -> None:
    spec = for_script(plot([0.01, 0.02, 0.03]))
    assert spec["times"] == [START_NS // 10**9, 3600, 3600]
    (line,) = spec["lines"]  # type: ignore[misc]
    assert [round(each * spec["scale"], 6) for each in line["values"]] == [0.01, 0.02, 0.03]  # type: ignore[index,operator]


def test_a_limit_that_changes_is_drawn_where_it_does() -> None:
    limit = [0.06] * 4_321 + [0.08] * 5_679
    spec = for_script(plot([0.01] * 10_000, limit))
    times = spec["times"]
    assert isinstance(times, list)
    hours = [(sum(times[: n + 1]) - START_NS // 10**9) // 3600 for n in range(len(times))]
    assert {4_320, 4_321} <= set(hours)


@pytest.mark.parametrize("line", [[], [0.5]])
def test_what_is_too_short_to_draw_says_so(line: list[float]) -> None:
    assert "Too short to draw" in drawn(plot(line))
