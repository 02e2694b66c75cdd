"""Mending what is wrong on a stack's server, and accepting what the server has lost. Both stand on the audit stream."""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from shared.adapters.clocks import RealClock
from shared.adapters.redis.bus import RedisBus
from shared.adapters.redis.repair import KeyFault, Machine, Stack, look
from shared.adapters.witness import Seen, known_as, read, witness_path, write
from shared.application.stack import StackLocator
from shared.config.credentials import OWNER
from shared.messages.base import Name, derived_id, truncate
from shared.messages.catalogue import DECIDED
from shared.messages.portfolio import StoreRepaired
from shared.ports.errors import StateGoneError
from shared.ports.writer_lease import LastCommit
from shared.runtime.host.witnessing import contradiction

Homes = Iterable[tuple[str, str]]


@asynccontextmanager
async def looked_at(stack: StackLocator, homes: Homes) -> AsyncIterator[tuple[RedisBus, list[KeyFault]]]:
    """What is wrong on the server, in the order in which it has to be mended, and the way to do it.

    homes: the machines of the stack, each with how the keys of its state begin. It signs in as the owner, who alone may
    mend. Raises ``BusLostError``, ``ConfigError``.
    """
    machines = [Machine(*each) for each in homes]
    async with stack.bus(OWNER) as bus:
        place = Stack(
            client=bus.client,
            keys=stack.keys,
            streams=sorted({key for keys in stack.streams.values() for key in keys}),
            timeframes=stack.settings.plan.timeframes,
            machines=machines,
            reserves=next(machine for machine in machines if machine.service == DECIDED.written_by),
        )
        yield bus, await look(place)


async def mend(bus: RedisBus, faults: Sequence[KeyFault], *, who: str, reason: str) -> list[StoreRepaired]:
    """Mend all that can be, and tell of it on the audit stream once that takes it; returns what was told."""
    done = []
    for fault in faults:
        if fault.mend is not None:
            await fault.mend()
            done.append(_told(fault.key, fault.problem, fault.remedy, who=who, reason=reason))
    await bus.publish(done)
    return done


def _told(key: str, problem: str, remedy: str, *, who: Name, reason: str) -> StoreRepaired:
    now_ns = RealClock().now_ns()
    return StoreRepaired(
        id=derived_id("repaired", key, now_ns),
        time_ns=now_ns,
        who=who,
        reason=truncate(reason),
        key=key[:256],
        problem=truncate(problem),
        remedy=truncate(remedy),
    )


# --- losses ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Loss:
    """What one machine saw committed and the server does not have.

    service: the machine. key: where its commits are numbered. path: the file of its witness.
    problem: what is lost, in words. data, last: what the server has.
    """

    service: str
    key: str
    path: Path
    problem: str
    data: str
    last: LastCommit


async def read_losses(bus: RedisBus, folder: Path, homes: Homes) -> list[Loss]:
    """Hold the server against every witness of a folder. Raises ``BusLostError``."""
    found = []
    data = await bus.identity()
    for service, home in homes:
        path = witness_path(folder, service, bus.keys.portfolio if home == bus.keys.home else "")
        lease = bus.writer_lease(service, (), home=home)
        last = await lease.last_commit()
        try:
            seen = read(path)
            problem = await contradiction(seen, data, last, lease) if seen is not None else ""
        except StateGoneError as error:
            problem = str(error)
        if problem:
            found.append(Loss(service, Machine(service, home).key("meta"), path, problem, data, last))
    return found


async def accept(bus: RedisBus, losses: Sequence[Loss], *, who: str, reason: str) -> list[StoreRepaired]:
    """Let the machines go on from what the server has; returns what was told on the audit stream."""
    told = [
        _told(loss.key, loss.problem, f"the loss is accepted, commit {loss.last.seq} counts", who=who, reason=reason)
        for loss in losses
    ]
    await bus.publish(told)
    for loss in losses:
        if loss.last.seq:
            seen = Seen(data=known_as(loss.data), seq=loss.last.seq, digest=str(loss.last.digest))
            write(loss.path, seen, back=True)
        else:
            loss.path.unlink(missing_ok=True)
    return told
