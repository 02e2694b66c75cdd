"""Sizes follow the phase and the limits that are really in force, whatever the configuration began with."""

from msgspec import structs

from shared.domain.plan import Limits, PhasePlan, Plan
from shared.domain.sizing.machine import SizingMachine
from shared.messages.portfolio import LimitsChanged, PhaseChanged
from shared.messages.signals import PositionSized
from tests.domain.market_scripts import HOUR, T0, UNIVERSE, days, flat, listed, nav, one_hour_plan, play, time

RAMP = (PhasePlan(name="dry_run", scale=0.25), PhasePlan(name="live", scale=1.0), PhasePlan(name="scaled", scale=2.0))


def ready(plan: Plan | None = None) -> SizingMachine:
    machine = SizingMachine(plan or structs.replace(one_hour_plan(), phases=RAMP, phase="dry_run"), UNIVERSE, "main")
    play(machine, listed(), *days(60), nav(phase="dry_run"))
    return machine


def size(machine: SizingMachine, hour: int) -> PositionSized:
    [found] = [message for message in play(machine, time(hour + 1), flat(hour)) if isinstance(message, PositionSized)]
    return found


def phase_changed(phase: str, *, hour: float) -> PhaseChanged:
    return PhaseChanged(
        id=f"phase-{phase}", time_ns=T0 + int(hour * HOUR), phase_before="dry_run", phase=phase, scale=1.0, who="ana",
        reason="day 15",
    )  # fmt: skip


def limits_changed(**new: float) -> LimitsChanged:
    return LimitsChanged(
        id="limits-1", time_ns=T0, who="ana", reason="x", old={}, new=new, policy_before="a", policy="b"
    )


def test_a_phase_that_changes_changes_the_next_size() -> None:
    machine = ready()
    assert size(machine, 0).phase_scale == 0.25
    play(machine, phase_changed("live", hour=1.5))
    sized = size(machine, 1)
    assert (sized.phase_scale, sized.equity_at_risk_usdt) == (1.0, 1_000.0)


def test_a_snapshot_from_before_the_change_does_not_bring_the_old_phase_back() -> None:
    machine = ready()
    play(machine, phase_changed("live", hour=1.5), nav(hour=1.5, phase="dry_run"), nav(hour=1.4, phase="dry_run"))
    assert size(machine, 1).phase_scale == 1.0
    play(machine, nav(hour=2.5, phase="scaled"))
    assert size(machine, 2).phase_scale == 2.0


def test_the_phase_outlives_the_process() -> None:
    machine = ready()
    play(machine, phase_changed("live", hour=1.5))
    again = restarted(machine)
    play(again, *days(60))
    assert size(again, 1).phase_scale == 1.0


def test_limits_that_change_change_the_next_size() -> None:
    machine = ready()
    play(machine, nav(hour=0.5, phase="live"), limits_changed(equity_at_risk=0.001, max_open_orders=3.0))
    assert size(machine, 0).equity_at_risk_usdt == 200.0
    again = restarted(machine)
    play(again, *days(60))
    assert size(again, 0).equity_at_risk_usdt == 200.0


def test_a_changed_file_wins_over_limits_heard_before() -> None:
    machine = ready()
    play(machine, nav(hour=0.5, phase="live"), limits_changed(equity_at_risk=0.001))
    plan = structs.replace(one_hour_plan(), phases=RAMP, phase="dry_run", limits=Limits(equity_at_risk=0.004))
    again = restarted(machine, plan)
    play(again, *days(60))
    assert size(again, 0).equity_at_risk_usdt == 800.0


def restarted(machine: SizingMachine, plan: Plan | None = None) -> SizingMachine:
    again = SizingMachine(plan or structs.replace(one_hour_plan(), phases=RAMP, phase="dry_run"), UNIVERSE, "main")
    again.records.load({key: row for key, row in machine.records.drain().items() if row is not None})
    again.restored()
    return again
