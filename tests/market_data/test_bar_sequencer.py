"""Gap arithmetic: whatever the stream does, each bar that exists is published once, in order; holes are counted."""

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from shared.domain.bars.gapless import BarSequencer, Span
from shared.messages.market import BarClosed

HOUR = 3_600_000_000_000
T0 = 1_667_260_800_000_000_000


def hour(index: int) -> int:
    return T0 + index * HOUR


def bar(index: int, *, backfilled: bool = False, price: float = 100.0) -> BarClosed:
    name = f"BTCUSDT-1h-{hour(index) // 1_000_000}"
    return BarClosed(
        id=name,
        trace=name,
        time_ns=hour(index + 1) - 1_000_000,
        symbol="BTC/USDT",
        timeframe="1h",
        open_time_ns=hour(index),
        close_time_ns=hour(index + 1) - 1_000_000,
        open=price,
        high=price,
        low=price,
        close=price,
        volume=1.0,
        quote_volume=price,
        backfilled=backfilled,
    )


def indexes(bars: Iterable[BarClosed]) -> list[int]:
    return [(one.open_time_ns - T0) // HOUR for one in bars]


def after(index: int) -> BarSequencer:
    """A sequencer that has published everything up to a bar."""
    return BarSequencer("1h", hour(index))


def test_bars_in_order_pass_through_one_by_one() -> None:
    sequencer = after(0)
    assert [indexes(sequencer.frame(bar(index))) for index in (1, 2, 3)] == [[1], [2], [3]]


def test_a_repeated_bar_is_dropped_whatever_its_values() -> None:
    sequencer = after(0)
    sequencer.frame(bar(1))
    assert sequencer.frame(bar(1, price=999.0)) == []
    assert sequencer.frame(bar(0)) == []
    assert sequencer.duplicates == 2


def test_a_bar_that_came_too_early_waits_for_the_one_before_it() -> None:
    sequencer = after(0)
    assert sequencer.frame(bar(2)) == []
    assert sequencer.gap == Span(hour(1), hour(2))
    assert indexes(sequencer.frame(bar(1))) == [1, 2]
    assert sequencer.gap is None


def test_a_gap_is_filled_by_rest_before_newer_bars_are_published() -> None:
    sequencer = after(0)
    sequencer.frame(bar(4))
    published = sequencer.answer([bar(index, backfilled=True) for index in (1, 2, 3)], hour(4))
    assert indexes(published) == [1, 2, 3, 4]
    assert [one.backfilled for one in published] == [True, True, True, False]
    assert all(one.hole_before == 0 for one in published)


def test_a_bar_that_rest_does_not_have_is_a_hole_only_after_the_second_answer() -> None:
    sequencer = after(0)
    sequencer.frame(bar(3))
    assert indexes(sequencer.answer([bar(1)], hour(3))) == [1]
    assert sequencer.gap == Span(hour(2), hour(3))
    (published,) = sequencer.answer([], hour(3))
    assert (indexes([published]), published.hole_before) == ([3], 1)
    assert sequencer.holes == 1


def test_the_second_answer_may_still_bring_the_bar_that_the_first_one_lacked() -> None:
    sequencer = after(0)
    sequencer.frame(bar(3))
    sequencer.answer([bar(1)], hour(3))
    published = sequencer.answer([bar(2)], hour(3))
    assert (indexes(published), published[-1].hole_before) == ([2, 3], 0)


def test_nothing_is_a_hole_while_no_later_bar_is_known() -> None:
    sequencer = after(0)
    assert sequencer.answer([], hour(3)) == sequencer.answer([], hour(3)) == []
    assert indexes(sequencer.frame(bar(1))) == [1]
    assert sequencer.holes == 0


def test_an_answer_that_does_not_reach_the_gap_proves_nothing() -> None:
    sequencer = after(0)
    sequencer.frame(bar(5))
    sequencer.answer([bar(1)], hour(3))
    assert sequencer.answer([], hour(3)) == []
    assert sequencer.gap == Span(hour(2), hour(5))


def test_history_believes_its_holes_at_once_and_marks_none_before_the_first_bar() -> None:
    sequencer = BarSequencer("1h")
    published = sequencer.answer([bar(0), bar(1), bar(5)], hour(6), history=True)
    assert [one.hole_before for one in published] == [0, 0, 3]


def test_a_cold_sequencer_keeps_frames_back_until_history_has_come() -> None:
    sequencer = BarSequencer("1h")
    assert sequencer.cold
    assert sequencer.frame(bar(7)) == []
    assert sequencer.gap is None
    assert indexes(sequencer.answer([bar(5), bar(6)], hour(7), history=True)) == [5, 6, 7]


def test_a_pair_without_any_history_starts_with_its_first_bar_and_no_hole() -> None:
    sequencer = BarSequencer("1h")
    assert sequencer.answer([], hour(3), history=True) == []
    assert sequencer.frame(bar(6)) == []
    sequencer.answer([], hour(7))
    published = sequencer.answer([], hour(7))
    assert (indexes(published), published[0].hole_before) == ([6], 0)


def test_a_bar_that_may_still_be_forming_is_not_taken_out_of_an_answer() -> None:
    sequencer = after(0)
    assert indexes(sequencer.answer([bar(1), bar(2)], hour(2))) == [1]
    assert sequencer.gap is None
    assert indexes(BarSequencer("1h").answer([bar(1), bar(2)], hour(2), history=True)) == [1]


def test_a_bar_off_the_grid_is_refused() -> None:
    sequencer = after(0)
    crooked = replace(bar(1), open_time_ns=hour(1) + 1)
    assert sequencer.frame(crooked) == []
    assert sequencer.misfits == 1


def test_what_does_not_fit_into_the_buffer_is_asked_for_again() -> None:
    sequencer = BarSequencer("1h", hour(0), buffer_limit=2)
    for index in (2, 3, 4):
        sequencer.frame(bar(index))
    assert (sequencer.held, sequencer.overflows) == (2, 1)
    assert indexes(sequencer.answer([bar(1)], hour(2))) == [1, 2, 3]
    assert sequencer.due(hour(5)) == Span(hour(4), hour(5))


def test_a_bar_is_due_once_its_time_is_over() -> None:
    sequencer = after(0)
    assert sequencer.due(hour(2) - 1) is None
    assert sequencer.due(hour(2)) == Span(hour(1), hour(2))
    assert sequencer.due(hour(4) + 5) == Span(hour(1), hour(4))


def test_it_is_settled_when_every_due_bar_was_published_or_rest_has_none() -> None:
    sequencer = after(0)
    assert sequencer.settled(hour(1))
    assert not sequencer.settled(hour(2))
    sequencer.answer([], hour(2))
    assert sequencer.settled(hour(2))
    sequencer.frame(bar(5))  # so there are bars in between, or a hole
    assert not sequencer.settled(hour(2))
    assert sequencer.settled(hour(1))


@st.composite
def _deliveries(draw: st.DrawFn) -> tuple[list[int], list[int], list[int]]:
    """Which bars exist, the frames of them in the order of arrival, and after which frames REST answers."""
    count = draw(st.integers(2, 40))
    exists = [index for index in range(1, count + 1) if draw(st.integers(0, 9)) > 0]
    frames = [index for index in exists for _ in range(draw(st.sampled_from((0, 1, 1, 1, 1, 2))))]
    jitter = [draw(st.integers(-4, 4)) for _ in frames]
    frames = [frame for _, frame in sorted(zip(map(sum, zip(frames, jitter, strict=True)), frames, strict=True))]
    answers = draw(st.lists(st.integers(0, max(0, len(frames) - 1)), max_size=8))
    return exists, frames, answers


@given(_deliveries())
def test_every_bar_comes_once_and_in_order_under_any_loss_repetition_and_reordering(
    case: tuple[list[int], list[int], list[int]],
) -> None:
    exists, frames, answers = case
    sequencer = BarSequencer("1h", hour(0), buffer_limit=10)
    published: list[BarClosed] = []
    newest = 0

    def ask_rest(until: int) -> None:
        assert sequencer.next_open_ns is not None
        since = (sequencer.next_open_ns - T0) // HOUR
        rows = [bar(index, backfilled=True) for index in exists if since <= index < until]
        published.extend(sequencer.answer(rows, hour(until)))

    for step, frame in enumerate(frames):
        newest = max(newest, frame)
        published.extend(sequencer.frame(bar(frame)))
        if step in answers:
            ask_rest(newest + 1)
    end = exists[-1] + 1 if exists else 1
    ask_rest(end)
    ask_rest(end)

    assert indexes(published) == exists
    assert len({one.id for one in published}) == len(published)
    before = 0
    for one, index in zip(published, exists, strict=True):
        assert one.hole_before == index - before - 1
        before = index
    assert sequencer.settled(hour(end))
