"""The writer lease on a Redis-protocol server; ``ports.writer_lease`` says what it is for and why it is safe.

What stands on the server, for a machine ``risk`` whose state is at home at ``hs:{main}``:

- ``hs:{main}:lease:risk``: who holds the lease. The key expires three seconds after the last ``renew``.
- ``hs:{main}:meta:risk``: a hash with the epoch (the fencing token), the number of the last commit, the digest of all
  records, the sum of reserved risk, and the seal that vouches for all of it. It never expires, and the function library
  alone writes it.
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
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

from redis.exceptions import ResponseError

from shared.adapters.codec import decode_or_none
from shared.adapters.redis.client import Client, bus_errors, executed, library_hash, misplaced
from shared.adapters.redis.commit_encoder import CommitEncoder
from shared.adapters.redis.connection import DedicatedConnection
from shared.adapters.redis.group_reader import GroupGoneError, GroupReader
from shared.adapters.redis.journal import journalled_digest
from shared.adapters.redis.keys import DECISION_TTL_MS, group_prefix, machine_keys, most_kept, reserved_key
from shared.adapters.redis.ranges import bounded_range
from shared.adapters.redis.slots import reading_order
from shared.adapters.redis.stored_texts import COMMIT_NUMBERS, is_cursor
from shared.adapters.signing import UNSIGNED
from shared.messages.catalogue import client_of_key, topic_of_key
from shared.messages.keys import Keys
from shared.messages.orders import OrderDecided
from shared.ports.errors import (
    AlreadyDecidedError,
    CommitRefusedError,
    ContentRefusedError,
    MisplacedKeyError,
    StateGoneError,
    out_of_step,
    overtaken,
)
from shared.ports.signatures import Signatures
from shared.ports.streams import Entry
from shared.ports.writer_lease import Commit, LastCommit, Snapshot, WriterLease

LEASE_MS = 3_000  # three times the host's RENEW_SECONDS: one renewal may be late without a takeover
TRIES_MS = 24 * 3_600_000
HISTORY_PAGE = 1_000


class RedisWriterLease(WriterLease):
    """See ``ports.writer_lease.WriterLease``.

    service: the machine's name, which stands in its keys and groups.
    inputs: the keys of its streams, in order of priority.
    home: how the keys of its state begin. The part in braces keeps them in one slot of a Redis Cluster.
    keys: where the messages stand that it writes.
    clustered: whether one command may name keys of one slot only (see ``slots``).
    whole: those of the inputs that are read to their end before what was read of others is given out.
    in_turns: the input beside which clients have queues of their own; empty for none.
    decisions_ms: how long a decision is kept, and its id is known with it.
    lease_ms: how long the lease lasts after ``renew``.
    signatures: what is signed with what it writes.
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
        in_turns: str = "",
        decisions_ms: int = DECISION_TTL_MS,
        lease_ms: int = LEASE_MS,
        signatures: Signatures = UNSIGNED,
    ) -> None:
        self._client, self._connection = client, DedicatedConnection(client)
        prefix, reads = group_prefix(service, home, keys), reading_order(inputs, home) if clustered else (inputs,)
        self._reader = GroupReader(client, self._connection, prefix, inputs, reads, whole, in_turns=in_turns, keys=keys)
        self.losses: Mapping[str, int] = {}
        self._owner = f"{service}@{socket.gethostname()}:{os.getpid()}:{id(self):x}"
        own = machine_keys(home, service)
        self._lease_key, self._meta, self._cursors, self._state = own.lease, own.meta, own.cursors, own.state
        self._tries, self._journal, self._reserved = own.tries, own.journal, reserved_key(home)
        self._encoder = CommitEncoder(service, home, keys, decisions_ms, signatures)
        self.library, self.takes_letters = library_hash(), not clustered
        self._service, self._lease_ms = service, lease_ms
        self._epoch = 0

    def kept(self) -> Mapping[str, int]:
        """How many entries every stream keeps that this machine shortens: what it has written to, its journal among
        them, and of what it reads that which anybody may write, or a client its own.
        """
        topics = {stream: topic_of_key(stream) for stream in self._reader.streams}
        of_others = (
            stream for stream, topic in topics.items() if topic is None or topic.is_open or client_of_key(stream)
        )
        return {stream: most_kept(stream) for stream in of_others} | self._encoder.written

    @property
    def group(self) -> str:
        """The consumer group of this epoch; empty before there is one."""
        return self._reader.group

    # --- the right to write ---------------------------------------------------------------------------------------

    @property
    def unreadable(self) -> Mapping[str, str]:
        return self._reader.unreadable

    async def acquire(self) -> int:
        while not await self._try_acquire():
            await asyncio.sleep(self._lease_ms / 1000 / 10)
        self.losses = await self._reader.begin(self._epoch, await self._stored_cursors())
        return self._epoch

    async def _stored_cursors(self) -> dict[str, str]:
        """Raises ``MisplacedKeyError`` where one is no id: who would begin at the start would do all over again."""
        async with bus_errors(self._cursors):
            rows = await self._client.hgetall(self._cursors)
        cursors = {stream.decode(errors="replace"): at.decode(errors="replace") for stream, at in rows.items()}
        for stream, at in cursors.items():
            if not is_cursor(at):
                raise MisplacedKeyError(misplaced(f"{self._cursors} holds no cursor for {stream}"))
        return cursors

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
            async with bus_errors():
                epoch = await self._client.hget(self._meta, "epoch")
            raise overtaken(self._service, self._epoch, int(epoch or 0))
        await self._reader.check_groups()

    def _gone(self) -> StateGoneError:
        return StateGoneError(f"{self._service}: the server has forgotten epoch {self._epoch} and all that came before")

    async def release(self) -> None:
        try:
            await self.close()
        finally:
            async with bus_errors():
                await self._client.fcall("hs_release", 1, self._lease_key, self._owner)

    async def close(self) -> None:
        """Close the connections of this lease; the lease itself stays until it runs out."""
        await self._reader.close()
        await self._connection.close()

    # --- starting is recovering -----------------------------------------------------------------------------------

    async def load(self) -> Snapshot:
        await self._stored_cursors()
        async with bus_errors(self._meta):
            meta = await self._client.hgetall(self._meta)
        async with bus_errors(self._cursors):
            cursors = await self._client.hgetall(self._cursors)
        async with bus_errors(self._reserved):
            reserved = await self._client.hgetall(self._reserved)
        async with bus_errors(self._state):
            records = await self._client.hgetall(self._state)
        return _snapshot(meta, cursors, reserved, records)

    async def look(self) -> Snapshot:
        async with bus_errors(self._meta, self._cursors, self._reserved):
            rows = await self._client.fcall("hs_look", 3, self._meta, self._cursors, self._reserved)
        meta, cursors, reserved = (dict(zip(row[::2], row[1::2], strict=True)) for row in rows)
        return _snapshot(meta, cursors, reserved, {})

    async def restate_reserved(self, total_usdt: float) -> None:
        """Set the store's sum of reserved risk to that of its rows; for an operator who holds the lease."""
        async with bus_errors(self._meta):
            await self._client.hset(self._meta, "reserved", f"{total_usdt:.17g}")

    async def last_commit(self) -> LastCommit:
        async with bus_errors(self._meta):
            names = [b"seq", b"digest"]
            meta = dict(zip(names, await self._client.hmget(self._meta, names), strict=True))
        return LastCommit(_number(meta, b"seq"), _number(meta, b"digest"))

    async def digest_of(self, seq: int) -> int | None:
        return await journalled_digest(self._client, self._journal, seq)

    async def history(self, stream: str, up_to: str) -> AsyncIterator[Entry]:
        start = "-"
        while page := await bounded_range(self._client, stream, start, up_to, HISTORY_PAGE):
            for entry in page:
                yield entry
            start = f"({page[-1].id}"

    async def pending(self) -> Sequence[Entry]:
        async with self._fenced():
            return await self._reader.pending()

    async def begin_try(self, what: str) -> int:
        pipe = self._client.pipeline(transaction=False)
        pipe.fcall("hs_write", 1, self._tries, "HINCRBY", what, 1)
        pipe.pexpire(self._tries, TRIES_MS)
        try:
            async with bus_errors(self._tries):
                noted, _ = await executed(pipe)
        except (MisplacedKeyError, ResponseError):  # these notes are no part of the state: nothing stops for them
            return 1
        return int(noted)

    async def end_try(self, what: str) -> None:
        with suppress(MisplacedKeyError):
            async with bus_errors(self._tries):
                await self._client.hdel(self._tries, what)

    # --- reading and writing --------------------------------------------------------------------------------------

    async def read(self, wait_ms: int) -> Sequence[Entry]:
        async with self._fenced():
            return await self._reader.read(wait_ms)

    @asynccontextmanager
    async def _fenced(self) -> AsyncIterator[None]:
        """A group that is gone may mean that another writer took over, and then says so by ``FencedError``."""
        try:
            yield
        except GroupGoneError:
            await self.renew()
            raise

    async def commit(self, commit: Commit) -> bool:
        keys, plan = self._encoder.encode(commit, self._epoch, self.group)
        answer = await self._connection.call("FCALL", "hs_commit", len(keys), *keys, plan)
        if answer[0] != b"OK":
            raise self._refusal(commit, answer[0].decode(), *answer[1:])
        for stream, entry_id in commit.handled:
            if not self._encoder.is_home(stream):
                self._reader.acknowledge_later(stream, entry_id)
        return not commit.letters or answer[1:] == [1]  # an earlier version of the function says nothing of them

    def _refusal(self, commit: Commit, *answer: Any) -> Exception:
        """What the function library says to a commit that it did not make (see the head of ``heatsink.lua``)."""
        match answer:
            case ["FENCED", b""]:
                return self._gone()
            case ["FENCED", epoch]:
                return overtaken(self._service, self._epoch, int(epoch))
            case ["TYPE", why]:
                return MisplacedKeyError(f"{self._service}: {misplaced(why.decode(errors='replace'))}")
            case ["FOREIGN", why]:
                return ContentRefusedError(misplaced(why.decode(errors="replace")))
            case ["DUP", *bodies]:
                return self._decided_before(commit, bodies)
            case ["HEAT", order_id, *unknown] if not any(unknown):
                return ContentRefusedError(f"order {order_id.decode()} would take reserved heat over its limit")
            case ["HEAT", order_id, why]:
                return ContentRefusedError(f"order {order_id.decode()}: {misplaced(why.decode(errors='replace'))}")
            case [_, seq]:
                return out_of_step(self._service, commit.seq, int(seq))
            case _:
                return CommitRefusedError(f"{self._service}: {answer}")

    def _decided_before(self, commit: Commit, bodies: Sequence[bytes]) -> Exception:
        """What the store has of the commit's orders. What is no decision on them would be met by every start anew."""
        ids = {message.order_id for message in commit.outputs if isinstance(message, OrderDecided)}
        stored = [message for body in bodies if isinstance(message := decode_or_none(body), OrderDecided)]
        if len(stored) < len(bodies) or any(decision.order_id not in ids for decision in stored):
            return ContentRefusedError(f"where the decisions on {', '.join(sorted(ids))} belong, something else stands")
        return AlreadyDecidedError(stored)


Rows = Mapping[bytes, bytes]


def _number(meta: Mapping[bytes, bytes | None], name: bytes) -> int:
    text = meta.get(name) or b"0"
    if not COMMIT_NUMBERS[name.decode()](text):
        raise MisplacedKeyError(misplaced(f"the {name.decode()} of a machine is no number"))
    return int(text)


def _snapshot(meta: Rows, cursors: Rows, reserved: Rows, records: Rows) -> Snapshot:
    return Snapshot(
        seq=_number(meta, b"seq"),
        digest=_number(meta, b"digest"),
        cursors={stream.decode(errors="replace"): last.decode(errors="replace") for stream, last in cursors.items()},
        reserved={order.decode(errors="replace"): risk.decode(errors="replace") for order, risk in reserved.items()},
        reserved_usdt=meta.get(b"reserved", b"").decode(errors="replace"),
        seal=meta.get(b"seal", b"").decode(errors="replace"),
        records={key.decode(errors="replace"): body for key, body in records.items()},
    )
