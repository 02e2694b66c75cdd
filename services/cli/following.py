"""Follows streams (and, when asked for, channels that keep nothing) and prints what comes."""

import asyncio
from collections.abc import Container
from dataclasses import dataclass

from services.cli.printing import json_text
from shared.adapters.codec import UnreadableError, decode
from shared.adapters.redis.bus import RedisBus
from shared.adapters.redis.inspect import stream_ends
from shared.application.errors import UserError
from shared.application.stack import StackLocator
from shared.application.wording.one_line import event_line
from shared.config.faults import did_you_mean
from shared.messages.base import Message
from shared.messages.catalogue import CATALOGUE, is_copy
from shared.ports.bus import Entry

WAIT_MS = 1_000
LISTEN_SECONDS = 1.0
PAGE = 20_000  # looked through for one pair
LIVE = tuple(topic for topic in CATALOGUE if not topic.durable)


class UnknownTopicError(UserError):
    """A topic that is not in the catalogue."""


@dataclass(frozen=True, slots=True)
class Following:
    """topics: by name; none means all streams. names: of the one pair that is wanted; none means all pairs.

    last: earlier messages to begin with, for each stream.
    """

    topics: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    last: int = 0
    follow: bool = True
    as_json: bool = False


async def follow_topics(stack: StackLocator, wanted: Following) -> None:
    """Print until cancelled, or, without ``follow``, what is there. Raises ``UnknownTopicError``, ``BusLostError``."""
    names = _checked(wanted.topics)
    streams = [key for name, keys in stack.streams.items() if name in names for key in keys]
    async with stack.bus() as bus:
        cursors = await stream_ends(bus, streams)
        for message in await _earlier(bus, streams, wanted):
            _tell(message, wanted)
        if not wanted.follow:
            return
        async with asyncio.TaskGroup() as group:
            if streams:
                group.create_task(_follow_streams(bus, cursors, wanted))
            if live := [stack.keys.of(topic) for topic in LIVE if topic.name in names]:
                group.create_task(_follow_channels(bus, live, wanted))


def _checked(topics: tuple[str, ...]) -> tuple[str, ...]:
    known = [topic.name for topic in CATALOGUE]
    for name in topics:
        if name not in known:
            raise UnknownTopicError(f'There is no topic "{name}". {did_you_mean(name, known)}')
    return topics or tuple(topic.name for topic in CATALOGUE if topic.durable)


async def _earlier(bus: RedisBus, streams: list[str], wanted: Following) -> list[Message]:
    """The last messages of each stream, of the wanted pair, in the order of their times."""
    if not wanted.last:
        return []
    found: list[Message] = []
    for stream in streams:
        latest = await bus.latest(stream, max(PAGE, wanted.last) if wanted.names else wanted.last)
        fitting = [
            message
            for message in latest
            if _is_wanted(message, wanted) and not _comes_twice(bus, message, stream, streams)
        ]
        found += reversed(fitting[: wanted.last])
    return sorted(found, key=lambda message: message.time_ns)


def _is_wanted(message: Message, wanted: Following) -> bool:
    return not wanted.names or getattr(message, "symbol", "") in wanted.names


def _comes_twice(bus: RedisBus, message: Message, stream: str, followed: Container[str]) -> bool:
    """Whether it is a copy, and the stream that it belongs to is followed as well."""
    return is_copy(message, stream) and bus.keys.of_message(message) in followed


async def _follow_streams(bus: RedisBus, cursors: dict[str, str], wanted: Following) -> None:
    while True:
        for entry in await bus.read_from(cursors, WAIT_MS):
            if entry.message is not None:
                if not _comes_twice(bus, entry.message, entry.stream, cursors):
                    _tell(entry.message, wanted)
            elif not wanted.names:
                _print(_unreadable(entry))


async def _follow_channels(bus: RedisBus, channels: list[str], wanted: Following) -> None:
    async with bus.listen(*channels) as listener:
        while True:
            if (item := await listener.next(LISTEN_SECONDS)) is not None:
                try:
                    _tell(decode(item[1]), wanted)
                except UnreadableError as error:
                    _print(f"unreadable on {item[0]}: {error}")


def _tell(message: Message, wanted: Following) -> None:
    if _is_wanted(message, wanted):
        _print(json_text(message) if wanted.as_json else event_line(message))


def _unreadable(entry: Entry) -> str:
    where, why = entry.fault or ("$", "unreadable")
    return f"unreadable on {entry.stream} ({entry.id}): {where}: {why}"


def _print(line: str) -> None:
    print(line, flush=True)
