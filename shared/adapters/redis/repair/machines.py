"""What stands on the server of one machine: the numbers of its commits, its cursors, records, tries and leases."""

from collections.abc import AsyncIterator

from shared.adapters.redis.client import Client, bus_errors
from shared.adapters.redis.groups import epoch_of, groups_of
from shared.adapters.redis.journal import last_journalled
from shared.adapters.redis.keys import group_prefix
from shared.adapters.redis.repair.faults import KeyFault, Machine, Mend, Stack
from shared.adapters.redis.repair.kinds import deleting, kind_of, wrong_kind
from shared.adapters.redis.stored_texts import COMMIT_NUMBERS, is_counter, is_cursor
from shared.ports.streams import entry_order, is_end_of_ids

LONGEST_LEASE_MS = 60_000
RESTORE = "nothing here can give them back: restore the server's data from a copy (docs/repair.md)"
Rows = dict[bytes, bytes]


async def machine_faults(stack: Stack, machine: Machine) -> AsyncIterator[KeyFault]:
    """All that is wrong with one machine's keys; first those on which others build."""
    client = stack.client
    if fault := await wrong_kind(client, machine.key("state"), "hash"):
        yield KeyFault(fault.key, fault.problem, f"the records of {machine.service} are gone: {RESTORE}")
    if fault := await _meta(stack, machine):
        yield fault
    if fault := await _cursors(stack, machine):
        yield fault
    if fault := await _tries(client, machine.key("tries")):
        yield fault
    if fault := await lease_fault(client, machine.key("lease")):
        yield fault


async def lease_fault(client: Client, key: str) -> KeyFault | None:
    """A lease that is none, or that does not end: whoever waits for it would wait for ever."""
    if fault := await wrong_kind(client, key, "string"):
        return KeyFault(key, fault.problem, "it is taken away", deleting(client, key))
    async with bus_errors(key):
        left_ms = int(await client.pttl(key))
    if left_ms == -1 or left_ms > LONGEST_LEASE_MS:
        return KeyFault(key, "is held by somebody who never has to renew it", "it is taken away", deleting(client, key))
    return None


async def _tries(client: Client, key: str) -> KeyFault | None:
    if fault := await wrong_kind(client, key, "hash"):
        return fault
    async with bus_errors(key):
        rows = await client.hgetall(key)
    if all(map(is_counter, rows.values())):
        return None
    return KeyFault(key, "holds notes that are no numbers", "they are taken away", deleting(client, key))


# --- the numbers of its commits -------------------------------------------------------------------------------------


async def _meta(stack: Stack, machine: Machine) -> KeyFault | None:
    client, key = stack.client, machine.key("meta")
    if fault := await wrong_kind(client, key, "hash"):
        problem = fault.problem
    else:
        async with bus_errors(key):
            rows = await client.hgetall(key)
        odd = [name for name, is_right in COMMIT_NUMBERS.items() if not is_right(rows.get(name.encode(), b"0"))]
        if not odd and (rows or await kind_of(client, machine.key("state")) == "none"):
            return None
        problem = f"holds no number as {', '.join(odd)}" if odd else "is gone, and the records are not"
    if await kind_of(client, machine.key("journal")) != "stream":
        return KeyFault(key, problem, f"the journal is no stream either, and {RESTORE}")
    last = await last_journalled(client, machine.key("journal"))
    if last is None:
        return KeyFault(key, problem, f"no commit stands in the journal, and {RESTORE}")
    remedy = f"commit {last.seq} of the journal is the last one again, under a new epoch"
    return KeyFault(key, problem, remedy, _numbering(stack, machine))


def _numbering(stack: Stack, machine: Machine) -> Mend:
    """Numbers as the journal has them. The epoch goes beyond all that were: whoever wrote before is shut out."""

    async def number() -> None:
        client, key = stack.client, machine.key("meta")
        last = await last_journalled(client, machine.key("journal"))
        assert last is not None, "it was there when this was found"
        epochs = [last.epoch, *[epoch async for epoch, _, _ in _groups(stack, machine)]]
        pipe = client.pipeline(transaction=True)
        if await kind_of(client, key) != "hash":
            pipe.unlink(key)
        pipe.hset(key, mapping={"seq": last.seq, "digest": last.digest, "epoch": max(epochs) + 1})
        async with bus_errors(key):
            await pipe.execute()

    return number


# --- cursors --------------------------------------------------------------------------------------------------------


async def _groups(stack: Stack, machine: Machine) -> AsyncIterator[tuple[int, str, dict[str, object]]]:
    """The machine's reading groups: epoch, stream, and what the server says of each."""
    prefix = group_prefix(machine.service, machine.home, stack.keys)
    for stream in stack.streams:
        if await kind_of(stack.client, stream) != "stream":
            continue
        for row in await groups_of(stack.client, stream):
            if (epoch := epoch_of(row["name"], prefix)) >= 0:
                yield epoch, stream, row


async def _cursors(stack: Stack, machine: Machine) -> KeyFault | None:
    client, key = stack.client, machine.key("cursors")
    if fault := await wrong_kind(client, key, "hash"):
        problem = fault.problem
    else:
        async with bus_errors(key):
            rows: Rows = await client.hgetall(key)
        odd = [stream for stream, at in rows.items() if not is_cursor(at.decode(errors="replace"))]
        if not odd:
            return None
        problem = f"holds no cursor for {odd[0].decode(errors='replace')}"
    return KeyFault(key, problem, "cursors are set to where its groups are", _setting_cursors(stack, machine))


def _setting_cursors(stack: Stack, machine: Machine) -> Mend:
    """Each to before the first entry that was given out and not handled, or to the last that was given out."""

    async def set_cursors() -> None:
        client, key = stack.client, machine.key("cursors")
        newest: dict[str, tuple[int, str]] = {}
        async for epoch, stream, row in _groups(stack, machine):
            if epoch >= newest.get(stream, (0, ""))[0]:
                newest[stream] = epoch, await _handled(client, stream, row)
        kept: Rows = {}
        if await kind_of(client, key) == "hash":
            async with bus_errors(key):
                kept = {
                    name: at
                    for name, at in (await client.hgetall(key)).items()
                    if is_cursor(at.decode(errors="replace"))
                }
        found = {stream.encode(): at.encode() for stream, (_, at) in newest.items() if at} | kept
        pipe = client.pipeline(transaction=True)
        pipe.unlink(key)
        if found:
            pipe.hset(key, mapping=found)
        async with bus_errors(key):
            await pipe.execute()

    return set_cursors


async def _handled(client: Client, stream: str, row: dict[str, object]) -> str:
    """The last entry that a group has handled; empty where it has none."""
    async with bus_errors(stream):
        pending = await client.xpending_range(stream, row["name"], min="-", max="+", count=1)
        before = f"({pending[0]['message_id'].decode()}" if pending else row["last-delivered-id"]
        if is_end_of_ids(before.decode() if isinstance(before, bytes) else str(before).removeprefix("(")):
            before = f"({2**64 - 1}-0"
        rows = await client.xrevrange(stream, max=before, count=1)
    at = rows[0][0].decode() if rows else ""
    return at if at and entry_order(at) > (0, 0) else ""
