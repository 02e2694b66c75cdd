"""Where the lines of a grid stand, and what is written beside them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from math import ceil, floor, log10

from shared.application.wording.formats import percent
from shared.domain.timeframes import DAY_NS, SECOND_NS

MOST_TICKS = 5
MOST_DATES = 7


def steps(low: float, high: float, most: int = MOST_TICKS) -> list[float]:
    """Round values from low to high, at most so many."""
    span = high - low
    if span <= 0.0:
        return [low]
    rough = span / most
    size = 10.0 ** floor(log10(rough))
    step = next(size * factor for factor in (1.0, 2.0, 2.5, 5.0, 10.0) if size * factor >= rough)
    first = ceil(low / step - 1e-9)
    return [step * number for number in range(first, floor(high / step + 1e-9) + 1)]


def dates(begin_ns: int, end_ns: int) -> list[tuple[int, str]]:
    """Round dates between the two, in nanoseconds, with what is written there."""
    days = (end_ns - begin_ns) / DAY_NS
    for size in (1, 2, 7, 14):
        if days / size <= MOST_DATES:
            first = -(-begin_ns // DAY_NS)
            found = range(first, end_ns // DAY_NS + 1, size)
            return [(day * DAY_NS, f"{_date(day * DAY_NS):%-d %b}") for day in found]
    return _months(begin_ns, end_ns, days)


def _months(begin_ns: int, end_ns: int, days: float) -> list[tuple[int, str]]:
    size = next((size for size in (1, 2, 3, 6, 12, 24, 60) if days / 30.4 / size <= MOST_DATES), 120)
    start = _date(begin_ns)
    found: list[tuple[int, str]] = []
    number = start.year * 12 + start.month - 1
    number += -number % size
    while True:
        at = datetime(number // 12, number % 12 + 1, 1, tzinfo=UTC)
        at_ns = int(at.timestamp()) * SECOND_NS
        if at_ns > end_ns:
            return found
        if at_ns >= begin_ns:
            found.append((at_ns, f"{at:%Y}" if size >= 12 else f"{at:%b %Y}"))
        number += size


def _date(time_ns: int) -> datetime:
    return datetime.fromtimestamp(time_ns // SECOND_NS, tz=UTC)


def money(value: float) -> str:
    """Short, for an axis: ``$200k``, ``$1.25M``."""
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{'-' if value < 0 else ''}${f'{abs(value) / size:.2f}'.rstrip('0').rstrip('.')}{letter}"
    return f"{'-' if value < 0 else ''}${abs(value):g}"


def fractions(values: Sequence[float]) -> list[str]:
    """As percent, all with the digits that tell them apart."""
    digits = next((digits for digits in (0, 1, 2) if len({f"{100 * v:.{digits}f}" for v in values}) == len(values)), 3)
    exact = all(abs(100 * value - round(100 * value)) < 1e-6 for value in values)
    return [percent(value, 0 if exact else max(1, digits)) for value in values]
