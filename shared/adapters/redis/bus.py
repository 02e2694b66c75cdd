"""The bus on a Redis-protocol server. Its streams are in ``streams``, the leases of machines in ``writer_lease``."""

from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from itertools import chain
from typing import TypeVar, cast, get_args
from uuid import uuid4

import msgspec
from msgspec import Struct, structs
from redis.exceptions import ResponseError

from shared.adapters.clocks import RealClock
from shared.adapters.codec import decode_or_none, encode, encode_for_wire, struct_or_none
from shared.adapters.redis.client import (
    WRONG_TYPE,
    Client,
    bus_errors,
    executed,
    is_cluster,
    misplaced,
    new_client,
    prepare,
)
from shared.adapters.redis.keys import (
    CLOCK_KEY,
    DECISION_TTL_MS,
    IDENTITY_KEY,
    MARKER_TTL_MS,
    SCOPES,
    decision_key,
    last_bars_key,
    market_epoch_key,
    proposal_marker,
    services_key,
    state_key,
)
from shared.adapters.redis.library import check_library, note_library
from shared.adapters.redis.market_lease import RedisMarketLease
from shared.adapters.redis.stored_texts import is_time
from shared.adapters.redis.streams import RedisStreams
from shared.adapters.redis.writer_lease import RedisWriterLease
from shared.adapters.signing import UNSIGNED
from shared.domain.timeframes import MS_NS, timeframe_ns
from shared.messages.base import Message
from shared.messages.catalogue import BARS, BOOKS, MARKS, PROPOSED, REPORTED, client_of_key
from shared.messages.keys import Keys
from shared.messages.market import BarClosed, BookSampled, MarkChanged
from shared.messages.orders import OrderDecided
from shared.messages.reports import Report
from shared.ports.bus import Bus, Heartbeat, Proposal, Scope
from shared.ports.clock import MOST_SPEED, ClockOrigin
from shared.ports.errors import (
    AccessRefusedError,
    CorruptStateError,
    MisplacedKeyError,
    NotTaken,
    NotTakenError,
    StateGoneError,
)
from shared.ports.signatures import SIGNATURE_FIELD, Signatures

BARS_PER_CALL = 500


S = TypeVar("S", bound=Struct)


class RedisBus(RedisStreams, Bus):
    """See ``ports.bus.Bus``. A process has one."""

    _market: RedisMarketLease | None = None
    _is_of_service = False
    _decisions_ms = DECISION_TTL_MS

    def __init__(
        self, client: Client, keys: Keys, *, clustered: bool = False, signatures: Signatures = UNSIGNED
    ) -> None:
        super().__init__(client, keys, clustered=clustered, signatures=signatures)
        self._leases: list[RedisWriterLease] = []

    @classmethod
    @asynccontextmanager
    async def open(
        cls, url: str, keys: Keys, *, decisions_ms: int = DECISION_TTL_MS, signatures: Signatures = UNSIGNED
    ) -> AsyncIterator["RedisBus"]:
        """The bus of a service, closed at the end of the block: the server is checked, and gets the function library.

        decisions_ms: how long decisions are kept that are committed over this bus.
        Raises ``BusLostError``, or ``UnfitServerError`` for a server that lacks what is needed.
        """
        client = new_client(url)
        try:
            bus = cls(client, keys, clustered=await prepare(client), signatures=signatures)
            bus._is_of_service, bus._decisions_ms = True, decisions_ms
            try:
                yield bus
            finally:
                for lease in bus._leases:
                    await lease.close()
        finally:
            await client.aclose()

    @classmethod
    @asynccontextmanager
    async def connect(cls, url: str, keys: Keys, signatures: Signatures = UNSIGNED) -> AsyncIterator["RedisBus"]:
        """The bus of a visitor, who looks, asks or commands: the server is taken as it is. Raises ``BusLostError``.

        Nothing is loaded onto the server or checked there, so looking at a stack never changes it.
        """
        client = new_client(url)
        try:
            async with bus_errors():
                await client.ping()
            yield cls(client, keys, clustered=await is_cluster(client), signatures=signatures)
        finally:
            await client.aclose()

    # --- the market ---------------------------------------------------------------------------------------------------

    async def publish_bars(self, bars: Sequence[BarClosed]) -> int:
        by_timeframe: dict[str, list[BarClosed]] = defaultdict(list)
        for bar in bars:
            by_timeframe[bar.timeframe].append(bar)
        new = 0
        for timeframe, group in sorted(by_timeframe.items(), key=lambda each: -timeframe_ns(each[0])):
            key = self.keys.of(BARS, timeframe)
            for start in range(0, len(group), BARS_PER_CALL):
                self._written[key] = BARS.keep
                args: list[bytes | str | int] = [BARS.keep, self._market_epoch]
                for bar in group[start : start + BARS_PER_CALL]:
                    args += [bar.symbol, bar.open_time_ns // MS_NS, encode_for_wire(bar), f"{key}:{bar.symbol}"]
                last, fence = last_bars_key(self.keys, timeframe), market_epoch_key(key)
                async with bus_errors():
                    new += self._unless_fenced(await self.client.fcall("hs_publish_bars", 3, key, last, fence, *args))
        return new

    async def bar_watermarks(self, timeframe: str) -> dict[str, int]:
        key = last_bars_key(self.keys, timeframe)
        async with bus_errors(key):
            rows = await self.client.hgetall(key)
        if odd := [symbol for symbol, open_ms in rows.items() if not is_time(open_ms)]:
            raise MisplacedKeyError(misplaced(f"{key} holds no time for {odd[0].decode(errors='replace')}"))
        return {symbol.decode(errors="replace"): int(open_ms) * MS_NS for symbol, open_ms in rows.items()}

    async def set_marks(self, marks: Sequence[MarkChanged]) -> None:
        await self._set_latest(MARKS.key, {mark.symbol: encode_for_wire(mark) for mark in marks})

    async def set_books(self, books: Sequence[BookSampled]) -> None:
        await self._set_latest(BOOKS.key, {book.symbol: encode_for_wire(book) for book in books})

    async def _set_latest(self, key: str, bodies: dict[str, bytes]) -> None:
        """Keep the latest of each pair in a hash, and publish it."""
        if not bodies:
            return
        args: list[bytes | str | int] = [self._market_epoch]
        for symbol, body in bodies.items():
            args += [symbol, body, f"{key}:{symbol}"]
        async with bus_errors():
            self._unless_fenced(await self.client.fcall("hs_set_latest", 2, key, market_epoch_key(key), *args))

    async def marks(self) -> dict[str, MarkChanged]:
        return {mark.symbol: mark for mark in await self._latest_of(MARKS.key) if isinstance(mark, MarkChanged)}

    async def books(self) -> dict[str, BookSampled]:
        return {book.symbol: book for book in await self._latest_of(BOOKS.key) if isinstance(book, BookSampled)}

    async def _latest_of(self, key: str) -> list[Message | None]:
        async with bus_errors(key):
            rows = await self.client.hgetall(key)
        return [decode_or_none(body) for body in rows.values()]

    # --- proposals and decisions --------------------------------------------------------------------------------------

    async def take_in(self, proposal: Proposal) -> bool:
        key, body = self.keys.of(PROPOSED), encode_for_wire(proposal)
        marker = proposal_marker(key, proposal.id)
        async with bus_errors():
            first = await self.client.fcall("hs_take_in", 2, key, marker, body, MARKER_TTL_MS, PROPOSED.keep)
        return bool(first)

    async def decision(self, order_id: str) -> OrderDecided | None:
        key, body = decision_key(self.keys, order_id), None
        with suppress(MisplacedKeyError):  # it is no decision; a commit of one there is refused, and names the key
            async with bus_errors(key):
                body = await self.client.get(key)
        message = decode_or_none(body) if body else None
        return message if isinstance(message, OrderDecided) else None

    async def decisions(self, order_ids: Sequence[str]) -> dict[str, OrderDecided]:
        pipe = self.client.pipeline(transaction=False)
        for order_id in order_ids:
            pipe.get(decision_key(self.keys, order_id))
        async with bus_errors():
            answers = await executed(pipe, unless=ResponseError)
            for answer in answers:
                if isinstance(answer, ResponseError) and WRONG_TYPE not in str(answer):
                    raise answer
        # What is no text is no decision, as in ``decision``.
        bodies = ((order_id, body) for order_id, body in zip(order_ids, answers, strict=True) if type(body) is bytes)
        found = {order_id: decode_or_none(body) for order_id, body in bodies}
        return {order_id: message for order_id, message in found.items() if isinstance(message, OrderDecided)}

    async def propose(self, proposal: Proposal, client: str) -> OrderDecided | str:
        answer, given = await self._queue("hs_propose", self.keys.of_client(client), proposal)
        if answer == b"QUEUED":
            return given.decode()
        decided = decode_or_none(given)
        return decided if isinstance(decided, OrderDecided) else ""

    async def report(self, report: Report, client: str) -> None:
        await self._queue("hs_report", self.keys.of_client(client, REPORTED), report)

    async def _queue(self, function: str, queue: str, message: Message) -> list[bytes]:
        """Put a message of a client into its queue; returns what the function says."""
        body = encode_for_wire(message)
        async with bus_errors(queue):
            try:
                signed = self._signed_by(client_of_key(queue), queue, body)
                answer: list[bytes] = await self.client.fcall(function, 1, queue, body, *signed)
            except ResponseError as error:
                code, _, why = str(error).partition(" ")
                if code in get_args(NotTaken):
                    raise NotTakenError(cast("NotTaken", code), why) from error
                raise
        return answer

    def _signed_by(self, client: str, queue: str, body: bytes) -> tuple[bytes, ...]:
        """The field with a client's signature, where its key is here."""
        at_ms = RealClock().wall_ns() // MS_NS
        signature = self.signatures.clients.sign(client, queue, body, at_ms)
        return (SIGNATURE_FIELD, signature) if signature else ()

    # --- how long streams are -----------------------------------------------------------------------------------------

    async def trim(self) -> None:
        kept = dict(self._written)
        for lease in self._leases:
            kept |= lease.kept()
        pipe = self.client.pipeline(transaction=False)
        for stream, keep in kept.items():
            pipe.fcall("hs_trim", 1, stream, keep)
        async with bus_errors():
            await executed(pipe)

    async def memory_used(self) -> float:
        async with bus_errors():
            told = await self.client.info("memory")
        used, most = int(told.get("used_memory", 0)), int(told.get("maxmemory", 0))
        return used / most if most else 0.0

    def _append(self, pipe: Client, key: str, fields: dict[str, bytes]) -> None:
        if self._is_of_service:
            pipe.fcall("hs_write", 1, key, "XADD", "*", *chain.from_iterable(fields.items()))
        else:
            super()._append(pipe, key, fields)

    # --- who writes the market ----------------------------------------------------------------------------------------

    def market_lease(self, service: str) -> RedisMarketLease:
        self._market = self._market or RedisMarketLease(self.client, service)
        return self._market

    @property
    def _market_epoch(self) -> int:
        return self._market.epoch if self._market is not None else 0

    def _unless_fenced(self, answer: int) -> int:
        if answer < 0 and self._market is not None:
            raise self._market.fenced()
        return answer

    async def publish(self, messages: Sequence[Message]) -> None:
        if messages and self._market is not None and self._market.epoch:
            await self._market.renew()
        await super().publish(messages)

    # --- machines -------------------------------------------------------------------------------------------------

    def writer_lease(
        self, service: str, inputs: Sequence[str], *, home: str, whole: Sequence[str] = (), in_turns: str = ""
    ) -> RedisWriterLease:
        lease = RedisWriterLease(
            self.client,
            service,
            inputs,
            home=home,
            keys=self.keys,
            clustered=self.clustered,
            whole=whole,
            in_turns=in_turns,
            decisions_ms=self._decisions_ms,
            signatures=self.signatures,
        )
        self._leases.append(lease)
        return lease

    async def stored_records(self, service: str, kind: str, as_type: type[S]) -> dict[str, S]:
        found = {}
        state = state_key(self.keys.home, service)
        async with bus_errors(state):
            async for key, body in self.client.hscan_iter(state, match=f"{kind}:*"):
                try:
                    found[key.decode().partition(":")[2]] = msgspec.msgpack.decode(body, type=as_type)
                except (msgspec.DecodeError, UnicodeDecodeError) as error:
                    raise MisplacedKeyError(misplaced(f"{state} holds no {kind} at {key!r}")) from error
        return dict(sorted(found.items()))

    async def stored_rows(self, service: str, kind: str, names: Sequence[str], as_type: type[S]) -> dict[str, S]:
        state = state_key(self.keys.home, service)
        async with bus_errors(state):
            bodies = await self.client.hmget(state, [f"{kind}:{name}" for name in names])
        rows = {name: struct_or_none(body, as_type) for name, body in zip(names, bodies, strict=True) if body}
        return {name: row for name, row in rows.items() if row is not None}

    # --- heartbeats -----------------------------------------------------------------------------------------------

    async def set_heartbeat(self, beat: Heartbeat, scope: Scope) -> None:
        key = services_key(self.keys, scope)
        async with bus_errors(key):
            await self.client.fcall("hs_write", 1, key, "HSET", beat.service, encode(beat))

    async def heartbeats(self) -> dict[str, Heartbeat]:
        rows: dict[bytes, bytes] = {}
        # The portfolio's own ones come last. Versions before this one kept all in one hash, whose rows stay behind.
        for scope in SCOPES:
            key = services_key(self.keys, scope)
            with suppress(MisplacedKeyError):  # there is no beat then; doctor and repair say why
                async with bus_errors(key):
                    rows |= await self.client.hgetall(key)
        beats = (struct_or_none(body, Heartbeat) for body in rows.values())
        return {beat.service: beat for beat in beats if beat is not None}

    async def note_library(self) -> None:
        await note_library(self.client, self.signatures)

    async def check_library(self) -> None:
        await check_library(self.client, self.signatures)

    # --- whose data this is ---------------------------------------------------------------------------------------

    async def identity(self) -> str:
        async with bus_errors(IDENTITY_KEY):
            body = await self.client.get(IDENTITY_KEY)
        return body.decode(errors="replace") if body else ""

    async def named_identity(self) -> str:
        if found := await self.identity():
            return found
        try:
            async with bus_errors():
                await self.client.set(IDENTITY_KEY, uuid4().hex, nx=True)
        except AccessRefusedError as error:
            raise StateGoneError(
                "the data on the server have no name, and this user must not give them one: the server was emptied, or "
                "its owner did not prepare it (heatsink up, heatsink users)"
            ) from error
        return await self.identity()

    async def register_client(self, keys: Keys, client: str) -> None:
        """Name a client of a portfolio, so that its queue is read. Where clients are users, they must not do it."""
        async with bus_errors(keys.clients):
            seconds, _ = await self.client.time()
            await self.client.hsetnx(keys.clients, client, str(seconds))

    # --- the stack's clock ----------------------------------------------------------------------------------------

    async def agree_on_clock(self, origin: ClockOrigin) -> ClockOrigin:
        if (in_force := await self.clock_origin()) is not None:  # a full memory takes no more writes
            return in_force
        async with bus_errors():
            await self.client.set(CLOCK_KEY, encode(origin), nx=True)
        in_force = await self.clock_origin()
        assert in_force is not None
        return in_force

    async def begin_clock(self, begins_wall_ns: int) -> ClockOrigin:
        waiting = await self.clock_origin()
        assert waiting is not None, "a clock is agreed on before it begins"
        begun = structs.replace(waiting, begins_wall_ns=begins_wall_ns)
        async with bus_errors():
            await self.client.set(CLOCK_KEY, encode(begun), xx=True)
        return begun

    async def clock_origin(self) -> ClockOrigin | None:
        async with bus_errors(CLOCK_KEY):
            body = await self.client.get(CLOCK_KEY)
        origin = struct_or_none(body, ClockOrigin) if body else None
        if body and (origin is None or not 0 < origin.speed < MOST_SPEED):
            raise CorruptStateError(f"{CLOCK_KEY} holds no clock, or one that cannot run: find out who wrote there")
        return origin
