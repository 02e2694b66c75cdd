"""``--resume-after``: what waits for an operator ends by itself in a simulated market, where that was asked for."""

import asyncio
from pathlib import Path

import pytest

from services.cli.up.options import UpOptions, prepare_settings
from services.cli.up.resuming import RETRY_LOOKS, WHO, Resuming
from services.risk.service import spec_of
from shared.adapters.clocks import ManualClock
from shared.adapters.memory_bus import MemoryBus
from shared.application.projection import Projection
from shared.config.faults import ConfigError, Fault
from shared.config.load import default_config_dir
from shared.domain.timeframes import HOUR_NS, MINUTE_NS
from shared.messages.catalogue import HALTS
from shared.messages.halts import Halted
from shared.messages.market import MarkChanged
from shared.runtime.host import MachineHost
from shared.runtime.logs import get_logger
from tests.keys import MAIN
from tests.patience import PATIENCE_SECONDS
from tests.samples import T0
from tests.shipped import shipped_settings


def halted(**fields: object) -> Halted:
    given = {"id": "h-1", "time_ns": T0, "since_ns": T0, "trigger": "market_shock", "cleared_by": "two_steps", **fields}
    return Halted(**given)  # type: ignore[arg-type]


def state_with(*halts: Halted) -> Projection:
    state = Projection()
    for halt in halts:
        state.take(halt)
    return state


@pytest.mark.parametrize(
    ("halts", "hours", "due"),
    [
        ([halted()], 5.99, []),
        ([halted()], 6.0, [""]),
        ([halted(symbol="ETH/USDT", trigger="gap", cleared_by="operator")], 6.0, ["ETH/USDT"]),
        ([halted(trigger="heat", cleared_by="condition")], 600.0, []),  # ends by itself
        ([halted(trigger="gap", cleared_by="time")], 600.0, []),
        ([halted(trigger="operator")], 600.0, []),  # by a person
        ([halted(), halted(trigger="operator")], 600.0, []),
        ([halted(), halted(trigger="drawdown", since_ns=T0 + HOUR_NS)], 6.0, []),
        ([halted(), halted(trigger="drawdown", since_ns=T0 + HOUR_NS)], 7.0, [""]),
    ],
)
def test_a_halt_that_waits_for_an_operator_is_due_after_its_hours(
    halts: list[Halted], hours: float, due: list[str]
) -> None:
    assert Resuming(6.0).due(state_with(*halts), T0 + int(hours * HOUR_NS)) == due


def test_a_scope_that_did_not_resume_is_tried_again_after_a_while() -> None:
    resuming, state = Resuming(6.0), state_with(halted())
    tried = [bool(resuming.due(state, T0 + 7 * HOUR_NS)) for _ in range(RETRY_LOOKS + 2)]
    assert tried == [True, *[False] * RETRY_LOOKS, True]


async def test_a_market_shock_ends_in_two_steps_under_the_name_of_the_supervisor() -> None:
    clock, bus = ManualClock(T0), MemoryBus(MAIN)
    host = MachineHost(spec_of(shipped_settings(), clock), bus, clock, get_logger())
    await host.recover()
    for minute, price in enumerate((20_000.0, 18_000.0)):
        clock.time_ns = T0 + minute * MINUTE_NS
        mark = MarkChanged(id=f"mark-{minute}", time_ns=clock.time_ns, symbol="BTC/USDT", price=price)
        await bus.set_marks([mark])
        host.inbox.renew(mark)
        await host.step(wait_ms=0)
    state, resuming = Projection(), Resuming(6.0)
    state.take_newest_first(await bus.latest(MAIN.of(HALTS), 100))
    assert ("", "market_shock") in state.halts
    clock.time_ns += 7 * HOUR_NS
    async with asyncio.timeout(PATIENCE_SECONDS), asyncio.TaskGroup() as group:
        task = group.create_task(resuming.run(bus, clock, state))
        while not resuming.resumed:
            await host.step(wait_ms=10)
            await asyncio.sleep(0)
        task.cancel()
    assert {(each.trigger, each.who) for each in resuming.resumed} == {("market_shock", WHO)}
    assert resuming.summary == "1 halt by --resume-after 6: the portfolio (market_shock)"


def faults(**given: object) -> list[Fault]:
    options = UpOptions(data_dir=Path("unused"), config_dir=default_config_dir({}), **given)  # type: ignore[arg-type]
    with pytest.raises(ConfigError) as caught:
        prepare_settings(options)
    return list(caught.value.faults)


def test_it_is_refused_on_a_real_market_whoever_named_that(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [fault.key for fault in faults(exchange="binance", resume_after_hours=6.0)] == ["--resume-after"]
    monkeypatch.setenv("HEATSINK_EXCHANGE__KIND", "binance")
    assert [fault.key for fault in faults(resume_after_hours=6.0, end="2026-06-01")] == ["--to", "--resume-after"]


@pytest.mark.parametrize("hours", [0.0, -1.0, float("nan"), float("inf"), 8_761.0])
def test_hours_that_are_none_are_refused(hours: float) -> None:
    (fault,) = faults(resume_after_hours=hours)
    assert (fault.key, fault.remedy) == ("--resume-after", "Write hours of market time, such as 6.")
    assert [fault.key for fault in faults(duration_seconds=float("nan"))] == ["--duration"]
