"""The host that runs a machine on the bus: read a batch, decide in memory, commit everything that follows in one call.

Nothing is kept in the process that could not be read back: after any doubt (a lost connection, an order decided before)
the error leaves the host, and a new machine on a new host goes on from the last commit. Starting is the same thing.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, suppress
from hashlib import blake2b
from typing import Any

import msgspec
from msgspec import Struct

from shared.adapters.codec import UnreadableError, decode, encode
from shared.config.model import Settings
from shared.messages.base import Message, TimePassed, cut, derived_id
from shared.messages.catalogue import ASK, topic_of_key
from shared.messages.control import MessageRefused
from shared.messages.market import BookSampled, MarkChanged
from shared.messages.orders import OrderDecided, OrderProposed
from shared.ports.bus import Bus, Proposal
from shared.ports.clock import Clock
from shared.ports.errors import AlreadyDecidedError, BusLostError, CorruptStateError, StateGoneError
from shared.ports.streams import Entry, entry_order
from shared.ports.writer_lease import Commit, WriterLease
from shared.runtime.audit_log import log_outputs
from shared.runtime.live import Live, durable_and_answers
from shared.runtime.machine_spec import MachineSpec
from shared.runtime.service import Context, Service

WAIT_MS = 100  # how long a read waits for entries before the clock is looked at again
RENEW_SECONDS = 1.0
KEPT_BODY_BYTES = 4096
BATCH = 200
RECALLED = 10_000
RELEASE_SECONDS = 1.0  # a lease that cannot be given back runs out by itself


class MachineHost:
    """Runs one machine; ``recover`` first, then ``step`` again and again.

    known_seq: the last commit that this process saw made; a server that has fewer lost some. meets_old_orders: some
    client repeats orders from before what the machine remembers; starting over for each would keep the gate shut, so
    the store is asked about every proposal first.
    """

    def __init__(
        self,
        spec: MachineSpec,
        bus: Bus,
        clock: Clock,
        log: Any,
        *,
        known_seq: int = 0,
        meets_old_orders: bool = False,
    ) -> None:
        self.spec, self.bus, self.clock, self.log = spec, bus, clock, log
        self.lease: WriterLease = bus.writer_lease(spec.service, spec.inputs, home=spec.home)
        self.seq = 0
        self.meets_old_orders = meets_old_orders
        self._known_seq = known_seq
        self._cursors: dict[str, str] = {}
        self._hashes: dict[str, int] = {}
        self._digest = 0
        self.live = Live(bus, log)

    # --- starting -------------------------------------------------------------------------------------------------

    async def recover(self) -> None:
        """Take the lease, load the last commit, rebuild what derives from history, handle what was left pending."""
        await self._catch_up(await self.lease.acquire())

    async def _catch_up(self, epoch: int) -> None:
        self._check_losses()
        await self._load()
        pending = await self.lease.pending()
        await self._recall(pending)
        for start in range(0, len(pending), BATCH):
            await self._handle(pending[start : start + BATCH])
        self.log.info("recovered", epoch=epoch, seq=self.seq, records=len(self._hashes), pending=len(pending))

    def _check_losses(self) -> None:
        """Entries that nobody can handle any more are told of; books that depend on them are not opened."""
        for stream, entries in self.lease.losses.items():
            self.log.error("entries_lost", stream=stream, entries=entries, reason="trimmed before they were handled")
            if stream in self.spec.vital:
                raise CorruptStateError(f"{self.spec.service}: {entries} entries of {stream} are gone, never handled")

    async def _check_age(self, seq: int) -> None:
        """A server that knows less than this process saw, or than the streams show, lost the state."""
        if seq < self._known_seq:
            raise StateGoneError(f"{self.spec.service}: commit {self._known_seq} was made, the server has {seq}")
        if not seq and self.spec.writes and await self.bus.latest(self.spec.writes):
            raise CorruptStateError(f"{self.spec.service}: {self.spec.writes} has entries, but the state is gone")

    async def _load(self) -> None:
        snapshot = await self.lease.load()
        await self._check_age(snapshot.seq)
        machine = self.spec.machine
        self.seq, self._cursors = snapshot.seq, dict(snapshot.cursors)
        self._hashes = {key: _hash_of(key, body) for key, body in snapshot.records.items()}
        self._digest = _combined(self._hashes.values())
        if self._digest != snapshot.digest:
            raise CorruptStateError(f"{self.spec.service}: records do not match the digest of commit {self.seq}")
        machine.records.load(
            {key: _decode_record(machine.records.kinds, key, body) for key, body in snapshot.records.items()}
        )
        for stream in self.spec.warm:
            if up_to := self._cursors.get(stream):
                async for entry in self.lease.history(stream, up_to):
                    if entry.message is not None:
                        machine.warm(entry.message)
        machine.restored()
        self.spec.check()
        if self.spec.recall:
            for decision in reversed(await self.bus.latest(self.spec.recall, RECALLED)):
                if isinstance(decision, OrderDecided):
                    self.spec.remember(decision)
        await self.live.load(marks=self.spec.marks, books=self.spec.books)

    # --- working --------------------------------------------------------------------------------------------------

    async def step(self, wait_ms: int = WAIT_MS) -> int:
        """Read, decide, commit once. Returns how many entries and outputs there were; 0 means nothing happened."""
        entries = await self.lease.read(0 if self.live.has_questions else wait_ms)
        if self.meets_old_orders:
            await self._recall(entries)
        return await self._handle(entries)

    async def _recall(self, entries: Sequence[Entry]) -> None:
        """Orders may have been decided so long ago that the machine has forgotten; the store has not."""
        for entry in entries:
            order_id = entry.message.id if isinstance(entry.message, OrderProposed) else ""
            if order_id and (decision := await self.bus.decision(order_id)):
                self.spec.remember(decision)

    async def _handle(self, entries: Sequence[Entry]) -> int:
        machine = self.spec.machine
        outputs: list[Message] = list(machine.handle(self._time()))
        for latest in self.live.take_latest():
            outputs += machine.handle(latest)
        for entry in entries:
            if not self._is_new(entry):
                continue
            if entry.message is None:
                await self._refuse(entry)
            else:
                outputs += machine.handle(entry.message)
            self._cursors[entry.stream] = entry.id
        for question in self.live.take_questions():
            outputs += machine.handle(question)
        kept, answers = durable_and_answers(outputs)
        records = machine.records.drain()
        if entries or kept or records:
            await self._commit(entries, kept, records)
        await self.live.answer(answers)
        for order_id in self.spec.repeats():
            if decision := await self.bus.decision(order_id):
                await self.bus.echo([decision])
        return len(entries) + len(outputs)

    async def _commit(
        self, entries: Sequence[Entry], outputs: Sequence[Message], records: dict[str, Struct | None]
    ) -> None:
        rows = {key: None if record is None else encode(record) for key, record in records.items()}
        for key, body in rows.items():
            self._digest ^= self._hashes.pop(key, 0)
            if body is not None:
                self._hashes[key] = _hash_of(key, body)
                self._digest ^= self._hashes[key]
        commit = Commit(
            seq=self.seq + 1,
            outputs=outputs,
            records=rows,
            cursors={entry.stream: self._cursors[entry.stream] for entry in entries},
            handled=[(entry.stream, entry.id) for entry in entries],
            digest=self._digest,
            reservation_checks=self.spec.reservation_checks(),
        )
        try:
            await self.lease.commit(commit)
        except AlreadyDecidedError:
            self.meets_old_orders = True
            raise
        self.seq += 1
        log_outputs(self.log, outputs)

    def _is_new(self, entry: Entry) -> bool:
        """Whether the entry was not part of an earlier commit: a stream's entries are handled in order of their ids."""
        last = self._cursors.get(entry.stream)
        return last is None or entry_order(entry.id) > entry_order(last)

    async def _refuse(self, entry: Entry) -> None:
        where, why = entry.fault or ("$", "unreadable")
        await self.refuse(entry.stream, entry.id, entry.body, where, why)

    async def refuse(self, source: str, entry_id: str, body: bytes, where: str, why: str) -> None:
        """Bytes that are no message go to ``hs:dead`` with the reason; nothing else stops."""
        self.log.warning("message_refused", source=source, entry=entry_id, field=where, reason=why)
        refused = MessageRefused(
            id=derived_id("dead", source, entry_id, body.hex()),
            time_ns=self.clock.now_ns(),
            source=source[:128],
            entry=entry_id,
            field=where[:256],
            reason=cut(why),
            body=body[:KEPT_BODY_BYTES],
            size_bytes=len(body),
            consumer=self.spec.service,
        )
        await self.bus.publish([refused])

    def _time(self) -> TimePassed:
        now_ns = self.clock.now_ns()
        return TimePassed(id=f"time-{now_ns}", time_ns=now_ns)

    # --- for as long as the service lives -------------------------------------------------------------------------

    async def run(self, listen: Callable[..., Any], ready: Callable[[], None]) -> None:
        """Listen, recover, then step until cancelled; the lease is given back at the end."""
        channels = (*self.spec.market, *filter(None, (self.spec.intake, self.spec.ask)))
        async with AsyncExitStack() as stack:
            listener = await stack.enter_async_context(listen(*channels)) if channels else None
            try:
                epoch = await self.lease.acquire()
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._renew())  # from here on: rebuilding from a long history takes its time
                    await self._catch_up(epoch)
                    ready()
                    if listener is not None:
                        group.create_task(self._follow(listener))
                    while True:
                        await self.step()
            finally:
                await self._release()

    async def _release(self) -> None:
        """Give the lease back, if the server is there to take it."""
        with suppress(BusLostError, TimeoutError):
            async with asyncio.timeout(RELEASE_SECONDS):
                await self.lease.release()

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            await self.lease.renew()

    async def _follow(self, listener: Any) -> None:
        """Take in the live channels: marks, books, questions, and proposals that come by PUBLISH."""
        while True:
            if (item := await listener.next(1.0)) is not None:
                await self._hear(*item)

    async def _hear(self, channel: str, body: bytes) -> None:
        topic = topic_of_key(channel)
        try:
            message = decode(body, topic.messages if topic else ())
        except UnreadableError as error:
            await self.refuse(channel, "", body, error.field, error.reason)
            return
        if isinstance(message, MarkChanged | BookSampled):
            self.live.renew(message)
        elif isinstance(message, Proposal):
            await self._take_in(message)
        elif topic is ASK:
            self.live.ask(message)

    async def _take_in(self, proposal: Proposal) -> None:
        """Into the stream; an order that came before is answered with its stored decision, once there is one."""
        if await self.bus.take_in(proposal) or not isinstance(proposal, OrderProposed):
            return
        if decision := await self.bus.decision(proposal.id):
            await self.bus.echo([decision])


def machine_service(name: str, spec_of: Callable[[Settings, Clock], MachineSpec]) -> Service:
    """The service that is nothing but a machine on the bus."""

    known_seq, meets_old_orders = 0, False  # what outlives a host when it starts over

    async def run(context: Context) -> None:
        nonlocal known_seq, meets_old_orders
        host = MachineHost(
            spec_of(context.settings, context.clock),
            context.bus,
            context.clock,
            context.log,
            known_seq=known_seq,
            meets_old_orders=meets_old_orders,
        )
        try:
            await host.run(context.bus.listen, context.health.ready)
        finally:
            known_seq, meets_old_orders = max(known_seq, host.seq), host.meets_old_orders

    return Service(name, run)


def _decode_record(kinds: dict[str, type[Struct]], key: str, body: bytes) -> Struct:
    kind = kinds[key.partition(":")[0]]
    record: Struct = msgspec.msgpack.decode(body, type=kind)
    return record


def _hash_of(key: str, body: bytes) -> int:
    return int.from_bytes(blake2b(key.encode() + b"\x00" + body, digest_size=8).digest())


def _combined(hashes: Any) -> int:
    digest = 0
    for value in hashes:
        digest ^= value
    return digest
