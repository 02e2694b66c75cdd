"""Strategies of files through both hosts: the shipped example, and one that fails on a bar."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from services.signals.service import spec_of
from shared.adapters.clocks import ManualClock
from shared.adapters.redis.bus import RedisBus
from shared.config.load import load_settings
from shared.config.model import Settings
from shared.domain.plan import BreakerPlan, Limits, Plan, StrategyPlan
from shared.messages.catalogue import DEAD, DECIDED, HALTS, SET_ASIDE, SIGNALS
from shared.messages.dead_letter import EntrySetAside, MessageRefused
from shared.messages.halts import Halted
from shared.messages.orders import OrderDecided
from shared.messages.signals import SignalRaised
from shared.runtime.host import MachineHost
from shared.runtime.logs import get_logger
from tests.domain.market_scripts import T0, UNIVERSE, flat
from tests.domain.strategies.files import file_plan, says
from tests.keys import MAIN
from tests.shipped import SHIPPED
from tests.simulation import test_parity as parity

ROW = """
[[strategies]]
name = "tsmom"
kind = "file"
file = "strategies/tsmom.py"
class_name = "TimeSeriesMomentum"
timeframe = "1h"
weight = 0.5
parameters = { lookback = 24 }
"""
DONCHIAN = parity.STRATEGIES[0]
ETH = "ETH/USDT"


def plan_of(*strategies: StrategyPlan) -> Plan:
    return Plan(strategies=strategies, limits=Limits(book_age_seconds=0.0), breakers=BreakerPlan(min_adv_usdt=1e6))


def of_strategy(signals: Sequence[object], name: str) -> list[tuple[str, int, float]]:
    return [
        (signal.symbol, signal.time_ns, signal.strength)
        for signal in signals
        if isinstance(signal, SignalRaised) and signal.strategy == name
    ]


async def test_the_shipped_example_raises_the_same_signals_in_a_replay_and_on_redis(
    data_dir: Path, redis_bus: RedisBus, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(SHIPPED, tmp_path / "config"))
    (folder / "strategies.toml").write_text(ROW)
    [example] = load_settings(folder, {}).plan.strategies
    plan = plan_of(DONCHIAN, example)
    pairs, groups = parity.market(data_dir)
    outputs = parity.by_replay(pairs, groups, plan)
    await parity.by_redis(redis_bus, pairs, groups, plan)
    signals = [message for message in outputs if isinstance(message, SignalRaised)]
    assert await parity.everything(redis_bus, MAIN.of(SIGNALS)) == signals
    assert len(of_strategy(signals, "tsmom")) > 100
    decided = await parity.everything(redis_bus, MAIN.of(DECIDED))
    decisions = [message for message in outputs if isinstance(message, OrderDecided)]
    assert [message for message in decided if isinstance(message, OrderDecided)] == decisions
    assert len(decisions) > 50


@pytest.mark.wide
async def test_a_file_that_fails_in_one_pair_halts_that_pair_and_stops_no_other_signal(
    data_dir: Path, redis_bus: RedisBus
) -> None:
    """Both hosts say the same of it, and everybody else says what they would have said anyway."""
    wish = "1.0 if bar.close > bar.open else 0.0"
    sound = file_plan(says(wish))
    failing = file_plan(says(f"'x' if bar.symbol == '{ETH}' and self.bars > 70 else ({wish})"))
    pairs, groups = parity.market(data_dir)
    plan = plan_of(DONCHIAN, failing)
    outputs = parity.by_replay(pairs, groups, plan)
    await parity.by_redis(redis_bus, pairs, groups, plan)

    signals = [message for message in outputs if isinstance(message, SignalRaised)]
    assert await parity.everything(redis_bus, MAIN.of(SIGNALS)) == signals
    without = parity.by_replay(pairs, groups, plan_of(DONCHIAN, sound))
    assert of_strategy(signals, "donchian") == of_strategy(without, "donchian")
    others = [each for each in of_strategy(without, "mine") if each[0] != ETH]
    assert [each for each in of_strategy(signals, "mine") if each[0] != ETH] == others
    failed_ns = next(message.time_ns for message in outputs if isinstance(message, EntrySetAside))
    assert {each[0] for each in of_strategy(signals, "mine") if each[1] >= failed_ns} == {each[0] for each in others}

    [aside] = [message for message in outputs if isinstance(message, EntrySetAside)]
    assert await parity.everything(redis_bus, MAIN.of(SET_ASIDE)) == [aside]
    [letter] = await parity.everything(redis_bus, MAIN.of(DEAD))
    assert isinstance(letter, MessageRefused)
    assert (letter.consumer, letter.source, letter.reason) == ("signals", "hs:bars:1h", aside.reason)
    assert letter.cause == aside.cause
    assert letter.entry

    halts = [message for message in outputs if isinstance(message, Halted)]
    assert await parity.everything(redis_bus, MAIN.of(HALTS)) == halts
    [halt] = [halt for halt in halts if halt.trigger == "set_aside"]
    assert (halt.symbol, halt.evidence) == (ETH, aside.reason)
    assert "on_bar returned 'x'" in halt.evidence


async def test_a_file_that_fails_is_told_of_again_by_the_next_host_and_halts_again(redis_bus: RedisBus) -> None:
    """Until it is corrected, an operator who resumes the pair does so for as long as this host lives."""
    settings = Settings(universe=UNIVERSE, plan=plan_of(file_plan(says("1.0 if bar.close < 12 else 'x'"))))
    clock = ManualClock(T0)
    for hour, price in ((0, 10.0), (1, 12.0), (2, 10.0)):
        host = MachineHost(spec_of(settings, clock), redis_bus, clock, get_logger())
        await host.recover()
        bar = flat(hour, price)
        clock.time_ns = bar.close_time_ns
        await redis_bus.publish_bars([bar])
        while await host.step(wait_ms=0):
            pass
        asides = await parity.everything(redis_bus, MAIN.of(SET_ASIDE))
        assert len(asides) == hour
    first, second = asides
    assert isinstance(first, EntrySetAside)
    assert isinstance(second, EntrySetAside)
    assert first.reason == second.reason
    assert first.id != second.id
