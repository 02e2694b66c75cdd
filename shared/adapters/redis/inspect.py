"""What ``heatsink doctor`` judges of a server, read without touching it: version, persistence, memory, functions."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from redis.exceptions import RedisError

from shared.adapters.redis.client import Client, bus_errors, library_code, server_version


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """What a server says of itself. Managed servers hide settings: those are empty text then.

    kind: ``redis`` or ``valkey``.
    version: its parts, such as (9, 1, 2).
    append_only: the setting ``appendonly``: ``yes`` or ``no``.
    fsync: the setting ``appendfsync``: ``always``, ``everysec`` or ``no``.
    eviction: the setting ``maxmemory-policy``; anything but ``noeviction`` throws data away.
    used_memory_bytes: memory in use, in bytes.
    max_memory_bytes: the setting ``maxmemory``, in bytes; 0 for no bound.
    library: ``current``, ``other`` (another version is loaded), ``absent`` or ``unknown``.
    """

    kind: str
    version: tuple[int, ...]
    append_only: str
    fsync: str
    eviction: str
    used_memory_bytes: int
    max_memory_bytes: int
    library: str


async def server_facts(client: Client) -> ServerFacts:
    """Ask a server. Raises ``BusLostError``."""
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
        max_memory_bytes=int(memory.get("maxmemory", 0)),
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
