"""The connection of a lease: what happens to one command must not reach the next."""

import asyncio

import pytest
from redis.exceptions import ResponseError

from shared.adapters.redis.bus import RedisBus
from shared.adapters.redis.connection import RedisLine
from shared.ports.errors import BusLostError


async def connections(bus: RedisBus) -> int:
    return len(await bus.client.client_list())


async def test_a_line_keeps_its_connection_from_call_to_call(redis_bus: RedisBus) -> None:
    line = RedisLine(redis_bus.client)
    ids = {await line.call("CLIENT", "ID") for _ in range(3)}
    assert len(ids) == 1


async def test_the_reply_of_a_call_that_was_cancelled_is_nobody_elses(redis_bus: RedisBus) -> None:
    line = RedisLine(redis_bus.client)
    first = await line.call("CLIENT", "ID")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await line.call("BLPOP", "hs:test:list", 5)
    await redis_bus.client.rpush("hs:test:list", "late")
    assert await line.call("ECHO", "mine") == b"mine"
    assert await line.call("CLIENT", "ID") != first


async def test_an_error_reply_is_raised_and_the_connection_goes_on(redis_bus: RedisBus) -> None:
    line = RedisLine(redis_bus.client)
    first = await line.call("CLIENT", "ID")
    with pytest.raises(ResponseError, match="unknown command"):
        await line.call("NONSENSE")
    assert await line.call("CLIENT", "ID") == first


async def test_a_connection_that_the_server_closed_is_a_lost_bus_and_the_next_call_gets_another(
    redis_bus: RedisBus,
) -> None:
    line = RedisLine(redis_bus.client)
    await redis_bus.client.client_kill_filter(_id=await line.call("CLIENT", "ID"))
    with pytest.raises(BusLostError):
        await line.call("PING")
    assert await line.call("ECHO", "again") == b"again"


async def test_lines_that_hang_up_leave_no_connections_behind(redis_bus: RedisBus) -> None:
    for _ in range(10):
        line = RedisLine(redis_bus.client)
        assert await line.call("PING") == b"PONG"
        await line.hang_up()
    assert await connections(redis_bus) <= 2
