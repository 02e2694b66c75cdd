"""The bus in memory: the twin of ``redis_bus`` for single-process runs and tests, held to the same contract tests.

Messages go through the codec here too, so what cannot travel fails here as well.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from shared.adapters.codec import TooLongError, UnreadableError, decode, encode_for_wire
from shared.adapters.redis.keys import entry_of
from shared.domain.machine import ReservationCheck
from shared.messages.base import Message
from shared.messages.catalogue import BOOKS, MARKS, PROPOSED
from shared.messages.keys import Keys
from shared.messages.market import BarClosed, BookSampled, MarkChanged
from shared.messages.orders import OrderDecided
from shared.ports.bus import Proposal
from shared.ports.errors import AlreadyDecidedError, CommitRefusedError, FencedError
from shared.ports.streams import Entry
from shared.ports.writer_lease import Commit, Snapshot

READ_BATCH = 200
LISTENER_BOUND = 10_000
HEAT_SLACK = 1.000000001


class MemoryBus:
    """See ``ports.bus.Bus``."""

    def __init__(self, keys: Keys) -> None:
        self.keys = keys
        self.streams: dict[str, list[bytes]] = defaultdict(list)  # entry ids are 1-based positions
        self.decisions: dict[str, bytes] = {}
        self.leases: dict[tuple[str, str], _Stored] = defaultdict(_Stored)
        self.arrived = asyncio.Event()
        self._latest: dict[str, dict[str, bytes]] = defaultdict(dict)  # by topic, then by pair
        self._last_bars: dict[str, dict[str, int]] = defaultdict(dict)
        self._proposed: set[str] = set()
        self._listeners: list[tuple[frozenset[str], asyncio.Queue[tuple[str, bytes]]]] = []

    async def publish(self, messages: Sequence[Message]) -> None:
        for message in messages:
            self.append(message)

    def append(self, message: Message) -> None:
        body = encode_for_wire(message)
        for _, key in self.keys.places_of(message):
            self.append_bytes(key, body)
            self._send(key, body)
        if isinstance(message, BarClosed):
            self._send(f"{key}:{message.symbol}", body)
        if isinstance(message, Proposal):
            self._proposed.add(message.id)

    def append_bytes(self, key: str, body: bytes) -> None:
        """What a foreign client's XADD does."""
        self.streams[key].append(body)
        self.arrived.set()

    def _send(self, channel: str, body: bytes) -> None:
        for channels, queue in self._listeners:
            if channel in channels and not queue.full():  # a slow listener loses, as with Redis
                queue.put_nowait((channel, body))

    async def publish_bars(self, bars: Sequence[BarClosed]) -> int:
        new = 0
        for bar in bars:
            last = self._last_bars[bar.timeframe]
            if bar.open_time_ns > last.get(bar.symbol, -1):
                last[bar.symbol] = bar.open_time_ns
                self.append(bar)
                new += 1
        return new

    async def bar_watermarks(self, timeframe: str) -> dict[str, int]:
        return dict(self._last_bars[timeframe])

    async def set_marks(self, marks: Sequence[MarkChanged]) -> None:
        for mark in marks:
            self._set_latest(MARKS.key, mark.symbol, encode_for_wire(mark))

    async def set_books(self, books: Sequence[BookSampled]) -> None:
        for book in books:
            self._set_latest(BOOKS.key, book.symbol, encode_for_wire(book))

    def _set_latest(self, key: str, symbol: str, body: bytes) -> None:
        self._latest[key][symbol] = body
        self._send(key, body)
        self._send(f"{key}:{symbol}", body)

    async def marks(self) -> dict[str, MarkChanged]:
        found = (decode(body) for body in self._latest[MARKS.key].values())
        return {mark.symbol: mark for mark in found if isinstance(mark, MarkChanged)}

    async def books(self) -> dict[str, BookSampled]:
        found = (decode(body) for body in self._latest[BOOKS.key].values())
        return {book.symbol: book for book in found if isinstance(book, BookSampled)}

    async def take_in(self, proposal: Proposal) -> bool:
        if proposal.id in self._proposed:
            return False
        self._proposed.add(proposal.id)
        self.append_bytes(self.keys.of(PROPOSED), encode_for_wire(proposal))
        return True

    async def echo(self, messages: Sequence[Message]) -> None:
        for message in messages:
            self._send(self.keys.of_message(message), encode_for_wire(message))

    async def answer(self, answers: Sequence[Message]) -> None:
        for message in answers:
            if channel := self.keys.reply_channel(message):
                self._send(channel, encode_for_wire(message))

    async def decision(self, order_id: str) -> OrderDecided | None:
        body = self.decisions.get(order_id)
        message = decode(body) if body else None
        return message if isinstance(message, OrderDecided) else None

    async def latest(self, key: str, count: int = 1) -> list[Message]:
        found = []
        for body in self.streams[key][: -count - 1 : -1]:
            try:
                found.append(decode(body))
            except UnreadableError:
                continue
        return found

    @asynccontextmanager
    async def listen(self, *channels: str) -> AsyncIterator["MemoryListener"]:
        queue: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue(LISTENER_BOUND)
        row = (frozenset(channels), queue)
        self._listeners.append(row)
        try:
            yield MemoryListener(queue)
        finally:
            self._listeners.remove(row)

    def writer_lease(self, service: str, inputs: Sequence[str], *, home: str) -> "MemoryWriterLease":
        return MemoryWriterLease(self, service, tuple(inputs), self.leases[home, service])


class MemoryListener:
    def __init__(self, queue: "asyncio.Queue[tuple[str, bytes]]") -> None:
        self._queue = queue

    async def next(self, timeout_seconds: float) -> tuple[str, bytes] | None:
        try:
            async with asyncio.timeout(timeout_seconds):
                return await self._queue.get()
        except TimeoutError:
            return None


class _Stored:
    """What a machine's commits left behind."""

    def __init__(self) -> None:
        self.epoch = self.seq = self.digest = 0
        self.cursors: dict[str, str] = {}
        self.records: dict[str, bytes] = {}
        self.delivered: dict[str, int] = defaultdict(int)
        self.pending: dict[str, set[int]] = defaultdict(set)
        self.reserved: dict[str, float] = {}


class MemoryWriterLease:
    """See ``ports.writer_lease.WriterLease``."""

    def __init__(self, bus: MemoryBus, service: str, inputs: tuple[str, ...], stored: _Stored) -> None:
        self._bus, self._service, self._inputs, self._stored = bus, service, inputs, stored
        self._epoch = 0
        self.losses: Mapping[str, int] = {}  # nothing is ever trimmed here

    async def acquire(self) -> int:
        self._stored.epoch += 1
        self._epoch = self._stored.epoch
        return self._epoch

    async def release(self) -> None:
        pass

    async def renew(self) -> None:
        if self._epoch != self._stored.epoch:
            raise FencedError(f"{self._service}: another writer took over after epoch {self._epoch}")

    async def load(self) -> Snapshot:
        stored = self._stored
        return Snapshot(
            seq=stored.seq, digest=stored.digest, cursors=dict(stored.cursors), records=dict(stored.records)
        )

    async def history(self, stream: str, up_to: str) -> AsyncIterator[Entry]:
        last = int(up_to.partition("-")[0])
        for number, body in enumerate(self._bus.streams[stream][:last], start=1):
            yield _entry(stream, number, body)

    async def pending(self) -> Sequence[Entry]:
        return [
            _entry(stream, number, self._bus.streams[stream][number - 1])
            for stream in self._inputs
            for number in sorted(self._stored.pending[stream])
        ]

    async def read(self, wait_ms: int) -> Sequence[Entry]:
        await self.renew()
        entries = self._new_entries()
        if not entries and wait_ms:
            self._bus.arrived.clear()
            try:
                async with asyncio.timeout(wait_ms / 1000):
                    await self._bus.arrived.wait()
            except TimeoutError:
                return []
            await self.renew()
            entries = self._new_entries()
        return entries

    def _new_entries(self) -> list[Entry]:
        entries = []
        for stream in self._inputs:
            start = self._stored.delivered[stream]
            bodies = self._bus.streams[stream][start : start + READ_BATCH]
            entries += [_entry(stream, start + number, body) for number, body in enumerate(bodies, start=1)]
            self._stored.delivered[stream] = start + len(bodies)
            self._stored.pending[stream].update(range(start + 1, start + len(bodies) + 1))
        return entries

    async def commit(self, commit: Commit) -> None:
        stored = self._stored
        if self._epoch != stored.epoch:
            raise FencedError(f"{self._service}: epoch {self._epoch} is over, {stored.epoch} is in force")
        if commit.seq != stored.seq + 1:
            raise CommitRefusedError(f"SEQ: expected sequence after {stored.seq}, got {commit.seq}")
        decided = [message for message in commit.outputs if isinstance(message, OrderDecided)]
        known = [self._bus.decisions[d.order_id] for d in decided if d.order_id in self._bus.decisions]
        if known:
            found = [decode(body) for body in known]
            raise AlreadyDecidedError([decision for decision in found if isinstance(decision, OrderDecided)])
        try:
            for message in commit.outputs:
                encode_for_wire(message)
        except TooLongError as error:
            raise CommitRefusedError(str(error)) from error
        stored.reserved = _checked(stored.reserved, commit.reservation_checks)
        for key, body in commit.records.items():
            if body is None:
                stored.records.pop(key, None)
            else:
                stored.records[key] = body
        for message in commit.outputs:
            self._bus.append(message)
        self._bus.decisions.update({decision.order_id: encode_for_wire(decision) for decision in decided})
        stored.cursors.update(commit.cursors)
        for stream, entry_id in commit.handled:
            self._stored.pending[stream].discard(int(entry_id.partition("-")[0]))
        stored.seq, stored.digest = commit.seq, commit.digest


def _checked(before: dict[str, float], checks: Sequence[ReservationCheck]) -> dict[str, float]:
    """The same second check of heat that the Lua library makes."""
    reserved, total = dict(before), sum(before.values())
    for check in checks:
        held = reserved.get(check.order_id, 0.0)
        after = total - held + check.risk_usdt
        if check.risk_usdt > held and not check.open_usdt + after <= check.limit_usdt * HEAT_SLACK:
            raise CommitRefusedError(f"order {check.order_id} would take reserved heat over its limit")
        reserved[check.order_id], total = check.risk_usdt, after
    return {order_id: risk for order_id, risk in reserved.items() if risk > 0}


def _entry(stream: str, number: int, body: bytes) -> Entry:
    return entry_of(stream, f"{number}-0".encode(), {b"m": body})
