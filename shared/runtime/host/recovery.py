"""Bringing a machine to where its last commit left it, and refusing to go on where that is in doubt."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from shared.adapters.witness import Witness
from shared.domain.machine import Machine
from shared.messages.base import Message
from shared.ports.bus import Bus
from shared.ports.clock import Clock
from shared.ports.errors import CorruptStateError
from shared.ports.streams import Entry, StreamReader
from shared.ports.writer_lease import WriterLease
from shared.runtime.host.bars_to_come import without_bar_to_come
from shared.runtime.host.failures import TRIES, Failures
from shared.runtime.host.progress import Progress
from shared.runtime.host.seal import Sealer
from shared.runtime.host.witnessing import check_witness
from shared.runtime.machine_spec import MachineSpec
from shared.runtime.service import StartOverError


async def recover_machine(
    spec: MachineSpec,
    lease: WriterLease,
    bus: Bus,
    log: Any,
    clock: Clock,
    *,
    witness: Witness,
    sealer: Sealer,
    failures: Failures,
) -> tuple[Progress, Sequence[Entry]]:
    """Load the records and rebuild what derives from history.

    lease: acquired. witness: of what was committed before. sealer: of this machine. failures: what to pass over.
    Returns how far the machine is, and what of the history had to be passed over.
    Raises ``StateGoneError`` or ``CorruptStateError`` when nothing may go on from what is stored.
    """
    _check_losses(spec, lease.losses, log)
    snapshot = await lease.load()
    await check_witness(spec.service, bus, lease, witness, at_start=True)
    await _check_age(spec, bus, snapshot.seq)
    sealer.check(snapshot, with_records=True)
    progress = Progress(snapshot, sealer, reserves=spec.reserves)
    if progress.digest != snapshot.digest:
        raise CorruptStateError(f"{spec.service}: records do not match the digest of commit {snapshot.seq}")
    witness.note(sealer.identity, snapshot.seq, snapshot.digest)
    _load_records(spec.machine, snapshot.records)
    passed_over = await _warm(spec, lease, clock, progress.cursors, failures)
    spec.machine.restored()
    spec.verify()
    return progress, passed_over


def _check_losses(spec: MachineSpec, losses: Mapping[str, int], log: Any) -> None:
    """Entries that nobody can handle any more are told of; books that depend on them are not opened."""
    for stream, entries in losses.items():
        log.error("entries_lost", stream=stream, entries=entries, reason="trimmed before they were handled")
        if stream in spec.vital:
            raise CorruptStateError(f"{spec.service}: {entries} entries of {stream} are gone, never handled")


async def _check_age(spec: MachineSpec, bus: StreamReader, seq: int) -> None:
    """A server that knows less than the streams show has lost the state."""
    if not seq and spec.writes and await bus.latest(spec.writes):
        raise CorruptStateError(f"{spec.service}: {spec.writes} has entries, but the state is gone")


def _load_records(machine: Machine, rows: Mapping[str, bytes]) -> None:
    kinds = machine.records.kinds
    machine.records.load({key: _decode_record(kinds[key.partition(":")[0]], body) for key, body in rows.items()})


def _decode_record(kind: type[Struct], body: bytes) -> Struct:
    record: Struct = msgspec.msgpack.decode(body, type=kind)
    return record


async def _warm(
    spec: MachineSpec, lease: WriterLease, clock: Clock, cursors: Mapping[str, str], failures: Failures
) -> Sequence[Entry]:
    """Show the machine what was handled before and is not in its records: daily bars, listings, lost feeds.

    It is shown the same in the same order by every start, so once is enough to tell that it fails at an entry.
    """
    passed_over: list[Entry] = []
    for stream in spec.warm:
        if stream not in lease.unreadable and (up_to := cursors.get(stream)):
            async for read in lease.history(stream, up_to):
                entry = without_bar_to_come(read, clock)
                if entry.message is None:
                    continue
                if failures.died_before:
                    await failures.begin(entry, lease)
                if failures and failures.settled(entry):
                    passed_over.append(entry)
                else:
                    _show(spec.machine, entry, entry.message, failures)
                if failures.died_before:
                    await failures.end(entry, lease)
    return passed_over


def _show(machine: Machine, entry: Entry, message: Message, failures: Failures) -> None:
    try:
        machine.warm(message)
    except Exception as error:
        failures.note(entry, error, tries=TRIES)
        raise StartOverError(f"{message.id} of {entry.stream} cannot be read again: {error!r}") from error
