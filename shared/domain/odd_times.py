"""Times that others write: nanoseconds since 1970, of market time. Milliseconds are the usual mistake.

Nobody can tell what a time of another unit was meant to say, so it is refused with the remedy and never taken at its
word: read as nanoseconds it is a moment in January 1970, at which everything has long expired.
"""

from datetime import UTC, datetime

from shared.domain.timeframes import DAY_NS, SECOND_NS

FAR_NS = 366 * DAY_NS
LAST_DATE_NS = 253_402_300_799 * SECOND_NS  # the end of the year 9999
_UNITS = (("microseconds", 1_000), ("milliseconds", 1_000_000), ("seconds", SECOND_NS))
TAKE_IT_FROM = "take it from the message that led to yours, or write 0"


def is_odd(time_ns: int, now_ns: int) -> bool:
    """Whether a time is so far from now that it was hardly meant. 0 stands for no time, and is none."""
    return bool(time_ns and now_ns) and not -FAR_NS <= time_ns - now_ns <= FAR_NS


def fault_of_time(name: str, time_ns: int, now_ns: int, remedy: str = TAKE_IT_FROM) -> str:
    """Field, value and remedy of a time that is far from now; empty when it is not."""
    if not is_odd(time_ns, now_ns):
        return ""
    for unit, factor in _UNITS:
        if not is_odd(time_ns * factor, now_ns):
            return f"{name} {time_ns} looks like {unit}; nanoseconds are needed: {time_ns * factor}"
    days = abs(time_ns - now_ns) // DAY_NS
    return f"{name} {time_ns} is {days:,} days from market time, which is {_date(now_ns)}; {remedy}"


def fault_of_expiry(expires_ns: int, time_ns: int, now_ns: int, name: str = "expires_ns") -> str:
    """The same of an end: it may be as late as anybody likes, but neither long ago nor before the message itself."""
    if not expires_ns:
        return ""
    remedy = "write a later time, or 0 for never"
    if expires_ns < now_ns and (fault := fault_of_time(name, expires_ns, now_ns, remedy)):
        return fault
    if expires_ns < time_ns:
        return f"{name} {expires_ns} is before the message's own time_ns {time_ns}; {remedy}"
    return ""


def _date(time_ns: int) -> str:
    return f"{datetime.fromtimestamp(min(time_ns, LAST_DATE_NS) // SECOND_NS, UTC):%Y-%m-%d}"
