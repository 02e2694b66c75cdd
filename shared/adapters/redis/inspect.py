"""What ``heatsink doctor`` judges of a server, read without touching it: its version, how it stores, who may enter."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from redis.exceptions import RedisError

from shared.adapters.redis.client import Client, bus_errors, flat, library_code, new_client, server_version
from shared.ports.errors import AccessRefusedError, BusLostError

NOBODY = "default"  # the user of a connection that gave no name


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """What a server says of itself. Managed servers hide settings, and users may not see them: those are empty then.

    kind: ``redis`` or ``valkey``.
    version: its parts, such as (9, 1, 2).
    append_only: the setting ``appendonly``: ``yes`` or ``no``.
    fsync: the setting ``appendfsync``: ``always``, ``everysec`` or ``no``.
    eviction: the setting ``maxmemory-policy``; anything but ``noeviction`` throws data away.
    used_memory_bytes: memory in use, in bytes.
    max_memory_bytes: the setting ``maxmemory``, in bytes; 0 for no bound.
    library: ``current``, ``other`` (another version is loaded), ``absent`` or ``unknown``.
    user: by whose name this connection is there; ``default`` for no name.
    is_open: whether somebody who gives no name and no password is let in.
    """

    kind: str
    version: tuple[int, ...]
    append_only: str
    fsync: str
    eviction: str
    used_memory_bytes: int
    max_memory_bytes: int
    library: str
    user: str = NOBODY
    is_open: bool = True


async def server_facts(client: Client, url: str = "") -> ServerFacts:
    """Ask a server. Raises ``BusLostError``.

    url: its address without a name and a password, to try whether it lets them in.
    """
    kind, version = await server_version(client)
    async with bus_errors():
        memory: Mapping[str, Any] = await client.info("memory")
        persistence: Mapping[str, Any] = await client.info("persistence")
    return ServerFacts(
        kind=kind,
        version=version,
        append_only=await _setting(client, "appendonly") or _yes_or_no(persistence.get("aof_enabled")),
        fsync=await _setting(client, "appendfsync"),
        eviction=await _setting(client, "maxmemory-policy") or str(memory.get("maxmemory_policy", "")),
        used_memory_bytes=int(memory.get("used_memory", 0)),
        max_memory_bytes=int(memory.get("maxmemory", 0)),
        library=await _library(client),
        user=await _user(client),
        is_open=await is_open(url) if url else True,
    )


def weakness(append_only: str, fsync: str) -> str:
    """What a server may lose of what it acknowledged, by its settings; empty for one that loses nothing, or hides them.

    A server that is killed by itself loses nothing in any of them: the system writes on. It is the machine's loss of
    power, or a disk on which fsync hangs, that costs what was not on it yet.
    """
    if append_only == "no":
        return "appendonly is off: a restart of the server loses everything"
    if fsync == "everysec":
        return "appendfsync everysec: with its machine goes the last second, and more on a slow disk"
    if fsync == "no":
        return "appendfsync no: with its machine goes the last half minute"
    return ""


async def persistence_weakness(client: Client) -> str:
    """The same of a running server. Raises ``BusLostError``.

    A user of one service may not see settings, and asking would leave a refusal in the log that operators watch for
    strangers: its owner looks instead (``heatsink doctor``).
    """
    if await _user(client) != NOBODY:
        return ""
    return weakness(await _setting(client, "appendonly"), await _setting(client, "appendfsync"))


async def is_open(url: str) -> bool:
    """Whether a server lets in who gives neither a name nor a password, and does something for them."""
    client = new_client(url)
    try:
        async with bus_errors():
            await client.ping()
    except BusLostError:
        return False
    finally:
        await client.aclose()
    return True


async def _user(client: Client) -> str:
    try:
        async with bus_errors():
            name: bytes = await client.execute_command("ACL", "WHOAMI")
    except (RedisError, AccessRefusedError):  # managed servers hide it
        return NOBODY
    return name.decode(errors="replace")


async def _setting(client: Client, name: str) -> str:
    """A setting of the server; empty when it does not tell (managed servers hide CONFIG)."""
    try:
        async with bus_errors():
            rows = await client.config_get(name)
    except (RedisError, AccessRefusedError):
        return ""
    return str(rows.get(name, ""))


def _yes_or_no(number: Any) -> str:
    """A switch as INFO tells it; empty when it does not."""
    return "" if number is None else "yes" if int(number) else "no"


async def _library(client: Client) -> str:
    try:
        async with bus_errors():
            rows = await client.function_list(library="heatsink", withcode=True)
    except (RedisError, AccessRefusedError):
        return "unknown"
    if not rows:
        return "absent"
    return "current" if library_code().encode() in flat(rows) else "other"
