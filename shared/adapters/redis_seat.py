"""A machine's seat on the Redis bus: consumer groups in, one Redis Function call out.

The cursors in the commit are the truth about what was handled; the group's pending list is bookkeeping that follows.
Every epoch has consumer groups of its own, which begin at the cursors, and the groups of earlier epochs are destroyed:
reading moves a group on, so a writer that was taken over and wakes up must not be able to read either. What it took
would be pending for nobody, and be passed over.
"""

import asyncio
import os
import socket
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence

import msgpack
from redis.exceptions import ResponseError

from shared.adapters.codec import decode, encode
from shared.adapters.redis_client import MAX_BLOCK_MS, Client, bus_errors
from shared.adapters.redis_groups import begin_group
from shared.adapters.redis_keys import DECISION_TTL_MS, MARKER_TTL_MS, decision_key, entry_of, proposal_marker
from shared.messages.base import Message
from shared.messages.catalogue import TOPIC_OF, key_of
from shared.messages.market import BarClosed
from shared.messages.orders import OrderDecided
from shared.ports.bus import (
    AlreadyDecidedError,
    BusLostError,
    Commit,
    CommitRefusedError,
    Entry,
    FencedError,
    Proposal,
    Snapshot,
    StateGoneError,
    entry_order,
)

LEASE_MS = 3_000
ENTRIES_PER_READ = 200
HISTORY_PAGE = 1_000
JOURNAL_KEEP = 100_000
GROUP_GONE = ("NOGROUP", "UNBLOCKED")


class RedisSeat:
    """See ``ports.bus.Seat``. Its keys start with ``home``, whose braces keep them in one cluster slot."""

    def __init__(self, client: Client, service: str, inputs: Sequence[str], *, home: str, portfolio: str) -> None:
        self._client = client
        self._inputs = tuple(inputs)
        self._portfolio = portfolio
        self._groups = f"{service}:" if home.startswith("{") else f"{service}:{portfolio}:"
        self.group = ""
        self.losses: Mapping[str, int] = {}
        self._owner = f"{service}@{socket.gethostname()}:{os.getpid()}:{id(self):x}"
        self._lease_key, self._meta = f"{home}:lease:{service}", f"{home}:meta:{service}"
        self._cursors, self._state = f"{home}:cursors:{service}", f"{home}:state:{service}"
        self._journal, self._reserved = f"{home}:journal:{service}", f"{home}:reserved"
        self._home_tag = home[home.index("{") : home.index("}") + 1]
        self._service = service
        self._epoch = 0
        self._unacknowledged: dict[str, list[str]] = defaultdict(list)
        self._unfinished: dict[str, str] = {}  # stream to the last entry that an earlier holder was given

    # --- the right to write ---------------------------------------------------------------------------------------

    async def acquire(self) -> int:
        while not await self._lease():
            await asyncio.sleep(LEASE_MS / 1000 / 10)
        self.group = f"{self._groups}{self._epoch}"
        async with bus_errors():
            cursors = await self._client.hgetall(self._cursors)
        begun = {
            stream: await begin_group(
                self._client, stream, self._groups, self._epoch, cursors.get(stream.encode(), b"").decode()
            )
            for stream in self._inputs
        }
        self._unfinished = {stream: left.unfinished for stream, left in begun.items() if left.unfinished}
        self.losses = {stream: left.lost for stream, left in begun.items() if left.lost}
        return self._epoch

    async def _lease(self) -> bool:
        """Take the lease if nobody else has it, and with it the next epoch."""
        async with bus_errors():
            epoch, _holder = await self._client.fcall(
                "hs_acquire", 2, self._lease_key, self._meta, self._owner, LEASE_MS
            )
        self._epoch = int(epoch)
        return bool(epoch)

    async def renew(self) -> None:
        async with bus_errors():
            alive = await self._client.fcall(
                "hs_renew", 2, self._lease_key, self._meta, self._owner, LEASE_MS, self._epoch
            )
        if alive < 0:
            raise self._gone()
        if not alive:
            raise FencedError(f"{self._service}: another writer took over after epoch {self._epoch}")

    def _gone(self) -> StateGoneError:
        return StateGoneError(f"{self._service}: the server has forgotten epoch {self._epoch} and all that came before")

    async def release(self) -> None:
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
        entries: list[Entry] = []
        for stream, last in self._unfinished.items():
            while rows := await self._read_group((stream,), None):
                entries += [entry_of(stream, entry_id, fields) for _, items in rows for entry_id, fields in items]
                if entry_order(entries[-1].id) >= entry_order(last):
                    break
        self._unfinished = {}
        return entries

    # --- reading and writing --------------------------------------------------------------------------------------

    async def read(self, wait_ms: int) -> Sequence[Entry]:
        await self._acknowledge_other_slots()
        rows = await self._read_group(self._inputs, min(wait_ms, MAX_BLOCK_MS))
        found = {stream.decode(): items for stream, items in rows}
        return [
            entry_of(stream, entry_id, fields) for stream in self._inputs for entry_id, fields in found.get(stream, ())
        ]

    async def _read_group(
        self, streams: Sequence[str], wait_ms: int | None
    ) -> list[tuple[bytes, list[tuple[bytes, dict[bytes, bytes]]]]]:
        """What nobody of this epoch was given yet. Raises ``FencedError`` when the epoch is over."""
        try:
            async with bus_errors():
                rows = await self._client.xreadgroup(
                    self.group, "writer", dict.fromkeys(streams, ">"), count=ENTRIES_PER_READ, block=wait_ms or None
                )
        except ResponseError as error:
            if not str(error).startswith(GROUP_GONE):
                raise
            await self.renew()  # tells whether somebody took over
            raise BusLostError(f"{self._service}: {error}") from error
        return list(rows.items()) if isinstance(rows, dict) else list(rows or ())

    async def commit(self, commit: Commit) -> None:
        keys, plan = self._planned(commit)
        async with bus_errors():
            answer = await self._client.fcall("hs_commit", len(keys), *keys, packed(plan))
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
                stored = [decode(body) for body in bodies]
                raise AlreadyDecidedError([decision for decision in stored if isinstance(decision, OrderDecided)])
            case ["HEAT", order_id]:
                raise CommitRefusedError(f"order {order_id.decode()} would take reserved heat over its limit")
            case [kind, detail]:
                raise CommitRefusedError(f"{kind}: expected sequence after {detail.decode()}, got {commit.seq}")
        for stream, entry_id in commit.handled:
            if not self._is_home(stream):
                self._unacknowledged[stream].append(entry_id)

    def _planned(self, commit: Commit) -> tuple[list[str], dict[str, object]]:
        """The commit as the Lua function takes it: keys by number, and the plan."""
        keys = [self._meta, self._cursors, self._state, self._journal, self._reserved]
        numbers: dict[str, int] = {}

        def number(key: str) -> int:
            if key not in numbers:
                keys.append(key)
                numbers[key] = len(keys)
            return numbers[key]

        outputs, decisions, markers = [], [], []
        for message in commit.outputs:
            key, body = key_of(message, portfolio=self._portfolio), encode(message)
            outputs.append((number(key), TOPIC_OF[type(message)].keep, body, _channels(key, message)))
            if isinstance(message, OrderDecided):
                decisions.append((number(decision_key(self._portfolio, message.order_id)), body, DECISION_TTL_MS))
            elif isinstance(message, Proposal):
                markers.append((number(proposal_marker(key, message.id)), MARKER_TTL_MS))
        acks: dict[str, list[str]] = defaultdict(list)
        for stream, entry_id in commit.handled:
            if self._is_home(stream):
                acks[stream].append(entry_id)
        plan: dict[str, object] = {
            "epoch": str(self._epoch),
            "seq": str(commit.seq),
            "digest": str(commit.digest),
            "journal": self._journalled(commit),
            "keep": JOURNAL_KEEP,
            "guards": [(g.order_id, repr(g.risk_usdt), repr(g.open_usdt), repr(g.limit_usdt)) for g in commit.guards],
            "decisions": decisions,
            "markers": markers,
            "outputs": outputs,
            "records": [(key, False if body is None else body) for key, body in commit.records.items()],
            "cursors": list(commit.cursors.items()),
            "acks": [(number(stream), self.group, ids) for stream, ids in acks.items()],
        }
        return keys, plan

    def _journalled(self, commit: Commit) -> bytes:
        return packed(
            {
                "seq": commit.seq,
                "epoch": self._epoch,
                "handled": len(commit.handled),
                "outputs": [message.id for message in commit.outputs],
                "records": list(commit.records),
                "digest": str(commit.digest),
            }
        )

    def _is_home(self, stream: str) -> bool:
        return self._home_tag in stream

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


def _channels(key: str, message: Message) -> list[str]:
    return [key, f"{key}:{message.symbol}"] if isinstance(message, BarClosed) else [key]


def packed(plan: dict[str, object]) -> bytes:
    """MessagePack as the server's Lua reads it: bytes and text alike as raw strings."""
    body: bytes = msgpack.packb(plan, use_bin_type=False)
    return body
