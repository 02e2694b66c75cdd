"""Everything that is looked at, in the order in which it has to be mended."""

from collections.abc import AsyncIterator
from contextlib import suppress

from shared.adapters.codec import struct_or_none
from shared.adapters.redis.client import bus_errors
from shared.adapters.redis.keys import (
    CLOCK_KEY,
    IDENTITY_KEY,
    LIBRARY_KEY,
    SCOPES,
    client_key,
    services_key,
)
from shared.adapters.redis.repair.decisions import decision_faults
from shared.adapters.redis.repair.faults import KeyFault, Stack
from shared.adapters.redis.repair.kinds import deleting, kind_of, literal, rows_fault, stream_faults, wrong_kind
from shared.adapters.redis.repair.machines import machine_faults
from shared.adapters.redis.repair.market import market_faults
from shared.adapters.redis.repair.reserved import reserved_fault
from shared.messages.catalogue import QUEUED, client_of_key
from shared.ports.bus import Heartbeat
from shared.ports.clock import ClockOrigin

PAGE = 1_000
FIRST_SEEN = 0  # of a client: nobody knows any more


async def look(stack: Stack) -> list[KeyFault]:
    """What is wrong, in the order in which it has to be mended. Raises ``BusLostError``."""
    found = [fault async for fault in _streams(stack)]
    if fault := await _clients(stack):
        found.append(fault)
    for machine in stack.machines:
        found += [fault async for fault in machine_faults(stack, machine)]
    if fault := await reserved_fault(stack):
        found.append(fault)
    found += [fault async for fault in market_faults(stack)]
    found += [fault async for fault in _facts(stack)]
    found += [fault async for fault in decision_faults(stack)]
    return found


async def _streams(stack: Stack) -> AsyncIterator[KeyFault]:
    queues = [queue async for queue in _queues(stack)]
    for key in (*stack.streams, *queues, *(machine.key("journal") for machine in stack.machines)):
        async for fault in stream_faults(stack.client, key):
            yield fault


async def _queues(stack: Stack) -> AsyncIterator[str]:
    """The queues of clients, whether their names are kept or not."""
    for topic in QUEUED:
        prefix = client_key(stack.keys, "", topic)
        async with bus_errors():
            async for key in stack.client.scan_iter(match=literal(prefix) + "*", count=PAGE):
                queue = key.decode(errors="replace")
                with suppress(ValueError):
                    yield stack.keys.of_client(queue.removeprefix(prefix), topic)


async def _clients(stack: Stack) -> KeyFault | None:
    """Names of clients: the queues of those that stand there are read."""
    key, names = stack.keys.clients, [client_of_key(queue) async for queue in _queues(stack)]
    if fault := await wrong_kind(stack.client, key, "hash"):
        problem = fault.problem
    else:
        async with bus_errors(key):
            known = await stack.client.hkeys(key)
        if not (missing := [name for name in names if name.encode() not in known]):
            return None
        problem = f"does not name {missing[0]}, whose queue nobody reads"

    async def name_all() -> None:
        pipe = stack.client.pipeline(transaction=True)
        if await kind_of(stack.client, key) != "hash":
            pipe.unlink(key)
        for name in names:
            pipe.hsetnx(key, name, FIRST_SEEN)
        async with bus_errors(key):
            await pipe.execute()

    return KeyFault(key, problem, "clients are named by the queues that are there", name_all)


# --- what stands beside the messages --------------------------------------------------------------------------------


async def _facts(stack: Stack) -> AsyncIterator[KeyFault]:
    client = stack.client
    for scope in SCOPES:
        if fault := await rows_fault(client, services_key(stack.keys, scope), _is_beat):
            yield fault
    if fault := await wrong_kind(client, IDENTITY_KEY, "string"):
        yield fault
    if fault := await wrong_kind(client, LIBRARY_KEY, "hash"):
        yield fault
    if fault := await wrong_kind(client, CLOCK_KEY, "string"):
        yield fault
    else:
        async with bus_errors(CLOCK_KEY):
            body = await client.get(CLOCK_KEY)
        if body and struct_or_none(body, ClockOrigin) is None:
            remedy = "it is taken away: the simulated exchange sets it at its next start"
            yield KeyFault(CLOCK_KEY, "holds no clock", remedy, deleting(client, CLOCK_KEY))


def _is_beat(body: bytes) -> bool:
    return struct_or_none(body, Heartbeat) is not None
