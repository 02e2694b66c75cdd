"""The service ``ops`` on a real socket: by its names, from no page of the web, beside thousands of half requests."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from msgspec.structs import replace

from services.ops.service import run
from shared.adapters.clocks import RealClock
from shared.adapters.local_ports import free_port, wait_for_listener
from shared.adapters.redis.bus import RedisBus
from shared.config.load import load_settings
from shared.config.model import OpsSettings
from shared.runtime.health import Health
from shared.runtime.logs import get_logger
from shared.runtime.service import Context
from tests.patience import PATIENCE_SECONDS
from tests.shipped import SHIPPED

PATHS = ("/healthz", "/status", "/metrics", "/nowhere")


@asynccontextmanager
async def listening(bus: RedisBus, *hosts: str) -> AsyncIterator[str]:
    ops = OpsSettings(port=free_port(), hosts=hosts)
    clock = RealClock()
    settings = replace(load_settings(SHIPPED, {}), ops=ops)
    async with asyncio.TaskGroup() as group:
        context = Context(settings, clock, bus, get_logger(), Health("ops", "portfolio", bus, clock))
        task = group.create_task(run(context))
        assert await wait_for_listener(ops.port, 20)
        yield f"http://127.0.0.1:{ops.port}"
        task.cancel()


@pytest.mark.parametrize(
    ("header", "value", "refused"),
    [
        ("Host", "rebound.example:9090", 421),
        ("Origin", "http://rebound.example", 403),
        ("Origin", "null", 403),
        ("Sec-Fetch-Site", "cross-site", 403),
    ],
)
async def test_no_page_of_the_web_reads_anything(redis_bus: RedisBus, header: str, value: str, refused: int) -> None:
    found = []
    async with listening(redis_bus) as url, aiohttp.ClientSession() as http:
        for path in PATHS:
            async with http.get(url + path, headers={header: value}) as answer:
                found.append(answer.status)
                assert list(await answer.json()) == ["error"]
        async with http.get(f"{url}/status") as answer:
            assert answer.status == 200
    assert found == [refused] * len(PATHS)


async def test_it_answers_by_the_names_of_its_settings(redis_bus: RedisBus) -> None:
    async with listening(redis_bus, "ops", "box.lan") as url, aiohttp.ClientSession() as http:
        for host in ("ops:9090", "BOX.lan", "localhost:1"):
            async with http.get(f"{url}/status", headers={"Host": host}) as answer:
                assert answer.status == 200
        async with http.get(f"{url}/status", headers={"Host": "lan"}) as answer:
            assert answer.status == 421


async def test_half_requests_do_not_keep_who_watches_out(redis_bus: RedisBus) -> None:
    async with listening(redis_bus) as url, aiohttp.ClientSession() as http:
        port = int(url.rpartition(":")[2])
        halves = []
        for _ in range(600):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET /status HTTP/1.1\r\nHost: localhost\r\n")
            halves.append((reader, writer))
        async with http.get(f"{url}/status") as answer:
            assert answer.status == 200
        async with asyncio.timeout(PATIENCE_SECONDS):
            assert await halves[0][0].read() == b""  # it was cut to make room, so the bound was met
        for _, writer in halves:
            writer.transport.abort()
