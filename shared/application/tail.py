"""Messages as they come: from streams, and, when asked for, from channels that keep nothing.

async with tail(stack, TailRequest(topics=("decided",), last=10)) as messages:
    async for message in messages:
        ...
"""

import asyncio
from collections.abc import AsyncIterator, Container, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from shared.adapters.codec import UnreadableError, decode
from shared.application.errors import UserError
from shared.application.stack import StackLocator
from shared.config.faults import did_you_mean
from shared.messages.base import Message
from shared.messages.catalogue import CATALOGUE, is_copy
from shared.ports.bus import Bus

WAIT_MS = 1_000
LISTEN_SECONDS = 1.0
PAGE = 20_000  # looked through for one pair
READ_AHEAD = 1_000  # messages that were read and not taken yet; with more of them, reading waits
LIVE = tuple(topic for topic in CATALOGUE if not topic.durable)


class UnknownTopicError(UserError):
    """A topic that is not in the catalogue."""


@dataclass(frozen=True, slots=True)
class TailRequest:
    """Which messages are wanted.

    topics: by name; none means all streams.
    names: of the one pair that is wanted; none means all pairs.
    last: earlier messages to begin with, for each stream.
    follow: whether to go on with what comes from now on.
    """

    topics: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    last: int = 0
    follow: bool = True

    def wants(self, message: Message) -> bool:
        """Whether the message is about the pair that is wanted."""
        return not self.names or getattr(message, "symbol", "") in self.names


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Something that is no message of ours.

    source: the stream or channel.
    entry_id: of the stream's entry; empty for a channel.
    reason: what is wrong with it.
    """

    source: str
    entry_id: str
    reason: str


Item = Message | Unreadable


@asynccontextmanager
async def tail(stack: StackLocator, request: TailRequest) -> AsyncIterator[AsyncIterator[Item]]:
    """Everything that was asked for, until the block is left. Raises ``UnknownTopicError``, ``BusLostError``."""
    names = _checked(request.topics)
    streams = [key for name, keys in stack.streams.items() if name in names for key in keys]
    channels = [stack.keys.of(topic) for topic in LIVE if topic.name in names]
    async with stack.bus() as bus:
        queued = [topic for topic in CATALOGUE if topic.client_key and topic.name in names]
        clients = await bus.clients() if queued else ()
        streams += [stack.keys.of_client(client, topic) for topic in queued for client in clients]
        cursors = await bus.stream_ends(streams)
        earlier = await _earlier(bus, streams, request)
        if not request.follow:
            yield _all_of(earlier, None)
            return
        items: asyncio.Queue[Item] = asyncio.Queue(READ_AHEAD)
        async with asyncio.TaskGroup() as group:
            readers = []
            if streams:
                readers.append(group.create_task(_follow_streams(bus, cursors, request, items)))
            if channels:
                readers.append(group.create_task(_follow_channels(bus, channels, request, items)))
            try:
                yield _all_of(earlier, items)
            finally:
                for reader in readers:
                    reader.cancel()


async def _all_of(earlier: Sequence[Item], items: asyncio.Queue[Item] | None) -> AsyncIterator[Item]:
    for item in earlier:
        yield item
    while items is not None:
        yield await items.get()


def _checked(topics: tuple[str, ...]) -> tuple[str, ...]:
    known = [topic.name for topic in CATALOGUE]
    for name in topics:
        if name not in known:
            raise UnknownTopicError(f'There is no topic "{name}". {did_you_mean(name, known)}')
    return topics or tuple(topic.name for topic in CATALOGUE if topic.durable)


async def _earlier(bus: Bus, streams: list[str], request: TailRequest) -> list[Message]:
    """The last messages of each stream, of the wanted pair, in the order of their times."""
    if not request.last:
        return []
    found: list[Message] = []
    for stream in streams:
        latest = await bus.latest(stream, max(PAGE, request.last) if request.names else request.last)
        fitting = [
            message for message in latest if request.wants(message) and not _comes_twice(bus, message, stream, streams)
        ]
        found += reversed(fitting[: request.last])
    return sorted(found, key=lambda message: message.time_ns)


def _comes_twice(bus: Bus, message: Message, stream: str, followed: Container[str]) -> bool:
    """Whether it is a copy, and the stream that it belongs to is followed as well."""
    return is_copy(message, stream) and bus.keys.of_message(message) in followed


async def _follow_streams(bus: Bus, cursors: dict[str, str], request: TailRequest, items: asyncio.Queue[Item]) -> None:
    while True:
        for entry in await bus.read_from(cursors, WAIT_MS):
            if entry.message is not None:
                if request.wants(entry.message) and not _comes_twice(bus, entry.message, entry.stream, cursors):
                    await items.put(entry.message)
            elif not request.names:
                place, problem = entry.fault or ("$", "unreadable")
                await items.put(Unreadable(entry.stream, entry.id, f"{place}: {problem}"))


async def _follow_channels(bus: Bus, channels: list[str], request: TailRequest, items: asyncio.Queue[Item]) -> None:
    async with bus.listen(*channels) as listener:
        while True:
            if (heard := await listener.next(LISTEN_SECONDS)) is None:
                continue
            try:
                message = decode(heard[1])
            except UnreadableError as error:
                await items.put(Unreadable(heard[0], "", str(error)))
                continue
            if request.wants(message):
                await items.put(message)
