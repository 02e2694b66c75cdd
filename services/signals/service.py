"""The strategies, built in or of files: closed bars in, signals out. Any other process may publish signals beside it.

Signals belong to the market, not to a portfolio: ``hs:signals`` is read by every portfolio on the server, and one
process writes those of the strategies. Its state is at home at ``{hs:signals}``, so there is one writer lease for all.
Where the services of a second portfolio are started beside the first, their ``signals`` waits as a standby until that
lease is free; the strategies in force are those of whoever holds it. This is the one service that runs strategy files.
"""

import asyncio
from contextlib import nullcontext

from services import wiring
from services.signals.hangs import HangGuard
from shared.adapters.strategy_trial.run import trial_faults
from shared.config.faults import ConfigError
from shared.config.model import Settings
from shared.domain.strategies.from_file import FILE, source_digest
from shared.domain.strategies.machine import SignalsMachine
from shared.messages.catalogue import BARS, SIGNALS
from shared.ports.clock import Clock, market_ns
from shared.runtime.host import machine_service
from shared.runtime.machine_spec import MachineSpec
from shared.runtime.service import Context, Service


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


def check(settings: Settings) -> None:
    """Try the strategy files, which nobody else runs. Raises ``ConfigError``."""
    if faults := trial_faults(settings):
        raise ConfigError(faults)


_MACHINE = machine_service(wiring.SIGNALS, spec_of, wiring.scope_of(wiring.SIGNALS))


async def run(context: Context) -> None:
    """Run the machine, once every strategy file passed its trial."""
    # In a thread: a file that hangs is found after a while, and the heart beats meanwhile.
    await asyncio.to_thread(check, context.settings)
    files = [strategy for strategy in context.settings.plan.strategies if strategy.kind == FILE]
    for each in files:
        context.log.info("strategy_file", strategy=each.name, file=each.file, digest=source_digest(each))
    with HangGuard() if files else nullcontext():
        await _MACHINE.run(context)


SERVICE = Service(wiring.SIGNALS, run, _MACHINE.scope)
