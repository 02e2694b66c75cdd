"""The risk machine on its host, in a market with a history."""

from decimal import Decimal

from services.risk.service import spec_of
from shared.adapters.clocks import ManualClock
from shared.adapters.memory_bus import MemoryBus
from shared.adapters.redis.bus import RedisBus
from shared.config.model import Settings
from shared.domain.plan import BreakerPlan, Limits, Plan
from shared.domain.risk.gate.gate import ORDERS_REMEMBERED
from shared.messages.base import Message
from shared.messages.catalogue import DECIDED
from shared.messages.market import BarClosed, PairListed
from shared.messages.orders import OrderDecided
from shared.runtime.host import MachineHost
from shared.runtime.host.step import RENEW_SECONDS
from shared.runtime.logs import get_logger
from tests.domain.risk.risk_harness import PRICES, UNIVERSE
from tests.keys import MAIN
from tests.samples import T0, bar

AnyBus = MemoryBus | RedisBus
Decided = MAIN.of(DECIDED)
PLAN = Plan(limits=Limits(book_age_seconds=0.0), breakers=BreakerPlan(min_adv_usdt=0.0))  # bars alone, of small volume


def risk_host(
    bus: AnyBus,
    clock: ManualClock,
    *,
    orders_remembered: int = ORDERS_REMEMBERED,
    renew_seconds: float = RENEW_SECONDS,
) -> MachineHost:
    spec = spec_of(Settings(universe=UNIVERSE, plan=PLAN), clock, orders_remembered=orders_remembered)
    return MachineHost(spec, bus, clock, get_logger(), renew_seconds=renew_seconds)


def history() -> list[BarClosed]:
    return [
        bar(symbol, timeframe="1d", hour=24 * day, close=PRICES[symbol.partition("/")[0]])
        for symbol in UNIVERSE.symbols
        for day in range(30)
    ]


def listings() -> list[Message]:
    return [
        PairListed(id=f"listed-{symbol}", time_ns=T0, symbol=symbol, status="trading", quantity_step=Decimal("0.0001"))
        for symbol in UNIVERSE.symbols
    ]


async def a_market(bus: AnyBus) -> ManualClock:
    """A market with history; now is the moment after its last bar."""
    await bus.publish(listings())
    bars = history()
    await bus.publish_bars(bars)
    return ManualClock(bars[-1].close_time_ns + 1)


async def settle(host: MachineHost) -> None:
    while await host.step(wait_ms=0):
        pass


async def decisions(bus: AnyBus) -> list[OrderDecided]:
    found = await bus.latest(Decided, 1000)
    return [message for message in reversed(found) if isinstance(message, OrderDecided)]


async def started(bus: AnyBus, clock: ManualClock, *, orders_remembered: int = ORDERS_REMEMBERED) -> MachineHost:
    """A host that took the lease and everything that waited."""
    host = risk_host(bus, clock, orders_remembered=orders_remembered)
    await host.recover()
    await settle(host)
    return host
