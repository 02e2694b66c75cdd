"""Connections to the Redis-protocol server, and what is asked of it before it is used."""

import asyncio
from contextlib import suppress
from functools import cache
from hashlib import blake2b
from importlib.resources import files
from types import TracebackType
from typing import Any, TypeAlias

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import (
    AuthenticationError,
    ClusterDownError,
    MasterDownError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from shared.ports.errors import AccessRefusedError, BusLostError, MisplacedKeyError

CALL_SECONDS = 5.0
MAX_BLOCK_MS = 2_000  # below the bound of a call, so that a quiet stream is no broken connection
# redis-py annotates every reply as bytes or text, awaited or not; with ``decode_responses=False`` it is always bytes.
Client: TypeAlias = Any
# Conditions of the server that pass, or that starting over mends (the function library is loaded anew).
PASSING = (ClusterDownError, MasterDownError, OutOfMemoryError, ReadOnlyError)
WRONG_TYPE = "WRONGTYPE"
TOLD = (" holds ", " takes no ")  # the function library says itself which key it is
PASSING_TEXTS = ("BUSY ", "MISCONF ", "Function not found")
REFUSED_IN_FUNCTION = "ACL failure"  # a command of a function that the caller must not call
OLDEST = {"redis": (7, 0), "valkey": (8, 0)}


class UnfitServerError(RuntimeError):
    """The server does not have what heatsink needs; the text says what."""


def new_client(url: str) -> Client:
    """A client that never repeats a command by itself.

    redis-py would try again up to ten times when a connection breaks. A command whose reply was lost may have been
    carried out, so a repeated XADD would write a second entry.
    """
    return Redis.from_url(
        url,
        decode_responses=False,
        retry=Retry(NoBackoff(), 0),
        socket_timeout=None,  # ``bus_errors`` bounds every call
        socket_connect_timeout=None,
        health_check_interval=0,
    )


class bus_errors:  # noqa: N801 - used like ``contextlib.suppress``; a class costs half of what a generator does
    """Bounds the calls inside in time; whatever the client raises when the server is away becomes ``BusLostError``.

    keys: what the calls are about, to be named where one of them holds another kind of value (``MisplacedKeyError``).

    The client's own timeout goes through ``asyncio.wait_for``, which costs a task for every command and, before
    Python 3.12, can swallow a cancellation: a service would then not stop when it is told to.
    """

    __slots__ = ("_bound", "_keys")

    def __init__(self, *keys: str) -> None:
        self._keys = keys

    async def __aenter__(self) -> None:
        self._bound = asyncio.timeout(CALL_SECONDS)
        await self._bound.__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self._bound.__aexit__(kind, error, trace)
        except TimeoutError as late:
            raise BusLostError(str(late) or "TimeoutError") from error
        if isinstance(error, AuthenticationError):
            text = "it does not let this process in" if "pair" in str(error) else "it asks for a user and a password"
            raise AccessRefusedError(f"{text} ({error})") from error
        if isinstance(error, NoPermissionError) or (
            isinstance(error, ResponseError) and str(error).startswith(REFUSED_IN_FUNCTION)
        ):
            raise AccessRefusedError(f"this user of the server may not do that ({error})") from error
        if isinstance(error, TimeoutError | RedisConnectionError | RedisTimeoutError | OSError):
            raise BusLostError(str(error) or type(error).__name__) from error
        if isinstance(error, ResponseError) and WRONG_TYPE in str(error):
            raise MisplacedKeyError(_misplaced(str(error), self._keys)) from error
        if isinstance(error, ResponseError) and (isinstance(error, PASSING) or str(error).startswith(PASSING_TEXTS)):
            raise BusLostError(str(error)) from error


async def executed(pipe: Client, unless: type[Exception] | None = None) -> list[Any]:
    """What the commands of a pipeline answered. The first error is raised as the server said it: redis-py would put the
    whole command before it, by which nobody can tell what it is. One of the kind ``unless`` is left in the answers.
    """
    answers: list[Any] = await pipe.execute(raise_on_error=False)
    for answer in answers:
        if isinstance(answer, Exception) and not (unless and isinstance(answer, unless)):
            raise answer
    return answers


def _misplaced(told: str, keys: tuple[str, ...]) -> str:
    """Which key it is: as the server says, or one of those that were asked for."""
    said = told.partition(f"{WRONG_TYPE} ")[2]
    what = said if any(word in said for word in TOLD) else f"{' or '.join(keys) or 'a key'} holds another kind"
    return misplaced(what)


def misplaced(what: str) -> str:
    """What is said of a key that holds something foreign, with the remedy."""
    return f"{what[:250]}: see heatsink repair"


async def server_version(client: Client) -> tuple[str, tuple[int, ...]]:
    """``("valkey", (9, 1, 2))`` or ``("redis", (7, 4, 6))``."""
    async with bus_errors():
        info: dict[str, Any] = await client.info("server")
    kind = "valkey" if "valkey_version" in info else "redis"
    text = str(info[f"{kind}_version"])
    return kind, tuple(int(part) for part in text.split(".") if part.isdigit())


async def is_cluster(client: Client) -> bool:
    """Whether the server runs as a Redis Cluster. One that does not let this user ask is taken for none."""
    with suppress(ResponseError, AccessRefusedError):
        async with bus_errors():
            return bool((await client.info("cluster")).get("cluster_enabled"))
    return False


async def prepare(client: Client) -> bool:
    """Check the server and load the function library; returns whether it is a Redis Cluster.

    Every process does this when it starts. One that signs in as a user of its own must find the library there: only the
    owner of a server with users may load it. Raises ``UnfitServerError`` for a server that lacks what is needed.
    """
    kind, version = await server_version(client)
    if version[:2] < OLDEST[kind]:
        found = ".".join(map(str, version))
        raise UnfitServerError(f"{kind} {found} is too old: heatsink needs Redis >= 7.0 or Valkey >= 8")
    clustered = await is_cluster(client)
    if clustered and (shards := await _shards(client)) > 1:
        raise UnfitServerError(f"a Redis Cluster of {shards} shards: heatsink needs one that serves all slots")
    try:
        if not await _has_library(client):
            async with bus_errors():
                await client.function_load(library_code(), replace=True)
    except AccessRefusedError as error:
        raise UnfitServerError(
            "heatsink's function library of this version is not on the server, and this user must not load it: start "
            "the stack as its owner (heatsink up), or have it loaded by heatsink users"
        ) from error
    except RedisError as error:
        raise UnfitServerError(f"{kind} refused heatsink's function library: {error}") from error
    return clustered


async def _has_library(client: Client) -> bool:
    """Whether the library on the server is that of this version."""
    try:
        async with bus_errors():
            rows = await client.function_list(library="heatsink", withcode=True)
    except AccessRefusedError:  # who must not look may be able to load it
        return False
    return library_code().encode() in flat(rows)


def flat(reply: Any) -> set[bytes]:
    """All byte strings in a nested reply, whichever protocol it came by."""
    if isinstance(reply, bytes):
        return {reply}
    if isinstance(reply, dict):
        return flat([*reply.keys(), *reply.values()])
    if isinstance(reply, list | tuple):
        return set().union(*(flat(item) for item in reply)) if reply else set()
    return set()


async def _shards(client: Client) -> int:
    """How many shards serve the slots of a Redis Cluster."""
    async with bus_errors():
        return int((await client.execute_command("CLUSTER INFO"))["cluster_size"])


@cache
def library_hash() -> str:
    """Of the function library of this version, 16 hexadecimal digits."""
    return hash_of_library(library_code().encode())


def hash_of_library(code: bytes) -> str:
    return blake2b(code, digest_size=8).hexdigest()


def library_code() -> str:
    """The function library of this version."""
    return files("shared.adapters.redis").joinpath("heatsink.lua").read_text(encoding="utf-8")
