"""A source that has more than a step takes leaves its reader to the others for some time."""

from hypothesis import given
from hypothesis import strategies as st

from shared.adapters.resting import LONGEST_STEP_SECONDS, RESTS, Resting

WHOLE = 16
FLOOD, HONEST, ANYBODY = "hs:{main}:clients:flood", "hs:{main}:clients:honest", "hs:{main}:orders:proposed"
QUEUES = (FLOOD, HONEST)


class Reader:
    """A reader that is told what it read, and how long the step with it took."""

    def __init__(self) -> None:
        self.now = 100.0
        self.resting = Resting(lambda: self.now)

    def step(self, seconds: float, **given: int) -> tuple[str, ...]:
        """Returns who is read next."""
        keys = {"flood": FLOOD, "honest": HONEST, "anybody": ANYBODY}
        gave = {keys[name]: count for name, count in given.items()}
        self.resting.begin_step(gave, [key for key, count in gave.items() if count >= WHOLE and key != ANYBODY])
        self.now += seconds
        self.resting.end_step()
        return self.resting.awake(QUEUES)


def test_a_flood_rests_for_some_times_its_step_while_others_are_about() -> None:
    reader = Reader()
    assert reader.step(0.01, flood=WHOLE, honest=1) == (HONEST,)
    assert reader.resting.seconds_left is not None
    reader.now += RESTS * 0.01 - 0.001
    assert reader.resting.awake(QUEUES) == (HONEST,)
    reader.now += 0.002
    assert reader.resting.awake(QUEUES) == QUEUES
    assert reader.resting.seconds_left is None


def test_whoever_is_alone_has_all_of_the_time() -> None:
    reader = Reader()
    assert reader.step(0.01, flood=WHOLE) == QUEUES
    assert reader.step(0.01, flood=WHOLE, honest=1) == (HONEST,)
    reader.now += 60.0  # the other one is gone
    assert reader.step(0.01, flood=WHOLE) == QUEUES


def test_who_writes_to_the_common_stream_is_about_and_that_never_rests() -> None:
    reader = Reader()
    assert reader.step(0.01, flood=WHOLE, anybody=200) == (HONEST,)
    assert ANYBODY in reader.resting.awake((ANYBODY,))


def test_whoever_waits_for_verdicts_never_rests() -> None:
    reader = Reader()
    for _ in range(100):
        assert reader.step(0.01, flood=WHOLE - 1, honest=1) == QUEUES


def test_a_process_that_slept_lets_nobody_rest_for_long() -> None:
    reader = Reader()
    reader.step(3600.0, honest=1)
    reader.step(0.0, honest=1)
    assert reader.step(2.0, flood=WHOLE) == (HONEST,)
    assert (reader.resting.seconds_left or 0.0) <= RESTS * LONGEST_STEP_SECONDS + 1e-9


@given(st.lists(st.floats(0.0001, LONGEST_STEP_SECONDS), min_size=20, max_size=60))
def test_a_flood_has_a_fifth_of_the_time_at_most(steps: list[float]) -> None:
    reader = Reader()
    reader.step(0.0, honest=1)
    began, at_work = reader.now, 0.0
    for seconds in steps:
        while FLOOD not in reader.resting.awake(QUEUES):
            reader.now += 0.001
            reader.step(0.0, honest=1)
        reader.step(seconds, flood=WHOLE, honest=1)
        at_work += seconds
    reader.now += reader.resting.seconds_left or 0.0
    assert at_work <= (reader.now - began) / (1 + RESTS) + 1e-6
