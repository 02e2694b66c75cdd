"""Fifty clients at once against a nearly full limit: a real Valkey, a real risk process, plain Redis clients."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgpack
import pytest
import redis.asyncio
from msgspec import structs

from shared.adapters.clocks import RealClock
from shared.adapters.redis.bus import RedisBus
from shared.adapters.redis.embedded_valkey import running_valkey
from shared.messages.catalogue import DEAD, DECIDED, PORTFOLIO, PROPOSED
from shared.messages.market import MarkChanged, PairListed
from shared.messages.orders import OrderDecided
from shared.messages.portfolio import PortfolioMarked
from shared.ports.clock import ClockOrigin
from tests.e2e.processes import service, until_ready
from tests.keys import MAIN
from tests.samples import HOUR, T0, bar

pytestmark = pytest.mark.processes

CLIENTS, ORDERS = 50, 4  # orders of each client
DAYS = 30
NOW_NS = T0 + DAYS * 24 * HOUR + 1_000_000
NAV = 200_000.0
PRICE = 100.0
MIN_NOTIONAL = 5.0
BASES = (
    "BTC",
    "ETH",
    "BNB",
    "SOL",
    "XRP",
    "ADA",
    "LTC",
    "DOT",
    "AVAX",
    "TRX",
    "LINK",
    "UNI",
    "CRV",
    "OP",
    "ARB",
    "DOGE",
)
RUN_SECONDS, ANSWER_SECONDS = 120, 60
PROPOSED_KEY, DECIDED_KEY, PORTFOLIO_KEY = (MAIN.of(topic) for topic in (PROPOSED, DECIDED, PORTFOLIO))
SETTINGS = {
    "HEATSINK_LIMITS__BOOK_AGE_SECONDS": "0",
    "HEATSINK_LIMITS__MARK_AGE_SECONDS": "600",
    "HEATSINK_LIMITS__MAX_OPEN_ORDERS": "100000",
    "HEATSINK_LIMITS__ORDERS_PER_SECOND": "100000",
    "HEATSINK_LIMITS__REPEATS_PER_MINUTE": "100000",
    "HEATSINK_LOGS__LEVEL": "warning",
}


@dataclass(frozen=True)
class Crowd:
    """What everybody wants, and what of it must not be passed. first: fills most of the limit before."""

    limits: dict[str, str]
    binding: str
    most_usdt: float
    bases: tuple[str, ...]
    stop: str
    quantity: int  # of the largest order

    def used_usdt(self, decided: OrderDecided) -> float:
        notional = float(decided.quantity_approved) * PRICE
        return {"portfolio_heat": decided.risk_usdt, "pair_cap_nav": notional, "cash": decided.cash_usdt}[self.binding]


WIDE = {"EQUITY_AT_RISK": "0.5", "HEAT": "1", "PAIR_CAP_NAV": "1", "SECTOR_CAP_NAV": "1", "GAP_STRESS": "1"}
CROWDS = {
    "heat": Crowd({"HEAT": "0.01", "SECTOR_CAP_NAV": "1"}, "portfolio_heat", 0.01 * NAV, BASES, "90", 20),
    "pair cap": Crowd({}, "pair_cap_nav", 0.05 * NAV, ("BTC",), "99", 9),
    "cash": Crowd({**WIDE, "MAX_ORDER_USDT": "1e9"}, "cash", NAV, BASES[:4], "99", 100),
}


@asynccontextmanager
async def gate(folder: Path, limits: dict[str, str]) -> AsyncIterator[tuple[RedisBus, str]]:
    """A market that stands still at 100 USDT, and a risk service that knows it."""
    with running_valkey(folder) as server:
        async with RedisBus.open(server.url, MAIN) as bus:
            origin = ClockOrigin(origin_market_ns=NOW_NS, origin_wall_ns=RealClock().wall_ns(), speed=1.0)
            await bus.agree_on_clock(origin)
            symbols = [f"{base}/USDT" for base in BASES]
            await bus.publish(
                [
                    PairListed(
                        id=f"l-{each}",
                        time_ns=T0,
                        symbol=each,
                        status="trading",
                        min_notional=Decimal(int(MIN_NOTIONAL)),
                    )
                    for each in symbols
                ]
            )
            days = [
                structs.replace(bar(each, timeframe="1d", hour=24 * day, close=PRICE), quote_volume=1e9)
                for day in range(DAYS)
                for each in symbols
            ]
            await bus.publish_bars(days)
            await bus.set_marks([MarkChanged(id="m", time_ns=NOW_NS, symbol=each, price=PRICE) for each in symbols])
            settings = SETTINGS | {f"HEATSINK_LIMITS__{name}": value for name, value in limits.items()}
            async with service("risk", server.url, folder, settings):
                async with asyncio.timeout(RUN_SECONDS):
                    await until_ready(bus, "risk")
                yield bus, server.url


async def snapshot_after(bus: RedisBus, time_ns: int) -> PortfolioMarked:
    """The first snapshot that knows of everything up to a time; there is one every second."""
    async with asyncio.timeout(ANSWER_SECONDS):
        while True:
            for each in await bus.latest(PORTFOLIO_KEY, 1):
                if isinstance(each, PortfolioMarked) and each.time_ns > time_ns:
                    return each
            await asyncio.sleep(0.05)


def wanted(crowd: Crowd, client: int, number: int) -> dict[str, Any]:
    """One order as any language would write it."""
    base = crowd.bases[(client * ORDERS + number) % len(crowd.bases)]
    quantity = Decimal(1 + (client * 7 + number * 3) % crowd.quantity)
    return {
        "type": "OrderProposed", "id": f"c{client}-{number}", "time_ns": NOW_NS, "symbol": f"{base}/USDT",
        "side": "buy", "quantity": str(quantity), "stop_price": crowd.stop, "strategy": f"client-{client}",
    }  # fmt: skip


class Client:
    """Listens first, then proposes everything at once, half by XADD and half by PUBLISH; keeps what it hears."""

    def __init__(self, url: str, crowd: Crowd, number: int, start: asyncio.Barrier) -> None:
        self.url, self.start = url, start
        self.orders = [wanted(crowd, number, each) for each in range(ORDERS)]
        self.heard: list[dict[str, Any]] = []
        self.again: list[dict[str, Any]] = []
        self.told: list[dict[str, Any]] = []

    async def run(self) -> None:
        async with redis.asyncio.from_url(self.url) as connection, connection.pubsub() as ear:
            await ear.subscribe(DECIDED_KEY)
            await self._hear(ear, 0)
            await self.start.wait()
            await self._propose(connection, self.orders)
            self.heard = await self._hear(ear, ORDERS)
            await self.start.wait()  # everybody has every answer
            await self._propose(connection, [order | {"quantity": "0.5"} for order in self.orders])
            self.again = await self._hear(ear, ORDERS)

    async def _propose(self, connection: Any, orders: list[dict[str, Any]]) -> None:
        pipe = connection.pipeline(transaction=False)
        for number, order in enumerate(orders):
            body = msgpack.packb(order)
            if number % 2:
                pipe.publish(PROPOSED_KEY, body)
            else:
                pipe.xadd(PROPOSED_KEY, {"m": body})
        await pipe.execute()

    async def _hear(self, ear: Any, count: int) -> list[dict[str, Any]]:
        """``count`` decisions on own orders; with 0, until the subscription stands."""
        own, heard = {order["id"] for order in self.orders}, []
        async with asyncio.timeout(ANSWER_SECONDS):
            async for item in ear.listen():
                if item["type"] == "message" and (decided := msgpack.unpackb(item["data"]))["order_id"] in own:
                    (heard if decided["type"] == "OrderDecided" else self.told).append(decided)
                if len(heard) >= count:
                    return heard
        raise AssertionError("the connection ended")


@pytest.mark.parametrize("name", CROWDS)
async def test_fifty_clients_at_once_never_pass_the_limit_and_each_order_gets_one_answer(
    name: str, tmp_path: Path
) -> None:
    crowd = CROWDS[name]
    async with gate(tmp_path, crowd.limits) as (bus, url):
        start = asyncio.Barrier(CLIENTS)
        clients = [Client(url, crowd, number, start) for number in range(CLIENTS)]
        async with asyncio.timeout(RUN_SECONDS), asyncio.TaskGroup() as group:
            for client in clients:
                group.create_task(client.run())
        decided = [each for each in await bus.latest(DECIDED_KEY, 10_000) if isinstance(each, OrderDecided)]
        snapshot = await snapshot_after(bus, max(each.time_ns for each in decided))
        assert await bus.latest(DEAD.key, 10) == []

    stored = {each.order_id: each for each in decided}
    assert len(decided) == len(stored) == CLIENTS * ORDERS, "one decision for each order, however often it was asked"
    assert sorted(each.seq for each in decided) == list(range(1, CLIENTS * ORDERS + 1))
    for client in clients:
        assert Counter(each["order_id"] for each in client.heard) == {order["id"]: 1 for order in client.orders}
        for each in (*client.heard, *client.again):  # the repeat asked for another quantity
            kept = stored[each["order_id"]]
            assert each["id"] == kept.id
            assert Decimal(each["quantity_approved"]) == kept.quantity_approved
            assert Decimal(each["quantity_requested"]) == kept.quantity_requested
        assert {each["order_id"] for each in client.again} == {order["id"] for order in client.orders}
        assert {each["order_id"] for each in client.told} == {order["id"] for order in client.orders}
        assert {(each["type"], each["code"], each["field"]) for each in client.told} == {
            ("ProposalRefused", "other_body", "quantity")
        }

    used = sum(crowd.used_usdt(each) for each in decided)
    # Room for less than the exchange's minimum is no room: who comes last may find that much left, and be refused.
    # The minimum is notional; what of the limit it takes up is read off an order that was approved.
    whole = next(each for each in decided if each.verdict == "approve")
    untradable = MIN_NOTIONAL * crowd.used_usdt(whole) / (float(whole.quantity_approved) * PRICE)
    assert crowd.most_usdt - untradable <= used <= crowd.most_usdt * (1 + 1e-9), "full, and no further"
    refused = [each for each in decided if each.verdict == "reject"]
    assert len(refused) > CLIENTS
    assert {each.binding for each in decided if each.verdict != "approve"} <= {crowd.binding, "equity_at_risk"}
    assert snapshot.heat_reserved * NAV == pytest.approx(sum(each.risk_usdt for each in decided), rel=1e-9)
    assert snapshot.open_orders == len(decided) - len(refused)
