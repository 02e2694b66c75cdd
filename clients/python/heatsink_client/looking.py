"""What became of an order, and what holds now: read from the server, changing nothing."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any, TypeVar

import msgpack
from redis.exceptions import NoPermissionError, ResponseError

from heatsink_client.answers import Sizes, Verdict
from heatsink_client.errors import GateError, StaleError, UnreachableError
from heatsink_client.messages import (
    Halted,
    Message,
    OrderDecided,
    OrderProposed,
    PortfolioMarked,
    PositionSized,
    ProposalRefused,
    Resumed,
)
from heatsink_client.steps import PAUSE_SECONDS, Deadline, LostError, Operation, Pause, Place, body_of, call, must
from heatsink_client.wire import read_as, unpack

T = TypeVar("T")
PAGE, PAGES = 1000, 20  # entries of one look back, and how many looks at most
SNAPSHOT_SECONDS = 10.0  # a risk service that works gives one out every second


def patiently(operation_of: Callable[[], Operation[T]], seconds: float) -> Operation[T]:
    """What an operation brings that may be repeated, tried until the time is over. Raises ``UnreachableError``."""
    until = Deadline(seconds)
    while True:
        try:
            return (yield from operation_of())
        except LostError as lost:
            if until.left <= 0:
                raise UnreachableError(f"the server did not answer within {seconds:g} s: {lost}") from None
        except ResponseError as refused:
            raise GateError(f"the server refuses to tell: {refused}") from refused
        yield Pause(min(PAUSE_SECONDS, until.left))


# --- what became of an order ------------------------------------------------------------------------------------------


def verdict_of(place: Place, order_id: str) -> Operation[Verdict]:
    """The verdict on an order that was proposed before, of the last 30 days.

    The stream of proposals is looked at before the decision: whatever is decided in between is found as decided.
    """
    waiting = yield from _proposed(place, order_id)
    [stored] = yield from must(("GET", place.decision_key(order_id)))
    if (decided := read_as(OrderDecided, stored)) is not None:
        if decided.client not in ("", place.client):  # its quantity is another's to trade
            reason = f"order {order_id} is one of client {decided.client}: propose under another id"
            return Verdict.refusal(order_id, "other_body", "client", reason, symbol=decided.symbol)
        return Verdict.of(decided)
    for message in (yield from _back(place.key("decided"), order_id)):
        if isinstance(message, ProposalRefused) and _is_about_order(place, message, order_id):
            if message.entry and _order(waiting.get(message.source, "")) > _order(message.entry):
                break  # it was sent again since then, and that one waits
            return Verdict.refusal(order_id, message.code, message.field, message.reason, symbol=message.symbol)
    if waiting:
        return Verdict.unknown(order_id, "yes", "it is proposed, and not decided yet: ask again in a moment")
    return Verdict.unknown(order_id, "no", "the server knows no such order: you may propose it under this id")


def _is_about_order(place: Place, refused: ProposalRefused, order_id: str) -> bool:
    """A cancel that came too early was refused under the id of the order that it meant, which may be decided yet. So
    may this client's order be where another one's was refused under its id.
    """
    if refused.source not in ("", place.stands_in("proposed")):
        return False
    return refused.order_id == order_id and refused.what in (OrderProposed.__name__, "")


def _proposed(place: Place, order_id: str) -> Operation[dict[str, str]]:
    """The streams on which an order stands, each with the id of its latest entry there."""
    found = yield from _latest_entry(place.key("proposed"), order_id)
    with suppress(ResponseError):  # not this user's
        found |= yield from _latest_entry(place.client_key("proposed"), order_id)
    return found


def _latest_entry(stream: str, order_id: str) -> Operation[dict[str, str]]:
    for entry, message in (yield from _entries_back(stream, order_id)):
        if isinstance(message, OrderProposed) and message.id == order_id:
            return {stream: entry}
    return {}


def _order(entry: str) -> tuple[int, int]:
    """What entries of a stream sort by."""
    milliseconds, _, number = entry.partition("-")
    return int(milliseconds or 0), int(number or 0)


# --- what holds now ---------------------------------------------------------------------------------------------------


def sizes(place: Place, timeframe: str) -> Operation[Sizes]:
    """The newest size of each pair; of one timeframe, or of any."""
    found = Sizes()
    before = "+"
    for _ in range(PAGES):
        [rows] = yield from must(("XREVRANGE", place.key("sizes"), before, "-", "COUNT", PAGE))
        known = len(found)
        for _, message in _messages_in(rows):
            if isinstance(message, PositionSized) and timeframe in ("", message.timeframe):
                found.setdefault(message.symbol, message)
        if len(rows) < PAGE or (known and len(found) == known):
            break
        before = f"({rows[-1][0].decode()}"
    return found


def portfolio(place: Place, max_age: float) -> Operation[PortfolioMarked]:
    """The newest snapshot. Raises ``StaleError`` when it is older than so many seconds, or when there is none yet."""
    [rows, now] = yield from call(("XREVRANGE", place.key("portfolio"), "+", "-", "COUNT", 1), ("TIME",))
    if isinstance(rows, Exception):
        raise rows
    snapshot = read_as(PortfolioMarked, body_of(rows[0][1])) if rows else None
    if snapshot is None:
        raise StaleError(f"portfolio {place.portfolio} has no snapshot yet: is the risk service running?")
    age = _seconds(now) - int(rows[0][0].split(b"-")[0]) / 1000  # entries are named by the server's own clock
    if age > max_age:
        raise StaleError(f"the last snapshot is {age:.0f} s old: the risk service is not running (heatsink status)")
    return snapshot


def halts(place: Place, max_age: float) -> Operation[tuple[Halted, ...]]:
    """The halts in force, those of the whole portfolio first. Raises ``StaleError`` like ``portfolio``."""
    yield from portfolio(place, max_age)
    ended: set[tuple[str, str]] = set()
    in_force: dict[tuple[str, str], Halted] = {}
    for message in (yield from _back(place.key("halts"))):  # newest first: the last word on each halt counts
        if isinstance(message, Halted | Resumed):
            scope = (message.symbol, message.trigger)
            if isinstance(message, Halted) and scope not in ended:
                in_force.setdefault(scope, message)
            ended.add(scope)
    return tuple(sorted(in_force.values(), key=lambda halt: (halt.symbol, halt.trigger)))


def check(place: Place) -> Operation[None]:
    """That a heatsink with this portfolio is there. Raises ``UnreachableError``."""
    keys = ["hs:identity", place.key("portfolio"), place.key("decided"), f"hs:{{{place.portfolio}}}:services"]
    answers = ("XREAD", "COUNT", 1, "STREAMS", place.key("decided"), "$")  # read as they are read later on
    try:
        [identity, *found, _] = yield from must(*(("EXISTS", key) for key in keys), answers)
    except NoPermissionError as refused:
        raise GateError(place.unreadable(refused)) from refused
    if not identity:
        raise UnreachableError("this server holds no heatsink: start one with make run, or give another address")
    if not any(found):
        raise UnreachableError(
            f"there is no portfolio {place.portfolio!r} on this server: give its name, portfolio=..."
        )


def market_clock(place: Place) -> Operation[dict[str, Any]]:
    """How market time follows wall time."""
    [body] = yield from must(("GET", "hs:clock"))
    if not body:
        raise StaleError("there is no market yet: is market_data running?")
    origin: dict[str, Any] = msgpack.unpackb(body)
    return origin


def _back(key: str, naming: str = "") -> Operation[list[Message]]:
    """What stands on a stream and names something, newest first, of its latest 20,000 entries."""
    return [message for _, message in (yield from _entries_back(key, naming))]


def _entries_back(key: str, naming: str = "") -> Operation[list[tuple[str, Message]]]:
    """The same, with the ids of their entries."""
    found: list[tuple[str, Message]] = []
    before = "+"
    for _ in range(PAGES):
        [rows] = yield from must(("XREVRANGE", key, before, "-", "COUNT", PAGE))
        found += _messages_in(row for row in rows if naming.encode() in body_of(row[1]))
        if len(rows) < PAGE:
            break
        before = f"({rows[-1][0].decode()}"
    return found


def _messages_in(rows: Iterable[Any]) -> Iterator[tuple[str, Message]]:
    for entry, fields in rows:
        if (message := unpack(body_of(fields))) is not None:
            yield entry.decode(), message


def _seconds(now: Any) -> float:
    """The server's clock; one's own, where this user must not ask for it."""
    if isinstance(now, Exception):
        return time.time()  # noqa: TID251 - the clock of the machine, which is what is asked for
    seconds, microseconds = now
    return float(seconds) + float(microseconds) / 1e6
