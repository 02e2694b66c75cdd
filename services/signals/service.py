"""The built-in strategies: closed bars in, signals out. Any other process may publish signals beside it.

Signals belong to the market, not to a portfolio: ``hs:signals`` is read by every portfolio on the server, and one
process writes the built-in ones. Its state is at home at ``{hs:signals}``, so there is one writer lease for all. Where
the services of a second portfolio are started beside the first, their ``signals`` waits as a standby until that lease
is free; the strategies in force are those of whoever holds it.
"""

from services import wiring
from shared.config.model import Settings
from shared.domain.strategies.machine import SignalsMachine
from shared.messages.catalogue import BARS, SIGNALS
from shared.ports.clock import Clock, market_ns
from shared.runtime.host import machine_service
from shared.runtime.machine_spec import MachineSpec


def spec_of(settings: Settings, clock: Clock) -> MachineSpec:
    keys = settings.keys
    timeframes = dict.fromkeys(strategy.timeframe for strategy in settings.plan.strategies)
    bars = tuple(keys.of(BARS, timeframe) for timeframe in timeframes)
    limit_ns = market_ns(clock, settings.plan.limits.bar_age_seconds)
    return MachineSpec(
        service=wiring.SIGNALS,
        machine=SignalsMachine(settings.plan, settings.universe, service=wiring.SIGNALS, bar_age_limit_ns=limit_ns),
        inputs=bars,
        home="{" + SIGNALS.key + "}",
        warm=bars,
    )


SERVICE = machine_service(wiring.SIGNALS, spec_of, wiring.scope_of(wiring.SIGNALS))
