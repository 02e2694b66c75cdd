"""Streams and live channels on a Redis-protocol server."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

from redis.exceptions import NoPermissionError, ResponseError

from shared.adapters.codec import encode_for_wire, entry_of
from shared.adapters.redis.client import CALL_SECONDS, Client, bus_errors, executed
from shared.adapters.redis.group_reader import known_clients
from shared.adapters.redis.groups import groups_of
from shared.adapters.redis.keys import is_of_another_portfolio
from shared.adapters.redis.ranges import bounded_range, ranges_after
from shared.adapters.redis.slots import reading_order
from shared.adapters.signing import UNSIGNED
from shared.adapters.signing.entries import signature_of
from shared.messages.base import Message
from shared.messages.control import Command
from shared.messages.keys import Keys
from shared.ports.errors import AccessRefusedError, MisplacedKeyError
from shared.ports.signatures import AFTER, Signatures
from shared.ports.streams import Entry, Listener, LiveChannels, Publisher, Reader, StreamReader

ENTRIES_PER_LOOK = 500


class RedisStreams(Publisher, StreamReader, LiveChannels):
    """See ``ports.streams``.

    keys: where the messages stand that go out here.
    clustered: whether the server is a Redis Cluster, where one command may name keys of one slot only (see ``slots``).
    signatures: what is signed with what goes out here.
    """

    def __init__(
        self, client: Client, keys: Keys, *, clustered: bool = False, signatures: Signatures = UNSIGNED
    ) -> None:
        self.client = client
        self.keys = keys
        self.clustered = clustered
        self.signatures = signatures
        self._written: dict[str, int] = {}  # stream to how many entries it keeps

    # --- streams ------------------------------------------------------------------------------------------------------

    async def publish(self, messages: Sequence[Message]) -> None:
        if not messages:
            return
        seen = await self._seen_of_control(messages)
        pipe = self.client.pipeline(transaction=False)
        for message in messages:
            body = encode_for_wire(message)
            for topic, key in self.keys.places_of(message):
                signature = signature_of(self.signatures, message, key, body, seen.get(key, ""))
                self._append(pipe, key, {"m": body, "s": signature} if signature else {"m": body})
                self._written[key] = topic.keep
                pipe.publish(key, body)
        async with bus_errors(*{key for message in messages for _, key in self.keys.places_of(message)}):
            await executed(pipe)

    def _append(self, pipe: Client, key: str, fields: dict[str, bytes]) -> None:
        """What a visitor does; the bus of a service may write when the memory is full, too."""
        pipe.xadd(key, fields)

    async def _seen_of_control(self, messages: Sequence[Message]) -> dict[str, str]:
        """What was written last where commands go: a command names it, so that it counts once."""
        keys = {self.keys.of_message(message) for message in messages if isinstance(message, Command)}
        if not keys or not self.signatures.are_checked:
            return {}
        return {key: AFTER + last for key, last in (await self.stream_ends(sorted(keys))).items()}

    async def latest(self, key: str, count: int = 1) -> list[Message]:
        found: list[Entry] = []
        end = "+"
        while len(found) < count and (
            page := await bounded_range(self.client, key, "-", end, count - len(found), newest_first=True)
        ):
            found += page
            end = f"({page[-1].id}"
        return [entry.message for entry in found if entry.message is not None]

    async def stream_ends(self, streams: Sequence[str]) -> dict[str, str]:
        ends = {}
        for stream in streams:
            rows = await bounded_range(self.client, stream, "-", "+", 1, newest_first=True)
            ends[stream] = rows[0].id if rows else "0-0"
        return ends

    async def clients(self) -> Sequence[str]:
        return sorted(await known_clients(self.client, self.keys))

    async def read_from(self, cursors: dict[str, str], wait_ms: int) -> list[Entry]:
        if fresh := [stream for stream, cursor in cursors.items() if cursor == "$"]:
            cursors |= await self.stream_ends(fresh)  # a server would take ``$`` for now, in every call anew
        *before, waited_on = reading_order(cursors, self.keys.home) if self.clustered else (tuple(cursors),)
        found: dict[str, list[Entry]] = {}
        for streams in before:
            found |= await self._read_after(cursors, streams, 0)
        found |= await self._read_after(cursors, waited_on, 0 if found else wait_ms)
        for stream, entries in found.items():
            cursors[stream] = entries[-1].id
        return [entry for stream in cursors for entry in found.get(stream, ())]

    async def _read_after(
        self, cursors: dict[str, str], streams: Sequence[str], wait_ms: int
    ) -> dict[str, list[Entry]]:
        after = {stream: cursors[stream] for stream in streams}
        if (found := await ranges_after(self.client, after, ENTRIES_PER_LOOK)) or not wait_ms:
            return found
        async with bus_errors(*streams):
            rows = await self.client.xread(after, count=1, block=wait_ms)
        return {
            stream.decode(): [entry_of(stream.decode(), entry_id, fields) for entry_id, fields in items]
            for stream, items in rows or ()
        }

    async def readers(self, streams: Sequence[str]) -> list[Reader]:
        found: list[Reader] = []
        for stream in streams:
            # Of another kind, or this user must not look at it.
            with suppress(ResponseError, MisplacedKeyError, AccessRefusedError):
                found += (_reader(stream, row) for row in await groups_of(self.client, stream))
        return [reader for reader in found if not is_of_another_portfolio(reader.group, self.keys)]

    # --- channels only ------------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def listen(self, *channels: str) -> AsyncIterator["RedisListener"]:
        async with self.client.pubsub() as pubsub:
            async with bus_errors():
                await pubsub.subscribe(*channels)
                for _ in channels:  # from the last confirmation on, nothing is missed
                    await pubsub.get_message(timeout=CALL_SECONDS)
            yield RedisListener(pubsub)

    async def echo(self, messages: Sequence[Message]) -> None:
        pipe = self.client.pipeline(transaction=False)
        for message in messages:
            pipe.publish(self.keys.of_message(message), encode_for_wire(message))
        async with bus_errors():
            await executed(pipe)

    async def answer(self, answers: Sequence[Message]) -> None:
        channels = [(self.keys.reply_channel(message), message) for message in answers]
        pipe = self.client.pipeline(transaction=False)
        for channel, message in channels:
            if channel:
                pipe.publish(channel, encode_for_wire(message))
        async with bus_errors():
            # Where this user must not speak, nobody who signs in can listen either.
            await executed(pipe, unless=NoPermissionError)


class RedisListener(Listener):
    """See ``ports.streams.Listener``."""

    def __init__(self, pubsub: Client) -> None:
        self._pubsub = pubsub

    async def next(self, timeout_seconds: float) -> tuple[str, bytes] | None:
        async with bus_errors():
            item = await self._pubsub.get_message(ignore_subscribe_messages=True, timeout=timeout_seconds)
        if item is None or item["type"] not in ("message", "pmessage"):
            return None
        return item["channel"].decode(), item["data"]


def _reader(stream: str, row: dict[str, Any]) -> Reader:
    lag = row.get("lag")
    return Reader(
        stream, row["name"].decode(errors="replace"), int(lag) if lag is not None else None, int(row["pending"])
    )
