"""The service: it sets the stack's clock, and goes on by it after a restart."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from msgspec.structs import replace

from services.exchange_sim.exchange import SimulatedExchange
from services.exchange_sim.service import run
from shared.adapters.clocks import RealClock, ScaledClock
from shared.adapters.local_ports import free_port, wait_for_listener
from shared.adapters.redis.bus import RedisBus
from shared.config.load import load_settings
from shared.config.model import Settings, SimulatorSettings
from shared.ports.clock import ClockOrigin
from shared.runtime.health import Health
from shared.runtime.logs import get_logger
from shared.runtime.service import Context
from tests.exchange_sim.sim_stage import CONFIG, DAY_MS, generated_market, ms


@asynccontextmanager
async def served(bus: RedisBus, simulator: SimulatorSettings) -> AsyncIterator[str]:
    settings: Settings = replace(load_settings(CONFIG, {}), simulator=simulator)
    clock = RealClock()
    context = Context(settings, clock, bus, get_logger(), Health("exchange_sim", "market", bus, clock))
    async with asyncio.TaskGroup() as group:
        task = group.create_task(run(context))
        assert await wait_for_listener(simulator.port, 20)
        yield f"http://127.0.0.1:{simulator.port}"
        task.cancel()


async def ask(url: str) -> Any:
    async with aiohttp.ClientSession() as http, http.get(url) as response:
        return await response.json()


async def test_a_restarted_exchange_continues_its_time_and_its_market(redis_bus: RedisBus) -> None:
    simulator = SimulatorSettings(port=free_port(), speed=600.0, start="2024-06-01")
    klines = "/api/v3/klines?symbol=BTCUSDT&interval=1h&limit=1000&endTime="
    async with served(redis_bus, simulator) as url:
        first = await ask(f"{url}/sim/clock")
        history = await ask(f"{url}{klines}{ms('2024-06-01') - 1}")
    origin = await redis_bus.clock_origin()
    assert origin is not None
    assert (origin.speed, origin.origin_market_ns) == (600.0, ms("2024-06-01") * 1_000_000)
    async with served(redis_bus, replace(simulator, start="2021-01-01", speed=5.0)) as url:
        second = await ask(f"{url}/sim/clock")
        assert await ask(f"{url}{klines}{ms('2024-06-01') - 1}") == history
    assert second["speed"] == 600.0
    assert first["now_ms"] < second["now_ms"] < first["now_ms"] + DAY_MS


async def test_a_recording_is_replayed_from_its_date(redis_bus: RedisBus, data_dir: Path) -> None:
    replay = str(data_dir / "hourly_spot.parquet")
    simulator = SimulatorSettings(port=free_port(), speed=3600.0, replay=replay, start="2022-11-01")
    async with served(redis_bus, simulator) as url:
        info = await ask(f"{url}/api/v3/exchangeInfo")
        days = await ask(f"{url}/api/v3/klines?symbol=ETHUSDT&interval=1d&limit=91")
    assert len(info["symbols"]) == 37
    assert len(days) == 91


@pytest.mark.sockets
async def test_an_exchange_can_be_started_and_stopped_without_a_block() -> None:
    market_ns = ms("2025-01-01") * 1_000_000
    origin = ClockOrigin(origin_market_ns=market_ns, origin_wall_ns=RealClock().wall_ns(), speed=1.0)
    exchange = SimulatedExchange(generated_market(market_ns // 1_000_000), ScaledClock(origin))
    port = await exchange.start("127.0.0.1", 0)
    assert await ask(f"http://127.0.0.1:{port}/api/v3/ping") == {}
    await exchange.stop()
