"""Hours of real history through a backtest and through the processes of a live stack gives the same messages.

All of them are compared whole: ids, causes, times, figures. Two things of a backtest have no live counterpart and are
off here: modelled books (a stack has sampled ones, or none) and phases by date (which a stack refuses).
"""

import asyncio
from collections import Counter
from dataclasses import replace
from itertools import count, zip_longest
from pathlib import Path

import pytest
from msgspec import structs

from services.backtest.compare import compared
from services.backtest.live_decisions import recorded_decisions
from services.backtest.options import BacktestOptions
from services.backtest.result import MarketKind
from services.backtest.run import BacktestRun
from shared.adapters.redis.bus import RedisBus
from shared.config.environment import CONFIG_DIR
from shared.config.load import load_settings
from shared.domain.timeframes import MS_NS
from shared.messages.base import Message
from shared.messages.catalogue import AUDIT, DEAD, DECIDED, EXECUTED, PORTFOLIO, PROPOSED, SIGNALS, SIZES, Topic
from shared.messages.halts import Halted, Resumed
from shared.messages.market import BarClosed
from shared.messages.orders import OrderDecided, OrderFilled
from shared.messages.portfolio import PortfolioMarked
from shared.messages.signals import PositionSized
from tests.e2e.lock_step import LockStep, Told, running
from tests.e2e.stack import hourly_config
from tests.history import HOUR_MS, ms_of
from tests.keys import MAIN

DAY = "2022-11-08"  # FTX fell
RESUME_AFTER_HOURS = 4.0
PATIENCE_SECONDS = 300.0
MACHINES_WRITE = (SIGNALS, SIZES, PROPOSED, DECIDED, EXECUTED, PORTFOLIO, AUDIT)
# Bars are all there is, and limits are so tight that the first hours meet them.
SETTINGS = {
    "HEATSINK_PHASE": "live",
    "HEATSINK_RAMP__REHEARSAL": "true",
    "HEATSINK_RAMP__AUTOMATIC": "true",
    "HEATSINK_LIMITS__BOOK_AGE_SECONDS": "0",
    "HEATSINK_LIMITS__HEAT": "0.02",
    "HEATSINK_LIMITS__EQUITY_AT_RISK": "0.01",
    "HEATSINK_LIMITS__PAIR_CAP_NAV": "0.1",
    "HEATSINK_BREAKERS__SHOCK_MOVE": "0.03",
    "HEATSINK_BREAKERS__GAP_ATR": "0.3",
}


def of_the_day(data_dir: Path, config: Path, market: MarketKind, hours: int) -> BacktestOptions:
    """The first hours of the day."""
    start_ms = ms_of(DAY)
    return BacktestOptions(
        settings=load_settings(config, SETTINGS),
        store=data_dir / "hourly_spot.parquet",
        start_ms=start_ms,
        end_ms=start_ms + hours * HOUR_MS,
        market=market,
        resume_after_hours=RESUME_AFTER_HOURS,
        by_evidence=True,
        books="none",
        every_bar=True,
    )


def by_backtest(options: BacktestOptions) -> tuple[BacktestRun, Told, list[Message]]:
    """The run, what its machines were told, and what they made of it from the first instant on."""
    run = BacktestRun(options)
    run.host = told = Told(run.specs, options.run_settings.keys)
    made = [message for instant in run.instants() for message in instant]
    quickly = [message for instant in BacktestRun(replace(options, every_bar=False)).instants() for message in instant]
    assert quickly == [each for each in made if not isinstance(each, PositionSized)]  # as heatsink backtest plays it
    return run, told, made


def of_topic(messages: list[Message], topic: Topic) -> list[Message]:
    """Those that a topic carries, in order."""
    return [each for each in messages if isinstance(each, topic.readable)]


def numbered_from(first: int, messages: list[Message]) -> list[Message]:
    """Snapshots as if none came before: one that begins anew on a busy machine says another."""
    numbers = count(first)
    return [
        structs.replace(each, seq=(number := next(numbers)), id=f"portfolio-main-{number}")
        if isinstance(each, PortfolioMarked)
        else each
        for each in messages
    ]


def first_difference(found: list[Message], expected: list[Message]) -> str:
    """Where they part, and in which fields; empty for the same."""
    for number, (one, other) in enumerate(zip_longest(found, expected)):
        if one != other:
            names = [name for name in dir(other) if not name.startswith("_")]
            pairs = [(name, getattr(one, name, None), getattr(other, name, None)) for name in names]
            parted = [f"{name}: {mine} for {theirs}" for name, mine, theirs in pairs if mine != theirs]
            return f"number {number} of {len(found)} for {len(expected)}, {other}\n" + "\n".join(parted)
    return ""


def split(told: list[list[Message]], start_ns: int) -> tuple[list[BarClosed], list[list[Message]]]:
    """The history, and all that comes after it."""
    history = [each for group in told for each in group if isinstance(each, BarClosed) and each.time_ns < start_ns]
    rest = [group for group in told if group and not (isinstance(group[0], BarClosed) and group[0].time_ns < start_ns)]
    return history, rest


@pytest.mark.chaos
@pytest.mark.stack(seconds=15)
@pytest.mark.parametrize(
    ("market", "hours", "fills", "halts"),
    [
        ("jumping", 4, 19, {"heat", "gap", "market_shock", "day_loss"}),
        ("jumping", 24, 20, {"heat", "gap", "market_shock"}),
        ("smooth", 24, 20, {"heat"}),
    ],
)
async def test_hours_through_the_live_stack_give_the_sizes_verdicts_and_fills_of_their_backtest(
    data_dir: Path,
    redis_bus: RedisBus,
    valkey_server: str,
    tmp_path: Path,
    market: MarketKind,
    hours: int,
    fills: int,
    halts: set[str],
) -> None:
    """fills: at least. halts: by what."""
    (tmp_path / "config").mkdir()
    config = hourly_config(tmp_path / "config")
    options = of_the_day(data_dir, config, market, hours)
    assert options.run_settings == options.settings  # so verdicts carry the same policy
    run, told, expected = by_backtest(options)
    start_ns = options.start_ms * MS_NS
    history, instants = split(told.told, start_ns)
    await redis_bus.publish_bars(history)
    stack = LockStep(redis_bus, run.specs, options.speed)
    settings = {**SETTINGS, CONFIG_DIR: str(config)}
    async with asyncio.timeout(PATIENCE_SECONDS), running(stack, valkey_server, tmp_path, settings, start_ns) as live:
        for messages in instants:
            await live.tell(messages)
        for topic in MACHINES_WRITE:
            found = list(reversed(await redis_bus.latest(MAIN.of(topic), 1_000_000)))
            found = [each for each in found if each.time_ns > start_ns]
            wanted = of_topic(expected, topic)
            assert first_difference(numbered_from(2, found), numbered_from(2, wanted)) == "", topic.name
    assert await redis_bus.latest(DEAD.key) == []
    recorded = await recorded_decisions(redis_bus, MAIN)
    assert not compared(run.recorder.decisions, recorded.decisions).differences
    assert_hours_are_hard(expected, hours, fills, halts)


def assert_hours_are_hard(messages: list[Message], hours: int, fills: int, halts: set[str]) -> None:
    """Else they would prove little."""
    verdicts = Counter(each.verdict for each in messages if isinstance(each, OrderDecided))
    assert min(verdicts[verdict] for verdict in ("approve", "trim", "reject")) >= 3
    assert sum(isinstance(each, PositionSized) for each in messages) > 35 * hours
    assert sum(isinstance(each, OrderFilled) for each in messages) >= fills
    assert {each.trigger for each in messages if isinstance(each, Halted)} == halts
    assert any(isinstance(each, Resumed) for each in messages)
