"""What all tests share: the real history beside the repository, and real servers on free loopback ports."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from shared.adapters.memory_bus import MemoryBus
from shared.adapters.redis.bus import RedisBus
from shared.adapters.redis.embedded_valkey import running_valkey

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Real Binance history and wire captures; tests that need them skip where they are not."""
    if not DATA.is_dir():
        pytest.skip("no market history beside the repository (../shared/data)")
    return DATA


@pytest.fixture(scope="session")
def valkey_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of an embedded Valkey that the whole test session shares."""
    with running_valkey(tmp_path_factory.mktemp("valkey")) as server:
        yield server.url


@pytest.fixture
async def redis_bus(valkey_server: str) -> AsyncIterator[RedisBus]:
    """A bus on a server that was just emptied."""
    async with RedisBus.open(valkey_server) as bus:
        await bus.client.flushall()
        yield bus


@pytest.fixture(params=["memory", "redis"])
async def bus(request: pytest.FixtureRequest) -> AsyncIterator[MemoryBus | RedisBus]:
    """Both buses, one after the other: what holds for one must hold for the other."""
    if request.param == "memory":
        yield MemoryBus()
        return
    async with RedisBus.open(request.getfixturevalue("valkey_server")) as bus:
        await bus.client.flushall()
        yield bus
