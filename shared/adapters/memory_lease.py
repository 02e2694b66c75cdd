"""The writer lease in memory: the twin of ``adapters.redis.writer_lease``, held to the same contract tests."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from itertools import count

from msgspec import structs

from shared.adapters.codec import decode, encode_for_commit, encode_for_wire
from shared.adapters.memory_server import MachineState, MemoryServer
from shared.adapters.redis.keys import decision_key, group_prefix, proposal_marker
from shared.adapters.signing import UNSIGNED
from shared.adapters.signing.entries import signature_of
from shared.domain.machine import ReservationCheck
from shared.messages.base import Message
from shared.messages.catalogue import PROPOSED, client_of_key, topic_of_key
from shared.messages.keys import Keys
from shared.messages.orders import OrderDecided
from shared.ports.bus import Proposal
from shared.ports.errors import (
    AlreadyDecidedError,
    BusLostError,
    ContentRefusedError,
    out_of_step,
    overtaken,
)
from shared.ports.signatures import Signatures
from shared.ports.streams import Entry
from shared.ports.writer_lease import Commit, LastCommit, Snapshot, WriterLease

LEASE_SECONDS = 3.0
READ_BATCH = 200
HEAT_SLACK = 1.000000001


class MemoryWriterLease(WriterLease):
    """See ``ports.writer_lease.WriterLease``."""

    def __init__(
        self,
        server: MemoryServer,
        service: str,
        inputs: Sequence[str],
        *,
        home: str,
        keys: Keys,
        whole: Sequence[str] = (),
        in_turns: str = "",
        signatures: Signatures = UNSIGNED,
    ) -> None:
        self._server, self._service, self._inputs, self._keys = server, service, tuple(inputs), keys
        self._signatures = signatures
        self._whole, self._in_turns = tuple(whole), in_turns
        self._state: MachineState = server.machines[home, service]
        self._state.group = group_prefix(service, home, keys)
        self._owner = f"{service}@{id(self):x}"
        self._epoch = 0
        self._unfinished: dict[str, int] = {}  # stream to the last entry that an earlier holder was given
        self.losses: Mapping[str, int] = {}
        self._told: dict[str, int] = {}  # of these losses, those behind which nothing was given out
        self.library, self.takes_letters = "", True

    # --- the right to write ---------------------------------------------------------------------------------------

    @property
    def unreadable(self) -> Mapping[str, str]:
        return {}

    async def acquire(self) -> int:
        state = self._state
        while not state.is_free_for(self._owner):
            await asyncio.sleep(LEASE_SECONDS / 10)
        self._epoch = state.take(self._owner, LEASE_SECONDS)
        losses: dict[str, int] = {}
        for stream in self.streams:  # groups begin at the cursors, see ``adapters.redis.groups``
            is_known = stream in state.delivered or stream in state.cursors or client_of_key(stream)
            handled = number_of(state.cursors.get(stream, "0"))
            self._unfinished[stream] = state.delivered.get(stream, 0)
            state.delivered[stream] = handled if is_known else self._server.gone[stream]
            state.pending[stream].clear()
            if is_known and self._server.gone[stream] > handled:
                losses[stream] = self._server.gone[stream] - handled
        self.losses, self._told = losses, dict(losses)
        return self._epoch

    @property
    def streams(self) -> Sequence[str]:
        """All that it reads: its inputs, and the queues of clients."""
        return (*self._inputs, *(self._turns[1:]))

    @property
    def _turns(self) -> Sequence[str]:
        if not self._in_turns:
            return ()
        clients = self._server.clients[self._keys.home]
        topic = topic_of_key(self._in_turns) or PROPOSED
        return (self._in_turns, *(self._keys.of_client(client, topic) for client in clients))

    async def release(self) -> None:
        self._state.give_back(self._owner)

    async def renew(self) -> None:
        self._check_epoch()
        self._state.hold(self._owner, LEASE_SECONDS)
        self._check_gaps()

    def _check_gaps(self) -> None:
        """What is gone has to be told of before anything behind it is given out."""
        for stream in self.streams:
            gone = self._server.gone[stream] - self._state.delivered.get(stream, 0)
            if gone > self._told.get(stream, 0):
                raise BusLostError(f"{gone} entries of {stream} are gone, and nobody had read them")

    def _check_epoch(self) -> None:
        if self._epoch != self._state.epoch:
            raise overtaken(self._service, self._epoch, self._state.epoch)

    # --- starting is recovering -----------------------------------------------------------------------------------

    async def load(self) -> Snapshot:
        state = self._state
        return structs.replace(await self.look(), records=dict(state.records))

    async def look(self) -> Snapshot:
        state = self._state
        reserved = {order_id: f"{risk:.17g}" for order_id, risk in state.reserved.items()}
        return Snapshot(
            seq=state.seq,
            digest=state.digest,
            cursors=dict(state.cursors),
            records={},
            reserved=reserved,
            reserved_usdt=f"{sum(state.reserved.values()):.17g}",
            seal=state.seal,
        )

    async def last_commit(self) -> LastCommit:
        return LastCommit(self._state.seq, self._state.digest)

    async def digest_of(self, seq: int) -> int | None:
        return self._state.digests.get(seq)

    async def history(self, stream: str, up_to: str) -> AsyncIterator[Entry]:
        for number in range(self._server.gone[stream] + 1, number_of(up_to) + 1):
            yield self._server.entry(stream, number)

    async def pending(self) -> Sequence[Entry]:
        self._check_epoch()
        entries: list[Entry] = []
        is_any = any(last > self._state.delivered[stream] for stream, last in self._unfinished.items())
        for stream, last in self._unfinished.items():
            entries += self._deliver(stream, self._end(stream) if is_any and stream in self._whole else last)
        self._unfinished.clear()
        return entries

    async def begin_try(self, what: str) -> int:
        self._state.tries[what] = self._state.tries.get(what, 0) + 1
        return self._state.tries[what]

    async def end_try(self, what: str) -> None:
        self._state.tries.pop(what, None)

    # --- reading and writing --------------------------------------------------------------------------------------

    async def read(self, wait_ms: int) -> Sequence[Entry]:
        self._check_epoch()
        entries = self._new_entries()
        if not entries and wait_ms:
            await self._server.arrival(wait_ms)
            self._check_epoch()
            entries = self._new_entries()
        return entries

    def _new_entries(self) -> list[Entry]:
        self._check_gaps()
        entries: list[Entry] = []
        for stream in self._inputs:
            if stream == self._in_turns:
                entries += self._in_turn()
                continue
            up_to = self._end(stream) if stream in self._whole else self._delivered(stream) + READ_BATCH
            entries += self._deliver(stream, up_to)
        return entries

    def _in_turn(self) -> list[Entry]:
        """One entry of each in turns, of all that take turns."""
        entries: list[Entry] = []
        open_ones = list(self._turns)
        while open_ones and len(entries) < READ_BATCH:
            given = {stream: self._deliver(stream, self._delivered(stream) + 1) for stream in open_ones}
            open_ones = [stream for stream, found in given.items() if found]
            entries += [entry for found in given.values() for entry in found]
        return entries

    def _end(self, stream: str) -> int:
        return self._server.end(stream)

    def _delivered(self, stream: str) -> int:
        """The place of the last entry that was given out, or of the last one that is gone."""
        return max(self._state.delivered.setdefault(stream, 0), self._server.gone[stream])

    def _deliver(self, stream: str, up_to: int) -> list[Entry]:
        """Give out the next entries of a stream; they are pending until a commit has handled them."""
        first = self._delivered(stream) + 1
        last = max(first - 1, min(up_to, self._end(stream)))
        if last >= first:
            self._state.delivered[stream] = last
            self._told.pop(stream, None)
        self._state.pending[stream].update(range(first, last + 1))
        return [self._server.entry(stream, number) for number in range(first, last + 1)]

    async def commit(self, commit: Commit) -> bool:
        state, server = self._state, self._server
        self._check_epoch()
        if commit.seq != state.seq + 1:
            raise out_of_step(self._service, commit.seq, state.seq)
        self._refuse_repeats(commit.outputs)
        bodies = [encode_for_commit(message) for message in commit.outputs]
        letters = [(letter, encode_for_wire(letter)) for letter in commit.letters]
        state.reserved = _checked(state.reserved, commit.reservation_checks)
        for key, record in commit.records.items():
            if record is None:
                state.records.pop(key, None)
            else:
                state.records[key] = record
        places = count(1)
        for message, body in zip(commit.outputs, bodies, strict=True):
            server.append(
                self._keys,
                message,
                body,
                lambda key, body, message=message: signature_of(  # type: ignore[misc]
                    self._signatures, message, key, body, f"{commit.seq}-{next(places)}"
                ),
            )
            if isinstance(message, OrderDecided):
                server.decisions[decision_key(self._keys, message.order_id)] = body
            elif isinstance(message, Proposal):
                server.proposals[proposal_marker(self._keys.of_message(message), message.id)] = body
        state.cursors.update(commit.cursors)
        for stream, entry_id in commit.handled:
            state.pending[stream].discard(number_of(entry_id))
        state.seq, state.digest, state.seal = commit.seq, commit.digest, commit.seal
        state.digests[commit.seq] = commit.digest
        for letter, body in letters:
            server.append(self._keys, letter, body, lambda *_: b"")
        return True

    def _refuse_repeats(self, outputs: Sequence[Message]) -> None:
        decided = [decision_key(self._keys, each.order_id) for each in outputs if isinstance(each, OrderDecided)]
        stored = [decode(self._server.decisions[key]) for key in decided if key in self._server.decisions]
        if stored:
            raise AlreadyDecidedError([decision for decision in stored if isinstance(decision, OrderDecided)])


def number_of(entry_id: str) -> int:
    """The place of an entry in its stream, from 1 on."""
    return int(entry_id.partition("-")[0])


def _checked(before: dict[str, float], checks: Sequence[ReservationCheck]) -> dict[str, float]:
    """What is reserved after these steps. The same second check of heat that the function library makes."""
    reserved, total = dict(before), sum(before.values())
    for check in checks:
        held = reserved.get(check.order_id, 0.0)
        after = total - held + check.risk_usdt
        if check.risk_usdt > held and not check.open_usdt + after <= check.limit_usdt * HEAT_SLACK:
            raise ContentRefusedError(f"order {check.order_id} would take reserved heat over its limit")
        reserved[check.order_id], total = check.risk_usdt, after
    return {order_id: risk for order_id, risk in reserved.items() if risk > 0}
