"""Strategies that hang on a bar are stopped there, and others never notice."""

import signal

import pytest

from services.signals.hangs import HangGuard
from shared.domain.strategies.from_file import build_from_file
from tests.domain.market_scripts import flat
from tests.domain.strategies.closes import wishes
from tests.domain.strategies.files import FOLLOWS, file_plan, says


@pytest.mark.parametrize(
    "hang", ["[0 for _ in iter(int, 1)]", "time.sleep(1000)", "all(self.bars for _ in iter(int, 1))"]
)
def test_a_call_that_does_not_come_back_is_stopped_and_fails_like_one_that_raises(hang: str) -> None:
    hanging = build_from_file(file_plan("import time\n" + says(f"0.5 if self.bars < 3 else {hang}")))
    with HangGuard(tick_seconds=0.01, most_ticks=3):
        assert wishes(hanging, [100.0] * 5) == [0.5, 0.5, None, None, None]
    assert "on_bar raised TimeoutError: stopped after 0.03 seconds (line 13)" in hanging.failure


def test_calls_that_come_back_are_left_alone_however_often_it_looks() -> None:
    sound = build_from_file(file_plan(FOLLOWS))
    closes = [100.0 + number % 7 for number in range(3000)]
    with HangGuard(tick_seconds=0.0005, most_ticks=50):
        said = wishes(sound, closes)
    assert said == wishes(build_from_file(file_plan(FOLLOWS)), closes)
    assert sound.failure == ""


def test_what_hangs_outside_of_a_strategy_is_none_of_its_business() -> None:
    with HangGuard(tick_seconds=0.001, most_ticks=1):
        assert sum(1 for _ in range(3_000_000)) == 3_000_000
        assert flat(0).close == 100.0


def test_after_it_the_timer_and_the_handler_are_as_before() -> None:
    before = signal.getsignal(signal.SIGALRM)
    with HangGuard():
        assert signal.getsignal(signal.SIGALRM) is not before
    assert signal.getsignal(signal.SIGALRM) is before
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
