"""Dates and times as people type them behind an option."""

from shared.application.errors import UserError
from shared.domain.timeframes import FIRST_DATE, LAST_DATE, iso_ns


def typed_time_ns(option: str, text: str, like: str = "2022-11-01") -> int:
    """Nanoseconds since 1970, UTC. like: what is asked for, a date or a time. Raises ``UserError``."""
    try:
        time_ns = iso_ns(text)
    except ValueError:
        time_ns = 0
    if not iso_ns(FIRST_DATE) <= time_ns <= iso_ns(LAST_DATE):
        raise UserError(f"{option} {text}: no date; write it like {like}")
    return time_ns
