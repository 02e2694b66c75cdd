"""The host's loop: read a batch, let the machine decide, commit all that follows. The package says why it is safe."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, suppress
from typing import Any

from msgspec import Struct

from shared.config.faults import ConfigError, Fault
from shared.messages.base import MemoryMeasured, Message, TimePassed
from shared.messages.catalogue import topic_of_key
from shared.messages.dead_letter import UnreadableReceived
from shared.messages.signers import signers_on
from shared.ports.bus import Bus
from shared.ports.clock import Clock
from shared.ports.errors import (
    AlreadyDecidedError,
    BusLostError,
    CommitRefusedError,
    ContentRefusedError,
    CorruptStateError,
    StateGoneError,
)
from shared.ports.streams import Entry
from shared.ports.writer_lease import Snapshot, WriterLease
from shared.runtime.audit_log import AuditLog
from shared.runtime.bar_order import in_closing_order
from shared.runtime.host.bars_to_come import without_bar_to_come
from shared.runtime.host.dead_letters import DeadLetters
from shared.runtime.host.inbox import Inbox, durable_and_answers
from shared.runtime.host.process_memory import ProcessMemory
from shared.runtime.host.progress import Progress
from shared.runtime.host.recovery import recover_machine
from shared.runtime.host.seal import Sealer
from shared.runtime.host.set_aside import SetAside
from shared.runtime.host.signed_entries import SignedEntries
from shared.runtime.host.witnessing import check_witness, follow_while_standing_by
from shared.runtime.machine_spec import MachineSpec
from shared.runtime.service import StartOverError

WAIT_MS = 100  # how long a read waits for entries before the clock is looked at again
RENEW_SECONDS = 1.0
BATCH = 200
# What a machine made and cannot be written: too much heat, too long, or numbers that MessagePack does not have.
UNWRITABLE = (ContentRefusedError, ArithmeticError, TypeError, ValueError)
RELEASE_SECONDS = 1.0  # a lease that cannot be given back runs out by itself


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
        self.lease: WriterLease = bus.writer_lease(
            spec.service, spec.inputs, home=spec.home, whole=spec.whole, in_turns=spec.in_turns
        )
        self.dead_letters = DeadLetters(spec.service, bus, clock, log)
        portfolio = bus.keys.portfolio if spec.home == bus.keys.home else ""
        self.set_aside = SetAside(spec.service, portfolio, bus, clock, log, self.dead_letters)
        self.inbox = Inbox(
            bus,
            log,
            self.dead_letters,
            spec.idempotency,
            wall_ns=clock.wall_ns,
            steady_ns=clock.steady_ns,
            follows=spec.follows,
            questions=self.memory.questions,
        )
        self.audit_log = AuditLog(log, clock)
        self._data = ""  # the identity of the data that is committed to
        self._memory_used: float | None = None  # what the machine was not told of yet
        self._is_recovered = False
        self._sealer = self._make_sealer("")
        self._begin_from(Progress(Snapshot(seq=0, records={}, cursors={}, digest=0), self._sealer))

    def _make_sealer(self, identity: str) -> Sealer:
        spec = self.spec
        machine = f"{spec.home}:{spec.service}"
        return Sealer(
            self.bus.signatures, machine, reserves=spec.reserves, identity=identity, library=self.lease.library
        )

    def _begin_from(self, progress: Progress) -> None:
        self._progress, self._signed = progress, SignedEntries(self.bus.signatures, progress, self.spec.signed_clients)

    @property
    def seq(self) -> int:
        return self._progress.seq

    # --- starting -------------------------------------------------------------------------------------------------

    async def recover(self) -> None:
        """Take the lease, go on from the last commit, and handle what an earlier holder left pending."""
        await self._catch_up(await self.lease.acquire())

    def _check_keys(self) -> None:
        """Whoever cannot be checked would not be believed: fills would not be booked. Raises ``ConfigError``."""
        writers = frozenset[str]().union(*(signers_on(topic_of_key(stream)) for stream in self.spec.inputs))
        remedy = "Mount it here too; heatsink keys new makes those that nobody has."
        if missing := self.bus.signatures.missing(writers):
            raise ConfigError([Fault(path, "", "", "this key is missing", remedy) for path in missing])
        self._check_client_keys()

    def _check_client_keys(self) -> None:
        """A client without a key is refused by itself; without any keys, nobody could be told from another."""
        clients = self.spec.signed_clients
        if clients and not self.bus.signatures.are_checked:
            problem = f"nothing is signed here, and {', '.join(sorted(clients))} must sign (clients.NAME)"
            remedy = "Make keys (heatsink keys new, and with --client NAME), or ask nobody to sign."
            raise ConfigError([Fault("stack.toml", "signing.keys", "", problem, remedy)])
        for client in self.bus.signatures.clients.missing(clients):
            reason = (
                f"client {client} must sign and has no key here, so it is refused: heatsink keys new --client {client}"
            )
            self.log.warning("client_key_missing", client=client, reason=reason)

    async def _catch_up(self, epoch: int) -> None:
        self._check_keys()
        spec, memory, failures = self.spec, self.memory, self.memory.failures
        self._data = await self.bus.identity()
        # First of all, so that it stays pending for the next host when this one fails at the history.
        pending = await self.lease.pending()
        await failures.begin_start(self.lease)
        self._sealer = self._make_sealer(self._data)
        progress, passed_over = await recover_machine(
            spec,
            self.lease,
            self.bus,
            self.log,
            self.clock,
            witness=memory.witness,
            sealer=self._sealer,
            failures=failures,
        )
        self._begin_from(progress)
        self._is_recovered = True
        if not progress.is_sealed:
            await self._commit((), (), {})
        if spec.idempotency is not None:
            await spec.idempotency.load(self.bus)
        await self.inbox.load(spec.latest)
        await self._recall(pending)
        await self._tell_unreadable()
        if lost := self.set_aside.lost(self.lease.losses, self._progress.cursors):
            await self._handle([*self._time_and_market(), *map(self._copy, lost)])
        if failures.careful or failures.died_before:
            await self._handle_one_by_one([*self._time_and_market(), *passed_over, *pending])
            await self._answer_one_by_one()
        else:
            for first in range(0, len(pending), BATCH):
                await self._handle([*self._time_and_market(), *pending[first : first + BATCH]])
        await failures.end_start(self.lease)
        records = self._progress.records
        self.log.info("recovered", epoch=epoch, seq=self.seq, records=records, pending=len(pending))

    async def _tell_unreadable(self) -> None:
        """An input that is no stream is passed over; whoever depends on it hears so, and the gate halts."""
        told = [self.set_aside.take_unreadable(*each) for each in self.lease.unreadable.items()]
        if told:
            await self._handle([*self._time_and_market(), *map(self._copy, told)])

    async def _handle_one_by_one(self, items: Sequence[Entry]) -> None:
        """After a failure: each with a commit of its own, and noted before, in case that it ends the process."""
        failures = self.memory.failures
        for item in items:
            if item.id:
                await failures.begin(item, self.lease)
            await self._handle([item])
            if item.id:
                await failures.end(item, self.lease)
        failures.careful = False

    async def _answer_one_by_one(self) -> None:
        """The same for what waits for an answer: somebody's question may be what the host before this one failed at."""
        for question in self.inbox.all_questions():
            await self._handle([self._copy(question)])
            self.inbox.done([question])

    async def _recall(self, entries: Sequence[Entry]) -> None:
        if self.spec.idempotency is not None:
            await self.spec.idempotency.recall(self.bus, entries)

    # --- working --------------------------------------------------------------------------------------------------

    async def step(self, wait_ms: int = WAIT_MS) -> int:
        """Read, decide, commit once. Returns how many entries and outputs there were; 0 means nothing happened."""
        entries = await self.lease.read(self.inbox.wait_ms(wait_ms))
        if self.memory.ask_first:
            await self._recall(entries)
        questions = self.inbox.next_questions(len(entries))
        count = await self._handle([*self._time_and_market(), *entries, *map(self._copy, questions)])
        self.inbox.done(questions)
        return count

    def _time_and_market(self) -> list[Entry]:
        """What comes before the entries: the time, and the market as it is now."""
        now_ns = self.clock.now_ns()
        time = Entry("time", "", TimePassed(id=f"time-{now_ns}", time_ns=now_ns))
        return [time, *self._memory(now_ns), *map(self._copy, self.inbox.take_latest())]

    def _memory(self, now_ns: int) -> Sequence[Entry]:
        """How full the memory of the server is, once for each time that it was asked."""
        used, self._memory_used = self._memory_used, None
        if used is None:
            return ()
        return (Entry("memory", "", MemoryMeasured(id=f"memory-{now_ns}", time_ns=now_ns, used=used)),)

    def _copy(self, message: Message) -> Entry:
        """What came by a channel, as if it were an entry: without an id."""
        source = message.source if isinstance(message, UnreadableReceived) else self.bus.keys.of_message(message)
        return Entry(source, "", message)

    async def _handle(self, items: Sequence[Entry]) -> int:
        """Let the machine take some things in, and commit all that follows from them."""
        if self.spec.vouching is not None:
            items = await self.spec.vouching.checked(self.bus, items)
        entries = [item for item in items if item.id]
        outputs: list[Message] = []
        for item in in_closing_order(items, _message_of):
            outputs += self._take(item)
        self._progress.advance(entries)
        if self.set_aside.has_to_tell or not self.lease.takes_letters:
            await self.dead_letters.put_held()
        await self.set_aside.publish()
        kept, answers = durable_and_answers(outputs)
        records = self.spec.machine.records.drain()
        if entries or kept or records:
            try:
                await self._commit(entries, kept, records)
            except UNWRITABLE as error:
                raise self._failed(items, error) from error
        await self.dead_letters.put_held()  # those that no commit took
        await self.inbox.answer(answers)
        if self.spec.idempotency is not None:
            await self.spec.idempotency.answer_repeats(self.bus)
        return len(entries) + len(outputs)

    def _take(self, item: Entry) -> Sequence[Message]:
        """Hand one thing to the machine, unless it was handled before, cannot be read, or is to be passed over."""
        made: Sequence[Message] = ()
        item = without_bar_to_come(item, self.clock)
        failures, message = self.memory.failures, item.message
        is_new = not item.id or self._progress.is_new(item)
        if item.id and is_new:
            item = self._signed.checked(item)
            message = item.message
        failure = failures.settled(item) if failures else None
        if failure is not None and message is not None:
            for announcement in self.set_aside.take(item, message, failure):
                made = self._take(self._copy(announcement))
        elif is_new:
            received = message if message is not None else self.dead_letters.hold_entry(item)
            made = self._hand_over(item, received) if failure is None else ()
        return made

    def _hand_over(self, item: Entry, message: Message) -> Sequence[Message]:
        try:
            made = self.spec.machine.handle(message)
        except Exception as error:
            raise self._failed([item], error) from error
        made = self.dead_letters.hold_refusals(made, item)
        return self.set_aside.hold_told(made) if made else made

    def _failed(self, items: Sequence[Entry], error: Exception) -> StartOverError:
        """What the host ends with: the machine raised, or what it made cannot be written.

        Nobody knows which of several led to it. The next host hands them over one by one.
        """
        failures = self.memory.failures
        failures.careful = True
        what = f"{len(items)} messages"
        if len(items) == 1:
            failures.note(items[0], error)
            what = " ".join(filter(None, (type(items[0].message).__name__, items[0].id, "of", items[0].stream)))
        reason = f"{type(error).__name__}: {error}"
        if len(items) == 1 and (told := self.set_aside.unanswered(items[0], reason)):
            self.inbox.give_up(items[0].message, told)
        self.log.error("machine_failed", what=what, reason=reason, exc_info=error)
        return StartOverError(f"{what}: {reason}")

    async def _commit(
        self, entries: Sequence[Entry], outputs: Sequence[Message], records: dict[str, Struct | None]
    ) -> None:
        letters = self.dead_letters.take_held()
        commit = self._progress.next_commit(entries, outputs, records, self.spec.reservation_checks(), letters)
        try:
            are_put = await self.lease.commit(commit)
        except AlreadyDecidedError:
            self.memory.ask_first = True
            raise
        except ContentRefusedError:
            raise
        except CommitRefusedError:  # out of step with the store: because that lost something?
            await self._check_witness()
            raise
        if not are_put:
            await self.dead_letters.put_all(letters)
        self._progress.seq = commit.seq
        self.memory.witness.note(self._data, commit.seq, commit.digest)
        self.audit_log.log_outputs(outputs)

    # --- for as long as the service lives -------------------------------------------------------------------------

    async def run(self, ready: Callable[[], None]) -> None:
        """Listen, recover, then step until cancelled; the lease is given back at the end.

        ready: called when the machine has caught up.
        """
        async with AsyncExitStack() as stack:
            channels = self.spec.channels
            listener = await stack.enter_async_context(self.bus.listen(*channels)) if channels else None
            try:
                epoch = await self._acquire()
                async with asyncio.TaskGroup() as group:
                    group.create_task(self.memory.witness.run(self.log))
                    group.create_task(self._renew())  # from here on: rebuilding from a long history takes its time
                    await self._catch_up(epoch)
                    ready()
                    if listener is not None:
                        group.create_task(self.inbox.follow(listener))
                    while True:
                        await self.step()
            finally:
                await self._release()

    async def _acquire(self) -> int:
        """Wait for the lease, with an eye on what its holder commits."""
        async with asyncio.TaskGroup() as group:
            service, witness = self.spec.service, self.memory.witness
            follow = follow_while_standing_by(service, self.bus, self.lease, witness, self._is_sealed)
            beside = [group.create_task(work) for work in (follow, witness.run(self.log))]
            epoch = await self.lease.acquire()
            for each in beside:
                each.cancel()
        return epoch

    def _is_sealed(self, data: str, found: Snapshot) -> bool:
        try:
            self._make_sealer(data).check(found, with_records=False)
        except CorruptStateError:
            return False
        return True

    async def _check_witness(self) -> None:
        """Raises ``StateGoneError`` when the server does not have what was committed."""
        await check_witness(self.spec.service, self.bus, self.lease, self.memory.witness)

    async def _release(self) -> None:
        """Give the lease back, if the server is there to take it."""
        with suppress(BusLostError, TimeoutError):
            async with asyncio.timeout(RELEASE_SECONDS):
                await self.lease.release()

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(self._renew_seconds)
            await self.lease.renew()
            await self._check_witness()
            await self._look()
            await self.look_at_memory()

    async def _look(self) -> None:
        """Hold what the store says of the last commit against its seal: others may have written there."""
        if self.bus.signatures.refresh():
            raise StartOverError("another key signs from now on: what is stored is sealed with that")
        if self._is_recovered:
            seq, found = self.seq, await self.lease.look()
            if found.seq < seq:
                raise StateGoneError(f"{self.spec.service}: commit {seq} was made, the server has {found.seq}")
            self._sealer.check(found, with_records=False)

    async def look_at_memory(self) -> None:
        """Ask how full the memory of the server is, for the next step to tell the machine."""
        if self.spec.watches_memory:
            self._memory_used = await self.bus.memory_used()


def _message_of(item: Entry) -> Message | None:
    return item.message
