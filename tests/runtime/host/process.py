"""One process of a service: it starts over as ``runtime.service`` does, but a bounded number of times."""

from collections.abc import Callable

from shared.adapters.clocks import ManualClock
from shared.adapters.memory_bus import MemoryBus
from shared.adapters.redis.bus import RedisBus
from shared.ports.errors import AlreadyDecidedError, BusLostError
from shared.runtime.host import MachineHost, ProcessMemory
from shared.runtime.machine_spec import MachineSpec
from shared.runtime.service import StartOverError
from tests.market_data.market_stage import LogLines

STARTS = 40  # of hosts, at most


class Process:
    """make_spec: makes the machine anew for every host. starts: how many hosts there were."""

    def __init__(
        self, bus: MemoryBus | RedisBus, make_spec: Callable[[], MachineSpec], clock: ManualClock | None = None
    ) -> None:
        self.bus, self.make_spec, self.clock = bus, make_spec, clock or ManualClock()
        self.memory, self.log, self.starts = ProcessMemory(), LogLines(), 0
        self.host: MachineHost | None = None

    async def settle(self) -> int:
        """Work until there is nothing left to do. Returns how much there was."""
        done = 0
        while True:
            try:
                if self.host is None:
                    self.starts += 1
                    assert self.starts <= STARTS, "it goes on for ever"
                    self.host = MachineHost(self.make_spec(), self.bus, self.clock, self.log, self.memory)
                    await self.host.recover()
                while found := await self.host.step(wait_ms=0):
                    done += found
            except (StartOverError, BusLostError, AlreadyDecidedError):
                assert self.host is not None
                await self.host.lease.release()
                self.host = None
                done += 1
            else:
                return done
