"""The bus on a Redis-protocol server: publishing and reading. The lease of a machine is in ``writer_lease``."""

from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar
from uuid import uuid4

import msgspec
from msgspec import Struct
from redis.exceptions import ResponseError

from shared.adapters.codec import UnreadableError, decode, encode, encode_for_wire
from shared.adapters.redis.client import CALL_SECONDS, Client, bus_errors, is_cluster, new_client, prepare
from shared.adapters.redis.groups import groups_of
from shared.adapters.redis.keys import (
    CLOCK_KEY,
    IDENTITY_KEY,
    MARKER_TTL_MS,
    SCOPES,
    decision_key,
    entry_of,
    is_of_another_portfolio,
    last_bars_key,
    proposal_marker,
    services_key,
    state_key,
)
from shared.adapters.redis.slots import reading_order
from shared.adapters.redis.writer_lease import RedisWriterLease
from shared.messages.base import Message
from shared.messages.catalogue import (
    BARS,
    BOOKS,
    MARKS,
    PROPOSED,
)
from shared.messages.keys import Keys
from shared.messages.market import BarClosed, BookSampled, MarkChanged
from shared.messages.orders import OrderDecided
from shared.ports.bus import Bus, Heartbeat, Proposal, Scope
from shared.ports.clock import ClockOrigin
from shared.ports.streams import Entry, Listener, Reader

BARS_PER_CALL = 500
ENTRIES_PER_LOOK = 500

S = TypeVar("S", bound=Struct)


class RedisBus(Bus):
    """See ``ports.bus.Bus``. A process has one.

    clustered: whether the server is a Redis Cluster, where one command may name keys of one slot only (see ``slots``).
    """

    def __init__(self, client: Client, keys: Keys, *, clustered: bool = False) -> None:
        self.client = client
        self.keys = keys
        self.clustered = clustered

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str, keys: Keys) -> AsyncIterator["RedisBus"]:
        """The bus of a service, closed at the end of the block: the server is checked, and gets the function library.

        Raises ``BusLostError``, or ``ServerTooOldError`` for a server that lacks what is needed.
        """
        client = new_client(url)
        try:
            yield cls(client, keys, clustered=await prepare(client))
        finally:
            await client.aclose()

    @classmethod
    @asynccontextmanager
    async def connect(cls, url: str, keys: Keys) -> AsyncIterator["RedisBus"]:
        """The bus of a visitor, who looks, asks or commands: the server is taken as it is. Raises ``BusLostError``.

        Nothing is loaded onto the server or checked there, so looking at a stack never changes it.
        """
        client = new_client(url)
        try:
            async with bus_errors():
                await client.ping()
            yield cls(client, keys, clustered=await is_cluster(client))
        finally:
            await client.aclose()

    # --- publishing -----------------------------------------------------------------------------------------------

    async def publish(self, messages: Sequence[Message]) -> None:
        if not messages:
            return
        pipe = self.client.pipeline(transaction=False)
        for message in messages:
            body = encode_for_wire(message)
            for topic, key in self.keys.places_of(message):
                pipe.xadd(key, {"m": body}, maxlen=topic.keep, approximate=True)
                pipe.publish(key, body)
        async with bus_errors():
            await pipe.execute()

    async def publish_bars(self, bars: Sequence[BarClosed]) -> int:
        by_timeframe: dict[str, list[BarClosed]] = defaultdict(list)
        for bar in bars:
            by_timeframe[bar.timeframe].append(bar)
        new = 0
        for timeframe, group in by_timeframe.items():
            key = self.keys.of(BARS, timeframe)
            for start in range(0, len(group), BARS_PER_CALL):
                args: list[bytes | str | int] = [BARS.keep]
                for bar in group[start : start + BARS_PER_CALL]:
                    args += [bar.symbol, bar.open_time_ns // 1_000_000, encode_for_wire(bar), f"{key}:{bar.symbol}"]
                async with bus_errors():
                    new += await self.client.fcall(
                        "hs_publish_bars", 2, key, last_bars_key(self.keys, timeframe), *args
                    )
        return new

    async def bar_watermarks(self, timeframe: str) -> dict[str, int]:
        async with bus_errors():
            rows = await self.client.hgetall(last_bars_key(self.keys, timeframe))
        return {symbol.decode(): int(open_ms) * 1_000_000 for symbol, open_ms in rows.items()}

    async def set_marks(self, marks: Sequence[MarkChanged]) -> None:
        await self._set_latest(MARKS.key, {mark.symbol: encode_for_wire(mark) for mark in marks})

    async def set_books(self, books: Sequence[BookSampled]) -> None:
        await self._set_latest(BOOKS.key, {book.symbol: encode_for_wire(book) for book in books})

    async def _set_latest(self, key: str, bodies: dict[str, bytes]) -> None:
        """Keep the latest of each pair in a hash, and publish it."""
        if not bodies:
            return
        pipe = self.client.pipeline(transaction=False)
        pipe.hset(key, mapping=bodies)
        for symbol, body in bodies.items():
            pipe.publish(key, body)
            pipe.publish(f"{key}:{symbol}", body)
        async with bus_errors():
            await pipe.execute()

    async def take_in(self, proposal: Proposal) -> bool:
        key, body = self.keys.of(PROPOSED), encode_for_wire(proposal)
        marker = proposal_marker(key, proposal.id)
        async with bus_errors():
            new = await self.client.fcall("hs_take_in", 2, key, marker, body, MARKER_TTL_MS, PROPOSED.keep)
        return bool(new)

    async def echo(self, messages: Sequence[Message]) -> None:
        for message in messages:
            async with bus_errors():
                await self.client.publish(self.keys.of_message(message), encode_for_wire(message))

    async def answer(self, answers: Sequence[Message]) -> None:
        channels = [(self.keys.reply_channel(message), message) for message in answers]
        pipe = self.client.pipeline(transaction=False)
        for channel, message in channels:
            if channel:
                pipe.publish(channel, encode_for_wire(message))
        async with bus_errors():
            await pipe.execute()

    # --- reading --------------------------------------------------------------------------------------------------

    async def marks(self) -> dict[str, MarkChanged]:
        return {mark.symbol: mark for mark in await self._latest_of(MARKS.key) if isinstance(mark, MarkChanged)}

    async def books(self) -> dict[str, BookSampled]:
        return {book.symbol: book for book in await self._latest_of(BOOKS.key) if isinstance(book, BookSampled)}

    async def _latest_of(self, key: str) -> list[Message | None]:
        async with bus_errors():
            rows = await self.client.hgetall(key)
        return [_read(body) for body in rows.values()]

    async def decision(self, order_id: str) -> OrderDecided | None:
        async with bus_errors():
            body = await self.client.get(decision_key(self.keys, order_id))
        message = _read(body) if body else None
        return message if isinstance(message, OrderDecided) else None

    async def latest(self, key: str, count: int = 1) -> list[Message]:
        async with bus_errors():
            rows = await self.client.xrevrange(key, count=count)
        found = (_read(fields.get(b"m", b"")) for _, fields in rows)
        return [message for message in found if message is not None]

    async def stream_ends(self, streams: Sequence[str]) -> dict[str, str]:
        ends = {}
        for stream in streams:
            async with bus_errors():
                rows = await self.client.xrevrange(stream, count=1)
            ends[stream] = rows[0][0].decode() if rows else "0-0"
        return ends

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
        async with bus_errors():
            rows = await self.client.xread(after, count=ENTRIES_PER_LOOK, block=wait_ms or None)
        return {
            stream.decode(): [entry_of(stream.decode(), entry_id, fields) for entry_id, fields in items]
            for stream, items in rows or ()
        }

    async def readers(self, streams: Sequence[str]) -> list[Reader]:
        found: list[Reader] = []
        for stream in streams:
            with suppress(ResponseError):  # a key of another kind, or one that this user must not look at
                found += (_reader(stream, row) for row in await groups_of(self.client, stream))
        return [reader for reader in found if not is_of_another_portfolio(reader.group, self.keys)]

    @asynccontextmanager
    async def listen(self, *channels: str) -> AsyncIterator["RedisListener"]:
        async with self.client.pubsub() as pubsub:
            async with bus_errors():
                await pubsub.subscribe(*channels)
                for _ in channels:  # from the last confirmation on, nothing is missed
                    await pubsub.get_message(timeout=CALL_SECONDS)
            yield RedisListener(pubsub)

    # --- machines -------------------------------------------------------------------------------------------------

    def writer_lease(self, service: str, inputs: Sequence[str], *, home: str) -> RedisWriterLease:
        return RedisWriterLease(self.client, service, inputs, home=home, keys=self.keys, clustered=self.clustered)

    async def stored_records(self, service: str, kind: str, as_type: type[S]) -> dict[str, S]:
        found = {}
        async with bus_errors():
            async for key, body in self.client.hscan_iter(state_key(self.keys.home, service), match=f"{kind}:*"):
                found[key.decode().partition(":")[2]] = msgspec.msgpack.decode(body, type=as_type)
        return dict(sorted(found.items()))

    # --- heartbeats -----------------------------------------------------------------------------------------------

    async def set_heartbeat(self, beat: Heartbeat, scope: Scope) -> None:
        async with bus_errors():
            await self.client.hset(services_key(self.keys, scope), beat.service, encode(beat))

    async def heartbeats(self) -> dict[str, Heartbeat]:
        rows: dict[bytes, bytes] = {}
        # The portfolio's own ones come last. Versions before this one kept all in one hash, whose rows stay behind.
        for scope in SCOPES:
            async with bus_errors():
                rows |= await self.client.hgetall(services_key(self.keys, scope))
        return {service.decode(): msgspec.msgpack.decode(body, type=Heartbeat) for service, body in rows.items()}

    # --- whose data this is ---------------------------------------------------------------------------------------

    async def identity(self) -> str:
        async with bus_errors():
            body = await self.client.get(IDENTITY_KEY)
        return body.decode() if body else ""

    async def named_identity(self) -> str:
        async with bus_errors():
            await self.client.set(IDENTITY_KEY, uuid4().hex, nx=True)
        return await self.identity()

    # --- the stack's clock ----------------------------------------------------------------------------------------

    async def agree_on_clock(self, origin: ClockOrigin) -> ClockOrigin:
        async with bus_errors():
            await self.client.set(CLOCK_KEY, encode(origin), nx=True)
        in_force = await self.clock_origin()
        assert in_force is not None
        return in_force

    async def clock_origin(self) -> ClockOrigin | None:
        async with bus_errors():
            body = await self.client.get(CLOCK_KEY)
        return msgspec.msgpack.decode(body, type=ClockOrigin) if body else None


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
    return Reader(stream, row["name"].decode(), int(lag) if lag is not None else None, int(row["pending"]))


def _read(body: bytes) -> Message | None:
    try:
        return decode(body)
    except UnreadableError:
        return None
