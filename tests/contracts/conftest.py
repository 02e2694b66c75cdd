"""What every bus must do is tried on all there are."""

from collections.abc import AsyncIterator

import pytest

from shared.adapters.memory_bus import MemoryBus
from shared.adapters.redis.bus import RedisBus
from tests.keys import MAIN


@pytest.fixture(params=["memory", "redis", "cluster"])
async def bus(request: pytest.FixtureRequest) -> AsyncIterator[MemoryBus | RedisBus]:
    """The bus in memory, on an ordinary server, and on a Redis Cluster, one after the other."""
    if request.param == "memory":
        yield MemoryBus(MAIN)
        return
    server = "valkey_server" if request.param == "redis" else "valkey_cluster"
    async with RedisBus.open(request.getfixturevalue(server), MAIN) as bus:
        await bus.client.flushall()
        yield bus
