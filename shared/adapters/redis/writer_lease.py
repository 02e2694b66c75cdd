"""The writer lease on a Redis-protocol server; ``ports.writer_lease`` says what it is for and why it is safe.

What stands on the server, for a machine ``risk`` whose state is at home at ``hs:{main}``:

- ``hs:{main}:lease:risk``: who holds the lease. The key expires three seconds after the last ``renew``.
- ``hs:{main}:meta:risk``: a hash with the epoch (the fencing token), the number of the last commit, the digest of all
  records, and the sum of reserved risk. It never expires, and the function library alone writes it.
- ``hs:{main}:cursors:risk``: a hash with the last entry handled of every stream. A commit writes it, which makes it the
  truth about what was handled (docs/decisions/0002).
- ``hs:{main}:state:risk``: a hash with the records. ``hs:{main}:journal:risk``: a stream of what each commit did.
- ``hs:{main}:tries:risk``: a hash of what was begun and did not end: how often the process died over it.
- on every input, a consumer group ``risk:main:7``, named after the epoch.

Groups are bookkeeping: they tell how far behind a service is, and what was in flight when it died. Each epoch has its
own ones, which begin at the cursors, and those of earlier epochs are destroyed. Reading moves a group on, so a writer
that was taken over and wakes up must not be able to read either: what it took would be pending for nobody, and the
cursor of the new writer would pass over it.

All keys of ``home`` share one hash tag, so that one function call can write them together, on a Redis Cluster too. A
commit cannot reach streams in other slots. Their entries are acknowledged with the next read; until then the cursors
alone say that they were handled, which is enough.
"""

import asyncio
import os
import socket
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence

from redis.exceptions import ResponseError

from shared.adapters.codec import decode_or_none, entry_of
from shared.adapters.redis.client import MAX_BLOCK_MS, Client, bus_errors
from shared.adapters.redis.commit_encoder import CommitEncoder
from shared.adapters.redis.connection import DedicatedConnection
from shared.adapters.redis.groups import begin_group, groups_of
from shared.adapters.redis.keys import group_prefix, state_key
from shared.adapters.redis.slots import reading_order
from shared.messages.keys import Keys
from shared.messages.orders import OrderDecided
from shared.ports.errors import (
    AlreadyDecidedError,
    BusLostError,
    CommitRefusedError,
    ContentRefusedError,
    FencedError,
    StateGoneError,
)
from shared.ports.streams import Entry, entry_order
from shared.ports.writer_lease import Commit, Snapshot, WriterLease

LEASE_MS = 3_000  # three times the host's RENEW_SECONDS: one renewal may be late without a takeover
TRIES_MS = 24 * 3_600_000
ENTRIES_PER_READ = 200
MOST_READ_ON = 10_000  # entries of a stream that is read to its end
HISTORY_PAGE = 1_000
GROUP_GONE = ("NOGROUP", "UNBLOCKED")


class RedisWriterLease(WriterLease):
    """See ``ports.writer_lease.WriterLease``.

    service: the machine's name, which stands in its keys and groups.
    inputs: the keys of its streams, in order of priority.
    home: how the keys of its state begin. The part in braces keeps them in one slot of a Redis Cluster.
    keys: where the messages stand that it writes.
    clustered: whether one command may name keys of one slot only (see ``slots``).
    whole: those of the inputs that are read to their end before what was read of others is given out.
    lease_ms: how long the lease lasts after ``renew``.
    """

    def __init__(
        self,
        client: Client,
        service: str,
        inputs: Sequence[str],
        *,
        home: str,
        keys: Keys,
        clustered: bool,
        whole: Sequence[str] = (),
        lease_ms: int = LEASE_MS,
    ) -> None:
        self._client, self._connection = client, DedicatedConnection(client)
        self._inputs, self._whole = tuple(inputs), tuple(whole)
        self._reads = reading_order(inputs, home) if clustered else (self._inputs,)
        self._groups = group_prefix(service, home, keys)
        self.group = ""
        self.losses: Mapping[str, int] = {}
        self._owner = f"{service}@{socket.gethostname()}:{os.getpid()}:{id(self):x}"
        self._lease_key, self._meta = f"{home}:lease:{service}", f"{home}:meta:{service}"
        self._cursors, self._state = f"{home}:cursors:{service}", state_key(home, service)
        self._tries = f"{home}:tries:{service}"
        self._encoder = CommitEncoder(service, home, keys)
        self._service, self._lease_ms = service, lease_ms
        self._epoch = 0
        self._unacknowledged: dict[str, list[str]] = defaultdict(list)
        self._given: dict[str, str] = {}  # stream to the last entry that this epoch was given
        self._ahead: dict[str, str] = {}  # stream to where its group stood at the last look, beyond what was given
        self._unfinished: dict[str, str] = {}  # stream to the last entry that an earlier holder was given

    # --- the right to write ---------------------------------------------------------------------------------------

    async def acquire(self) -> int:
        while not await self._try_acquire():
            await asyncio.sleep(self._lease_ms / 1000 / 10)
        self.group = f"{self._groups}{self._epoch}"
        async with bus_errors():
            cursors = await self._client.hgetall(self._cursors)
        begun = {
            stream: await begin_group(
                self._client, stream, self._groups, self._epoch, cursors.get(stream.encode(), b"").decode()
            )
            for stream in self._inputs
        }
        self._given = {stream.decode(): entry_id.decode() for stream, entry_id in cursors.items()}
        self._unfinished = {stream: left.unfinished for stream, left in begun.items() if left.unfinished}
        self.losses = {stream: left.lost for stream, left in begun.items() if left.lost}
        return self._epoch

    async def _try_acquire(self) -> bool:
        """Take the lease if nobody else has it, and with it the next epoch."""
        async with bus_errors():
            epoch, _holder = await self._client.fcall(
                "hs_acquire", 2, self._lease_key, self._meta, self._owner, self._lease_ms
            )
        self._epoch = int(epoch)
        return bool(epoch)

    async def renew(self) -> None:
        async with bus_errors():
            alive = await self._client.fcall(
                "hs_renew", 2, self._lease_key, self._meta, self._owner, self._lease_ms, self._epoch
            )
        if alive < 0:
            raise self._gone()
        if not alive:
            raise FencedError(f"{self._service}: another writer took over after epoch {self._epoch}")
        await self._check_groups()

    async def _check_groups(self) -> None:
        """A group that somebody moved on gives us nothing of what it skips. A new epoch's begins at the cursor again.

        What was given between two looks may be on its way, so it takes two of them that find the same.
        """
        before, self._ahead = self._ahead, {}
        for stream in self._inputs if self.group else ():
            row = next(
                (row for row in await groups_of(self._client, stream) if row["name"] == self.group.encode()), None
            )
            at = row["last-delivered-id"].decode() if row is not None else "0"
            if entry_order(at) > entry_order(self._given.get(stream, "0")):
                self._ahead[stream] = at
                if before.get(stream) == at:
                    raise BusLostError(f"{self._service}: somebody moved {self.group} on {stream} to {at}")

    def _gone(self) -> StateGoneError:
        return StateGoneError(f"{self._service}: the server has forgotten epoch {self._epoch} and all that came before")

    async def release(self) -> None:
        try:
            await self._connection.close()
        finally:
            async with bus_errors():
                await self._client.fcall("hs_release", 1, self._lease_key, self._owner)

    # --- starting is recovering -----------------------------------------------------------------------------------

    async def load(self) -> Snapshot:
        async with bus_errors():
            seq, digest = await self._client.hmget(self._meta, ["seq", "digest"])
            cursors = await self._client.hgetall(self._cursors)
            records = await self._client.hgetall(self._state)
        self._unacknowledged.clear()
        return Snapshot(
            seq=int(seq or 0),
            digest=int(digest or 0),
            cursors={stream.decode(): entry_id.decode() for stream, entry_id in cursors.items()},
            records={key.decode(): body for key, body in records.items()},
        )

    async def history(self, stream: str, up_to: str) -> AsyncIterator[Entry]:
        start = "-"
        while True:
            async with bus_errors():
                rows = await self._client.xrange(stream, min=start, max=up_to, count=HISTORY_PAGE)
            for entry_id, fields in rows:
                yield entry_of(stream, entry_id, fields)
            if len(rows) < HISTORY_PAGE:
                return
            start = "(" + rows[-1][0].decode()

    async def pending(self) -> Sequence[Entry]:
        found: dict[str, list[Entry]] = {}
        for stream, last in self._unfinished.items():
            while more := (await self._read_group((stream,), 0)).get(stream):
                found.setdefault(stream, []).extend(more)
                if entry_order(more[-1].id) >= entry_order(last):
                    break
        self._unfinished = {}
        if found:
            await self._read_on(found, self._whole)
        return self._in_order(found)

    async def begin_try(self, what: str) -> int:
        pipe = self._client.pipeline(transaction=False)
        pipe.hincrby(self._tries, what, 1)
        pipe.pexpire(self._tries, TRIES_MS)
        async with bus_errors():
            noted, _ = await pipe.execute()
        return int(noted)

    async def end_try(self, what: str) -> None:
        async with bus_errors():
            await self._client.hdel(self._tries, what)

    # --- reading and writing --------------------------------------------------------------------------------------

    async def read(self, wait_ms: int) -> Sequence[Entry]:
        await self._acknowledge_other_slots()
        if not self._inputs:  # a machine that is configured to do nothing
            await asyncio.sleep(wait_ms / 1000)
            return ()
        *before, waited_on = self._reads
        found: dict[str, list[Entry]] = {}
        for streams in before:
            found |= await self._read_group(streams, 0)
        found |= await self._read_group(waited_on, 0 if found else min(wait_ms, MAX_BLOCK_MS))
        full = [stream for stream in self._whole if len(found.get(stream, ())) >= ENTRIES_PER_READ]
        await self._read_on(found, full)
        return self._in_order(found)

    async def _read_on(self, found: dict[str, list[Entry]], streams: Sequence[str]) -> None:
        """Read these streams to their end, as it is now."""
        for stream in streams:
            entries = found.setdefault(stream, [])
            while more := (await self._read_group((stream,), 0)).get(stream):
                entries += more
                if len(more) < ENTRIES_PER_READ or len(entries) >= MOST_READ_ON:
                    break

    def _in_order(self, found: Mapping[str, Sequence[Entry]]) -> Sequence[Entry]:
        return [entry for stream in self._inputs for entry in found.get(stream, ())]

    async def _read_group(self, streams: Sequence[str], wait_ms: int) -> dict[str, list[Entry]]:
        """What nobody of this epoch was given yet. Raises ``FencedError`` when the epoch is over."""
        block = ("BLOCK", wait_ms) if wait_ms else ()
        command = ("XREADGROUP", "GROUP", self.group, "writer", "COUNT", ENTRIES_PER_READ, *block, "STREAMS")
        try:
            reply = await self._connection.call(*command, *streams, *(">" for _ in streams))
        except ResponseError as error:
            if not str(error).startswith(GROUP_GONE):
                raise
            await self.renew()  # tells whether somebody took over
            raise BusLostError(f"{self._service}: {error}") from error
        rows = reply.items() if isinstance(reply, dict) else reply or ()
        found = {name.decode(): _entries(name.decode(), items) for name, items in rows}
        self._given.update((stream, entries[-1].id) for stream, entries in found.items() if entries)
        return found

    async def commit(self, commit: Commit) -> None:
        keys, plan = self._encoder.encode(commit, self._epoch, self.group)
        answer = await self._connection.call("FCALL", "hs_commit", len(keys), *keys, plan)
        match [answer[0].decode(), *answer[1:]]:
            case ["OK"]:
                pass
            case ["FENCED", b""]:
                raise self._gone()
            case ["FENCED", epoch]:
                raise FencedError(f"{self._service}: epoch {self._epoch} is over, {epoch.decode()} is in force")
            case ["TYPE", why]:
                raise CommitRefusedError(f"{self._service}: {why.decode()}: another program's? Move it away")
            case ["DUP", *bodies]:
                raise self._decided_before(commit, bodies)
            case ["HEAT", order_id]:
                raise ContentRefusedError(f"order {order_id.decode()} would take reserved heat over its limit")
            case [kind, detail]:
                raise CommitRefusedError(f"{kind}: expected sequence after {detail.decode()}, got {commit.seq}")
        for stream, entry_id in commit.handled:
            if not self._encoder.is_home(stream):
                self._unacknowledged[stream].append(entry_id)

    def _decided_before(self, commit: Commit, bodies: Sequence[bytes]) -> Exception:
        """What the store has of the commit's orders. What is no decision on them would be met by every start anew."""
        ids = {message.order_id for message in commit.outputs if isinstance(message, OrderDecided)}
        stored = [message for body in bodies if isinstance(message := decode_or_none(body), OrderDecided)]
        if len(stored) < len(bodies) or any(decision.order_id not in ids for decision in stored):
            return ContentRefusedError(f"where the decisions on {', '.join(sorted(ids))} belong, something else stands")
        return AlreadyDecidedError(stored)

    async def _acknowledge_other_slots(self) -> None:
        """Acknowledge what was committed before, in streams that the commit could not reach."""
        if not self._unacknowledged:
            return
        pipe = self._client.pipeline(transaction=False)
        for stream, ids in self._unacknowledged.items():
            pipe.xack(stream, self.group, *ids)
        async with bus_errors():
            await pipe.execute()
        self._unacknowledged.clear()


def _entries(stream: str, items: Sequence[tuple[bytes, Sequence[bytes]]]) -> list[Entry]:
    """Entries as the server gives them: an id, and names and values in turns."""
    return [entry_of(stream, entry_id, dict(zip(fields[::2], fields[1::2], strict=True))) for entry_id, fields in items]
