"""The bus in memory, for single processes and tests: the twin of ``adapters.redis.bus``, held to the same contract.

Messages go through the codec here too, so what cannot travel fails here as well.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import TypeVar
from uuid import uuid4

import msgspec
from msgspec import Struct, structs

from shared.adapters.codec import decode_or_none, encode, encode_for_wire, sent_by, struct_or_none
from shared.adapters.memory_lease import MemoryWriterLease, number_of
from shared.adapters.memory_market_lease import MemoryMarketLease
from shared.adapters.memory_server import MemoryListener, MemoryServer
from shared.adapters.redis.keys import (
    SCOPES,
    decision_key,
    is_of_another_portfolio,
    most_kept,
    proposal_marker,
    services_key,
)
from shared.adapters.signing import UNSIGNED
from shared.adapters.signing.entries import signature_of
from shared.domain.risk.gate.repeats import difference, proposal_of
from shared.domain.timeframes import timeframe_ns
from shared.messages.base import Message
from shared.messages.catalogue import BARS, BOOKS, MARKS, PROPOSED, REPORTED, client_of_key
from shared.messages.control import Command
from shared.messages.keys import Keys
from shared.messages.market import BarClosed, BookSampled, MarkChanged
from shared.messages.orders import OrderDecided, OrderProposed
from shared.messages.reports import Report
from shared.ports.bus import MOST_CLIENTS, MOST_WAITING, Bus, Heartbeat, Proposal, Scope
from shared.ports.clock import ClockOrigin
from shared.ports.errors import NotTakenError
from shared.ports.signatures import AFTER, Signatures
from shared.ports.streams import Entry, Reader

READ_BATCH = 500

S = TypeVar("S", bound=Struct)


class MemoryBus(Bus):
    """See ``ports.bus.Bus``. Without a ``server``, it has one of its own. signatures: what is signed with here."""

    def __init__(self, keys: Keys, server: MemoryServer | None = None, signatures: Signatures = UNSIGNED) -> None:
        self.keys, self.signatures = keys, signatures
        self.server = server or MemoryServer()
        self._market: MemoryMarketLease | None = None

    # --- publishing -----------------------------------------------------------------------------------------------

    async def publish(self, messages: Sequence[Message]) -> None:
        self._check_market()
        for message in messages:
            encode_for_wire(message)  # all of them or none
        for message in messages:
            self.append(message)

    def append(self, message: Message) -> None:
        """Append one message to its streams, and publish the copies."""
        self.server.append(self.keys, message, encode_for_wire(message), partial(self._signature, message))

    def _signature(self, message: Message, key: str, body: bytes) -> bytes:
        place = f"{AFTER}{self.server.end(key)}-0" if isinstance(message, Command) else ""
        return signature_of(self.signatures, message, key, body, place)

    def append_bytes(self, key: str, body: bytes) -> None:
        """What the XADD of somebody else's client does."""
        self.server.append_bytes(key, body)

    async def echo(self, messages: Sequence[Message]) -> None:
        for message in messages:
            self.server.publish(self.keys.of_message(message), encode_for_wire(message))

    async def answer(self, answers: Sequence[Message]) -> None:
        for message in answers:
            if channel := self.keys.reply_channel(message):
                self.server.publish(channel, encode_for_wire(message))

    # --- the market -----------------------------------------------------------------------------------------------

    def market_lease(self, service: str) -> MemoryMarketLease:
        self._market = self._market or MemoryMarketLease(self.server, service)
        return self._market

    def _check_market(self) -> None:
        if self._market is not None:
            self._market.check()

    async def publish_bars(self, bars: Sequence[BarClosed]) -> int:
        self._check_market()
        new = 0
        for bar in sorted(bars, key=lambda bar: -timeframe_ns(bar.timeframe)):
            opened_ns = self.server.opened_ns[self.keys.of_message(bar)]
            if bar.open_time_ns > opened_ns.get(bar.symbol, -1):
                opened_ns[bar.symbol] = bar.open_time_ns
                self.append(bar)
                new += 1
        return new

    async def bar_watermarks(self, timeframe: str) -> dict[str, int]:
        return dict(self.server.opened_ns[self.keys.of(BARS, timeframe)])

    async def set_marks(self, marks: Sequence[MarkChanged]) -> None:
        for mark in marks:
            self._set_latest(MARKS.key, mark.symbol, encode_for_wire(mark))

    async def set_books(self, books: Sequence[BookSampled]) -> None:
        for book in books:
            self._set_latest(BOOKS.key, book.symbol, encode_for_wire(book))

    def _set_latest(self, key: str, symbol: str, body: bytes) -> None:
        self._check_market()
        self.server.latest[key][symbol] = body
        self.server.publish(key, body)
        self.server.publish(f"{key}:{symbol}", body)

    async def marks(self) -> dict[str, MarkChanged]:
        return {mark.symbol: mark for mark in self._latest_of(MARKS.key) if isinstance(mark, MarkChanged)}

    async def books(self) -> dict[str, BookSampled]:
        return {book.symbol: book for book in self._latest_of(BOOKS.key) if isinstance(book, BookSampled)}

    def _latest_of(self, key: str) -> list[Message | None]:
        return [decode_or_none(body) for body in self.server.latest[key].values()]

    # --- proposals and decisions ----------------------------------------------------------------------------------

    async def take_in(self, proposal: Proposal) -> bool:
        stream, body = self.keys.of(PROPOSED), encode_for_wire(proposal)
        marker = proposal_marker(stream, proposal.id)
        known = self.server.proposals.get(marker)
        if known is None:
            self.server.append_bytes(stream, body)
        elif known != body:
            return False
        self.server.proposals[marker] = b""
        return True

    async def propose(self, proposal: Proposal, client: str) -> OrderDecided | str:
        queue = self.keys.of_client(client)
        decided = await self.decision(proposal.id)
        if isinstance(proposal, OrderProposed) and decided:
            of_clients, mine = bool(decided.client), structs.replace(proposal, client=client)
            if not difference(mine, proposal_of(decided), of_clients=of_clients):
                return decided
        return self._queue(queue, client, "proposals", proposal)

    async def report(self, report: Report, client: str) -> None:
        self._queue(self.keys.of_client(client, REPORTED), client, "reports", report)

    def _queue(self, queue: str, client: str, kind: str, message: Message) -> str:
        """Put a message of a client into its queue; returns the id of its entry."""
        body, clients = encode_for_wire(message), self.server.clients[self.keys.home]
        if (waiting := self._waiting(queue)) >= MOST_WAITING:
            raise NotTakenError("QUOTA", f"client {client} has {waiting} {kind} waiting, and {MOST_WAITING} may")
        if client not in clients:
            if len(clients) >= MOST_CLIENTS:
                raise NotTakenError("CLIENTS", f"there are {MOST_CLIENTS} clients already")
            clients.append(client)
        at_ms = self.server.end(queue) + 1  # ids are the only clock of this server
        self.server.append_bytes(queue, body, self.signatures.clients.sign(client, queue, body, at_ms))
        return f"{self.server.end(queue)}-0"

    def _waiting(self, queue: str) -> int:
        """How many entries of a client's queue their reader has not finished."""
        readers = [state for state in self.server.machines.values() if queue in state.delivered]
        here = len(self.server.streams[queue])
        left = [self.server.end(queue) - state.delivered[queue] + len(state.pending[queue]) for state in readers]
        return min(here, max(left, default=here))

    async def decisions(self, order_ids: Sequence[str]) -> dict[str, OrderDecided]:
        found = {order_id: await self.decision(order_id) for order_id in order_ids}
        return {order_id: decided for order_id, decided in found.items() if decided is not None}

    async def trim(self) -> None:
        for stream in tuple(self.server.streams):
            self.server.trim(stream, most_kept(stream))

    async def memory_used(self) -> float:
        return self.server.memory_used

    async def decision(self, order_id: str) -> OrderDecided | None:
        body = self.server.decisions.get(decision_key(self.keys, order_id))
        message = decode_or_none(body) if body else None
        return message if isinstance(message, OrderDecided) else None

    # --- reading --------------------------------------------------------------------------------------------------

    async def latest(self, key: str, count: int = 1) -> list[Message]:
        found = map(decode_or_none, self.server.streams[key][: -count - 1 : -1])
        return [sent_by(message, client_of_key(key)) for message in found if message is not None]

    async def stream_ends(self, streams: Sequence[str]) -> dict[str, str]:
        return {stream: f"{self.server.end(stream)}-0" for stream in streams}

    async def clients(self) -> Sequence[str]:
        return sorted(self.server.clients[self.keys.home])

    async def read_from(self, cursors: dict[str, str], wait_ms: int) -> list[Entry]:
        cursors |= await self.stream_ends([stream for stream, cursor in cursors.items() if cursor == "$"])
        entries = self._after(cursors)
        if not entries:
            await self.server.arrival(wait_ms)
            entries = self._after(cursors)
        for entry in entries:
            cursors[entry.stream] = entry.id
        return entries

    def _after(self, cursors: dict[str, str]) -> list[Entry]:
        entries: list[Entry] = []
        for stream, cursor in cursors.items():
            last = max(number_of(cursor), self.server.gone[stream])
            numbers = range(last + 1, min(last + READ_BATCH, self.server.end(stream)) + 1)
            entries += (self.server.entry(stream, number) for number in numbers)
        return entries

    async def readers(self, streams: Sequence[str]) -> list[Reader]:
        return [
            Reader(
                stream,
                f"{state.group}{state.epoch}",
                self.server.end(stream) - state.delivered[stream],
                len(state.pending[stream]),
            )
            for stream in streams
            for state in self.server.machines.values()
            if stream in state.delivered and not is_of_another_portfolio(f"{state.group}{state.epoch}", self.keys)
        ]

    @asynccontextmanager
    async def listen(self, *channels: str) -> AsyncIterator[MemoryListener]:
        with self.server.listener(frozenset(channels)) as listener:
            yield listener

    # --- machines and services ------------------------------------------------------------------------------------

    def writer_lease(
        self, service: str, inputs: Sequence[str], *, home: str, whole: Sequence[str] = (), in_turns: str = ""
    ) -> MemoryWriterLease:
        return MemoryWriterLease(
            self.server,
            service,
            inputs,
            home=home,
            keys=self.keys,
            whole=whole,
            in_turns=in_turns,
            signatures=self.signatures,
        )

    async def stored_records(self, service: str, kind: str, as_type: type[S]) -> dict[str, S]:
        rows = self.server.machines[self.keys.home, service].records
        found = {key.partition(":")[2]: body for key, body in rows.items() if key.partition(":")[0] == kind}
        return {name: msgspec.msgpack.decode(body, type=as_type) for name, body in sorted(found.items())}

    async def stored_rows(self, service: str, kind: str, names: Sequence[str], as_type: type[S]) -> dict[str, S]:
        records = self.server.machines[self.keys.home, service].records
        bodies = {name: records.get(f"{kind}:{name}") for name in names}
        rows = {name: struct_or_none(body, as_type) for name, body in bodies.items() if body}
        return {name: row for name, row in rows.items() if row is not None}

    async def set_heartbeat(self, beat: Heartbeat, scope: Scope) -> None:
        self.server.heartbeats[services_key(self.keys, scope)][beat.service] = encode(beat)

    async def heartbeats(self) -> dict[str, Heartbeat]:
        rows: dict[str, bytes] = {}
        for scope in SCOPES:
            rows |= self.server.heartbeats[services_key(self.keys, scope)]
        beats = (struct_or_none(body, Heartbeat) for body in rows.values())
        return {beat.service: beat for beat in beats if beat is not None}

    async def note_library(self) -> None:
        """There are no functions in memory."""

    async def check_library(self) -> None:
        """There are no functions in memory that anybody could replace."""

    # --- what a stack agrees on -----------------------------------------------------------------------------------

    async def identity(self) -> str:
        return self.server.identity

    async def named_identity(self) -> str:
        self.server.identity = self.server.identity or uuid4().hex
        return self.server.identity

    async def agree_on_clock(self, origin: ClockOrigin) -> ClockOrigin:
        self.server.clock = self.server.clock or origin
        return self.server.clock

    async def begin_clock(self, begins_wall_ns: int) -> ClockOrigin:
        assert self.server.clock is not None, "a clock is agreed on before it begins"
        self.server.clock = structs.replace(self.server.clock, begins_wall_ns=begins_wall_ns)
        return self.server.clock

    async def clock_origin(self) -> ClockOrigin | None:
        return self.server.clock
