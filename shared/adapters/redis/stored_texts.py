"""What numbers, times and cursors look like as the server keeps them: anybody may have written something else there."""

import re

from shared.domain.timeframes import MS_NS
from shared.messages.base import LAST_NS
from shared.ports.streams import LAST_MS, entry_order, is_end_of_ids

NUMBER_DIGITS = 20  # at most; the server counts in 64 bits
LATEST_MS = LAST_NS // MS_NS
COUNTER_BELOW = 2**53  # where the function library, which counts in doubles, takes it for no number any more
_ENTRY_ID = re.compile(r"[0-9]{1,20}-[0-9]{1,20}")


def is_number(text: bytes) -> bool:
    """Whether it can be a digest."""
    return text.isdigit() and len(text) <= NUMBER_DIGITS


def is_counter(text: bytes) -> bool:
    """Whether it can be an epoch, a number of a commit or a count of tries, that goes on from there."""
    return is_number(text) and int(text) < COUNTER_BELOW


def is_time(text: bytes, latest_ms: int = LATEST_MS) -> bool:
    """Whether it can be a time in milliseconds, up to some moment."""
    return is_number(text) and int(text) <= latest_ms


def is_cursor(text: str) -> bool:
    """Whether it can be the id of an entry that was handled."""
    return bool(_ENTRY_ID.fullmatch(text)) and max(entry_order(text)) <= LAST_MS and not is_end_of_ids(text)


# What stands in a machine's hash ``meta``.
COMMIT_NUMBERS = {"epoch": is_counter, "seq": is_counter, "digest": is_number}
