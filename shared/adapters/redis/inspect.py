"""Looking at a server without touching it: stream ends, lags of the readers, persistence, the function library."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from msgspec import Struct
from redis.exceptions import RedisError

from shared.adapters.redis.bus import RedisBus
from shared.adapters.redis.client import Client, bus_errors, connect, library_code, server_version
from shared.messages.keys import Keys

S = TypeVar("S", bound=Struct)


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """What ``heatsink doctor`` judges. Empty text where the server keeps it to itself.

    library: ``current``, ``other`` (another version is loaded), ``absent`` or ``unknown``.
    """

    kind: str
    version: tuple[int, ...]
    append_only: str
    fsync: str
    eviction: str
    used_memory_bytes: int
    library: str


@asynccontextmanager
async def onlooker(url: str, keys: Keys) -> AsyncIterator[RedisBus]:
    """A bus for reading: nothing is loaded onto the server or checked there. Raises ``BusLostError``."""
    client = connect(url)
    try:
        async with bus_errors():
            await client.ping()
        yield RedisBus(client, keys)
    finally:
        await client.aclose()


async def server_facts(client: Client) -> ServerFacts:
    kind, version = await server_version(client)
    async with bus_errors():
        memory: Mapping[str, Any] = await client.info("memory")
    return ServerFacts(
        kind=kind,
        version=version,
        append_only=await _setting(client, "appendonly"),
        fsync=await _setting(client, "appendfsync"),
        eviction=await _setting(client, "maxmemory-policy"),
        used_memory_bytes=int(memory.get("used_memory", 0)),
        library=await _library(client),
    )


async def _setting(client: Client, name: str) -> str:
    """A setting of the server; empty when it does not tell (managed servers hide CONFIG)."""
    try:
        async with bus_errors():
            rows = await client.config_get(name)
    except RedisError:
        return ""
    return str(rows.get(name, ""))


async def _library(client: Client) -> str:
    try:
        async with bus_errors():
            rows = await client.function_list(library="heatsink", withcode=True)
    except RedisError:
        return "unknown"
    if not rows:
        return "absent"
    return "current" if library_code().encode() in _flat(rows) else "other"


def _flat(reply: Any) -> set[bytes]:
    """All byte strings in a nested reply, whichever protocol it came by."""
    if isinstance(reply, bytes):
        return {reply}
    if isinstance(reply, dict):
        return _flat([*reply.keys(), *reply.values()])
    if isinstance(reply, list | tuple):
        return set().union(*(_flat(item) for item in reply)) if reply else set()
    return set()
