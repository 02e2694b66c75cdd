"""The whole stack of one run: a server, the processes of its services, the market, clients and operators."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from random import Random

from services.wiring import BY_NAME, RISK, SERVICES
from shared.adapters.memory_bus import MemoryBus
from shared.adapters.memory_lease import number_of
from shared.adapters.memory_server import MemoryServer
from shared.config.model import PortfolioSettings, Settings
from shared.domain.plan import BreakerPlan, Limits, RampPlan
from shared.domain.risk.machine import RiskMachine
from shared.domain.universe import Pair, Universe
from shared.ports.clock import Clock
from shared.runtime.machine_spec import MachineSpec
from tests.domain.market_scripts import one_hour_plan
from tests.keys import MAIN
from tests.runtime.host.fragile_machine import Fragile
from tests.simulation.seeded.actors import BEGAN_NS, TRADED, Client, Market, Operator
from tests.simulation.seeded.chance import Chance
from tests.simulation.seeded.faulty_bus import Line
from tests.simulation.seeded.processes import SimulatedProcess, VirtualClock
from tests.simulation.seeded.trimming import Trimming
from tests.simulation.seeded.watch import ViolationError, Watch

SPEED = 3600.0
CASH_USDT = 200_000.0
LOOK_SECONDS = 0.25
MACHINES = tuple(row.name for row in SERVICES if row.machine)
PLACES = {**{name: name for name in MACHINES}, "risk-standby": RISK}
# All pairs together may risk more than the portfolio, so that heat binds and the store's own sum has work to do.
PLAN = one_hour_plan(
    limits=Limits(book_age_seconds=0.0, heat=0.008, equity_at_risk=0.004),
    breakers=BreakerPlan(off=("gap", "market_shock", "feed", "liquidity")),
    ramp=RampPlan(rehearsal=True),
)
UNIVERSE = Universe(
    pairs=tuple(Pair(base=symbol.partition("/")[0], quote="USDT", sector="Majors") for symbol in TRADED)
)
SETTINGS = Settings(
    universe=UNIVERSE, plan=PLAN, portfolio=PortfolioSettings(name="main", starting_cash_usdt=CASH_USDT)
)


class Stack:
    """All parts of one run.

    server: what is stored; bus: the way to it without faults. is_away: whether the server answers nobody.
    processes: places in which services run; risk has a standby.
    """

    def __init__(self, seed: int, chance: Chance) -> None:
        self.chance = chance
        self.server = MemoryServer()
        self.server.identity = "simulated"
        self.bus = MemoryBus(MAIN, self.server)
        self.clock: Clock = VirtualClock(BEGAN_NS, SPEED)
        self.watch = Watch(self.server, MAIN, CASH_USDT, chance)
        self.is_away = False
        self.processes = [self._process(place, service) for place, service in PLACES.items()]
        self.market = Market(self.bus, self.clock, Random(f"{seed}:market"))
        self.clients = [self._client(name) for name in ("ben", "cleo")]
        self.operator = Operator(self.bus, self.clock, chance)
        self.trimming = Trimming(self.server, self.watch, chance)

    def _process(self, place: str, service: str) -> SimulatedProcess:
        def make_spec(clock: Clock) -> MachineSpec:
            spec = BY_NAME[service].spec(SETTINGS, clock)
            return replace(spec, machine=Fragile(spec.machine))

        return SimulatedProcess(
            place, service, self.bus, self.clock, self.chance, make_spec, self.watch, self._server_is_away
        )

    def _client(self, name: str) -> Client:
        line = Line(self.chance, self._server_is_away, may_crash=False)
        return Client(name, self.bus, self.clock, self.chance, line, self.market)

    def _server_is_away(self) -> bool:
        return self.is_away

    # --- who is where ---------------------------------------------------------------------------------------------

    @property
    def is_up(self) -> bool:
        """Whether every service has a process that works."""
        return {process.service for process in self.processes if process.is_ready} == set(MACHINES)

    def working(self, service: str) -> SimulatedProcess | None:
        """The process of a service that works; None while none does."""
        return next((each for each in self.processes if each.service == service and each.is_ready), None)

    @staticmethod
    def gate_in(process: SimulatedProcess) -> RiskMachine:
        """The machine of a risk process that works."""
        assert process.host is not None
        fragile = process.host.spec.machine
        assert isinstance(fragile, Fragile)
        assert isinstance(fragile.machine, RiskMachine)
        return fragile.machine

    def behind(self) -> dict[str, int]:
        """How many entries of which stream each machine has not handled."""
        found: dict[str, int] = {}
        for (_, service), state in self.server.machines.items():
            for stream in state.delivered:
                handled = max(number_of(state.cursors.get(stream, "0")), self.server.gone[stream])
                left = self.server.end(stream) - handled
                if left:
                    found[f"{service} of {stream}"] = left
        return found

    async def until(self, reached: Callable[[], bool], otherwise: str, seconds: float = 30.0) -> None:
        """Wait until something holds. Raises ``ViolationError`` when it does not, or when anything else did not."""
        for _ in range(int(seconds / LOOK_SECONDS)):
            self.watch.raise_violation()
            if reached():
                return
            await asyncio.sleep(LOOK_SECONDS)
        raise ViolationError(otherwise)
