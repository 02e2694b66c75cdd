"""``heatsink room`` and ``heatsink shadow`` against the risk service itself, at a real server."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path

from msgspec import structs
from typer.testing import CliRunner

from services.cli.__main__ import app
from services.risk.service import spec_of
from shared.adapters.clocks import ManualClock, RealClock
from shared.adapters.redis.bus import RedisBus
from shared.config.model import Settings
from shared.domain.plan import BreakerPlan, Limits, Plan
from shared.domain.risk.machine import RiskMachine
from shared.messages.catalogue import DECIDED
from shared.messages.market import PairListed
from shared.messages.orders import OrderDecided
from shared.ports.clock import ClockOrigin
from shared.runtime.host import MachineHost
from shared.runtime.logs import get_logger
from tests.domain.risk.risk_harness import PRICES, UNIVERSE
from tests.keys import MAIN
from tests.patience import PATIENCE_SECONDS
from tests.samples import T0, bar, proposal

DAYS = 30
PRICES_OF = {f"{base}/USDT": price for base, price in PRICES.items()}
LIMITS = Limits(book_age_seconds=0.0)
PLAN = Plan(limits=LIMITS, shadow=structs.replace(LIMITS, heat=0.0005), breakers=BreakerPlan(min_adv_usdt=0.0))


@asynccontextmanager
async def risk_service(bus: RedisBus) -> AsyncIterator[MachineHost]:
    """The service on a market with a month of history; market time stands still."""
    listings = [PairListed(id=f"listed-{symbol}", time_ns=T0, symbol=symbol, status="trading") for symbol in PRICES_OF]
    bars = [
        bar(symbol, timeframe="1d", hour=24 * day, close=price)
        for symbol, price in PRICES_OF.items()
        for day in range(DAYS)
    ]
    await bus.publish(listings)
    await bus.publish_bars(bars)
    clock = ManualClock(bars[-1].close_time_ns + 1)
    wall_ns = RealClock().wall_ns()
    await bus.agree_on_clock(ClockOrigin(origin_market_ns=clock.now_ns(), origin_wall_ns=wall_ns, speed=1.0))
    host = MachineHost(spec_of(Settings(universe=UNIVERSE, plan=PLAN), clock), bus, clock, get_logger())
    ready = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(host.run(ready.set))
        await ready.wait()
        while isinstance(host.spec.machine, RiskMachine):
            known = host.spec.machine.state.daily
            if len(known) == len(PRICES) and all(history.latest.days == DAYS for history in known.values()):
                break
            await asyncio.sleep(0.02)
        yield host
        task.cancel()


async def test_what_the_verb_says_is_what_the_gate_then_approves(
    redis_bus: RedisBus, valkey_server: str, tmp_path: Path
) -> None:
    async def heatsink(*arguments: str) -> str:
        parts = [*arguments, "--redis-url", valkey_server, "--data", str(tmp_path)]
        result = await asyncio.to_thread(CliRunner().invoke, app, parts)
        assert result.exit_code == 0, result.stderr
        return result.stdout

    async with asyncio.timeout(PATIENCE_SECONDS), risk_service(redis_bus) as host:
        await heatsink("room")  # its answer follows the commit of all that was read before
        before = host.seq, await redis_bus.client.xlen(MAIN.of(DECIDED))
        answer = json.loads(await heatsink("room", "ETH", "--json"))
        assert (host.seq, await redis_bus.client.xlen(MAIN.of(DECIDED))) == before, "nothing was committed"
        [room] = answer["rooms"]
        assert Decimal(room["quantity"]) > 0, room["reason"]
        assert "could be bought now" in await heatsink("room", "ETH")
        assert len((await heatsink("room")).splitlines()) == len(PRICES) + 2

        quantity, stop = Decimal(room["quantity"]), Decimal(room["stop_price"])
        fields = {"symbol": "ETH/USDT", "stop_price": stop, "strategy": "external", "cause": "", "trace": ""}
        step = Decimal("0.00001")
        await redis_bus.publish([proposal("o-over", quantity=quantity + step, **fields)])
        [over] = await decisions(redis_bus, 1)
        assert (over.verdict, over.quantity_approved) == ("trim", quantity)
        assert "o-over, a market buy by external, was trimmed" in " ".join((await heatsink("why", "o-over")).split())

        told = " ".join((await heatsink("shadow")).split())
        assert "With 0.05 % heat, 1 of 1 order would have been trimmed." in told
        assert "portfolio_heat 1" in told


async def decisions(bus: RedisBus, count: int) -> list[OrderDecided]:
    """The first decisions, once there are so many."""
    while True:
        found = [each for each in await bus.latest(MAIN.of(DECIDED), 100) if isinstance(each, OrderDecided)]
        if len(found) >= count:
            return found
        await asyncio.sleep(0.02)
