"""A bot that executes by itself behind real risk and execution processes: proposes, reports, is killed, comes back."""

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path

import pytest
from msgspec import structs

from shared.adapters.clocks import RealClock, ScaledClock
from shared.adapters.redis.bus import RedisBus
from shared.adapters.redis.embedded_valkey import running_valkey
from shared.messages.base import Message
from shared.messages.catalogue import DECIDED, EXECUTED, HALTS, PORTFOLIO, REPORTED
from shared.messages.halts import Halted, Resumed
from shared.messages.market import MarkChanged, PairListed
from shared.messages.orders import OrderClosed, OrderDecided, OrderFilled, OrderProposed, StopPlaced
from shared.messages.portfolio import PortfolioMarked
from shared.messages.reports import FillReported, ReportAwaited, ReportRefused
from shared.ports.clock import ClockOrigin
from tests.e2e.processes import service, until_ready
from tests.keys import MAIN
from tests.patience import PATIENCE_SECONDS
from tests.samples import HOUR, T0, bar, proposal

pytestmark = pytest.mark.processes

BOT = Path(__file__).with_name("small_bot.py")
DAYS, PRICE = 70, 1_500.0
NOW_NS = T0 + DAYS * 24 * HOUR + HOUR
SETTINGS = {
    "HEATSINK_EXCHANGE__ORDERS": "client",
    "HEATSINK_EXCHANGE__REPORT_SECONDS": "3",
    "HEATSINK_EXCHANGE__STOP_SECONDS": "3",
    "HEATSINK_PHASE": "live",
    "HEATSINK_LIMITS__BOOK_AGE_SECONDS": "0",  # nobody samples any here
}
D = Decimal


async def keep_marks_fresh(bus: RedisBus, clock: ScaledClock) -> None:
    while True:
        now_ns = clock.now_ns()
        await bus.set_marks([MarkChanged(id=f"mark-{now_ns}", time_ns=now_ns, symbol="ETH/USDT", price=PRICE)])
        await asyncio.sleep(0.25)


@asynccontextmanager
async def market(folder: Path) -> AsyncIterator[tuple[str, RedisBus]]:
    with running_valkey(folder) as server:
        async with RedisBus.open(server.url, MAIN) as bus:
            origin = ClockOrigin(origin_market_ns=NOW_NS, origin_wall_ns=RealClock().wall_ns(), speed=1.0)
            clock = ScaledClock(await bus.agree_on_clock(origin))
            listed = PairListed(
                id="listed", time_ns=T0, symbol="ETH/USDT", status="trading", quantity_step=D("0.00001"),
                min_quantity=D("0.00001"), min_notional=D(5),
            )  # fmt: skip
            await bus.publish([listed])
            days = [bar("ETH/USDT", timeframe="1d", hour=24 * day, close=PRICE) for day in range(DAYS)]
            await bus.publish_bars([structs.replace(day, quote_volume=1e9) for day in days])
            async with asyncio.TaskGroup() as group:
                marks = group.create_task(keep_marks_fresh(bus, clock))
                yield server.url, bus
                marks.cancel()


@asynccontextmanager
async def bot(url: str, folder: Path, *arguments: str) -> AsyncIterator[Process]:
    """Killed at the end: it never ends well."""
    process = await asyncio.create_subprocess_exec(sys.executable, str(BOT), url, str(folder), *arguments, stdout=PIPE)
    try:
        yield process
        assert process.returncode is None
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def until(bus: RedisBus, topic_key: str, is_it: Callable[[Message], bool]) -> Message:
    while True:
        for message in await bus.latest(topic_key, 1000):
            if is_it(message):
                return message
        await asyncio.sleep(0.05)


async def verdict(bus: RedisBus, order: OrderProposed) -> OrderDecided:
    await bus.publish([order])
    found = await until(bus, MAIN.of(DECIDED), lambda m: isinstance(m, OrderDecided) and m.order_id == order.id)
    assert isinstance(found, OrderDecided)
    return found


def small(order_id: str, strategy: str) -> OrderProposed:
    return proposal(
        order_id=order_id, symbol="ETH/USDT", quantity=D("0.01"), stop_price=D(1_425), strategy=strategy, time_ns=0
    )


def overdue(order_id: str) -> Callable[[Message], bool]:
    return lambda message: isinstance(message, ReportAwaited) and message.overdue and message.order_id == order_id


def reported(order_id: str) -> Callable[[Message], bool]:
    return lambda message: isinstance(message, FillReported) and message.order_id == order_id


def protected(quantity: str) -> Callable[[Message], bool]:
    return lambda message: isinstance(message, StopPlaced) and message.quantity == D(quantity)


def holds(quantity: str) -> Callable[[Message], bool]:
    """Nothing else, and no order is open."""

    def is_so(message: Message) -> bool:
        if not isinstance(message, PortfolioMarked) or message.open_orders:
            return False
        return [position.quantity for position in message.positions] == [D(quantity)]

    return is_so


def closed(order_id: str) -> Callable[[Message], bool]:
    return lambda message: isinstance(message, OrderClosed) and message.order_id == order_id


async def test_a_bot_that_executes_by_itself_is_booked_closed_out_while_silent_and_taken_back(tmp_path: Path) -> None:
    executed = MAIN.of(EXECUTED)
    async with (
        asyncio.timeout(PATIENCE_SECONDS),
        market(tmp_path) as (url, bus),
        service("risk", url, tmp_path, SETTINGS),
    ):
        async with service("execution", url, tmp_path, SETTINGS):
            await until_ready(bus, "risk", "execution")
            async with bot(url, tmp_path, "mine-1:0.2"):
                await until(bus, executed, closed("mine-1"))
                await until(bus, executed, protected("0.2"))

            # It hears its next approval, and is killed before it does anything of it.
            async with bot(url, tmp_path, "mine-2:0.2", "--hang") as hanging:
                assert hanging.stdout is not None
                assert b"mine-2" in await hanging.stdout.readline()
            await until(bus, executed, overdue("mine-2"))
            silent = await verdict(bus, small("mine-3", "mine"))
            assert (silent.verdict, silent.binding) == ("reject", "execution_acknowledged")
            other = await verdict(bus, small("other-1", "other"))
            assert other.verdict == "approve"

        # Execution is down while the bot comes back and reports: what it wrote waits, and is booked once.
        async with bot(url, tmp_path):
            await until(bus, MAIN.of(REPORTED), reported("other-1"))
            async with service("execution", url, tmp_path, SETTINGS):
                await until(bus, executed, closed("other-1"))
                await until(bus, executed, closed("mine-2"))
                await until(bus, executed, protected("0.41"))
                assert (await verdict(bus, small("mine-4", "mine"))).verdict == "approve"
                await until(bus, executed, closed("mine-4"))
                await until(bus, executed, protected("0.42"))
                snapshot = await until(bus, MAIN.of(PORTFOLIO), holds("0.42"))

        said = await bus.latest(executed, 1000)
        fills = [message for message in said if isinstance(message, OrderFilled)]
        assert len(fills) == len({fill.trade_id for fill in fills}) == 8
        assert isinstance(snapshot, PortfolioMarked)
        spent = sum((fill.quantity * fill.price + fill.fee_usdt for fill in fills), D(0))
        assert snapshot.cash == 200_000 - spent
        assert {message.code for message in said if isinstance(message, ReportRefused)} <= {
            "repeated", "lowered_stop", "stop_too_small", "too_much",
        }  # fmt: skip
        halted = [m for m in await bus.latest(MAIN.of(HALTS), 100) if isinstance(m, Halted | Resumed)]
        assert [m for m in halted if m.trigger == "false_fill"] == []
