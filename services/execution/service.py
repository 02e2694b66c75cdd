"""Approved orders and raised stops in; on the paper exchange, fills out.

An order is placed only while the gate's stored records have its reservation.
"""

from services import wiring
from shared.config.faults import ConfigError
from shared.config.model import Settings
from shared.config.preflight import paper_faults
from shared.domain.execution.paper.machine import PaperExecution
from shared.domain.timeframes import DAILY
from shared.messages.catalogue import BARS, DECIDED, EXECUTED, MARKS, PAIRS
from shared.ports.clock import Clock, market_ns
from shared.runtime.host import machine_service
from shared.runtime.host.vouching import ReservedOrders
from shared.runtime.machine_spec import MachineSpec


def spec_of(settings: Settings, clock: Clock) -> MachineSpec:
    if faults := paper_faults(settings):
        raise ConfigError(faults)
    keys = settings.keys
    bars = tuple(keys.of(BARS, timeframe) for timeframe in settings.plan.timeframes)
    limit_ns = market_ns(clock, settings.plan.limits.mark_age_seconds)
    return MachineSpec(
        service=wiring.EXECUTION,
        machine=PaperExecution(settings.plan, settings.universe, quote_age_limit_ns=limit_ns),
        # Stops see the market before new orders do.
        inputs=(PAIRS.key, *bars, keys.of(DECIDED)),
        whole=(keys.of(BARS, DAILY),),
        home=keys.home,
        warm=bars,
        writes=keys.of(EXECUTED),
        latest=(MARKS,),
        vouching=ReservedOrders(),
    )


SERVICE = machine_service(wiring.EXECUTION, spec_of, wiring.scope_of(wiring.EXECUTION))
