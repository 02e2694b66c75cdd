"""Reading the streams of a machine by the consumer groups of its epoch. ``groups`` says why each epoch has its own."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence

from redis.exceptions import ResponseError

from shared.adapters.codec import entry_of
from shared.adapters.redis.client import MAX_BLOCK_MS, Client, bus_errors
from shared.adapters.redis.connection import DedicatedConnection
from shared.adapters.redis.groups import Begun, begin_group, groups_of
from shared.ports.errors import BusLostError, MisplacedKeyError
from shared.ports.streams import Entry, entry_order

ENTRIES_PER_READ = 200
MOST_READ_ON = 10_000  # entries of a stream that is read to its end
GROUP_GONE = ("NOGROUP", "UNBLOCKED")


class GroupGoneError(BusLostError):
    """The group that was read by is no longer there: another writer took over, or somebody destroyed it."""


class GroupReader:
    """Reads by the groups ``<prefix><epoch>`` of one epoch after another.

    connection: of its own, for reads block.
    inputs: the keys of the streams, in order of priority.
    reads: the same by command: those of a command stand in one slot, and only the last command waits (see ``slots``).
    whole: those of the inputs that are read to their end before what was read of others is given out.
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
    ) -> None:
        self._client, self._connection, self._prefix = client, connection, prefix
        self._inputs, self._reads, self._whole = tuple(inputs), reads, tuple(whole)
        self.group = ""
        self._unacknowledged: dict[str, list[str]] = defaultdict(list)
        self.unreadable: dict[str, str] = {}
        self._given: dict[str, str] = {}  # stream to the last entry that this epoch was given
        self._ahead: dict[str, str] = {}  # stream to where its group stood at the last look, beyond what was given
        self._unfinished: dict[str, str] = {}  # stream to the last entry that an earlier holder was given

    async def begin(self, epoch: int, cursors: Mapping[str, str]) -> Mapping[str, int]:
        """Make the groups of an epoch, behind the cursors; returns how many entries of each stream were lost."""
        begun: dict[str, Begun] = {}
        self.unreadable = {}
        for stream in self._inputs:
            try:
                begun[stream] = await begin_group(self._client, stream, self._prefix, epoch, cursors.get(stream, ""))
            except MisplacedKeyError as error:
                self.unreadable[stream] = str(error)
        self.group = f"{self._prefix}{epoch}"
        self._given = dict(cursors)
        self._unacknowledged.clear()
        self._unfinished = {stream: left.unfinished for stream, left in begun.items() if left.unfinished}
        return {stream: left.lost for stream, left in begun.items() if left.lost}

    async def pending(self) -> Sequence[Entry]:
        """What an earlier holder was given and did not finish, in order of priority."""
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

    async def read(self, wait_ms: int) -> Sequence[Entry]:
        """New entries, in order of priority; waits for some. Raises ``GroupGoneError``."""
        await self._acknowledge_other_slots()
        if not self._inputs:  # a machine that is configured to do nothing
            await asyncio.sleep(wait_ms / 1000)
            return ()
        readable = ([key for key in reads if key not in self.unreadable] for reads in self._reads)
        commands = [reads for reads in readable if reads] if self.unreadable else self._reads
        if not commands:
            await asyncio.sleep(wait_ms / 1000)
            return ()
        *before, waited_on = commands
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
        """What nobody of this epoch was given yet."""
        block = ("BLOCK", wait_ms) if wait_ms else ()
        command = ("XREADGROUP", "GROUP", self.group, "writer", "COUNT", ENTRIES_PER_READ, *block, "STREAMS")
        try:
            reply = await self._connection.call(*command, *streams, *(">" for _ in streams))
        except ResponseError as error:
            if not str(error).startswith(GROUP_GONE):
                raise
            raise GroupGoneError(f"{self.group}: {error}") from error
        rows = reply.items() if isinstance(reply, dict) else reply or ()
        found = {name.decode(): _entries(name.decode(), items) for name, items in rows}
        self._given.update((stream, entries[-1].id) for stream, entries in found.items() if entries)
        return found

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
            await pipe.execute()
        self._unacknowledged.clear()

    async def check_groups(self) -> None:
        """A group that somebody moved on gives us nothing of what it skips. A new epoch's begins at the cursor again.

        What was given between two looks may be on its way, so it takes two of them that find the same.
        """
        before, self._ahead = self._ahead, {}
        for stream in self.unreadable:
            async with bus_errors():
                found = (await self._client.type(stream)).decode()
            if found in ("stream", "none"):
                raise BusLostError(f"{stream} can be read again")
        for stream in self._inputs if self.group else ():
            if stream in self.unreadable:
                continue
            row = next(
                (row for row in await groups_of(self._client, stream) if row["name"] == self.group.encode()), None
            )
            at = row["last-delivered-id"].decode() if row is not None else "0"
            if entry_order(at) > entry_order(self._given.get(stream, "0")):
                self._ahead[stream] = at
                if before.get(stream) == at:
                    raise BusLostError(f"somebody moved {self.group} on {stream} to {at}")


def _entries(stream: str, items: Sequence[tuple[bytes, Sequence[bytes]]]) -> list[Entry]:
    """Entries as the server gives them: an id, and names and values in turns."""
    return [entry_of(stream, entry_id, dict(zip(fields[::2], fields[1::2], strict=True))) for entry_id, fields in items]
