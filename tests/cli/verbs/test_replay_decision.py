"""``heatsink replay-decision``: decisions of the risk service itself, at a real server, by the shipped settings."""

import asyncio
import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import Result
from msgspec import structs
from typer.testing import CliRunner

from services.cli.__main__ import app
from services.risk.service import spec_of
from shared.adapters.clocks import ManualClock
from shared.adapters.codec import encode
from shared.adapters.redis.bus import RedisBus
from shared.adapters.redis.keys import decision_key
from shared.messages.control import Halt, Resume, SetLimits
from shared.messages.market import BookSampled, MarkChanged, PairListed
from shared.messages.orders import OrderDecided, OrderFilled
from shared.ports.clock import ClockOrigin
from shared.runtime.host import MachineHost
from shared.runtime.logs import get_logger
from tests.keys import MAIN
from tests.runtime.host.risk_stage import decisions, settle
from tests.samples import T0, bar, proposal
from tests.shipped import shipped_settings

PAIRS = ("BTC/USDT", "ETH/USDT")
PRICE = 100.0
MINUTE_NS = 60_000_000_000
Cli = Callable[..., Result]


@pytest.fixture
async def decided(redis_bus: RedisBus) -> dict[str, OrderDecided]:
    """Some decisions by their orders' ids: whole, cut, halted, under other limits, of sales, proposed in two ways."""
    clock = await a_market(redis_bus)
    host = MachineHost(spec_of(shipped_settings(), clock), redis_bus, clock, get_logger())
    await host.recover()

    async def propose(order_id: str, quantity: str, **changes: object) -> None:
        clock.time_ns += MINUTE_NS
        await see_prices(redis_bus, clock, host)
        fields = {"symbol": "BTC/USDT", "quantity": Decimal(quantity), "stop_price": Decimal(92), "trace": ""}
        order = proposal(order_id, **(fields | {"time_ns": clock.now_ns()} | changes))
        await redis_bus.propose(order, "ben")
        await host.lease.renew()
        await settle(host)
        verdict = await redis_bus.decision(order_id)
        assert verdict is not None
        if verdict.quantity_approved:
            await redis_bus.publish([filled(verdict)])
            await settle(host)

    def said(number: int) -> dict[str, object]:
        return {"id": f"op-{number}", "time_ns": clock.now_ns(), "who": "ana", "reason": "seen"}

    await propose("whole", "2")
    await propose("cut", "100000")
    await redis_bus.publish([Halt(**said(1), symbol="ETH/USDT")])
    await propose("halted", "2", symbol="ETH/USDT")
    await redis_bus.publish([Resume(**said(2), symbol="ETH/USDT"), SetLimits(**said(3), limits={"heat": 0.011})])
    await propose("other-limits", "2", symbol="ETH/USDT")
    await propose("sale", "1", side="sell", stop_price=None)
    await host.lease.release()
    return {each.order_id: each for each in await decisions(redis_bus)}


def filled(verdict: OrderDecided) -> OrderFilled:
    return OrderFilled(
        id=f"fill-{verdict.order_id}",
        time_ns=verdict.time_ns,
        order_id=verdict.order_id,
        trade_id=f"trade-{verdict.order_id}",
        symbol=verdict.symbol,
        side=verdict.side,
        quantity=verdict.quantity_approved,
        price=Decimal(100),
        fee_usdt=Decimal("0.2"),
        stop_price=verdict.stop_price,
    )


async def a_market(bus: RedisBus) -> ManualClock:
    bars = [bar(symbol, timeframe="1d", hour=24 * day, close=PRICE) for symbol in PAIRS for day in range(30)]
    busy = [structs.replace(each, quote_volume=1e9) for each in bars]
    await bus.publish([PairListed(id=f"l-{each}", time_ns=T0, symbol=each, status="trading") for each in PAIRS])
    await bus.publish_bars(busy)
    clock = ManualClock(bars[-1].close_time_ns + 1)
    await bus.agree_on_clock(ClockOrigin(origin_market_ns=clock.now_ns(), origin_wall_ns=clock.wall_ns(), speed=1.0))
    return clock


async def see_prices(bus: RedisBus, clock: ManualClock, host: MachineHost) -> None:
    for symbol in PAIRS:
        head = {"id": f"m-{symbol}-{clock.now_ns()}", "time_ns": clock.now_ns(), "symbol": symbol}
        book = BookSampled(
            **head, bids=((99.99, 9e3),), asks=((100.01, 9e3),), size_usdt=25_000.0, spread=2e-4, median_spread=2e-4
        )
        for seen in (MarkChanged(**head, price=PRICE), book):
            await host.inbox.take(MAIN.of_message(seen), encode(seen))
    await settle(host)


@pytest.fixture
def heatsink(valkey_server: str, tmp_path: Path) -> Cli:
    def run(*arguments: str) -> Result:
        return CliRunner().invoke(app, [*arguments, "--redis-url", valkey_server, "--data", str(tmp_path)])

    return run


async def test_every_decision_of_the_service_comes_out_the_same(
    decided: dict[str, OrderDecided], heatsink: Cli
) -> None:
    verdicts = {order_id: (each.verdict, each.binding) for order_id, each in decided.items()}
    assert verdicts["whole"] == ("approve", "")
    assert verdicts["cut"][0] == "trim"
    assert verdicts["halted"] == ("reject", "halted")
    assert decided["other-limits"].policy != decided["whole"].policy
    for order_id in decided:
        result = await asyncio.to_thread(heatsink, "replay-decision", order_id)
        assert "the same verdict comes out again, to the last bit" in " ".join(result.stdout.split()), result.output
        assert result.exit_code == 0
    replayed = json.loads((await asyncio.to_thread(heatsink, "replay-decision", "cut", "--json")).stdout)
    assert replayed["differs"] == []
    assert replayed["again"] == replayed["decided"]


async def test_a_decision_that_somebody_has_changed_on_the_server_comes_out_as_another_one(
    redis_bus: RedisBus, decided: dict[str, OrderDecided], heatsink: Cli
) -> None:
    forged = structs.replace(decided["halted"], verdict="approve", quantity_approved=Decimal(2), binding="", reason="")
    await redis_bus.client.set(decision_key(MAIN, "halted"), encode(forged))
    result = await asyncio.to_thread(heatsink, "replay-decision", "halted")
    assert result.exit_code == 1
    assert "ANOTHER verdict comes out now" in result.stdout
    rows = [line.split() for line in result.stdout.splitlines()]
    assert ["verdict", "approve", "reject"] in rows
    assert ["quantity_approved", "2", "0"] in rows


async def test_limits_that_nobody_here_knows_are_an_error_that_names_both_policies(
    redis_bus: RedisBus, decided: dict[str, OrderDecided], heatsink: Cli
) -> None:
    foreign = structs.replace(decided["whole"], policy="abcdefabcdef")
    await redis_bus.client.set(decision_key(MAIN, "whole"), encode(foreign))
    result = await asyncio.to_thread(heatsink, "replay-decision", "whole")
    assert result.exit_code == 1
    assert "was held to policy abcdefabcdef" in " ".join(result.stderr.split())
    assert "--config" in result.stderr


async def test_an_order_that_nobody_decided_is_an_error(decided: dict[str, OrderDecided], heatsink: Cli) -> None:
    result = await asyncio.to_thread(heatsink, "replay-decision", "nothing")
    assert result.exit_code == 1
    assert "There is no order nothing" in result.stderr
