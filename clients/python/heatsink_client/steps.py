"""What an operation does, one step at a time, so that the plain and the asynchronous gate share all of it.

An operation is a generator: it yields steps, is sent what came of them, and returns its result. It does no I/O itself.
``gate.py`` and ``async_gate.py`` carry steps out; when the connection breaks they throw ``LostError`` into it.
"""

import time
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias, TypeVar

from redis.exceptions import NoPermissionError, ResponseError

from heatsink_client.messages import TOPICS
from heatsink_client.signing import ClientKey

T = TypeVar("T")
BLOCK_SECONDS = 1.0  # of one read; below the bound of a call
PAUSE_SECONDS = 0.1  # before another attempt
# By which a client sends into a queue of its own, on the topics that have them.
FUNCTIONS = {"proposed": "hs_propose", "reported": "hs_report"}
# What a server says while it cannot work yet, or any more: it passes, and nothing was carried out.
PASSING = ("LOADING", "READONLY", "MASTERDOWN", "CLUSTERDOWN", "BUSY", "MISCONF", "NOREPLICAS", "TRYAGAIN", "OOM")


class Calls(NamedTuple):
    """Commands in one round trip. Brings a list of replies; what the server refuses is a ``ResponseError`` in it."""

    commands: tuple[tuple[Any, ...], ...]


class Pause(NamedTuple):
    """Wait."""

    seconds: float


class Listen(NamedTuple):
    """Subscribe to a channel, and wait for the confirmation."""

    channel: str


class Hear(NamedTuple):
    """Brings the next message on the channel, or None when none comes in time."""

    seconds: float


Step: TypeAlias = Calls | Pause | Listen | Hear
Operation: TypeAlias = Generator[Step, Any, T]


class LostError(Exception):
    """The connection broke, or the server cannot work just now."""


class Deadline:
    """So much time from now on."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    @property
    def left(self) -> float:
        return max(0.0, self._end - time.monotonic())


@dataclass(slots=True)
class Place:
    """Whose gate it is.

    portfolio: its name. client: the name under which proposals and reports go in.
    missing: topics for which the server has no function to take them; found out by trying.
    signs_with: the key of the client, where it signs what it proposes and reports.
    """

    portfolio: str
    client: str
    missing: set[str] = field(default_factory=set)
    signs_with: ClientKey | None = None

    def key(self, topic: str) -> str:
        """The key of a topic's stream, which is the name of its channel too."""
        return self._filled(TOPICS[topic].key)

    def signed(self, topic: str, body: bytes) -> tuple[str | bytes, ...]:
        """What goes beside a message in the client's queue: the field with its signature, where it signs such."""
        if self.signs_with is None:
            return ()
        return "s", self.signs_with.signature(self.client_key(topic), body)

    def decision_key(self, order_id: str) -> str:
        """Where the decision on an order is kept for 30 days."""
        return f"hs:{{{self.portfolio}}}:decision:{order_id}"

    def client_key(self, topic: str) -> str:
        """The queue of what this client sends on a topic, where the server has such."""
        return self._filled(TOPICS[topic].client_key).replace("<client>", self.client)

    def unreadable(self, error: Exception) -> str:
        """Why the server does not show what it has of this portfolio, with the remedy."""
        if not isinstance(error, NoPermissionError):
            return f"the server refuses to tell: {error}"
        return (
            f"the user in the address may not read portfolio {self.portfolio!r}: {error}. Give its own portfolio,"
            " portfolio=..., or another address: heatsink url prints it"
        )

    def stands_in(self, topic: str) -> str:
        """The stream into which this client's messages of a topic go."""
        return self.client_key(topic) if self.function(topic) else self.key(topic)

    def function(self, topic: str) -> str:
        """The function that puts it there; empty where there is none."""
        return "" if topic in self.missing else FUNCTIONS.get(topic, "")

    def _filled(self, key: str) -> str:
        return key.replace("{P}", f"{{{self.portfolio}}}")


def call(*commands: tuple[Any, ...]) -> Operation[list[Any]]:
    """The replies. Raises ``LostError`` when the server says that it cannot work just now."""
    replies: list[Any] = yield Calls(commands)
    for reply in replies:
        if isinstance(reply, ResponseError) and (is_passing(reply) or _asks_who(reply)):
            raise LostError(str(reply))
    return replies


def must(*commands: tuple[Any, ...]) -> Operation[list[Any]]:
    """The same, where the server refuses nothing. Raises ``ResponseError``."""
    replies = yield from call(*commands)
    for reply in replies:
        if isinstance(reply, Exception):
            raise reply
    return replies


def is_passing(error: ResponseError) -> bool:
    """Whether trying again may help."""
    return str(error).startswith(PASSING) or type(error).__name__.upper().startswith(PASSING)


def _asks_who(error: ResponseError) -> bool:
    return str(error).startswith(("NOAUTH", "WRONGPASS"))


def position(entry_id: str) -> tuple[int, int]:
    """A stream entry's id as numbers that compare."""
    milliseconds, _, number = entry_id.partition("-")
    return int(milliseconds), int(number or 0)


def newest_id(rows: list[Any]) -> str:
    """The id of the newest entry of a stream, from XREVRANGE."""
    return str(rows[0][0].decode()) if rows else "0-0"


def body_of(fields: dict[bytes, bytes]) -> bytes:
    """The message's bytes in an entry."""
    return fields.get(b"m", b"")


def entries_in(reply: Any) -> list[tuple[str, bytes]]:
    """Ids and bodies of what XREAD brought of one stream."""
    return [(entry_id.decode(), body_of(fields or {})) for _, rows in reply or () for entry_id, fields in rows]


def read_after(key: str, cursor: str, seconds: float, count: int = 200) -> tuple[Any, ...]:
    """The command that reads a stream, and waits that long for something to come."""
    block = ("BLOCK", max(1, int(seconds * 1000))) if seconds > 0 else ()
    return ("XREAD", "COUNT", count, *block, "STREAMS", key, cursor)
