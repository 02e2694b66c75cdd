"""The gate as real processes, while its server, its connections and its processes fail under a client that proposes.

Exactly one decision for every order, heat within its limit at each, every approval ended once, and books that the
executed stream gives again: after each fault class happened.
"""

import asyncio
import random
import signal
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from shared.adapters.clocks import RealClock
from shared.adapters.local_ports import free_port
from shared.adapters.redis.bus import RedisBus
from shared.adapters.redis.embedded_valkey import EmbeddedValkey, wait_until_ready
from shared.adapters.redis.keys import machine_keys
from shared.domain.timeframes import DAY_NS
from shared.messages.base import Message
from shared.messages.catalogue import DEAD, DECIDED, EXECUTED, PORTFOLIO, PROPOSED
from shared.messages.market import BarClosed, MarkChanged, PairListed
from shared.messages.orders import OrderClosed, OrderDecided, OrderProposed
from shared.messages.portfolio import PortfolioMarked
from tests.e2e.children import HEAT_LIMIT, Child, service
from tests.e2e.cutting_proxy import CuttingProxy
from tests.e2e.invariants import check_decisions, check_ledger
from tests.keys import MAIN
from tests.patience import PATIENCE_SECONDS, until

PRICES = {"BTC/USDT": 20_000.0, "ETH/USDT": 1_500.0, "SOL/USDT": 30.0, "XRP/USDT": 0.5, "LINK/USDT": 7.0}

LOST = (OSError, RedisConnectionError, RedisTimeoutError)  # the server, as a bus tells it and as the bare client does


@dataclass
class Battlefield:
    """server: killed and started again. gates: two risk processes, one of them in wait. happened: faults by class.

    quiet: the client has stopped. ended: so has everything else.
    """

    bus: RedisBus
    server: Child
    proxy: CuttingProxy
    gates: tuple[Child, Child]
    execution: Child
    dice: random.Random = field(default_factory=lambda: random.Random(20))
    happened: Counter[str] = field(default_factory=Counter)
    sent: dict[str, None] = field(default_factory=dict)
    quiet: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def children(self) -> tuple[Child, ...]:
        return (*self.gates, self.execution)

    async def insist(self, action: Callable[[], Awaitable[object]]) -> None:
        """Until it works: what a client does that must get its order through."""
        while True:
            try:
                await action()
            except LOST:
                self.happened["client tried again"] += 1
                await asyncio.sleep(0.1)
            else:
                return

    async def all_of(self, key: str) -> list[Message]:
        return list(reversed(await self.bus.latest(key, 1_000_000)))


# --- what goes on meanwhile -------------------------------------------------------------------------------------------


async def trade(field_: Battlefield) -> None:
    """Proposes, one in ten a second time; follows nothing."""
    dice = field_.dice
    while not field_.quiet.is_set():
        order_id = f"o-{len(field_.sent)}"
        if field_.sent and dice.random() < 0.1:
            order_id = dice.choice(list(field_.sent)[-300:])
            field_.happened["proposed twice"] += 1
        symbol, side = dice.choice(list(PRICES)), dice.choice(("buy", "buy", "sell"))
        price = PRICES[symbol]
        order = OrderProposed(
            id=order_id, time_ns=RealClock().now_ns(), symbol=symbol, side=side,  # type: ignore[arg-type]
            quantity=Decimal(str(round(dice.uniform(100, 9_000) / price, 4))),
            stop_price=Decimal(str(round(price * 0.95, 4))) if side == "buy" else None,
        )  # fmt: skip
        await field_.insist(lambda order=order: field_.bus.publish([order]))  # type: ignore[misc]
        field_.sent[order_id] = None
        await asyncio.sleep(dice.uniform(0, 0.05))


async def quote(field_: Battlefield) -> None:
    while not field_.ended.is_set():
        now_ns = RealClock().now_ns()
        marks = [
            MarkChanged(
                id=f"m-{now_ns}", time_ns=now_ns, symbol=symbol, price=price * field_.dice.uniform(0.999, 1.001)
            )
            for symbol, price in PRICES.items()
        ]
        with suppress(*LOST):
            await field_.bus.set_marks(marks)
        await asyncio.sleep(0.2)


async def keep(field_: Battlefield) -> None:
    while not field_.ended.is_set():
        for child in field_.children:
            child.keep()
        await asyncio.sleep(0.2)


# --- faults -----------------------------------------------------------------------------------------------------------


Fault = Callable[["Battlefield"], Awaitable[None]]


async def server_killed(field_: Battlefield) -> None:
    field_.server.kill()
    await asyncio.sleep(0.5)
    field_.server.start()


async def gate_killed(field_: Battlefield) -> None:
    field_.dice.choice(field_.gates).kill()


async def execution_killed(field_: Battlefield) -> None:
    field_.execution.kill()


async def gate_paused_past_its_lease(field_: Battlefield) -> None:
    """The one that writes: the other takes over, and the first wakes up and is fenced."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while (paused := await writer(field_)) is None:
            await asyncio.sleep(0.1)
        ended = len(paused.codes)
        paused.process.send_signal(signal.SIGSTOP)
        while await writer(field_) in (paused, None):
            await asyncio.sleep(0.1)
        paused.process.send_signal(signal.SIGCONT)
        while len(paused.codes) == ended:
            await asyncio.sleep(0.1)


async def writer(field_: Battlefield) -> Child | None:
    """The gate that has the lease."""
    owner = b""
    with suppress(*LOST):
        owner = await field_.bus.client.get(machine_keys(MAIN.home, "risk").lease) or b""
    return next((gate for gate in field_.gates if f":{gate.process.pid}:" in owner.decode()), None)


async def replies_cut(field_: Battlefield) -> None:
    before, field_.proxy.cut_next = field_.proxy.cuts, 3
    async with asyncio.timeout(PATIENCE_SECONDS):
        while field_.proxy.cuts < before + 3:
            await asyncio.sleep(0.1)


async def groups_destroyed(field_: Battlefield) -> None:
    for stream in (MAIN.of(PROPOSED), MAIN.of(EXECUTED), MAIN.of(DECIDED)):
        for group in await field_.bus.client.xinfo_groups(stream):
            await field_.bus.client.xgroup_destroy(stream, group["name"])


async def library_lost(field_: Battlefield) -> None:
    await field_.bus.client.function_flush()


FAULTS = (
    server_killed,
    replies_cut,
    gate_killed,
    groups_destroyed,
    gate_paused_past_its_lease,
    execution_killed,
    library_lost,
)
WELL_APART_SECONDS = 1.5
ENOUGH = 21  # of what is counted in the end


# --- the test ---------------------------------------------------------------------------------------------------------


async def a_market(bus: RedisBus) -> None:
    now_ns = RealClock().now_ns()
    step = Decimal("0.0001")
    await bus.publish(
        [
            PairListed(id=f"l-{symbol}", time_ns=now_ns, symbol=symbol, status="trading", price_step=step,
                       quantity_step=step, min_notional=Decimal(5))
            for symbol in PRICES
        ]
    )  # fmt: skip
    today_ns = now_ns // DAY_NS * DAY_NS
    bars = []
    for day in range(70, 0, -1):
        opened, closed = today_ns - day * DAY_NS, today_ns - (day - 1) * DAY_NS - 1_000_000
        bars += [
            BarClosed(id=f"{symbol}-{day}", time_ns=closed, symbol=symbol, timeframe="1d", open_time_ns=opened,
                      close_time_ns=closed, open=price, high=price * 1.03, low=price * 0.97, close=price, volume=1e6,
                      quote_volume=1e8, backfilled=True)
            for symbol, price in PRICES.items()
        ]  # fmt: skip
    await bus.publish_bars(bars)


@asynccontextmanager
async def battlefield(folder: Path) -> AsyncIterator[Battlefield]:
    server = EmbeddedValkey(folder, free_port())
    valkey = Child(server.command(), folder / "valkey.log")
    children: list[Child] = [valkey]
    try:
        await wait_until_ready(server.url)
        async with RedisBus.open(server.url, MAIN) as bus, CuttingProxy(server.port).running() as proxy:
            await a_market(bus)
            gates = (service("risk", proxy.url, folder), service("risk", proxy.url, folder, "standby"))
            children += gates
            children.append(execution := service("execution", proxy.url, folder))
            yield Battlefield(bus, valkey, proxy, gates, execution)
    finally:
        for child in children:
            child.kill()


async def enough_came(field_: Battlefield) -> bool:
    """Whether every count of the end is reached: a slow machine needs longer for it."""
    decided = await field_.all_of(MAIN.of(DECIDED))
    bound = sum(isinstance(each, OrderDecided) and each.binding == "portfolio_heat" for each in decided)
    return min(bound, field_.happened["proposed twice"]) >= ENOUGH


async def everything_decided(field_: Battlefield) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            decided = await field_.all_of(MAIN.of(DECIDED))
            open_orders = set(field_.sent) - {each.order_id for each in decided if isinstance(each, OrderDecided)}
            last = await field_.bus.latest(MAIN.of(PORTFOLIO))
            if not open_orders and isinstance(last[0], PortfolioMarked) and not last[0].open_orders:
                return
            await asyncio.sleep(0.5)


async def check(field_: Battlefield) -> Counter[str]:
    decisions = [each for each in await field_.all_of(MAIN.of(DECIDED)) if isinstance(each, OrderDecided)]
    assert Counter(each.order_id for each in decisions) == Counter(list(field_.sent))
    check_decisions(decisions, HEAT_LIMIT)
    executed = await field_.all_of(MAIN.of(EXECUTED))
    ends = Counter(each.order_id for each in executed if isinstance(each, OrderClosed))
    assert {each.order_id: 1 for each in decisions if each.quantity_approved}.items() <= ends.items()
    last = (await field_.bus.latest(MAIN.of(PORTFOLIO)))[0]
    assert isinstance(last, PortfolioMarked)
    check_ledger(executed, last)
    assert await field_.all_of(DEAD.key) == []
    return Counter(each.binding for each in decisions)


@pytest.mark.stack(seconds=25)
@pytest.mark.parametrize(
    ("faults", "apart_seconds"),
    [
        pytest.param(FAULTS, 0.5, id="each once"),
        pytest.param(2 * FAULTS, WELL_APART_SECONDS, id="each twice", marks=pytest.mark.chaos),
    ],
)
async def test_every_order_is_decided_once_and_the_books_agree_whatever_fails(
    tmp_path: Path, faults: Sequence[Fault], apart_seconds: float
) -> None:
    async with battlefield(tmp_path) as field_:
        async with asyncio.TaskGroup() as group:
            for work in (trade, quote, keep):
                group.create_task(work(field_))
            await asyncio.sleep(3)
            for fault in faults:
                await field_.insist(lambda fault=fault: fault(field_))  # type: ignore[misc]
                field_.happened[fault.__name__] += 1
                await asyncio.sleep(apart_seconds)
            await until(lambda: enough_came(field_))
            field_.quiet.set()
            await everything_decided(field_)
            field_.ended.set()
        bound = await check(field_)
    codes = Counter(code for gate in field_.gates for code in gate.codes)
    assert {fault.__name__ for fault in FAULTS} <= {fault for fault, times in field_.happened.items() if times}
    assert field_.happened["proposed twice"] >= ENOUGH
    assert codes[1] >= 1, "nobody was ever fenced"
    assert set(codes) <= {1, -signal.SIGKILL}
    assert bound["portfolio_heat"] >= ENOUGH
    assert field_.proxy.cuts >= 3
