"""The connection of a lease: what happens to one command must not reach the next."""

import asyncio

import pytest
from redis.exceptions import ResponseError

from shared.adapters.redis.bus import RedisBus
from shared.adapters.redis.connection import DedicatedConnection
from shared.ports.errors import BusLostError


async def connections(bus: RedisBus) -> int:
    return len(await bus.client.client_list())


async def test_a_dedicated_connection_stays_the_same_from_call_to_call(redis_bus: RedisBus) -> None:
    connection = DedicatedConnection(redis_bus.client)
    ids = {await connection.call("CLIENT", "ID") for _ in range(3)}
    assert len(ids) == 1


async def test_the_reply_of_a_call_that_was_cancelled_is_nobody_elses(redis_bus: RedisBus) -> None:
    connection = DedicatedConnection(redis_bus.client)
    first = await connection.call("CLIENT", "ID")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await connection.call("BLPOP", "hs:test:list", 5)
    await redis_bus.client.rpush("hs:test:list", "late")
    assert await connection.call("ECHO", "mine") == b"mine"
    assert await connection.call("CLIENT", "ID") != first


async def test_an_error_reply_is_raised_and_the_connection_goes_on(redis_bus: RedisBus) -> None:
    connection = DedicatedConnection(redis_bus.client)
    first = await connection.call("CLIENT", "ID")
    with pytest.raises(ResponseError, match="unknown command"):
        await connection.call("NONSENSE")
    assert await connection.call("CLIENT", "ID") == first


async def test_a_connection_that_the_server_closed_is_a_lost_bus_and_the_next_call_gets_another(
    redis_bus: RedisBus,
) -> None:
    connection = DedicatedConnection(redis_bus.client)
    await redis_bus.client.client_kill_filter(_id=await connection.call("CLIENT", "ID"))
    with pytest.raises(BusLostError):
        await connection.call("PING")
    assert await connection.call("ECHO", "again") == b"again"


async def test_connections_that_are_given_back_leave_no_connections_behind(redis_bus: RedisBus) -> None:
    for _ in range(10):
        connection = DedicatedConnection(redis_bus.client)
        assert await connection.call("PING") == b"PONG"
        await connection.close()
    assert await connections(redis_bus) <= 2
