"""Reading the streams of a machine by the consumer groups of its epoch. ``groups`` says why each epoch has its own.

What is there is read by a function of the server, bounded by entries and by bytes: a long entry is never copied but for
its beginning. Where nothing is there, the reader waits for one entry on a connection that keeps no long value.

Clients have queues of their own beside the stream that anybody writes. From all of these the reader takes in turns, an
entry of each, so that a flood of one delays the others by a turn (docs/decisions/0025). And a flood rests between its
turns, see ``resting``.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from redis.exceptions import ResponseError

from shared.adapters.codec import entry_of, most_bytes_of
from shared.adapters.redis.client import MAX_BLOCK_MS, Client, bus_errors, executed
from shared.adapters.redis.connection import Cut, DedicatedConnection
from shared.adapters.redis.groups import Begun, begin_group, gone_before, groups_of
from shared.adapters.resting import Resting
from shared.messages.catalogue import PROPOSED, topic_of_key
from shared.messages.keys import Keys
from shared.ports.bus import MOST_CLIENTS
from shared.ports.errors import BusLostError, MisplacedKeyError
from shared.ports.streams import Entry, entry_order

ENTRIES_PER_READ = 200
ENTRIES_OF_A_CLIENT = 16  # of one read: so long is a step at most that others wait for
BYTES_PER_READ = 2 * 1024 * 1024  # of a stream, and of all that take turns together
FIELDS_BYTES = 4096  # what may stand in an entry beside the message
MOST_READ_ON = 10_000  # entries of a stream that is read to its end
GROUP_GONE = ("NOGROUP", "UNBLOCKED")


class GroupGoneError(BusLostError):
    """The group that was read by is no longer there: another writer took over, or somebody destroyed it."""


class GroupReader:
    """Reads by the groups ``<prefix><epoch>`` of one epoch after another.

    connection: what is there is read by it. A connection of its own waits.
    inputs: the keys of the streams, in order of priority.
    reads: the same by command: those of a command stand in one slot, and only the last command waits (see ``slots``).
    whole: those of the inputs that are read to their end before what was read of others is given out.
    in_turns: the input beside which clients have queues of their own, in the slot that is waited on; empty for none.
    keys: where these queues stand.
    group: that of the epoch; empty before ``begin``.
    unreadable: inputs that are no streams, each with what it is; they are left out until they are.
    """

    def __init__(
        self,
        client: Client,
        connection: DedicatedConnection,
        prefix: str,
        inputs: Sequence[str],
        reads: Sequence[Sequence[str]],
        whole: Sequence[str],
        *,
        in_turns: str,
        keys: Keys,
    ) -> None:
        self._client, self._connection, self._prefix = client, connection, prefix
        self._waiting = DedicatedConnection(client, bounded=True)
        self._inputs, self._whole = tuple(inputs), tuple(whole)
        self._reads = [tuple(stream for stream in streams if stream != in_turns) for streams in reads]
        self._in_turns, self._keys = in_turns, keys
        self._topic_in_turns = topic_of_key(in_turns) or PROPOSED
        self._queues: tuple[str, ...] = ()  # of clients, as far as they are known
        self._resting = Resting()
        self._rank = {stream: number for number, stream in enumerate(inputs)}
        self._told: dict[str, int] = {}  # how many were lost of streams of which nothing was given since
        self._count: dict[str, int] = {}  # how many entries of a stream its group was given, where that is known
        self._epoch, self.group = 0, ""
        self._unacknowledged: dict[str, list[str]] = defaultdict(list)
        self.unreadable: dict[str, str] = {}
        self._given: dict[str, str] = {}  # stream to the last entry that this epoch was given
        self._ahead: dict[str, str] = {}  # stream to where its group stood at the last look, beyond what was given
        self._unfinished: dict[str, str] = {}  # stream to the last entry that an earlier holder was given

    async def begin(self, epoch: int, cursors: Mapping[str, str]) -> Mapping[str, int]:
        """Make the groups of an epoch, behind the cursors; returns how many entries of each stream were lost."""
        self._epoch, self._given, self._queues, self._told, self._count = epoch, dict(cursors), (), {}, {}
        self.unreadable = {}
        begun: dict[str, Begun] = {}
        for stream in self._inputs:
            try:
                begun[stream] = await self._begin(stream)
            except MisplacedKeyError as error:
                self.unreadable[stream] = str(error)
        begun |= await self._find_queues()
        self.group = f"{self._prefix}{epoch}"
        self._unacknowledged.clear()
        self._unfinished = {stream: left.unfinished for stream, left in begun.items() if left.unfinished}
        return dict(self._told)

    async def _begin(self, stream: str, *, whole: bool = False) -> Begun:
        cursor = self._given.get(stream, "")
        begun = await begin_group(self._client, stream, self._prefix, self._epoch, cursor, whole=whole)
        if begun.lost:
            self._told[stream] = begun.lost
        if begun.handled is not None:
            self._count[stream] = begun.handled
        return begun

    async def _find_queues(self) -> dict[str, Begun]:
        """Begin to read the queues of clients that are new. What is called a queue and is none is left alone."""
        begun: dict[str, Begun] = {}
        for client in await known_clients(self._client, self._keys) if self._in_turns else ():
            queue = self._keys.of_client(client, self._topic_in_turns)
            if queue not in self._queues:
                with suppress(MisplacedKeyError):
                    begun[queue] = await self._begin(queue, whole=True)
                    self._queues = (*self._queues, queue)
                    self._rank[queue] = self._rank[self._in_turns]
        return begun

    @property
    def _turns(self) -> tuple[str, ...]:
        """The queues that do not rest just now, behind the stream that anybody writes."""
        if not self._in_turns:
            return ()
        return self._beside(self._resting.awake(self._queues))

    def _beside(self, queues: tuple[str, ...]) -> tuple[str, ...]:
        return queues if self._in_turns in self.unreadable else (self._in_turns, *queues)

    @property
    def streams(self) -> Sequence[str]:
        """All that it reads."""
        return (*self._inputs, *self._queues)

    async def pending(self) -> Sequence[Entry]:
        """What an earlier holder was given and did not finish, in order of priority."""
        found: list[Entry] = []
        for stream, last in self._unfinished.items():
            while more := await self._take((stream,)):
                found += more
                if entry_order(more[-1].id) >= entry_order(last):
                    break
        self._unfinished = {}
        if found:
            await self._read_on(found, self._whole)
        return self._in_order(found)

    async def read(self, wait_ms: int) -> Sequence[Entry]:
        """New entries, in order of priority; waits for some. Raises ``GroupGoneError``."""
        await self._acknowledge_other_slots()
        self._resting.end_step()
        if not self._inputs:  # a machine that is configured to do nothing
            await asyncio.sleep(wait_ms / 1000)
            return ()
        commands: Sequence[Sequence[str]] = self._reads
        if self.unreadable:
            commands = [[key for key in reads if key not in self.unreadable] for reads in self._reads]
        *before, waited_on = commands
        found: list[Entry] = []
        for streams in before:
            found += await self._take(streams)
        found += await self._take(waited_on, self._turns)
        left = self._resting.seconds_left
        if not found and left is not None and not wait_ms:
            found = await self._take((), self._beside(self._queues))
        elif not found and wait_ms:
            most_ms = min(wait_ms, MAX_BLOCK_MS)
            most_ms = most_ms if left is None else min(most_ms, max(1, round(left * 1000)))
            found = await self._wait((*waited_on, *self._turns), most_ms)
        in_turns = (self._in_turns, *self._queues)
        given = Counter(entry.stream for entry in found if entry.stream in in_turns)
        full = [queue for queue in self._queues if given[queue] >= ENTRIES_OF_A_CLIENT]
        self._resting.begin_step(given, full)
        began = {entry.stream for entry in found}
        await self._read_on(found, [stream for stream in self._whole if stream in began])
        return self._in_order(found)

    async def _read_on(self, found: list[Entry], streams: Sequence[str]) -> None:
        """Read these streams to their end, as it is now."""
        for stream in streams:
            entries = 0
            while entries < MOST_READ_ON and (more := await self._take((stream,))):
                found += more
                entries += len(more)

    def _in_order(self, found: Sequence[Entry]) -> Sequence[Entry]:
        """In the inputs' order; what takes turns stays in the order of turns, at its place."""
        return sorted(found, key=lambda entry: self._rank[entry.stream])

    async def _take(self, streams: Sequence[str], turns: Sequence[str] = ()) -> list[Entry]:
        """What nobody of this epoch was given yet, a bounded number of entries and bytes."""
        names = (*streams, *turns)
        if not names:
            return []
        bounds = (ENTRIES_PER_READ, BYTES_PER_READ, len(turns), *(most_bytes_of(name) + FIELDS_BYTES for name in names))
        bounds = (*bounds, ENTRIES_OF_A_CLIENT, int(self._in_turns in self.unreadable))  # then a client's is the first
        rows = await self._call(self._connection, "FCALL", "hs_read", len(names), *names, self.group, *bounds)
        for number, _id, _fields, _size, *given in rows:
            if given and given[0]:
                await self._check_count(names[number - 1], given[0], [row[1] for row in rows if row[0] == number])
        return self._noted([_entry(names[number - 1], *row[:3]) for number, *row in rows])

    async def _check_count(self, stream: str, given: int, ids: Sequence[bytes]) -> None:
        """What is gone counts as given once the group reads on. So that is taken back, for the next start to tell of.

        given: how many entries the group was given with the first of these.
        """
        known = self._count.get(stream, given - 1)
        if given == known + 1 or (gone := await gone_before(self._client, stream) - known) <= self._told.get(stream, 0):
            return
        async with bus_errors(stream):
            await self._client.xgroup_setid(stream, self.group, self._given.get(stream, "0"), entries_read=known)
            await self._client.xack(stream, self.group, *ids)
        raise _gone_unread(stream, gone)

    async def _wait(self, streams: Sequence[str], wait_ms: int) -> list[Entry]:
        """The next entry that comes; nothing if none does in time. Of several streams at once, one of each."""
        command = ("XREADGROUP", "GROUP", self.group, "writer", "COUNT", 1, "BLOCK", wait_ms, "STREAMS")
        if not streams:
            await asyncio.sleep(wait_ms / 1000)
            return []
        reply = await self._call(self._waiting, *command, *streams, *(">" for _ in streams))
        found = [_entry(name.decode(), *items[0]) for name, items in reply or () if items]
        self._noted(found)
        if len(found) > 1:  # they came between two calls, and perhaps more with them
            found += await self._take([stream for stream in streams if stream not in self._turns], self._turns)
        return found

    async def _call(self, connection: DedicatedConnection, *command: str | bytes | int) -> Any:
        try:
            return await connection.call(*command)
        except ResponseError as error:
            if not str(error).startswith(GROUP_GONE):
                raise
            raise GroupGoneError(f"{self.group}: {error}") from error

    def _noted(self, entries: list[Entry]) -> list[Entry]:
        for entry in entries:
            self._given[entry.stream] = entry.id
            gone = self._told.pop(entry.stream, 0) if self._told else 0
            if entry.stream in self._count:
                self._count[entry.stream] += 1 + gone
        return entries

    async def close(self) -> None:
        """Close the connection that waits."""
        await self._waiting.close()

    def acknowledge_later(self, stream: str, entry_id: str) -> None:
        """Acknowledge with the next read what was committed of a stream that the commit could not reach."""
        self._unacknowledged[stream].append(entry_id)

    async def _acknowledge_other_slots(self) -> None:
        """Acknowledge what was committed before, in streams that the commit could not reach."""
        if not self._unacknowledged:
            return
        pipe = self._client.pipeline(transaction=False)
        for stream, ids in self._unacknowledged.items():
            pipe.xack(stream, self.group, *ids)
        async with bus_errors():
            await executed(pipe)
        self._unacknowledged.clear()

    async def check_groups(self) -> None:
        """A group that somebody moved on gives us nothing of what it skips. A new epoch's begins at the cursor again.

        What was given between two looks may be on its way, so it takes two of them that find the same. Nor does it
        give what somebody took out of a stream before it was read: that is told of by the start that follows.
        """
        if not self.group:
            return
        for queue, begun in (await self._find_queues()).items():
            if begun.lost:
                raise _gone_unread(queue, begun.lost)
        before, self._ahead = self._ahead, {}
        for stream in self.unreadable:
            async with bus_errors():
                kind = (await self._client.type(stream)).decode()
            if kind in ("stream", "none"):
                raise BusLostError(f"{stream} can be read again")
        for stream in self.streams:
            if stream in self.unreadable:
                continue
            row = next(
                (row for row in await groups_of(self._client, stream) if row["name"] == self.group.encode()), None
            )
            await self._check_gap(stream, row)
            at = row["last-delivered-id"].decode() if row is not None else "0"
            if entry_order(at) > entry_order(self._given.get(stream, "0")):
                self._ahead[stream] = at
                if before.get(stream) == at:
                    raise BusLostError(f"somebody moved {self.group} on {stream} to {at}")

    async def _check_gap(self, stream: str, group: dict[str, Any] | None) -> None:
        """A group that lacks more entries than its stream has will never be given the rest."""
        lag = group.get("lag") if group is not None else None
        if not lag:
            return
        async with bus_errors(stream):
            gone = int(lag) - int(await self._client.xlen(stream))
        if gone > self._told.get(stream, 0):
            raise _gone_unread(stream, gone)


def _gone_unread(stream: str, count: int) -> BusLostError:
    """The start that follows tells of it."""
    return BusLostError(f"{count} entries of {stream} are gone, and nobody had read them")


async def known_clients(client: Client, keys: Keys) -> Sequence[str]:
    """The names of clients that have a queue of their own, a bounded number of them.

    Where something else stands in the place of the names, no client is known: their proposals are refused, or wait.
    """
    found: list[str] = []
    with suppress(MisplacedKeyError):
        async with bus_errors(keys.clients):
            async for name, _ in client.hscan_iter(keys.clients):
                with suppress(ValueError, UnicodeDecodeError):
                    keys.of_client(name.decode())
                    found.append(name.decode())
                if len(found) >= MOST_CLIENTS:
                    break
    return found


def _entry(stream: str, entry_id: bytes, fields: Sequence[bytes], size_bytes: int = 0) -> Entry:
    """An entry as the server gives it: an id, and names and values in turns."""
    size_bytes = size_bytes or max((each.size for each in fields if isinstance(each, Cut)), default=0)
    return entry_of(stream, entry_id, dict(zip(fields[::2], fields[1::2], strict=True)), size_bytes)
