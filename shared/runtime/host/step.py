"""The host's loop: read a batch, let the machine decide, commit all that follows. The package says why it is safe."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from typing import Any

from msgspec import Struct

from shared.config.model import Settings
from shared.messages.base import Message, TimePassed
from shared.ports.bus import Bus, Scope
from shared.ports.clock import Clock
from shared.ports.errors import AlreadyDecidedError, BusLostError
from shared.ports.streams import Entry
from shared.ports.writer_lease import Snapshot, WriterLease
from shared.runtime.audit_log import log_outputs
from shared.runtime.host.dead_letters import DeadLetters
from shared.runtime.host.inbox import Inbox, durable_and_answers
from shared.runtime.host.progress import Progress
from shared.runtime.host.recovery import recover_machine
from shared.runtime.machine_spec import MachineSpec
from shared.runtime.service import Context, Service

WAIT_MS = 100  # how long a read waits for entries before the clock is looked at again
RENEW_SECONDS = 1.0
BATCH = 200
RELEASE_SECONDS = 1.0  # a lease that cannot be given back runs out by itself


@dataclass(slots=True)
class ProcessMemory:
    """What outlives a host when its process starts over.

    known_seq: the last commit that this process saw made; a server that has fewer lost some.
    ask_first: the store is asked about every message before it is handled, because the machine forgets too soon.
    """

    known_seq: int = 0
    ask_first: bool = False


class MachineHost:
    """Runs one machine: ``run`` as a service, or ``recover`` first and then ``step`` again and again.

    seq: the number of the last commit.
    renew_seconds: how often the lease is renewed while the host runs; several times within the lease.
    """

    def __init__(
        self,
        spec: MachineSpec,
        bus: Bus,
        clock: Clock,
        log: Any,
        memory: ProcessMemory | None = None,
        *,
        renew_seconds: float = RENEW_SECONDS,
    ) -> None:
        self.spec, self.bus, self.clock, self.log = spec, bus, clock, log
        self.memory = memory or ProcessMemory()
        self._renew_seconds = renew_seconds
        self.lease: WriterLease = bus.writer_lease(spec.service, spec.inputs, home=spec.home)
        self.dead_letters = DeadLetters(spec.service, bus, clock, log)
        self.inbox = Inbox(bus, log, self.dead_letters, spec.idempotency)
        self._progress = Progress(Snapshot(seq=0, records={}, cursors={}, digest=0))

    @property
    def seq(self) -> int:
        return self._progress.seq

    # --- starting -------------------------------------------------------------------------------------------------

    async def recover(self) -> None:
        """Take the lease, go on from the last commit, and handle what an earlier holder left pending."""
        await self._catch_up(await self.lease.acquire())

    async def _catch_up(self, epoch: int) -> None:
        spec, memory = self.spec, self.memory
        self._progress = await recover_machine(spec, self.lease, self.bus, self.log, known_seq=memory.known_seq)
        memory.known_seq = self.seq
        if spec.idempotency is not None:
            await spec.idempotency.load(self.bus)
        await self.inbox.load(spec.latest)
        pending = await self.lease.pending()
        await self._recall(pending)
        for start in range(0, len(pending), BATCH):
            await self._handle(pending[start : start + BATCH])
        records = self._progress.records
        self.log.info("recovered", epoch=epoch, seq=self.seq, records=records, pending=len(pending))

    async def _recall(self, entries: Sequence[Entry]) -> None:
        if self.spec.idempotency is not None:
            await self.spec.idempotency.recall(self.bus, entries)

    # --- working --------------------------------------------------------------------------------------------------

    async def step(self, wait_ms: int = WAIT_MS) -> int:
        """Read, decide, commit once. Returns how many entries and outputs there were; 0 means nothing happened."""
        entries = await self.lease.read(0 if self.inbox.has_questions else wait_ms)
        if self.memory.ask_first:
            await self._recall(entries)
        return await self._handle(entries)

    async def _handle(self, entries: Sequence[Entry]) -> int:
        machine, progress = self.spec.machine, self._progress
        outputs: list[Message] = list(machine.handle(self._time()))
        for latest in self.inbox.take_latest():
            outputs += machine.handle(latest)
        for entry in entries:
            if not progress.is_new(entry):
                continue
            if entry.message is None:
                await self.dead_letters.put_entry(entry)
            else:
                outputs += machine.handle(entry.message)
            progress.cursors[entry.stream] = entry.id
        for question in self.inbox.take_questions():
            outputs += machine.handle(question)
        kept, answers = durable_and_answers(outputs)
        records = machine.records.drain()
        if entries or kept or records:
            await self._commit(entries, kept, records)
        await self.inbox.answer(answers)
        if self.spec.idempotency is not None:
            await self.spec.idempotency.answer_repeats(self.bus)
        return len(entries) + len(outputs)

    async def _commit(
        self, entries: Sequence[Entry], outputs: Sequence[Message], records: dict[str, Struct | None]
    ) -> None:
        commit = self._progress.next_commit(entries, outputs, records, self.spec.reservation_checks())
        try:
            await self.lease.commit(commit)
        except AlreadyDecidedError:
            self.memory.ask_first = True
            raise
        self._progress.seq = self.memory.known_seq = commit.seq
        log_outputs(self.log, outputs)

    def _time(self) -> TimePassed:
        now_ns = self.clock.now_ns()
        return TimePassed(id=f"time-{now_ns}", time_ns=now_ns)

    # --- for as long as the service lives -------------------------------------------------------------------------

    async def run(self, ready: Callable[[], None]) -> None:
        """Listen, recover, then step until cancelled; the lease is given back at the end.

        ready: called when the machine has caught up.
        """
        async with AsyncExitStack() as stack:
            channels = self.spec.channels
            listener = await stack.enter_async_context(self.bus.listen(*channels)) if channels else None
            try:
                epoch = await self.lease.acquire()
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._renew())  # from here on: rebuilding from a long history takes its time
                    await self._catch_up(epoch)
                    ready()
                    if listener is not None:
                        group.create_task(self.inbox.follow(listener))
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
            await asyncio.sleep(self._renew_seconds)
            await self.lease.renew()


def machine_service(name: str, spec_of: Callable[[Settings, Clock], MachineSpec], scope: Scope) -> Service:
    """The service that is nothing but a machine on the bus.

    spec_of: makes the machine anew for every host.
    What outlives a host is kept with the service, so a process that runs two portfolios needs a service for each.
    """
    memory = ProcessMemory()

    async def run(context: Context) -> None:
        spec = spec_of(context.settings, context.clock)
        host = MachineHost(spec, context.bus, context.clock, context.log, memory)
        await host.run(context.health.ready)

    return Service(name, run, scope)
