"""``python -m tests.e2e.fragile_service <name>``: a service as it is shipped, but for a bug in its machine."""

import sys
from dataclasses import replace

from services.wiring import BY_NAME
from shared.config.model import Settings
from shared.ports.clock import Clock
from shared.runtime.host import machine_service
from shared.runtime.machine_spec import MachineSpec
from shared.runtime.service import main
from tests.runtime.host.fragile_machine import Fragile

if __name__ == "__main__":
    [_, name] = sys.argv
    row = BY_NAME[name]

    def spec_of(settings: Settings, clock: Clock) -> MachineSpec:
        spec = row.spec(settings, clock)
        return replace(spec, machine=Fragile(spec.machine))

    main(machine_service(name, spec_of, row.scope))
