"""A phase and the exchange it is meant for have to agree before the risk service starts."""

import asyncio
import sys

import pytest
from msgspec import structs

from services.execution import service as execution
from services.risk.service import check_phase, spec_of
from shared.adapters.clocks import ManualClock
from shared.adapters.memory_bus import MemoryBus
from shared.adapters.redis.bus import RedisBus
from shared.config.faults import ConfigError
from shared.config.load import process_environment
from shared.config.model import Settings
from shared.config.preflight import start_faults
from shared.domain.plan import RampPlan
from shared.domain.risk.state.active_phase import ActivePhase
from shared.domain.risk.state.state import PHASE
from shared.messages.catalogue import AUDIT
from shared.messages.control import SetPhase
from shared.messages.portfolio import PhaseChanged
from shared.runtime.host import MachineHost
from shared.runtime.logs import get_logger
from tests.domain.market_scripts import decided
from tests.keys import MAIN
from tests.patience import PATIENCE_SECONDS
from tests.reservations import reserve
from tests.samples import T0
from tests.shipped import shipped_settings


def settings(*, phase: str, orders: str, rehearsal: bool = False, by_date: bool = False) -> Settings:
    shipped = shipped_settings()
    ramp = RampPlan(rehearsal=rehearsal, by_date=by_date)
    return structs.replace(
        shipped,
        plan=structs.replace(shipped.plan, phase=phase, ramp=ramp),
        exchange=structs.replace(shipped.exchange, orders=orders),
    )


def host_of(bus: MemoryBus | RedisBus, of: Settings) -> MachineHost:
    clock = ManualClock(T0)
    return MachineHost(spec_of(of, clock), bus, clock, get_logger())


@pytest.mark.parametrize(
    ("phase", "orders", "agrees"),
    [
        ("dry_run", "paper", True),
        ("live", "exchange", True),
        ("live", "client", True),
        ("live", "paper", False),
        ("dry_run", "exchange", False),
        ("dry_run", "client", False),
    ],
)
async def test_risk_starts_only_when_phase_and_exchange_agree(phase: str, orders: str, agrees: bool) -> None:
    host_settings = settings(phase=phase, orders=orders)
    host = host_of(MemoryBus(MAIN), host_settings)
    if agrees:
        await host.recover()
        return
    with pytest.raises(ConfigError) as caught:
        await host.recover()
    [fault] = caught.value.faults
    assert fault in start_faults(host_settings)  # what `config check` and `up` say beforehand
    assert (fault.key, fault.value) == ("exchange.orders", orders)
    for named in (f'phase "{phase}"', "in phases.toml", "exchange.orders", "stack.toml", "ramp.rehearsal = true"):
        assert named in str(fault)


@pytest.mark.parametrize(("phase", "orders"), [("live", "paper"), ("dry_run", "exchange"), ("dry_run", "client")])
async def test_a_rehearsal_starts_either_way_and_every_snapshot_says_so(phase: str, orders: str) -> None:
    host = host_of(MemoryBus(MAIN), settings(phase=phase, orders=orders, rehearsal=True))
    await host.recover()
    await host.step(wait_ms=0)
    [snapshot] = await host.bus.latest("hs:{main}:portfolio")
    assert snapshot.rehearsal  # type: ignore[attr-defined]
    assert snapshot.phase == phase  # type: ignore[attr-defined]


async def test_the_phase_that_counts_is_the_one_in_force_not_the_one_in_the_file(
    bus: MemoryBus | RedisBus,
) -> None:
    rehearsing = host_of(bus, settings(phase="dry_run", orders="paper", rehearsal=True))
    await rehearsing.recover()
    await bus.publish([SetPhase(id="set-1", time_ns=T0, who="ana", reason="rehearse", phase="live")])
    while await rehearsing.step(wait_ms=0):
        pass
    [changed] = await bus.latest(MAIN.of(AUDIT))
    assert isinstance(changed, PhaseChanged)
    await rehearsing.lease.release()
    with pytest.raises(ConfigError, match='phase "live"'):
        await host_of(bus, settings(phase="dry_run", orders="paper")).recover()


def test_a_demoted_portfolio_starts_so_that_it_can_still_sell() -> None:
    of = settings(phase="live", orders="exchange")
    machine = spec_of(of, ManualClock(T0)).machine
    machine.records.put(PHASE, "", ActivePhase(name="dry_run", scale=0.25, since_ns=T0, entered="demoted"))
    machine.restored()
    check_phase(of, machine)  # type: ignore[arg-type]


def test_a_phase_that_is_gone_from_the_plan_is_named() -> None:
    of = settings(phase="live", orders="exchange")
    machine = spec_of(of, ManualClock(T0)).machine
    machine.records.put(PHASE, "", ActivePhase(name="soak", scale=1.0, since_ns=T0))
    machine.restored()
    with pytest.raises(ConfigError, match="soak"):
        check_phase(of, machine)  # type: ignore[arg-type]


def test_phases_by_date_are_for_backtests_only() -> None:
    of = settings(phase="dry_run", orders="paper", by_date=True)
    with pytest.raises(ConfigError, match=r"ramp\.by_date"):
        check_phase(of, spec_of(of, ManualClock(T0)).machine)  # type: ignore[arg-type]


def test_execution_says_that_it_sends_no_order_anywhere() -> None:
    with pytest.raises(ConfigError, match="on paper, or by clients"):
        execution.spec_of(settings(phase="live", orders="exchange"), ManualClock(T0))


@pytest.mark.parametrize(("first", "then"), [("paper", "client"), ("client", "paper")])
async def test_execution_does_not_go_on_with_the_books_of_another_way_of_executing(first: str, then: str) -> None:
    bus, clock = MemoryBus(MAIN), ManualClock(T0)
    begun = MachineHost(execution.spec_of(settings(phase="live", orders=first), clock), bus, clock, get_logger())
    await begun.recover()
    await reserve(bus, verdict := decided("o-1"))
    await bus.publish([verdict])
    while await begun.step(wait_ms=0):
        pass
    await begun.lease.release()
    other = MachineHost(execution.spec_of(settings(phase="live", orders=then), clock), bus, clock, get_logger())
    with pytest.raises(ConfigError, match=r"portfolio\.name"):
        await other.recover()


async def test_the_process_ends_with_the_code_for_configuration_so_that_nobody_restarts_it(
    redis_bus: RedisBus, valkey_server: str
) -> None:
    environ = {
        **process_environment(),
        "HEATSINK_REDIS__URL": valkey_server,
        "HEATSINK_EXCHANGE__KIND": "binance",  # wall time, so that nobody has to set a clock
        "HEATSINK_PHASE": "live",
        "HEATSINK_LOGS__FORM": "json",
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.risk", env=environ,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    async with asyncio.timeout(PATIENCE_SECONDS):
        output, _ = await process.communicate()
    assert process.returncode == 78
    assert b"config_refused" in output
    assert b"ramp.rehearsal" in output
    assert b"Traceback" not in output
