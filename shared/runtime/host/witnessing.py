"""Whether the server still has what was committed: held against the witness at every start and every takeover.

``adapters.witness`` says what it is. What contradicts it ends the service with exit code 78, until the server has its
data back or an operator has accepted the loss (``heatsink accept-loss``).
"""

import asyncio
from collections.abc import Callable

from shared.adapters.witness import Seen, Witness, known_as
from shared.ports.bus import StackFacts
from shared.ports.errors import StateGoneError
from shared.ports.writer_lease import LastCommit, Snapshot, WriterLease

LOOK_SECONDS = 0.25
REMEDY = "Give the server its data back, or accept the loss: heatsink accept-loss shows it and says what becomes of it"


async def check_witness(
    service: str, bus: StackFacts, lease: WriterLease, witness: Witness, *, at_start: bool = False
) -> None:
    """Hold the server against the witness. What it says is not noted: others may have written there.

    at_start: the file is looked at again, and a commit that is not the last one any more is looked for in the journal.
    Raises ``StateGoneError`` where commits are gone, were replaced by others, or the data is not the same.
    """
    if at_start:
        witness.look()
    seen, data = witness.seen, await bus.identity()
    last = await lease.last_commit()
    if seen is not None:
        fault = _fault(seen, data, last)
        if not fault and (at_start or last.seq == seen.seq):
            fault = await _other_history(seen, last, lease)
        if fault:
            raise StateGoneError(f"{service}: {fault}. {REMEDY}")


async def contradiction(seen: Seen, data: str, last: LastCommit, lease: WriterLease) -> str:
    """What of a commit that was seen is not so on the server; empty when all is.

    data: the identity of the server's data. last: what the server has as the last commit.
    """
    return _fault(seen, data, last) or await _other_history(seen, last, lease)


def _fault(seen: Seen, data: str, last: LastCommit) -> str:
    if last.seq < seen.seq:
        gone = seen.seq - last.seq
        return f"commit {seen.seq} was made, the server has {last.seq}: {gone} commits are gone"
    if seen.data and known_as(data) != seen.data:
        return f"commit {seen.seq} was made on the data {seen.data}, the server has the data {data or 'of nobody'}"
    return ""


async def _other_history(seen: Seen, last: LastCommit, lease: WriterLease) -> str:
    """A server that lost commits and made others since has as many, but not the same."""
    digest = last.digest if last.seq == seen.seq else await lease.digest_of(seen.seq)
    if digest is None or str(digest) == seen.digest:
        return ""
    return (
        f"the server has another commit {seen.seq} than the one that was made: it lost some, and went on without them"
    )


async def follow_while_standing_by(
    service: str, bus: StackFacts, lease: WriterLease, witness: Witness, is_sealed: Callable[[str, Snapshot], bool]
) -> None:
    """Whoever waits for the lease sees what its holder commits. Else a stale server could be taken over unnoticed.

    is_sealed: whether the machine vouches for what the server has, on data of this identity. What it does not vouch for
    is not noted, for nobody could take it back; the holder of the lease finds it.
    """
    is_first = True
    while True:
        await check_witness(service, bus, lease, witness, at_start=is_first)
        is_first = False
        data, found = await bus.identity(), await lease.look()
        if (witness.seen is None or found.seq > witness.seen.seq) and is_sealed(data, found):
            witness.note(data, found.seq, found.digest)
        await asyncio.sleep(LOOK_SECONDS)
