"""Several portfolios on one server: their services in this process, each set logged in as a user of its own."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from services.wiring import SERVICES
from shared.adapters.clocks import ManualClock
from shared.adapters.redis.bus import RedisBus
from shared.config.model import PortfolioSettings, Settings
from shared.messages.base import Message
from shared.messages.catalogue import (
    BARS,
    BOOKS,
    CATALOGUE,
    MARKS,
    PORTFOLIO,
)
from shared.messages.keys import Keys
from shared.messages.orders import OrderDecided
from shared.messages.portfolio import PortfolioMarked
from shared.runtime.health import Health
from shared.runtime.host import machine_service
from shared.runtime.logs import get_logger
from shared.runtime.service import Context, Service
from tests.patience import PATIENCE_SECONDS, until
from tests.upgrade.scene import HISTORY_DAYS, HOUR_NS, PLAN, T0, UNIVERSE, bar_of, bases_at, listed, wave

MACHINES = {row.name: row for row in SERVICES if row.machine}
OF_THE_MARKET = ("hs:bars:*", "{hs:bars:*", "hs:pairs", "hs:feeds", "hs:marks", "hs:books", "hs:signals",
                 "{hs:signals}:*", "hs:services", "hs:dead", "hs:set-aside", "hs:identity", "hs:clock")  # fmt: skip
EVERYTHING = 100_000


@dataclass(slots=True)
class Portfolio:
    """One portfolio's services, as processes would run them."""

    settings: Settings
    bus: RedisBus
    clock: ManualClock
    health: dict[str, Health] = field(default_factory=dict)
    tasks: dict[str, "asyncio.Task[None]"] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.settings.portfolio.name

    def start(self, group: asyncio.TaskGroup) -> None:
        """Start the four services, each as a process would: with a memory of its own."""
        for row in MACHINES.values():
            service = machine_service(row.name, row.spec, row.scope)
            health = Health(service.name, service.scope, self.bus, self.clock)
            health.fact(portfolio=self.name)
            context = Context(self.settings, self.clock, self.bus, get_logger(), health)
            self.health[service.name] = health
            self.tasks[service.name] = group.create_task(self._run(service, context))

    async def _run(self, service: Service, context: Context) -> None:
        async with asyncio.TaskGroup() as group:
            if service.scope == "portfolio" or self.name == "alpha":  # a standby would overwrite the market's row
                group.create_task(context.health.beat())
            await service.run(context)

    async def stop(self, service: str) -> None:
        task = self.tasks.pop(service)
        task.cancel()
        await asyncio.wait([task])

    def is_ready(self, *services: str) -> bool:
        return all(self.health[service].heartbeat().state == "ready" for service in services)

    async def all(self, topic: Any) -> list[Message]:
        return list(reversed(await self.bus.latest(self.bus.keys.of(topic), EVERYTHING)))

    async def snapshot(self) -> PortfolioMarked:
        [latest] = await self.bus.latest(self.bus.keys.of(PORTFOLIO))
        assert isinstance(latest, PortfolioMarked)
        return latest

    async def verdict(self, order_id: str) -> OrderDecided:
        decision = await until(lambda: self.bus.decision(order_id))
        assert decision is not None
        return decision


@dataclass(slots=True)
class Market:
    """Bars of every pair, hour by hour, and the portfolios that live by them."""

    bus: RedisBus
    clock: ManualClock
    portfolios: Sequence[Portfolio]

    async def begin(self) -> None:
        await self.bus.publish([listed(f"{base}/USDT") for base in bases_at(0)])
        for day in range(-HISTORY_DAYS, 0):
            await self.bus.publish_bars(
                [bar_of(base, "1d", day * 24.0, wave(base, day * 24.0)) for base in bases_at(0)]
            )
        for hour in range(-12, 0):
            await self.bus.publish_bars([bar_of(base, "1h", hour, wave(base, hour)) for base in bases_at(0)])
        self.clock.time_ns = T0

    async def hour(self, number: int) -> None:
        self.clock.time_ns = T0 + (number + 1) * HOUR_NS
        await self.bus.publish_bars([bar_of(base, "1h", number, wave(base, number)) for base in bases_at(number)])
        await self.settle()

    async def settle(self) -> None:
        """Until nobody has anything to read or in work, and two looks find the same."""
        before: list[int] = []
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                behind, lengths = 0, []
                for portfolio in self.portfolios:
                    streams = streams_of(portfolio.bus.keys)
                    behind += sum((each.lag or 0) + each.pending for each in await portfolio.bus.readers(streams))
                    lengths += [await self.bus.client.xlen(stream) for stream in streams]
                if not behind and lengths == before:
                    return
                before = lengths
                await asyncio.sleep(0.05)


def streams_of(keys: Keys) -> list[str]:
    others = [keys.of(topic) for topic in CATALOGUE if topic not in (BARS, MARKS, BOOKS) and topic.durable]
    return [*(keys.of(BARS, timeframe) for timeframe in ("1h", "1d")), *others]


@asynccontextmanager
async def login(redis_bus: RedisBus, url: str, name: str) -> AsyncIterator[RedisBus]:
    """A bus whose user may reach the market and its own portfolio, and nothing of another one."""
    own = f"hs:{{{name}}}:*"
    keys = [f"~{pattern}" for pattern in (own, *OF_THE_MARKET)]
    channels = [f"&{pattern}" for pattern in (own, *OF_THE_MARKET)]
    user = ("ACL", "SETUSER", name, "reset", "on", ">secret", "+@all", *keys, *channels)
    await redis_bus.client.execute_command(*user)
    try:
        async with RedisBus.open(url.replace("redis://", f"redis://{name}:secret@"), Keys(name)) as bus:
            yield bus
    finally:
        await redis_bus.client.execute_command("ACL", "DELUSER", name)


def settings_of(name: str, cash_usdt: float) -> Settings:
    portfolio = PortfolioSettings(name=name, starting_cash_usdt=cash_usdt)
    return Settings(universe=UNIVERSE, plan=PLAN, portfolio=portfolio)


@asynccontextmanager
async def trading(market: Market) -> AsyncIterator[tuple[Portfolio, Portfolio]]:
    """All eight services run for as long as the block lasts; the second ``signals`` stands by."""
    alpha, beta = market.portfolios
    async with asyncio.TaskGroup() as group:
        alpha.start(group)
        await until(lambda: alpha.is_ready(*MACHINES))
        beta.start(group)
        await until(lambda: beta.is_ready("sizing", "risk", "execution"))
        try:
            yield alpha, beta
        finally:
            for portfolio in (alpha, beta):
                for task in portfolio.tasks.values():
                    task.cancel()
