"""A simulated exchange for tests: by hand (the test moves the clock and lets it tick) or running by itself."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
from msgspec.structs import replace

from services.exchange_sim.exchange import ExchangeOptions, SimulatedExchange
from services.exchange_sim.market.generated import GeneratedMarket
from services.exchange_sim.market.market import Market
from shared.adapters.clocks import ManualClock, RealClock, ScaledClock
from shared.config.load import load_settings
from shared.domain.universe import Universe
from shared.ports.clock import ClockOrigin
from tests.patience import PATIENCE_SECONDS

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
START_MS = 1_735_693_200_000  # 2025-01-01 01:00 UTC
TOKEN = "the-token-of-the-stage"
CONFIG = Path(__file__).resolve().parents[2] / "deploy" / "config"


def shipped_universe() -> Universe:
    return load_settings(CONFIG, {}).universe


def ms(date: str) -> int:
    return int(datetime.fromisoformat(date).replace(tzinfo=UTC).timestamp()) * 1000


@dataclass
class Stage:
    """An exchange whose time stands still until ``pass_time``."""

    exchange: SimulatedExchange
    clock: ManualClock
    http: aiohttp.ClientSession
    url: str

    @property
    def now_ms(self) -> int:
        return self.clock.now_ns() // 1_000_000

    def pass_time(self, milliseconds: int) -> None:
        self.clock.time_ns += milliseconds * 1_000_000
        self.exchange.tick()

    async def get(self, path: str, **query: Any) -> tuple[int, Any]:
        """HTTP status and answer."""
        async with self.http.get(f"{self.url}{path}", params=query) as response:
            return response.status, await response.json()

    async def inflict(self, **fault: Any) -> dict[str, Any]:
        """The admin call; its answer holds the counters."""
        async with self.http.post(f"{self.url}/sim/faults", json=fault) as response:
            answer: dict[str, Any] = await response.json()
            assert response.status == 200, answer
            return answer

    async def happened(self, fault: str) -> int:
        _, answer = await self.get("/sim/faults")
        return int(answer["happened"][fault])

    @asynccontextmanager
    async def listening(self, *streams: str) -> AsyncIterator["Ear"]:
        """A client of the combined stream."""
        async with self.http.ws_connect(f"{self.url}/stream?streams={'/'.join(streams)}") as socket:
            yield Ear(socket)


class Ear:
    """What a stream client has heard."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket

    async def next(self) -> dict[str, Any]:
        frame: dict[str, Any] = json.loads(await self.socket.receive_str(timeout=PATIENCE_SECONDS))
        return frame

    async def heard(self) -> list[dict[str, Any]]:
        """All frames until now: the answer to a question of ours comes behind them."""
        await self.socket.send_json({"method": "LIST_SUBSCRIPTIONS", "params": [], "id": "until-here"})
        frames = []
        while (frame := await self.next()).get("id") != "until-here":
            frames.append(frame)
        return frames

    async def closed_bars(self, stream: str) -> list[int]:
        """Open times of the closed klines of a stream, in the order in which they came."""
        frames = [frame["data"]["k"] for frame in await self.heard() if frame["stream"] == stream]
        return [kline["t"] for kline in frames if kline["x"]]


@asynccontextmanager
async def stage(
    market: Market | None = None, *, speed: float = 60.0, options: ExchangeOptions | None = None
) -> AsyncIterator[Stage]:
    clock = ManualClock(START_MS * 1_000_000, speed)
    exchange = SimulatedExchange(
        market or generated_market(), clock, replace(options or ExchangeOptions(), token=TOKEN)
    )
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with exchange.listening("127.0.0.1", 0) as port, aiohttp.ClientSession(headers=headers) as http:
        yield Stage(exchange, clock, http, f"http://127.0.0.1:{port}")


def generated_market(start_ms: int = START_MS, seed: int = 7) -> Market:
    return Market(GeneratedMarket(shipped_universe(), seed, start_ms))


@asynccontextmanager
async def running_exchange(
    speed: float = 600.0, market: Market | None = None, start_ms: int = START_MS
) -> AsyncIterator[tuple[SimulatedExchange, str]]:
    """An exchange that runs by itself; yields it with its host and port."""
    wall_ns = RealClock().wall_ns()
    clock = ScaledClock(ClockOrigin(origin_market_ns=start_ms * 1_000_000, origin_wall_ns=wall_ns, speed=speed))
    exchange = SimulatedExchange(market or generated_market(start_ms), clock)
    async with exchange.running("127.0.0.1", 0) as port:
        yield exchange, f"127.0.0.1:{port}"
