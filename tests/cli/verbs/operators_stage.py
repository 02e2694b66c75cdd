"""A risk service and a paper exchange on a real server, and verbs that are typed at them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from click.testing import Result
from msgspec import structs
from typer.testing import CliRunner

from services.cli.__main__ import app
from services.execution.service import spec_of as execution_spec_of
from services.risk.service import spec_of
from shared.adapters.clocks import RealClock
from shared.adapters.redis.bus import RedisBus
from shared.config.model import Settings
from shared.domain.execution.orders.store import POSITION, VenuePosition
from shared.domain.plan import BreakerPlan, Limits, Plan
from shared.messages.market import MarkChanged, PairListed
from shared.messages.orders import OrderClosed, OrderFilled
from shared.runtime.host import MachineHost
from shared.runtime.logs import get_logger
from tests.domain.risk.approvals import approve
from tests.domain.risk.risk_harness import UNIVERSE, D
from tests.patience import PATIENCE_SECONDS
from tests.samples import bar

Run = Callable[..., Result]
DAY_MS = 86_400_000
PLAN = Plan(limits=Limits(book_age_seconds=0.0, mark_age_seconds=3600.0), breakers=BreakerPlan(min_adv_usdt=0.0))


async def market(bus: RedisBus, now_ns: int) -> None:
    """Two pairs with history until yesterday, and a mark each."""
    today_ms = now_ns // 1_000_000 // DAY_MS * DAY_MS
    for symbol, price in (("BTC/USDT", 20_000.0), ("ETH/USDT", 1_500.0)):
        name = symbol.replace("/", "")
        await bus.publish([PairListed(id=f"pair-{name}", time_ns=now_ns, symbol=symbol, status="trading")])
        sample = bar(symbol, timeframe="1d", close=price)
        days = []
        for day in range(30, 0, -1):
            opened = (today_ms - day * DAY_MS) * 1_000_000
            closed = opened + DAY_MS * 1_000_000 - 1_000_000
            shifted = {"open_time_ns": opened, "close_time_ns": closed, "time_ns": closed}
            days.append(structs.replace(sample, id=f"{name}-1d-{opened // 1_000_000}", **shifted))
        await bus.publish_bars(days)
        await bus.set_marks([MarkChanged(id=f"mark-{name}", time_ns=now_ns, symbol=symbol, price=price)])


HELD = OrderFilled(
    id="f", time_ns=0, order_id="o", trade_id="t", symbol="ETH/USDT", side="buy", quantity=D(1), price=D(1500),
    fee_usdt=D(1), stop_price=D(1450),
)  # fmt: skip
FINISHED = OrderClosed(
    id="c", time_ns=0, order_id="o", symbol="ETH/USDT", ending="filled", quantity_filled=D(1), reason=""
)


@asynccontextmanager
async def stepping(host: MachineHost) -> AsyncIterator[None]:
    """A host that works until the end of the test."""
    stopped = False

    async def work() -> None:
        while not stopped:
            await host.step(20)

    async with asyncio.timeout(PATIENCE_SECONDS), asyncio.TaskGroup() as group:
        group.create_task(work())
        yield
        stopped = True


@asynccontextmanager
async def risk_service(bus: RedisBus) -> AsyncIterator[MachineHost]:
    """The risk machine on its host, stepping until the end of the test."""
    clock = RealClock()
    await market(bus, clock.now_ns())
    host = MachineHost(spec_of(Settings(universe=UNIVERSE, plan=PLAN), clock), bus, clock, get_logger())
    await host.recover()
    approve(host.spec.machine, HELD)  # type: ignore[arg-type]
    await bus.publish([HELD, FINISHED])
    async with stepping(host):
        yield host


@asynccontextmanager
async def execution_service(bus: RedisBus) -> AsyncIterator[MachineHost]:
    """The paper exchange on its host; it holds the one ETH."""
    clock = RealClock()
    await market(bus, clock.now_ns())
    host = MachineHost(execution_spec_of(Settings(universe=UNIVERSE, plan=PLAN), clock), bus, clock, get_logger())
    await host.recover()
    host.spec.machine.records.put(POSITION, "ETH/USDT", VenuePosition(quantity=D(1), opened_by="o", stop=D(1450)))
    await host.step(0)
    async with stepping(host):
        yield host


@pytest.fixture
def run(valkey_server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A verb with its arguments and what is typed at it, as its own thread."""
    monkeypatch.setenv("HEATSINK_EXCHANGE__KIND", "binance")  # wall time is market time

    def invoke(*arguments: str, typed: str = "") -> Result:
        return CliRunner().invoke(app, [*arguments, "--redis-url", valkey_server, "--data", str(tmp_path)], input=typed)

    return invoke
