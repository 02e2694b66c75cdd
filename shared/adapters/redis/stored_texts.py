"""What numbers, times and cursors look like as the server keeps them: anybody may have written something else there."""

import re

from shared.ports.streams import is_end_of_ids

NUMBER_DIGITS, COUNTER_DIGITS, TIME_DIGITS = 20, 19, 16  # at most; the server counts in 64 bits
_ENTRY_ID = re.compile(r"[0-9]{1,20}-[0-9]{1,20}")


def is_number(text: bytes) -> bool:
    """Whether it can be a number of a commit, or a digest."""
    return text.isdigit() and len(text) <= NUMBER_DIGITS


def is_counter(text: bytes) -> bool:
    """Whether it can be an epoch, or a count of tries, that goes on from there."""
    return text.isdigit() and len(text) <= COUNTER_DIGITS


def is_time(text: bytes) -> bool:
    """Whether it can be a time in milliseconds."""
    return text.isdigit() and len(text) <= TIME_DIGITS


def is_cursor(text: str) -> bool:
    """Whether it can be the id of an entry that was handled."""
    return bool(_ENTRY_ID.fullmatch(text)) and not is_end_of_ids(text)
