"""The Portfolio Blender: a size for every pair on every bar, proposed orders, raised stops."""

from services import wiring
from shared.config.model import Settings
from shared.domain.sizing.machine import SizingMachine
from shared.domain.timeframes import DAILY
from shared.messages.catalogue import (
    AUDIT,
    BARS,
    DECIDED,
    EXECUTED,
    PAIRS,
    PORTFOLIO,
    SIGNALS,
    SIZES,
)
from shared.ports.clock import Clock, market_ns
from shared.runtime.host import machine_service
from shared.runtime.machine_spec import MachineSpec


def spec_of(settings: Settings, clock: Clock) -> MachineSpec:
    keys, plan = settings.keys, settings.plan
    bars = tuple(keys.of(BARS, timeframe) for timeframe in plan.timeframes)
    limit_ns = market_ns(clock, plan.limits.bar_age_seconds)
    machine = SizingMachine(plan, settings.universe, keys.portfolio, bar_age_limit_ns=limit_ns, speed=clock.speed)
    return MachineSpec(
        service=wiring.SIZING,
        machine=machine,
        # What is held and on order comes before what asks for more: a halt that ends, or a bar. AUDIT has limits,
        # phases and halts as they were decided; HALTS would repeat them. Bars are taken as they closed.
        inputs=(
            PAIRS.key,
            keys.of(EXECUTED),
            keys.of(DECIDED),
            keys.of(PORTFOLIO),
            keys.of(AUDIT),
            *bars,
            SIGNALS.key,
        ),
        whole=(keys.of(BARS, DAILY),),
        home=keys.home,
        warm=bars,
        writes=keys.of(SIZES),
    )


SERVICE = machine_service(wiring.SIZING, spec_of, wiring.scope_of(wiring.SIZING))
