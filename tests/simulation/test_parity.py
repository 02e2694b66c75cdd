"""The same history through ``replay`` and through hosts on Redis gives the same sizes and decisions, bit by bit."""

from collections import Counter
from decimal import Decimal
from pathlib import Path

from services.wiring import machine_specs
from shared.adapters.clocks import ManualClock
from shared.adapters.redis.bus import RedisBus
from shared.config.model import Settings
from shared.domain.plan import BreakerPlan, Limits, Plan, StrategyPlan
from shared.messages.base import Message
from shared.messages.catalogue import DECIDED, SIZES
from shared.messages.market import BarClosed, PairListed
from shared.messages.orders import OrderDecided, OrderFilled
from shared.messages.signals import PositionSized
from shared.ports.clock import Clock
from shared.runtime.host import MachineHost
from shared.runtime.logs import get_logger
from shared.runtime.machine_spec import MachineSpec
from shared.runtime.replay import Replay
from tests.history import HOUR_MS, by_close, daily_bars, exchange_symbols, hourly, hourly_bars, ms_of
from tests.keys import MAIN
from tests.shipped import shipped_universe

START, DAYS, HISTORY_DAYS = "2022-11-07", 4, 70  # the days around the fall of FTX
STRATEGIES = (
    StrategyPlan(name="donchian", kind="donchian", timeframe="1h", weight=0.5, parameters={"entry": 20, "exit": 10}),
    StrategyPlan(name="momentum", kind="momentum", timeframe="1h", weight=0.5, parameters={"fast": 10, "slow": 40}),
)
SPEED = 3600.0
WARM_HOURS = 60


def settings() -> Settings:
    """Bars are all there is here: the rules that need a book are switched off. Pairs were thinner then."""
    limits, breakers = Limits(book_age_seconds=0.0), BreakerPlan(min_adv_usdt=1e6)
    return settings_of(Plan(strategies=STRATEGIES, limits=limits, breakers=breakers))


def settings_of(plan: Plan) -> Settings:
    return Settings(universe=shipped_universe(), plan=plan)


def specs(clock: Clock, plan: Plan | None = None) -> list[MachineSpec]:
    wanted = settings() if plan is None else settings_of(plan)
    return machine_specs(wanted, clock)


def market(data_dir: Path) -> tuple[list[Message], list[list[BarClosed]]]:
    """The pairs, and the bars in groups of equal closing time: 70 days, 4 of them also hourly after 60 hours."""
    universe = shipped_universe()
    names = exchange_symbols(universe)
    live_ms = ms_of(START)
    pairs: list[Message] = []
    bars: list[BarClosed] = []
    for exchange_symbol, columns in hourly(data_dir, universe, START, DAYS, before_days=HISTORY_DAYS).items():
        symbol = names[exchange_symbol]
        if columns.open_ms[-1] < live_ms:
            continue
        pairs.append(
            PairListed(
                id=f"listed-{symbol}", time_ns=0, symbol=symbol, status="trading", price_step=Decimal("0.0000001"),
                quantity_step=Decimal("0.001"), min_notional=Decimal(5),
            )
        )  # fmt: skip
        bars += daily_bars(symbol, columns, live_ms)
        warm_from_ns = (live_ms - WARM_HOURS * HOUR_MS) * 1_000_000
        bars += [bar for bar in hourly_bars(symbol, columns, live_ms) if bar.open_time_ns >= warm_from_ns]
    return pairs, list(by_close(bars))


def by_replay(pairs: list[Message], groups: list[list[BarClosed]], plan: Plan | None = None) -> list[Message]:
    replay = Replay(specs(ManualClock(speed=SPEED), plan), MAIN)
    outputs = replay.feed(pairs)
    for group in groups:
        outputs += replay.feed(group)
    return outputs


async def by_redis(
    bus: RedisBus, pairs: list[Message], groups: list[list[BarClosed]], plan: Plan | None = None
) -> None:
    clock = ManualClock(speed=SPEED)
    hosts = [MachineHost(spec, bus, clock, get_logger()) for spec in specs(clock, plan)]
    for host in hosts:
        await host.recover()

    async def settle() -> None:
        while sum([await host.step(wait_ms=0) for host in hosts]):
            pass

    await bus.publish(pairs)
    await settle()
    for group in groups:
        clock.time_ns = max(clock.time_ns, group[0].time_ns)
        await settle()
        assert await bus.publish_bars(group) == len(group)
        await settle()


async def everything(bus: RedisBus, key: str) -> list[Message]:
    return list(reversed(await bus.latest(key, 1_000_000)))


async def test_replay_and_redis_give_the_same_sizes_and_decisions(data_dir: Path, redis_bus: RedisBus) -> None:
    pairs, groups = market(data_dir)
    outputs = by_replay(pairs, groups)
    await by_redis(redis_bus, pairs, groups)
    sizes = [message for message in outputs if isinstance(message, PositionSized)]
    decisions = [message for message in outputs if isinstance(message, OrderDecided)]
    assert await everything(redis_bus, MAIN.of(SIZES)) == sizes
    decided = await everything(redis_bus, MAIN.of(DECIDED))
    assert [message for message in decided if isinstance(message, OrderDecided)] == decisions
    live_bars = sum(len(group) for group in groups if not group[0].backfilled and group[0].timeframe == "1h")
    assert len(sizes) >= live_bars > 3_000
    assert len(decisions) > 50
    verdicts = Counter(decision.verdict for decision in decisions)
    assert verdicts["approve"] > 0
    assert verdicts["trim"] > 0
    assert any(isinstance(message, OrderFilled) and message.side == "sell" for message in outputs)
