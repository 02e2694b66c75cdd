"""Consumer groups, one of a machine's own for every epoch.

Reading moves a group on. If epochs shared one, a writer that was taken over and wakes up could still read: what it
took would be pending for nobody, and the new writer's cursor would pass over it. So a new epoch's groups begin at the
cursors of the last commit, and those of earlier epochs are destroyed: reading from them is refused from then on.
"""

from typing import Any, NamedTuple

from redis.exceptions import ResponseError

from shared.adapters.redis.client import Client, bus_errors
from shared.adapters.redis.stored_texts import is_counter
from shared.ports.streams import entry_order

PENDING_LOOKED_AT = 10_000
NEVER = entry_order(f"{2**63}")


class Begun(NamedTuple):
    """What an earlier epoch left of a stream.

    unfinished: the id of the last entry that it was given, if that comes after the cursor; empty otherwise.
    lost: how many entries were trimmed or deleted before anybody handled them, as far as the server can tell.
    handled: how many come up to the cursor; None if the server cannot tell.
    """

    unfinished: str
    lost: int
    handled: int | None


async def begin_group(
    client: Client, stream: str, prefix: str, epoch: int, cursor: str, *, whole: bool = False
) -> Begun:
    """Make the group ``<prefix><epoch>`` in place of all earlier ones; it begins behind the cursor.

    cursor: the id of the last entry that was handled; empty for a stream of which none was.
    whole: whether all is missed that the stream ever had, when nothing of it was handled.
    """
    earlier = await _earlier_groups(client, stream, prefix, epoch)
    last, handled, lost = "0", None, 0
    if earlier:
        latest = max(earlier, key=lambda group: entry_order(group["last-delivered-id"].decode()))
        last = latest["last-delivered-id"].decode()
        handled, lost = await _handled_and_lost(client, stream, latest, cursor)
    elif not cursor:
        gone = await gone_before(client, stream)
        handled, lost = (0, gone) if whole else (gone, 0)
    for group in earlier:
        async with bus_errors(stream):
            await client.xgroup_destroy(stream, group["name"])
    read = () if handled is None else ("ENTRIESREAD", handled)
    async with bus_errors(stream):
        name = f"{prefix}{epoch}"
        await client.fcall("hs_write", 1, stream, "XGROUP", name, cursor or "0", "MKSTREAM", *read)
    return Begun(last if entry_order(last) > entry_order(cursor or "0") else "", lost, handled)


async def groups_of(client: Client, stream: str) -> list[dict[str, Any]]:
    """What the server says of every group of a stream; nothing while the stream does not exist."""
    try:
        async with bus_errors(stream):
            rows: list[dict[str, Any]] = await client.xinfo_groups(stream)
    except ResponseError as error:
        if "no such key" in str(error):
            return []
        raise
    return rows


async def _earlier_groups(client: Client, stream: str, prefix: str, epoch: int) -> list[dict[str, Any]]:
    rows = await groups_of(client, stream)
    return [row for row in rows if -1 < epoch_of(row["name"], prefix) <= epoch]


def epoch_of(group: bytes, prefix: str) -> int:
    """The epoch in a group's name; -1 for a group of somebody else, whose name may be any bytes."""
    number = group.removeprefix(prefix.encode())
    is_ours = number != group and is_counter(number)
    return int(number) if is_ours else -1


async def gone_before(client: Client, stream: str) -> int:
    """How many entries the stream had before those that it has now."""
    length, added, _ = await _facts(client, stream)
    return added - length


async def _handled_and_lost(client: Client, stream: str, group: dict[str, Any], cursor: str) -> tuple[int | None, int]:
    """How many entries of the stream come up to the cursor (None: unknown), and how many after it are gone."""
    async with bus_errors():
        pending = await client.xpending_range(
            stream, group["name"], min=f"({cursor}" if cursor else "-", max="+", count=PENDING_LOOKED_AT
        )
    length, added, first = await _facts(client, stream)
    begins = entry_order(first) if first else NEVER
    lost = sum(entry_order(row["message_id"].decode()) < begins for row in pending)
    given = group.get("entries-read")
    if given is None:
        return None, lost
    removed, handled = added - length, max(0, int(given) - len(pending))
    return handled, max(lost, removed - handled)


async def _facts(client: Client, stream: str) -> tuple[int, int, str]:
    """How many entries a stream has, how many it ever had, and the id of the first one, if any. No body is read."""
    async with bus_errors(stream):
        length, added, first = await client.fcall_ro("hs_stream_facts", 1, stream)
    return int(length), int(added), first.decode()
