"""Clocks that are set, and the steady one beside them."""

from hypothesis import given
from hypothesis import strategies as st

from shared.adapters.clocks import ManualClock, RealClock, ScaledClock, SteppedClock
from shared.ports.clock import STEP_NS, Clock, ClockOrigin, ClockSteps
from tests.examples import examples

SECOND_NS = 1_000_000_000
ORIGIN = ClockOrigin(origin_market_ns=0, origin_wall_ns=0, speed=60.0)


def test_steady_time_never_runs_backwards_and_does_not_follow_a_clock_that_is_set() -> None:
    clocks: list[Clock] = [RealClock(), ScaledClock(ORIGIN), SteppedClock(RealClock()), ManualClock(speed=60.0)]
    for clock in clocks:
        before_ns = clock.steady_ns()
        if isinstance(clock, SteppedClock):
            clock.step_ns = -3_600 * SECOND_NS
        if isinstance(clock, ManualClock):
            clock.step(-3_600.0)
        assert 0 <= clock.steady_ns() - before_ns < 60 * SECOND_NS


def test_time_that_passes_is_no_step() -> None:
    clock = ManualClock(SECOND_NS, speed=3600.0)
    steps = ClockSteps(clock)
    clock.time_ns += 10**15
    assert steps.look() == 0


def test_a_step_is_told_once_with_its_size() -> None:
    clock = SteppedClock(ManualClock(SECOND_NS, speed=60.0))
    steps = ClockSteps(clock)
    clock.step_ns = -30 * SECOND_NS
    assert steps.look() == -30 * SECOND_NS
    assert steps.look() == 0
    clock.step_ns = 0
    assert steps.look() == 30 * SECOND_NS


@examples(100)
@given(st.lists(st.tuples(st.integers(0, 10**12), st.integers(-(10**13), 10**13)), max_size=20))
def test_every_step_that_matters_is_noticed_at_the_next_look(history: list[tuple[int, int]]) -> None:
    """Of a clock that stands still meanwhile, or runs."""
    passing = ManualClock(10**18)
    clock = SteppedClock(passing)
    steps = ClockSteps(clock)
    for passed_ns, step_ns in history:
        passing.time_ns += passed_ns
        clock.step_ns += step_ns
        assert steps.look() == (step_ns if abs(step_ns) >= STEP_NS else 0)


def test_a_clock_that_is_set_moves_market_time_by_the_speed() -> None:
    clock = SteppedClock(ManualClock(10**18, speed=60.0))
    clock.step_ns = SECOND_NS
    assert (clock.now_ns(), clock.wall_ns()) == (10**18 + 60 * SECOND_NS, 10**18 // 60 + SECOND_NS)
