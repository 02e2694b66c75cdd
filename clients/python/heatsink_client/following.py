"""Streams, read on from where a bot was: what was missed is there."""

from heatsink_client.answers import Entry
from heatsink_client.errors import GateError, MissedError
from heatsink_client.messages import TOPICS
from heatsink_client.steps import Operation, Place, call, entries_in, must, newest_id, position, read_after
from heatsink_client.wire import unpack

START = "0-0"


def key_of(place: Place, topic: str) -> str:
    """The stream of a topic by its name, ``decided``, or of bars by ``bars:1h``. Raises ``GateError``.

    Of ``proposed`` and ``reported`` it is what this client sent: every client has queues of its own.
    """
    name, _, timeframe = topic.partition(":")
    if name not in TOPICS or not TOPICS[name].durable or (name == "bars") != bool(timeframe):
        streams = ", ".join("bars:1h" if name == "bars" else name for name, topic in TOPICS.items() if topic.durable)
        raise GateError(f"there is no stream {topic!r}; there are {streams}")
    return place.stands_in(name).replace("<timeframe>", timeframe)


def end_of(key: str) -> Operation[str]:
    """The id of the newest entry."""
    [rows] = yield from must(("XREVRANGE", key, "+", "-", "COUNT", 1))
    return newest_id(rows)


def read(key: str, after: str, seconds: float) -> Operation[tuple[list[Entry], str]]:
    """The entries that follow, as soon as there are some, and the id of the last one. Raises ``MissedError``.

    Messages of types that this version does not know are passed over.
    """
    yield from _check(key, after)
    [reply] = yield from must(read_after(key, after, seconds))
    found = entries_in(reply)
    known = ((entry_id, unpack(body)) for entry_id, body in found)
    entries = [Entry(entry_id, message) for entry_id, message in known if message is not None]
    return entries, found[-1][0] if found else after


def _check(key: str, after: str) -> Operation[None]:
    """That nothing after that entry is gone."""
    if after == START:
        return
    replies = yield from call(("XRANGE", key, "-", "+", "COUNT", 1), ("XREVRANGE", key, "+", "-", "COUNT", 1))
    oldest, newest = (newest_id(rows) if isinstance(rows, list) else START for rows in replies)
    if position(oldest) > position(after):
        raise MissedError(
            f"entries of {key} after {after} are no longer kept; the oldest is {oldest}. Look at portfolio() and "
            "halts(), then read on from there",
            START,  # all that is kept follows what is gone
        )
    if position(newest) < position(after):
        raise MissedError(f"{key} ends at {newest}, before {after}: this server holds other data than before", newest)
