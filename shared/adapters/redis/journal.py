"""The journal of a machine's commits: one entry for each, with its number and the digest that it left."""

from typing import Any

import msgspec
from msgspec import Struct

from shared.adapters.redis.client import Client, bus_errors


class Journalled(Struct):
    """What is looked at of an entry; ``commit_encoder`` writes it. epoch: of the writer. digest: as text."""

    seq: int
    epoch: int
    digest: str


_DECODER = msgspec.msgpack.Decoder(Journalled)


async def last_journalled(client: Client, journal: str) -> Journalled | None:
    """The newest commit that the journal tells of."""
    async with bus_errors(journal):
        rows = await client.xrevrange(journal, count=20)
    return next((found for row in rows if (found := _read(row)) is not None), None)


async def journalled_digest(client: Client, journal: str, seq: int) -> int | None:
    """The digest that commit ``seq`` left; None where the journal does not go back so far, or cannot be read there.

    Entries stand in the order of their numbers, so it is found by halving the time that they span.
    """
    async with bus_errors(journal):
        ends = [*await client.xrange(journal, count=1), *await client.xrevrange(journal, count=1)]
    low, high = (_milliseconds(row) for row in ends) if ends else (1, 0)
    while low <= high:
        middle = (low + high) // 2
        async with bus_errors(journal):
            rows = await client.xrange(journal, min=str(middle), count=1)
        found = _read(rows[0]) if rows else None
        if found is None or found.seq > seq:
            high = middle - 1
        elif found.seq == seq:
            return int(found.digest)
        elif (beside := await _within(client, journal, middle, rows[0], seq)) is not None:
            return beside
        else:
            low = max(middle, _milliseconds(rows[0])) + 1
    return None


async def _within(client: Client, journal: str, start_ms: int, first: Any, seq: int) -> int | None:
    """The same among the commits of one millisecond."""
    async with bus_errors(journal):
        rows = await client.xrange(journal, min=str(start_ms), max=str(_milliseconds(first)), count=1_000)
    return next((int(found.digest) for row in rows if (found := _read(row)) is not None and found.seq == seq), None)


def _milliseconds(row: Any) -> int:
    return int(row[0].partition(b"-")[0])


def _read(row: Any) -> Journalled | None:
    try:
        found = _DECODER.decode(row[1].get(b"m", b""))
    except (msgspec.DecodeError, ValueError):
        return None
    return found if found.digest.isdigit() else None
