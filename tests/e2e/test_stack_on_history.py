"""The whole stack, as real processes, on ten days of real hourly history: undisturbed, and under faults."""

import asyncio
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from shared.adapters.redis.bus import RedisBus
from shared.messages.base import Message
from shared.messages.catalogue import BARS, DEAD, DECIDED, EXECUTED, PORTFOLIO, PROPOSED, SIZES
from shared.messages.market import BarClosed
from shared.messages.orders import OrderDecided, OrderFilled, OrderProposed
from shared.messages.portfolio import PortfolioMarked
from shared.messages.signals import PositionSized
from tests.e2e.invariants import check_decisions, check_ledger
from tests.e2e.stack import Stack, hourly_config, running_stack
from tests.history import DAY_MS, HOUR_MS, exchange_symbols, hourly, ms_of, rows_of
from tests.keys import MAIN
from tests.shipped import shipped_universe

START, DAYS = "2022-11-01", 10.5
SPEED = 10_800.0  # three market hours a second
HEAT_LIMIT = 0.08
HourlyBars = MAIN.of(BARS, "1h")


async def run_until(stack: Stack, days: float) -> None:
    end_ns = (ms_of(START) + int(days * DAY_MS)) * 1_000_000

    async def reached() -> bool:
        return await stack.market_ns() >= end_ns

    await stack.until(reached, days * 86_400 / SPEED * 3 + 60)


def arguments(data_dir: Path, folder: Path) -> list[str]:
    config = folder / "config"
    config.mkdir()
    replay = data_dir / "hourly_spot.parquet"
    return [
        "--config", str(hourly_config(config)), "--replay", str(replay), "--from", START, "--speed", str(SPEED),
    ]  # fmt: skip


def check_bars(data_dir: Path, bars: list[Message], days: float) -> int:
    """Every bar of the file that closed in the run arrived once, in order, with equal values; returns how many."""
    universe = shipped_universe()
    arrived: dict[str, list[BarClosed]] = {}
    for bar in bars:
        assert isinstance(bar, BarClosed)
        arrived.setdefault(bar.symbol, []).append(bar)
    start_ms, checked = ms_of(START), 0
    names = exchange_symbols(universe)
    for exchange_symbol, columns in hourly(data_dir, universe, START, days).items():
        expected = [
            (open_ms, row) for open_ms, row in rows_of(columns) if open_ms + HOUR_MS <= start_ms + days * DAY_MS
        ]
        found = [
            (bar.open_time_ns // 1_000_000, (bar.open, bar.high, bar.low, bar.close, bar.volume))
            for bar in arrived[names[exchange_symbol]]
            if bar.open_time_ns >= start_ms * 1_000_000
        ]
        assert [open_ms for open_ms, _ in found] == sorted({open_ms for open_ms, _ in found})
        assert found[: len(expected)] == [(open_ms, row[:5]) for open_ms, row in expected], exchange_symbol
        checked += len(expected)
    return checked


def check_verdicts(proposals: list[Message], decisions: list[Message]) -> Counter[str]:
    """One decision for every proposal, none without, and no approval over the heat limit."""
    proposed = [message.id for message in proposals if isinstance(message, OrderProposed)]
    decided = [message for message in decisions if isinstance(message, OrderDecided)]
    assert Counter(decision.order_id for decision in decided) == Counter(proposed)
    check_decisions(decided, HEAT_LIMIT)
    return Counter(decision.verdict for decision in decided)


async def check_everything(stack: Stack, data_dir: Path, days: float) -> dict[str, Any]:
    bars = check_bars(data_dir, await stack.entries(HourlyBars), days)
    sizes = [message for message in await stack.entries(MAIN.of(SIZES)) if isinstance(message, PositionSized)]
    verdicts = check_verdicts(await stack.entries(MAIN.of(PROPOSED)), await stack.entries(MAIN.of(DECIDED)))
    last = (await stack.entries(MAIN.of(PORTFOLIO)))[-1]
    assert isinstance(last, PortfolioMarked)
    executed = await stack.entries(MAIN.of(EXECUTED))
    check_ledger(executed, last)
    fills = sum(isinstance(message, OrderFilled) for message in executed)
    assert await stack.entries(DEAD.key) == []
    sized = Counter((size.symbol, size.timeframe, size.bar_open_time_ns) for size in sizes)
    assert set(sized.values()) == {1}
    assert len(sized) >= bars
    assert bars > 8_000
    assert fills > 20
    return {"bars": bars, "sizes": len(sizes), "verdicts": dict(verdicts), "fills": fills, "nav": round(last.nav, 2)}


@pytest.mark.chaos
@pytest.mark.stack(seconds=90)
async def test_ten_days_of_every_pair_run_through_the_stack(
    data_dir: Path, redis_bus: RedisBus, valkey_server: str, tmp_path: Path
) -> None:
    async with running_stack(redis_bus, valkey_server, tmp_path, *arguments(data_dir, tmp_path)) as stack:
        await run_until(stack, DAYS)
    figures = await check_everything(stack, data_dir, DAYS - 0.4)
    print(json.dumps(figures))


FRAME_FAULTS = ("missing", "duplicate", "late", "out_of_order", "unclosed")
DISTURBANCES = ("drop", "sizing", "server_shutdown", "risk", "server_error", "market_data", "half_open", "execution")
KILLED = ("sizing", "risk", "market_data", "execution")


async def disturb(stack: Stack, exchange_url: str) -> None:
    """Frame faults all along; one after the other: broken connections, failing requests, killed processes."""
    for fault in FRAME_FAULTS:
        await stack.fault(exchange_url, fault=fault, stream="*@kline_1h", probability=0.02)
    for disturbance in DISTURBANCES:
        await asyncio.sleep(4)
        if disturbance in KILLED:
            await stack.kill(disturbance)
        elif disturbance == "server_error":
            await stack.fault(exchange_url, fault=disturbance, path="/api/v3/klines", count=3)
        else:
            await stack.fault(exchange_url, fault=disturbance)


@pytest.mark.chaos
@pytest.mark.stack(seconds=90)
async def test_ten_days_with_faults_and_killed_processes_lose_and_repeat_nothing(
    data_dir: Path, redis_bus: RedisBus, valkey_server: str, tmp_path: Path
) -> None:
    async with running_stack(redis_bus, valkey_server, tmp_path, *arguments(data_dir, tmp_path)) as stack:
        await stack.until(stack.decided, 60)
        exchange_url = stack.exchange_url()
        await disturb(stack, exchange_url)
        await run_until(stack, DAYS)
        happened = (await stack.faults(exchange_url))["happened"]
    figures = await check_everything(stack, data_dir, DAYS - 0.4)
    for fault in (*FRAME_FAULTS, "drop", "half_open", "server_shutdown", "server_error"):
        assert happened[fault] >= 1, f"{fault} never happened"
    assert stack.kills == dict.fromkeys(KILLED, 1)
    print(json.dumps(figures | {"faults": {name: count for name, count in happened.items() if count}}))
