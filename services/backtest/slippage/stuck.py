"""Which samples are not believed because what they show does not move as a market does.

A book of many levels, or the depth of a bucket to the cent, is practically never the same twice. Where one value comes
again and again, who wrote the file had lost the market. What lies between such samples is not believed either.
"""

from collections import Counter
from collections.abc import Sequence

from shared.domain.timeframes import MINUTE_NS

REPEATS = 10  # times that one value comes, over at least LASTING_NS: it is stuck
LASTING_NS = 5 * MINUTE_NS
BLOCK, LEAST_DISTINCT = 100, 20  # of so many samples in a row so many have to be different
AMID_NS = 30 * MINUTE_NS  # between two stuck samples that are no farther apart nothing is believed


def repeated(prints: Sequence[int], times_ns: Sequence[int]) -> list[bool]:
    """Samples whose value comes at least ``REPEATS`` times, over some time."""
    counts = Counter(prints)
    spans: dict[int, tuple[int, int]] = {}
    for value, time_ns in zip(prints, times_ns, strict=True):
        if counts[value] >= REPEATS:
            first_ns, _ = spans.get(value, (time_ns, 0))
            spans[value] = (first_ns, time_ns)
    stuck = {value for value, (first_ns, last_ns) in spans.items() if last_ns - first_ns >= LASTING_NS}
    return [value in stuck for value in prints]


def of_few_values(prints: Sequence[int]) -> list[bool]:
    """Samples in blocks that have next to no different values."""
    flags = [False] * len(prints)
    for start in range(0, len(prints) - BLOCK + 1, BLOCK // 2):
        if len(set(prints[start : start + BLOCK])) < LEAST_DISTINCT:
            flags[start : start + BLOCK] = [True] * BLOCK
    return flags


def amid(flags: Sequence[bool], times_ns: Sequence[int]) -> list[bool]:
    """Samples between two stuck ones that are at most ``AMID_NS`` apart, which are not stuck themselves."""
    found = [False] * len(flags)
    last: int | None = None
    for place, stuck in enumerate(flags):
        if not stuck:
            continue
        if last is not None and times_ns[place] - times_ns[last] <= AMID_NS:
            found[last + 1 : place] = [True] * (place - last - 1)
        last = place
    return found
