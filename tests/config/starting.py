"""Starts all that a stack would on given settings: every machine on a bus in memory, the exchange with its market."""

import asyncio

from services.exchange_sim.service import market_of, script_of
from services.wiring import machine_specs
from shared.adapters.clocks import ManualClock
from shared.adapters.memory_bus import MemoryBus
from shared.adapters.redis.client import new_client
from shared.config.model import Settings
from shared.domain.timeframes import HOUR_NS, MS_NS, timeframe_ns
from shared.messages.base import Message, derived_id
from shared.messages.catalogue import DEAD, PORTFOLIO
from shared.messages.control import SetPhase
from shared.messages.market import BarClosed, PairListed
from shared.messages.portfolio import PortfolioMarked
from shared.runtime.host import MachineHost
from shared.runtime.logs import get_logger

NOW_NS = 1_767_225_600_000_000_000  # 2026-01-01, for a market that begins now


async def start_all(settings: Settings) -> PortfolioMarked:
    """Raises whatever a service would end with; returns the first snapshot of the portfolio."""
    start_ns = settings.simulator.start_ns(NOW_NS)
    clock, bus = ManualClock(start_ns, settings.simulator.speed), MemoryBus(settings.keys)
    await new_client(settings.redis.url).aclose()
    hosts = [MachineHost(spec, bus, clock, get_logger()) for spec in machine_specs(settings, clock)]
    for host in hosts:
        await host.recover()
    await bus.publish(messages_of(settings, start_ns))
    for _ in range(4):
        for host in hosts:
            await host.step(wait_ms=0)
        clock.time_ns += HOUR_NS
    if settings.exchange.kind == "sim":
        market, now_ms = market_of(settings.simulator, settings.universe, start_ns // MS_NS), start_ns // MS_NS
        script_of(settings.simulator)
        assert market.listed(now_ms)
        for listing in market.listed(now_ms):
            assert market.price_at(listing.instrument.symbol, start_ns)
    assert not await bus.latest(DEAD.key)
    snapshot = (await bus.latest(bus.keys.of(PORTFOLIO)))[0]
    assert isinstance(snapshot, PortfolioMarked)
    return snapshot


def messages_of(settings: Settings, start_ns: int) -> list[Message]:
    """Every pair is listed and has bars, and an operator goes through all the phases."""
    messages: list[Message] = []
    for pair in settings.universe.pairs:
        listed_id = derived_id("pair", pair.symbol)
        messages.append(PairListed(id=listed_id, time_ns=start_ns, symbol=pair.symbol, status="trading"))
        messages += [bar(pair.symbol, timeframe, start_ns) for timeframe in settings.plan.timeframes]
    for phase in settings.plan.phases:
        command_id = derived_id("set", phase.name)
        messages.append(SetPhase(id=command_id, time_ns=start_ns, who="ana", reason="to try it", phase=phase.name))
    return messages


def bar(symbol: str, timeframe: str, close_ns: int) -> BarClosed:
    return BarClosed(
        id=derived_id("bar", symbol, timeframe), time_ns=close_ns, symbol=symbol, timeframe=timeframe,
        open_time_ns=close_ns - timeframe_ns(timeframe), close_time_ns=close_ns, open=100.0, high=101.0, low=99.0,
        close=100.0, volume=1_000.0, quote_volume=100_000.0,
    )  # fmt: skip


def started(settings: Settings) -> PortfolioMarked:
    """``start_all`` for a test that is no coroutine."""
    return asyncio.run(start_all(settings))
