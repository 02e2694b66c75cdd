"""Halts that only an operator ends in two steps, as he meets them: a real Valkey, a real risk process that is started
anew in between, marks and fills as they come from elsewhere, and the command line.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import TypeVar

import pytest
from click.testing import Result
from typer.testing import CliRunner

from services.cli.__main__ import app
from services.risk.service import spec_of
from shared.adapters.clocks import RealClock
from shared.adapters.redis.bus import RedisBus
from shared.adapters.redis.embedded_valkey import running_valkey
from shared.config.model import Settings
from shared.domain.plan import Limits, Plan
from shared.domain.risk.machine import RiskMachine
from shared.domain.timeframes import DAY_NS
from shared.messages.base import Message
from shared.messages.catalogue import AUDIT, DEAD, DECIDED, HALTS, PORTFOLIO
from shared.messages.halts import Alerted, Halted, ResumeAsked, Resumed
from shared.messages.market import BarClosed, MarkChanged, PairListed
from shared.messages.orders import OrderDecided, OrderFilled, OrderProposed
from shared.messages.portfolio import PortfolioMarked
from shared.runtime.host import MachineHost
from shared.runtime.logs import get_logger
from tests.domain.risk.approvals import take
from tests.domain.risk.risk_harness import CALM, UNIVERSE
from tests.e2e.processes import service
from tests.keys import MAIN
from tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.processes

PRICES = {"BTC/USDT": 20_000.0, "ETH/USDT": 1_500.0, "SOL/USDT": 30.0}
SETTINGS = {
    "HEATSINK_EXCHANGE__KIND": "binance",  # wall time is market time
    "HEATSINK_BREAKERS__MIN_ADV_USDT": "0",
    "HEATSINK_BREAKERS__DAY_LOSS": "0.9",
    "HEATSINK_LIMITS__BOOK_AGE_SECONDS": "0",
    "HEATSINK_LIMITS__MARK_AGE_SECONDS": "600",
    "HEATSINK_LIMITS__HEAT": "1",  # what is held here has its stop far away
    "HEATSINK_LOGS__LEVEL": "warning",
}
PLAN = Plan(limits=Limits(book_age_seconds=0.0, mark_age_seconds=600.0, heat=1.0), breakers=CALM)
M = TypeVar("M", bound=Message)


@dataclass
class Scene:
    """An operator at his command line beside a market that the test moves. ``orders``: proposed so far."""

    bus: RedisBus
    url: str
    folder: Path
    orders: int = 0
    prices: dict[str, float] = field(default_factory=lambda: dict(PRICES))

    @asynccontextmanager
    async def gate(self) -> AsyncIterator[None]:
        """The risk process; one that is started again goes on from what the server has."""
        async with service("risk", self.url, self.folder, SETTINGS) as process:
            await self.until_ready(process.pid)
            yield

    async def until_ready(self, pid: int) -> None:
        """Until this very process works, not the one before it."""

        async def look() -> bool:
            beats = await self.bus.heartbeats()
            return "risk" in beats and (beats["risk"].pid, beats["risk"].state) == (pid, "ready")

        await _until(look)

    async def mark(self, symbol: str, price: float) -> None:
        """A new price of one pair; the others stay where they are, and fresh."""
        self.prices[symbol] = price
        now_ns = RealClock().now_ns()
        await self.bus.set_marks(
            [MarkChanged(id=f"m-{now_ns}", time_ns=now_ns, symbol=each, price=at) for each, at in self.prices.items()]
        )

    async def fall(self, symbol: str, *prices: float) -> None:
        """Step by step, so that no single step is a gap; each is in a snapshot before the next comes."""
        for price in prices:
            await self.mark(symbol, price)
            await self.snapshot(lambda each, price=price: any(row.mark == price for row in each.positions))  # type: ignore[misc]

    async def propose(self, side: str, symbol: str, quantity: str) -> OrderDecided:
        self.orders += 1
        order_id = f"o-{self.orders}"
        stop = Decimal(str(round(self.prices[symbol] * 0.9, 2))) if side == "buy" else None
        await self.bus.publish(
            [
                OrderProposed(
                    id=order_id, time_ns=RealClock().now_ns(), symbol=symbol, side=side,  # type: ignore[arg-type]
                    quantity=Decimal(quantity), stop_price=stop,
                )
            ]
        )  # fmt: skip
        [decided] = await self.until(DECIDED, OrderDecided, lambda found: found.order_id == order_id)
        return decided

    async def heatsink(self, *words: str, answer: str = "") -> Result:
        """``heatsink ...``, and what is typed when it asks back."""
        parts = [*words, "--redis-url", self.url, "--data", str(self.folder)]
        return await asyncio.to_thread(CliRunner().invoke, app, parts, input=answer)

    async def snapshot(self, fits: Callable[[PortfolioMarked], bool]) -> PortfolioMarked:
        """The first of the latest snapshots that fits."""

        async def look() -> PortfolioMarked | None:
            found = await self.bus.latest(MAIN.of(PORTFOLIO), 3)
            return next((each for each in found if isinstance(each, PortfolioMarked) and fits(each)), None)

        return await _until(look)

    async def until(self, topic: object, kind: type[M], fits: Callable[[M], bool]) -> list[M]:
        """All fitting messages of a stream, oldest first, once there is one."""

        async def look() -> list[M]:
            found = await self.bus.latest(MAIN.of(topic), 1_000)  # type: ignore[arg-type]
            return [each for each in reversed(found) if isinstance(each, kind) and fits(each)]

        return await _until(look)

    async def halts(self, trigger: str) -> list[Halted]:
        return await self.until(HALTS, Halted, lambda each: each.trigger == trigger)


T = TypeVar("T")


async def _until(look: Callable[[], Awaitable[T | None]]) -> T:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not (found := await look()):
            await asyncio.sleep(0.05)
    return found


@pytest.fixture
async def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Scene]:
    """Three pairs with a month of history, and 100 ETH that are held for 150,000 of 200,000 USDT."""
    monkeypatch.setenv("HEATSINK_EXCHANGE__KIND", "binance")
    with running_valkey(tmp_path) as server:
        async with RedisBus.open(server.url, MAIN) as bus:
            scene = Scene(bus, server.url, tmp_path)
            now_ns = RealClock().now_ns()
            await bus.publish(
                [PairListed(id=f"l-{each}", time_ns=now_ns, symbol=each, status="trading") for each in PRICES]
            )
            await bus.publish_bars([_day(each, now_ns, days_ago) for days_ago in range(30, 0, -1) for each in PRICES])
            await scene.mark("BTC/USDT", 20_000.0)
            await hold(bus)
            yield scene
            assert await bus.latest(DEAD.key, 10) == []


async def hold(bus: RedisBus) -> None:
    """A risk service was here before, and has left a position."""
    clock = RealClock()
    host = MachineHost(spec_of(Settings(universe=UNIVERSE, plan=PLAN), clock), bus, clock, get_logger())
    await host.recover()
    machine = host.spec.machine
    assert isinstance(machine, RiskMachine)
    bought = OrderFilled(
        id="f", time_ns=clock.now_ns(), order_id="earlier", trade_id="t", symbol="ETH/USDT", side="buy",
        quantity=Decimal(100), price=Decimal(1_500), fee_usdt=Decimal(0), stop_price=Decimal(700),
    )  # fmt: skip
    take(machine, bought)
    await host.step(wait_ms=0)
    await host.lease.release()


def _day(symbol: str, now_ns: int, days_ago: int) -> BarClosed:
    opened, price = (now_ns // DAY_NS - days_ago) * DAY_NS, PRICES[symbol]
    closed = opened + DAY_NS - 1_000_000
    return BarClosed(
        id=f"{symbol}-{days_ago}", time_ns=closed, symbol=symbol, timeframe="1d", open_time_ns=opened,
        close_time_ns=closed, open=price, high=price * 1.03, low=price * 0.97, close=price, volume=1e6,
        quote_volume=1e8, backfilled=True,
    )  # fmt: skip


async def test_a_drawdown_warns_then_halts_outlives_the_process_and_ends_by_an_operator_in_two_steps(
    scene: Scene,
) -> None:
    async with scene.gate():
        await scene.snapshot(lambda each: each.nav == 200_000)
        await scene.fall("ETH/USDT", 1_390.0, 1_299.0)
        [warned] = await scene.until(AUDIT, Alerted, lambda each: True)
        assert (warned.trigger, warned.reason) == ("drawdown", "drawdown of 10.05%, trading halts at 15.00%")
        assert (await scene.propose("buy", "SOL/USDT", "1")).verdict == "approve"
        await scene.fall("ETH/USDT", 1_201.0)
        assert (await scene.propose("buy", "SOL/USDT", "1")).verdict == "approve"
        await scene.fall("ETH/USDT", 1_200.0)
        [halted] = await scene.halts("drawdown")
        assert (halted.symbol, halted.mode, halted.cleared_by) == ("", "reducing", "two_steps")
        assert halted.evidence == "NAV 170,000.00 USDT, high-water mark 200,000.00 USDT; limit 15.00%"

    async with scene.gate():
        refused = await scene.propose("buy", "SOL/USDT", "1")
        assert (refused.verdict, refused.binding) == ("reject", "halted")
        assert refused.reason == "portfolio reducing: drawdown of 15.00%"
        assert (await scene.propose("sell", "ETH/USDT", "10")).verdict == "approve"
        told = " ".join((await scene.heatsink("why", refused.order_id)).output.split())
        assert "only reductions pass in the portfolio" in told
        assert "in two steps: heatsink resume" in told

        kept = await scene.heatsink("resume", "--reason", "looked at it", answer="n\n")
        assert (kept.exit_code, "Resume the portfolio in spite of this?" in kept.output) == (1, True)
        assert "NAV 170,000.00 USDT, high-water mark 200,000.00 USDT" in kept.output
        assert (await scene.propose("buy", "SOL/USDT", "1")).binding == "halted"

        ended = await scene.heatsink("resume", "--reason", "looked at it", answer="y\n")
        assert (ended.exit_code, "resumed   the portfolio (drawdown) after" in ended.output) == (0, True), ended.output
        [resumed] = await scene.until(HALTS, Resumed, lambda each: True)
        assert (resumed.trigger, resumed.reason) == ("drawdown", "looked at it")
        assert (await scene.propose("buy", "SOL/USDT", "1")).verdict == "approve"
        await scene.fall("ETH/USDT", 1_180.0)  # a further fall counts from where he resumed
        assert (await scene.propose("buy", "SOL/USDT", "1")).verdict == "approve"
        assert len(await scene.halts("drawdown")) == 1

    async with scene.gate():  # neither does a restart take the old high-water mark for the present one
        assert (await scene.propose("buy", "SOL/USDT", "1")).verdict == "approve"
        await scene.fall("ETH/USDT", 1_090.0, 1_005.0, 930.0)
        assert [each.cleared_by for each in await scene.halts("drawdown")] == ["two_steps"] * 2


async def test_a_market_shock_ends_by_the_code_that_another_operator_types(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with scene.gate():
        await scene.snapshot(lambda each: each.nav == 200_000)
        await scene.mark("BTC/USDT", 19_300.0)
        assert (await scene.propose("buy", "SOL/USDT", "1")).verdict == "approve"
        await scene.mark("BTC/USDT", 18_600.0)
        [halted] = await scene.halts("market_shock")
        assert (halted.symbol, halted.mode, halted.cleared_by) == ("", "reducing", "two_steps")
        assert halted.reason == "BTC/USDT moved -7.00%"
        refused = await scene.propose("buy", "SOL/USDT", "1")
        assert (refused.binding, refused.reason) == ("halted", "portfolio reducing: BTC/USDT moved -7.00%")
        assert (await scene.propose("sell", "ETH/USDT", "10")).verdict == "approve"

        monkeypatch.setenv("LOGNAME", "ana")
        asked = await scene.heatsink("resume", "--reason", "the news", answer="n\n")
        assert asked.exit_code == 1
        [first] = await scene.until(HALTS, ResumeAsked, lambda each: True)
        assert (first.who, first.trigger) == ("ana", "market_shock")

    async with scene.gate():  # the code outlives the process, too
        monkeypatch.setenv("LOGNAME", "ben")
        wrong = await scene.heatsink("resume", "--code", "00000000", "--reason", "the news")
        assert (wrong.exit_code, "the code is another one" in wrong.stderr) == (1, True)
        ended = await scene.heatsink("resume", "--code", first.confirm, "--reason", "it is the news")
        assert ended.exit_code == 0, ended.output
        [resumed] = await scene.until(HALTS, Resumed, lambda each: True)
        assert (resumed.trigger, resumed.who, resumed.reason) == ("market_shock", "ben", "it is the news")
        await scene.mark("BTC/USDT", 18_550.0)  # what it fell before does not count again
        assert (await scene.propose("buy", "SOL/USDT", "1")).verdict == "approve"
        again = await scene.heatsink("resume", "--code", first.confirm, "--reason", "the news")
        assert "the portfolio is not halted" in again.stderr
        assert len(await scene.halts("market_shock")) == 1
