"""Reading a range of a stream, bounded by entries and by bytes: a long entry is never copied but for its beginning."""

from collections.abc import Mapping
from typing import Any

from redis.exceptions import ResponseError

from shared.adapters.codec import entry_of, most_bytes_of
from shared.adapters.redis.client import Client, bus_errors
from shared.ports.streams import Entry

BYTES_PER_LOOK = 8 * 1024 * 1024
FIELDS_BYTES = 4096  # what may stand in an entry beside the message
NO_LIBRARY = ("Function not found", "NOPERM")


async def bounded_range(
    client: Client, stream: str, start: str, end: str, count: int, *, newest_first: bool = False
) -> list[Entry]:
    """Entries from one id to another, at most ``count``, and at least one if there is any.

    A server that no service has prepared yet has no functions: a visitor reads there as it is.
    """
    async with bus_errors(stream):
        try:
            rows = await client.fcall_ro("hs_range", 1, stream, *_bounds(stream, start, end, count, newest_first))
        except ResponseError as error:
            if not _is_unprepared(error):
                raise
            rows = await _plain_rows(client, stream, start, end, count, newest_first=newest_first)
    return _entries(stream, rows)


async def ranges_after(client: Client, cursors: Mapping[str, str], count: int) -> dict[str, list[Entry]]:
    """The entries after the cursor of each stream that has any: in one go, but not of one moment."""
    pipe = client.pipeline(transaction=False)
    for stream, cursor in cursors.items():
        pipe.fcall_ro("hs_range", 1, stream, *_bounds(stream, f"({cursor}", "+", count, False))
    async with bus_errors(*cursors):
        found = dict(zip(cursors, await pipe.execute(raise_on_error=False), strict=True))
        for stream, rows in found.items():
            if isinstance(rows, ResponseError) and _is_unprepared(rows):
                found[stream] = await _plain_rows(client, stream, f"({cursors[stream]}", "+", count)
            elif isinstance(rows, Exception):
                raise rows
    return {stream: _entries(stream, rows) for stream, rows in found.items() if rows}


def _bounds(stream: str, start: str, end: str, count: int, newest_first: bool) -> tuple[str | int, ...]:
    return start, end, count, BYTES_PER_LOOK, most_bytes_of(stream) + FIELDS_BYTES, int(newest_first)


def _is_unprepared(error: ResponseError) -> bool:
    return any(text in str(error) for text in NO_LIBRARY)


async def _plain_rows(
    client: Client, stream: str, start: str, end: str, count: int, *, newest_first: bool = False
) -> list[Any]:
    call, first, last = (client.xrevrange, end, start) if newest_first else (client.xrange, start, end)
    rows = await call(stream, first, last, count=count)
    return [(1, entry_id, [part for pair in fields.items() for part in pair], 0) for entry_id, fields in rows]


def _entries(stream: str, rows: list[Any]) -> list[Entry]:
    return [
        entry_of(stream, entry_id, dict(zip(fields[::2], fields[1::2], strict=True)), size)
        for _, entry_id, fields, size in rows
    ]
