"""What a live stack decided, read from the stream that keeps it, a page at a time."""

from collections.abc import AsyncIterator
from typing import NamedTuple

from services.backtest.recorder.decisions import Decision, decision_of
from shared.messages.base import Message
from shared.messages.catalogue import AUDIT, DECIDED, PORTFOLIO
from shared.messages.keys import Keys
from shared.messages.orders import OrderDecided
from shared.ports.streams import StreamReader, entry_order


class Recorded(NamedTuple):
    """The decisions that a stack has kept.

    from_ns, until_ns: market times between which all of them are here; until is the first moment that is not.
    unreadable: entries of the stream that are no messages.
    """

    decisions: list[Decision]
    from_ns: int
    until_ns: int
    unreadable: int


async def recorded_decisions(bus: StreamReader, keys: Keys) -> Recorded:
    """All that is there now. Of each entry only the line is kept, and the server keeps a bounded number of them."""
    key = keys.of(DECIDED)
    decisions: list[Decision] = []
    entries = unreadable = first_ns = 0
    async for message in _all_of(bus, key):
        entries += 1
        if message is None:
            unreadable += 1
            continue
        first_ns = first_ns or message.time_ns
        if isinstance(message, OrderDecided):
            decisions.append(decision_of(message))
    from_ns, until_ns = await _first_ns(bus, keys), await _last_ns(bus, keys)
    if entries >= DECIDED.keep or not from_ns:  # the beginning may be gone
        from_ns = first_ns
    return Recorded(decisions, from_ns, max([until_ns, *(each.time_ns for each in decisions)]) + 1, unreadable)


async def _all_of(bus: StreamReader, key: str) -> AsyncIterator[Message | None]:
    """The messages of a stream up to its end as it is now; None for what cannot be read."""
    end = entry_order((await bus.stream_ends([key]))[key])
    cursors = {key: "0-0"}
    while entry_order(cursors[key]) < end and (page := await bus.read_from(cursors, 0)):
        for entry in page:
            if entry_order(entry.id) <= end:
                yield entry.message


async def _first_ns(bus: StreamReader, keys: Keys) -> int:
    """When the portfolio is first heard of; 0 where nobody knows."""
    times = []
    for topic in (AUDIT, PORTFOLIO, DECIDED):
        page = await bus.read_from({keys.of(topic): "0-0"}, 0)
        times += [entry.message.time_ns for entry in page[:1] if entry.message is not None]
    return min(times, default=0)


async def _last_ns(bus: StreamReader, keys: Keys) -> int:
    """When it is last heard of."""
    return max((each.time_ns for each in await bus.latest(keys.of(PORTFOLIO))), default=0)
