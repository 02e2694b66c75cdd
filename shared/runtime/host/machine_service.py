"""A service that is nothing but a machine on the bus."""

from collections.abc import Callable
from pathlib import Path

from shared.adapters.witness import witness_path
from shared.config.model import Settings
from shared.ports.bus import Scope
from shared.ports.clock import Clock
from shared.runtime.host.process_memory import ProcessMemory
from shared.runtime.host.step import MachineHost
from shared.runtime.machine_spec import MachineSpec
from shared.runtime.service import Context, Service


def machine_service(name: str, spec_of: Callable[[Settings, Clock], MachineSpec], scope: Scope) -> Service:
    """The service that is nothing but a machine on the bus.

    spec_of: makes the machine anew for every host.
    What outlives a host is kept with the service, so a process that runs two portfolios needs a service for each.
    """
    memory = ProcessMemory()

    async def run(context: Context) -> None:
        if folder := context.settings.redis.witness:
            memory.witness.open(
                witness_path(Path(folder), name, context.bus.keys.portfolio if scope == "portfolio" else "")
            )
        spec = spec_of(context.settings, context.clock)
        host = MachineHost(spec, context.bus, context.clock, context.log, memory)
        await host.run(context.health.ready)

    return Service(name, run, scope)
