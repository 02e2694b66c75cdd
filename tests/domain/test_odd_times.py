"""Times in other units than nanoseconds, and times far from now: named with the remedy, never taken at their word."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.odd_times import FAR_NS, fault_of_expiry, fault_of_time, is_odd
from tests.samples import T0

UNITS = {"microseconds": 1_000, "milliseconds": 1_000_000, "seconds": 1_000_000_000}
NEAR = st.integers(-FAR_NS, FAR_NS).map(lambda apart: T0 + apart)


@given(NEAR, st.sampled_from(sorted(UNITS)))
def test_a_time_in_another_unit_is_named_with_the_number_that_was_meant(time_ns: int, unit: str) -> None:
    given_as = time_ns // UNITS[unit]
    fault = fault_of_time("time_ns", given_as, T0)
    if abs(given_as * UNITS[unit] - T0) <= FAR_NS:
        meant = given_as * UNITS[unit]
        assert fault == f"time_ns {given_as} looks like {unit}; nanoseconds are needed: {meant}"
        assert fault_of_expiry(given_as, 0, T0, "until_ns").startswith(f"until_ns {given_as} looks like {unit};")


@given(NEAR)
def test_a_time_within_a_year_of_now_is_believed(time_ns: int) -> None:
    assert fault_of_time("time_ns", time_ns, T0) == ""


@pytest.mark.parametrize("now_ns", [0, T0])
def test_no_time_is_no_odd_time(now_ns: int) -> None:
    assert not is_odd(0, now_ns)
    assert not is_odd(T0, 0)
    assert fault_of_expiry(0, T0, now_ns) == ""


def test_a_time_of_another_year_is_named_with_how_far_it_is_off() -> None:
    assert fault_of_time("time_ns", T0 + 4 * FAR_NS, T0) == (
        f"time_ns {T0 + 4 * FAR_NS} is 1,464 days from market time, which is 2022-11-01; take it from the message that"
        " led to yours, or write 0"
    )


def test_an_end_may_be_as_late_as_it_likes_but_not_before_the_message_itself() -> None:
    assert fault_of_expiry(2**63 - 1, T0, T0) == ""
    assert fault_of_expiry(T0 - 5, 0, T0) == ""  # it has passed, which is another matter
    assert fault_of_expiry(T0 - 5, T0 - 4, T0) == (
        f"expires_ns {T0 - 5} is before the message's own time_ns {T0 - 4}; write a later time, or 0 for never"
    )


@given(st.integers(0, 2**63 - 1), st.integers(0, 2**63 - 1), st.integers(0, 2**63 - 1))
def test_whatever_the_times_are_the_words_are_short(time_ns: int, expires_ns: int, now_ns: int) -> None:
    for fault in (fault_of_time("time_ns", time_ns, now_ns), fault_of_expiry(expires_ns, time_ns, now_ns)):
        assert len(fault) < 300
