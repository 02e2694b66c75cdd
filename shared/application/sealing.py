"""Vouching anew for what a portfolio's machines left in the store: by an operator, while nobody works on it.

It takes what is there for true. That is right for data from before keys were configured, and for data that somebody has
looked at and put right; it is how an operator says so.
"""

import asyncio
import math
from collections.abc import Sequence

from msgspec import Struct

from shared.adapters.redis.bus import RedisBus
from shared.adapters.signing import signatures_of
from shared.application.errors import UserError
from shared.messages.catalogue import topic_of_key
from shared.messages.signers import signers_on
from shared.ports.errors import CorruptStateError
from shared.ports.writer_lease import Snapshot
from shared.runtime.host.progress import Progress
from shared.runtime.host.seal import Sealer
from shared.runtime.host.signed_entries import unsigned_until
from shared.runtime.machine_spec import MachineSpec

WAIT_SECONDS = 6.0  # longer than a lease lasts whose holder is gone


class Adopted(Struct, frozen=True, kw_only=True):
    """What was vouched for.

    service: the machine. seq: the number of the commit that did it. was: what did not match before; empty for nothing.
    """

    service: str
    seq: int
    was: str


async def adopt(bus: RedisBus, specs: Sequence[MachineSpec], keys_dir: str) -> list[Adopted]:
    """Seal what each of these machines left, with its own key. Those that have left nothing are passed over.

    keys_dir: the folder of the keys; empty for seals without one. Raises ``UserError`` while a service is at work.
    """
    return [done for spec in specs if (done := await _adopt(bus, spec, keys_dir)) is not None]


async def _adopt(bus: RedisBus, spec: MachineSpec, keys_dir: str) -> Adopted | None:
    lease = bus.writer_lease(spec.service, spec.inputs, home=spec.home)
    if not (await lease.look()).seq:
        return None
    try:
        async with asyncio.timeout(WAIT_SECONDS):
            await lease.acquire()
    except TimeoutError:
        raise UserError(f"{spec.service} is at work on this portfolio: end the services first") from None
    try:
        found, identity = await lease.load(), await bus.identity()
        signatures = signatures_of(keys_dir, spec.service)
        sealer = Sealer(
            signatures,
            f"{spec.home}:{spec.service}",
            reserves=spec.reserves,
            identity=identity,
            library=lease.library,
        )
        was = _fault_of(found, sealer)
        if spec.reserves:
            await lease.restate_reserved(math.fsum(map(_risk, found.reserved.values())))
        progress = Progress(found, sealer, reserves=spec.reserves)
        for stream in spec.inputs if keys_dir else ():
            if signers_on(topic_of_key(stream)) and unsigned_until(stream) not in progress.cursors:
                progress.believe(unsigned_until(stream), (await bus.stream_ends([stream]))[stream])
        await lease.commit(progress.next_commit((), (), {}, ()))
    finally:
        await lease.release()
    return Adopted(service=spec.service, seq=found.seq + 1, was=was)


def _fault_of(found: Snapshot, sealer: Sealer) -> str:
    try:
        sealer.check(found, with_records=True)
    except CorruptStateError as error:
        return str(error)
    return ""


def _risk(text: str) -> float:
    """The risk of a row; one that is no amount counts for nothing, and for ``heatsink repair``."""
    try:
        risk = float(text)
    except ValueError:
        return 0.0
    return risk if math.isfinite(risk) and risk > 0 else 0.0
