"""In which order a machine is shown bars that came together: as they closed, the longer first on a tie.

Bars of each timeframe stand on a stream of their own, so what came together is sorted by stream, and an hour would be
seen before the minutes within it.
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

from shared.messages.base import Message
from shared.messages.market import BarClosed

T = TypeVar("T")


def in_closing_order(items: Sequence[T], message_of: Callable[[T], Message | None]) -> Sequence[T]:
    """The same items, with the bars among them in the order of their closing times; all else stays where it is."""
    if not _is_out_of_order(items, message_of):
        return items
    places: list[int] = []
    bars: list[tuple[int, int, T]] = []
    for place, item in enumerate(items):
        message = message_of(item)
        if type(message) is BarClosed:
            places.append(place)
            bars.append((message.close_time_ns, message.open_time_ns, item))
    arranged = list(items)
    for place, (_, _, item) in zip(places, sorted(bars, key=_closing), strict=True):
        arranged[place] = item
    return arranged


def _is_out_of_order(items: Sequence[T], message_of: Callable[[T], Message | None]) -> bool:
    """Whether a bar stands behind one that closed later, or is longer and closed with it."""
    closed = opened = -1
    for item in items:
        message = message_of(item)
        if type(message) is BarClosed:
            close_ns, open_ns = message.close_time_ns, message.open_time_ns
            if close_ns < closed or (close_ns == closed and open_ns < opened):
                return True
            closed, opened = close_ns, open_ns
    return False


def _closing(bar: tuple[int, int, T]) -> tuple[int, int]:
    return bar[:2]
