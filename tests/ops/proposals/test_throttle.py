"""How many requests of one client are taken, by a clock that nobody sets."""

from services.ops.proposals.throttle import Throttle

MINUTE_NS = 60_000_000_000


def test_as_many_as_a_minute_allows_are_taken_at_once_and_then_one_by_one() -> None:
    now = [0]
    throttle = Throttle(3, lambda: now[0])
    assert [throttle.takes("ana") for _ in range(4)] == [True, True, True, False]
    now[0] = MINUTE_NS // 3 - 1
    assert not throttle.takes("ana")
    now[0] = MINUTE_NS // 3
    assert [throttle.takes("ana"), throttle.takes("ana")] == [True, False]
    now[0] = 100 * MINUTE_NS
    assert [throttle.takes("ana") for _ in range(4)] == [True, True, True, False]


def test_one_client_takes_nothing_from_another() -> None:
    throttle = Throttle(1, lambda: 0)
    assert [throttle.takes(name) for name in ("ana", "ana", "bob", "ana sell")] == [True, False, True, True]
