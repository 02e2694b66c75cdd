"""The life of one small portfolio in steps: what was recorded with an earlier version, and how it goes on afterwards.

``before`` ends in the middle of everything: positions with raised stops, orders that rest and one that is being
cancelled to be sold, halts, a resume that was asked for, changed limits, a forced phase, shadow counts, and entries
that nobody has read yet. ``after`` lets the four services go on from there.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from services.wiring import machine_specs
from shared.adapters.clocks import ManualClock
from shared.adapters.redis.bus import RedisBus
from shared.config.model import Settings
from shared.domain.plan import BreakerPlan, Limits, Plan, RampPlan, StrategyPlan
from shared.domain.universe import Pair, Rename, Universe
from shared.messages.base import Message
from shared.messages.catalogue import HALTS, PORTFOLIO
from shared.messages.control import Flatten, Halt, Resume, SetLimits, SetPhase
from shared.messages.halts import ResumeAsked
from shared.messages.market import BarClosed, FeedLost, MarkChanged, PairListed
from shared.messages.orders import CancelProposed, OrderProposed
from shared.messages.portfolio import PortfolioMarked
from shared.runtime.host import MachineHost
from shared.runtime.logs import get_logger
from tests.keys import MAIN

T0 = 1_667_260_800_000_000_000  # 2022-11-01 00:00 UTC
HOUR_NS = 3_600_000_000_000
DAY_NS = 24 * HOUR_NS
HISTORY_DAYS = 62
PRICES = {"BTC": 20_000.0, "ETH": 1_500.0, "SOL": 30.0, "DOGE": 0.12, "MATIC": 0.9, "POL": 0.9}
RENAMED_AT_HOUR = 24
SECTORS = {"BTC": "Majors", "ETH": "Majors", "SOL": "Layer 1", "DOGE": "Meme", "POL": "Layer 2"}
UNIVERSE = Universe(
    pairs=tuple(Pair(base=base, quote="USDT", sector=sector) for base, sector in SECTORS.items()),
    renames=(Rename(old="MATIC", new="POL", cutover=date(2022, 11, 2)),),
)
PLAN = Plan(
    limits=Limits(book_age_seconds=0.0, ledger_age_seconds=1e6, nav_age_seconds=1e5, mark_age_seconds=4_000.0),
    shadow=Limits(book_age_seconds=0.0, heat=0.01),
    breakers=BreakerPlan(min_adv_usdt=1e6, reduce_heat=True, resume_seconds=86_400.0),
    ramp=RampPlan(rehearsal=True),
    strategies=(
        StrategyPlan(name="donchian", kind="donchian", timeframe="1h", weight=0.5, parameters={"entry": 5, "exit": 3}),
        StrategyPlan(name="mine", kind="external", timeframe="1h", weight=0.5),
    ),
)
SETTINGS = Settings(universe=UNIVERSE, plan=PLAN)
RECORDED_TURNS = ("signals", "sizing", "risk", "execution")


@dataclass(slots=True)
class Stack:
    """Four services on one server, stepped by hand, so that two runs give the same bytes."""

    bus: RedisBus
    clock: ManualClock
    hosts: Sequence[MachineHost] = field(default_factory=tuple)

    async def start(self) -> None:
        specs = sorted(machine_specs(SETTINGS, self.clock), key=lambda spec: RECORDED_TURNS.index(spec.service))
        self.hosts = [MachineHost(spec, self.bus, self.clock, get_logger()) for spec in specs]
        for host in self.hosts:
            await host.recover()

    async def settle(self) -> None:
        while sum([await host.step(wait_ms=0) for host in self.hosts]):
            pass

    async def send(self, *messages: Message) -> None:
        await self.bus.publish(messages)
        await self.settle()

    async def hour(self, number: int, **closes: float) -> None:
        """One hour passes, and every pair's bar closes; ``closes`` names those that do not follow the usual wave."""
        self.clock.time_ns = T0 + (number + 1) * HOUR_NS
        await self.settle()
        bars = [bar_of(base, "1h", number, closes.get(base, wave(base, number))) for base in bases_at(number)]
        await self.bus.publish_bars(bars)
        await self.settle()
        if number % 24 == 23:
            await self.bus.publish_bars(
                [bar_of(base, "1d", number - 23, wave(base, number)) for base in bases_at(number)]
            )
            await self.settle()

    async def stop(self) -> None:
        for host in self.hosts:
            await host.lease.release()


def bases_at(hour: float) -> list[str]:
    """What trades at that hour: MATIC becomes POL on the second day."""
    gone = "POL" if hour < RENAMED_AT_HOUR else "MATIC"
    return [base for base in PRICES if base != gone]


def wave(base: str, hour: float) -> float:
    """A price that rises for some hours and falls for some, each pair in its own time."""
    shift = sum(map(ord, "MATIC" if base == "POL" else base)) % 12
    return round(PRICES[base] * (1.0 + 0.02 * math.sin((hour + shift) / 5.0) + 0.0004 * hour), 6)


def bar_of(base: str, timeframe: str, hour: float, close: float) -> BarClosed:
    opened = T0 + int(hour * HOUR_NS)
    length = DAY_NS if timeframe == "1d" else HOUR_NS
    half = close * (0.03 if timeframe == "1d" else 0.002)
    name = f"{base}USDT-{timeframe}-{opened // 1_000_000}"
    usual = 1.02e6 if base == "DOGE" else 4e8  # one pair becomes illiquid on the first day
    volume = 2e5 if base == "DOGE" and hour >= 0 else usual
    return BarClosed(
        id=name, trace=name, time_ns=opened + length - 1_000_000, symbol=f"{base}/USDT", timeframe=timeframe,
        open_time_ns=opened, close_time_ns=opened + length - 1_000_000, open=close, high=close + half,
        low=close - half, close=close, volume=volume / close, quote_volume=volume, backfilled=hour < 0,
    )  # fmt: skip


def listed(symbol: str, **changes: object) -> PairListed:
    fields: dict[str, object] = {
        "id": f"listed-{symbol}-{len(changes)}", "time_ns": T0, "symbol": symbol, "status": "trading",
        "price_step": Decimal("0.0001"), "quantity_step": Decimal("0.001"), "min_notional": Decimal(5),
    }  # fmt: skip
    return PairListed(**(fields | changes))  # type: ignore[arg-type]


def order(name: str, base: str, price: float, quantity: str, **changes: object) -> OrderProposed:
    fields: dict[str, object] = {
        "id": name, "time_ns": T0, "portfolio": "main", "symbol": f"{base}/USDT", "side": "buy",
        "quantity": Decimal(quantity), "stop_price": Decimal(str(round(price * 0.93, 4))), "strategy": "client",
    }  # fmt: skip
    return OrderProposed(**(fields | changes))  # type: ignore[arg-type]


def sell(name: str, base: str, quantity: str, limit: float) -> OrderProposed:
    limits = {"order_type": "limit", "limit_price": Decimal(str(limit)), "reduce_only": True, "stop_price": None}
    return order(name, base, limit, quantity, side="sell", **limits)


async def before(stack: Stack) -> None:
    """Thirty hours of everything, recorded with the version that the file is named after."""
    bus, clock = stack.bus, stack.clock
    await bus.publish([listed(f"{base}/USDT") for base in bases_at(0)])
    for day in range(-HISTORY_DAYS, 0):
        await bus.publish_bars([bar_of(base, "1d", day * 24.0, wave(base, day * 24.0)) for base in bases_at(0)])
    for hour in range(-12, 0):
        await bus.publish_bars([bar_of(base, "1h", hour, wave(base, hour)) for base in bases_at(0)])
    clock.time_ns = T0
    await stack.start()
    await stack.settle()
    who = {"who": "alice", "time_ns": T0}
    await stack.send(SetPhase(id="phase-1", reason="the test begins here", phase="live", **who))
    for hour in range(8):
        await stack.hour(hour)
    btc, eth, sol = (wave(base, 8) for base in ("BTC", "ETH", "SOL"))
    await stack.send(order("client-btc", "BTC", btc, "0.3"), order("client-eth", "ETH", eth, "4"))
    await stack.send(
        order("client-greedy", "ETH", eth, "900"), order("client-no-stop", "SOL", sol, "1", stop_price=None)
    )
    await stack.send(order("client-matic", "MATIC", wave("MATIC", 8), "3000"))
    await stack.hour(8)
    await stack.send(SetLimits(id="limits-1", reason="less in one order", limits={"max_order_usdt": 9_000.0}, **who))
    for hour in range(9, 24):
        await stack.hour(hour)  # the first day is over: DOGE is illiquid
    await stack.send(Halt(id="halt-eth", reason="news", symbol="ETH/USDT", mode="reducing", **who))
    await stack.send(FeedLost(id="feed-1", time_ns=clock.time_ns, feed="bars:1h", symbol="DOGE/USDT",
                              last_seen_ns=clock.time_ns - HOUR_NS, reason="no frame"))  # fmt: skip
    await stack.send(listed("MATIC/USDT", status="renamed"), listed("POL/USDT", formerly="MATIC/USDT"))
    await stack.hour(24, BTC=wave("BTC", 23) * 1.09)  # a shock
    await stack.send(Resume(id="resume-1", reason="looked at it", **who))
    asked = next(each for each in await bus.latest(MAIN.of(HALTS), 50) if isinstance(each, ResumeAsked))
    await stack.send(Resume(id="resume-2", reason="looked at it", confirm=asked.confirm, **who))
    high = wave("BTC", 24) * 1.09
    for hour in range(25, 29):
        await stack.hour(hour, BTC=high * (1 + 0.002 * (hour - 24)))
    await stack.send(order("client-btc-2", "BTC", high, "0.2"))
    await heat_over_its_limit(stack)
    await stack.send(sell("client-sells", "BTC", "0.1", 30_000.0))
    low = {"order_type": "limit", "limit_price": Decimal(str(round(sol * 0.9, 4)))}
    await stack.send(order("client-rests", "SOL", sol * 0.9, "20", **low))
    await stack.send(Halt(id="halt-sol", reason="one more", symbol="SOL/USDT", mode="reducing", **who))
    await risk_alone(stack, Halt(id="halt-all", reason="end of the day", **who))
    await risk_alone(stack, Resume(id="resume-3", reason="and back", **who))
    await risk_alone(stack, Flatten(id="flatten-btc", reason="out of it", symbol="BTC/USDT", **who))
    cancel = CancelProposed(id="cancel-1", time_ns=T0, order_id="client-rests", reason="no more")
    await bus.publish([order("client-waits", "BTC", btc, "0.1"), sell("client-late", "ETH", "0.1", 1_000.0), cancel])


async def heat_over_its_limit(stack: Stack) -> None:
    """The limit is set just over the heat there is, and then a mark moves: risk proposes to sell."""
    [snapshot] = await stack.bus.latest(MAIN.of(PORTFOLIO))
    assert isinstance(snapshot, PortfolioMarked)
    limits = {"heat": round(snapshot.heat * 1.1, 6), "equity_at_risk": 0.0005}
    await stack.send(SetLimits(id="limits-2", time_ns=T0, who="alice", reason="no hotter than now", limits=limits))
    stack.clock.time_ns += 60_000_000_000
    await stack.settle()
    stack.clock.time_ns += 60_000_000_000
    others = [position for position in snapshot.positions if position.symbol != PLAN.breakers.shock_pair]
    hottest = max(others, key=lambda position: position.open_risk_usdt)
    mark = MarkChanged(
        id="mark-hot", time_ns=stack.clock.time_ns, symbol=hottest.symbol, price=round(hottest.mark * 1.07, 6)
    )
    stack.hosts[2].inbox.renew(mark)
    await stack.settle()
    stack.clock.time_ns += 60_000_000_000
    await stack.settle()
    limits = {"heat": 0.05, "equity_at_risk": 0.004}
    await stack.send(SetLimits(id="limits-3", time_ns=T0, who="alice", reason="enough of that", limits=limits))
    stack.clock.time_ns += 60_000_000_000
    await stack.settle()


async def risk_alone(stack: Stack, message: Message) -> None:
    """Only the risk service has heard of it: what it leads to waits in the streams."""
    await stack.bus.publish([message])
    while await stack.hosts[2].step(wait_ms=0):
        pass


async def after(stack: Stack) -> None:
    """What was pending is handled, the orders before the gate are decided, and another day goes by."""
    who = {"who": "bob", "time_ns": stack.clock.time_ns}
    await stack.settle()
    asked = next(each for each in await stack.bus.latest(MAIN.of(HALTS), 50) if isinstance(each, ResumeAsked))
    await stack.send(Resume(id="resume-3b", reason="and back", confirm=asked.confirm, **who))
    await stack.send(
        SetLimits(id="limits-4", reason="as it was", limits={"heat": 0.08, "equity_at_risk": 0.005}, **who)
    )
    await stack.send(Resume(id="resume-4", reason="news was wrong", symbol="ETH/USDT", **who))
    for hour in range(29, 50):
        await stack.hour(hour, BTC=wave("BTC", hour) * 1.09)
    await stack.send(order("client-after", "ETH", wave("ETH", 49), "2"), order("client-btc", "BTC", 20_000.0, "0.3"))
