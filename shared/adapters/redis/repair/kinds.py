"""Keys of another kind, rows that nobody can read, and streams that take no entry any more."""

from collections.abc import AsyncIterator, Callable
from functools import partial
from uuid import uuid4

from shared.adapters.redis.client import Client, bus_errors
from shared.adapters.redis.repair.faults import KeyFault, Mend, aside
from shared.ports.streams import LAST_MS, is_end_of_ids

PAGE = 500
FIRST: list[tuple[bytes, dict[bytes, bytes]]] = [(b"", {})]  # stands for a page before the first one


def literal(text: str) -> str:
    """A pattern that finds nothing but keys with this text."""
    return "".join(f"\\{each}" if each in "[]*?\\" else each for each in text)


async def kind_of(client: Client, key: str) -> str:
    """``string``, ``stream``, ..., or ``none``."""
    async with bus_errors():
        return str((await client.type(key)).decode())


async def wrong_kind(client: Client, key: str, kind: str) -> KeyFault | None:
    """A key that holds something else, which is moved aside: whoever put it there may want it back."""
    found = await kind_of(client, key)
    if found in ("none", kind):
        return None
    name = aside(key, uuid4().hex[:8])
    return KeyFault(key, f"holds a {found}, not a {kind}", f"it is moved to {name}", moving(client, key, name))


def moving(client: Client, key: str, name: str) -> Mend:
    """Gives the key another name."""

    async def move() -> None:
        async with bus_errors(key):
            await client.renamenx(key, name)

    return move


def deleting(client: Client, key: str) -> Mend:
    """Takes a key away."""

    async def delete() -> None:
        async with bus_errors(key):
            await client.unlink(key)

    return delete


async def rows_fault(client: Client, key: str, is_right: Callable[[bytes], bool]) -> KeyFault | None:
    """A hash with rows that nobody can read. They are written anew by who writes them."""
    if fault := await wrong_kind(client, key, "hash"):
        return fault
    async with bus_errors(key):
        rows = await client.hgetall(key)
    odd = [name for name, body in rows.items() if not is_right(body)]
    if not odd:
        return None
    problem = f"has {len(odd)} rows that cannot be read: {odd[0].decode(errors='replace')[:64]}"
    return KeyFault(key, problem, "they are taken away", partial(_without, client, key, odd))


async def _without(client: Client, key: str, rows: list[bytes]) -> None:
    async with bus_errors(key):
        await client.hdel(key, *rows)


async def stream_faults(client: Client, key: str) -> AsyncIterator[KeyFault]:
    """A key that is no stream, or one behind whose last id there is none."""
    if fault := await wrong_kind(client, key, "stream"):
        yield fault
    elif await kind_of(client, key) == "stream" and await _is_at_its_end(client, key):
        problem = "has an entry with the last id there is, so it takes no other"
        yield KeyFault(key, problem, "the same stream without that entry takes its place", _renewing(client, key))


async def _is_at_its_end(client: Client, key: str) -> bool:
    async with bus_errors(key):
        info = await client.xinfo_stream(key)
    return is_end_of_ids(info["last-generated-id"].decode())


def _renewing(client: Client, key: str) -> Mend:
    """All other entries under their ids, in its place. Nobody can append to the old one meanwhile.

    Its groups go with it: hosts make theirs anew, at their cursors.
    """

    async def renew() -> None:
        if not await _is_at_its_end(client, key):
            return
        fresh = aside(key, "fresh")
        start, rows = "-", FIRST
        async with bus_errors(key):
            await client.unlink(fresh)
        while rows:
            async with bus_errors(key):
                rows = await client.xrange(key, min=start, max=str(LAST_MS - 1), count=PAGE)
                for entry_id, fields in rows:
                    await client.xadd(fresh, fields or {b"m": b""}, id=entry_id)
            start = "(" + rows[-1][0].decode() if rows else ""
        pipe = client.pipeline(transaction=True)
        pipe.unlink(key)
        if await kind_of(client, fresh) == "stream":  # without any other entry the next one begins it anew
            pipe.renamenx(fresh, key)
        async with bus_errors(key):
            await pipe.execute()

    return renew
