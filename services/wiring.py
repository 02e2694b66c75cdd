"""The one table of services: how each is called, when it is started and ended, what it needs, and whose it is.

The supervisor, ``doctor``, ``ops``, replays and the tests of the Compose file read it. A service is the folder of its
name with a ``service.py``; nothing of a service is imported before somebody asks for it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from shared.config.model import Settings
    from shared.ports.bus import Scope
    from shared.ports.clock import Clock
    from shared.runtime.machine_spec import MachineSpec

EXCHANGE_SIM = "exchange_sim"
MARKET_DATA = "market_data"
SIGNALS = "signals"
SIZING = "sizing"
RISK = "risk"
EXECUTION = "execution"
OPS = "ops"


@dataclass(frozen=True, slots=True)
class ServiceRow:
    """One service.

    name: of its folder, its heartbeat and its log lines.
    stage: at the end, services of a higher stage are ended before those of a lower one.
    scope: whether one of it serves the whole market, or each portfolio has its own.
    only_with: the kind of exchange without which it is not needed; empty for every kind.
    machine: whether it is a machine on the bus, which replays can run too.
    own_files: whether it uses files that nobody else does, and has a ``check`` for them.
    """

    name: str
    stage: int
    scope: "Scope"
    only_with: Literal["", "sim", "binance"] = ""
    machine: bool = False
    own_files: bool = False

    @property
    def module(self) -> str:
        """What ``python -m`` runs."""
        return f"services.{self.name}"

    def check(self, settings: "Settings") -> None:
        """Let it look at the files that it alone uses. Raises ``ConfigError``."""
        if self.own_files:
            import_module(f"{self.module}.service").check(settings)

    def spec(self, settings: "Settings", clock: "Clock") -> "MachineSpec":
        """Its machine, made anew, with its place on the bus. Raises ``ValueError`` for a service without one."""
        if not self.machine:
            raise ValueError(f"{self.name} is not a machine")
        spec_of: Callable[[Settings, Clock], MachineSpec] = import_module(f"{self.module}.service").spec_of
        return spec_of(settings, clock)


# In the order in which they are started. Stages count the other way round, so that whatever a service has asked for
# while it ends, those after it still answer. Stage 0 is the server's.
SERVICES = (
    ServiceRow(EXCHANGE_SIM, stage=1, scope="market", only_with="sim", own_files=True),
    ServiceRow(MARKET_DATA, stage=7, scope="market"),
    ServiceRow(SIGNALS, stage=6, scope="market", machine=True, own_files=True),
    ServiceRow(SIZING, stage=5, scope="portfolio", machine=True),
    ServiceRow(RISK, stage=4, scope="portfolio", machine=True),
    ServiceRow(EXECUTION, stage=3, scope="portfolio", machine=True),
    ServiceRow(OPS, stage=2, scope="portfolio"),
)
BY_NAME = {row.name: row for row in SERVICES}


def key_holders() -> tuple[str, ...]:
    """Everybody who has a key to sign with: every service, and operators."""
    from shared.messages.signers import OPERATORS

    return (*BY_NAME, OPERATORS)


def scope_of(name: str) -> "Scope":
    """Whether the service serves the market or one portfolio."""
    return BY_NAME[name].scope


def services_with(exchange: str) -> tuple[ServiceRow, ...]:
    """The services that a stack has with an exchange of this kind."""
    return tuple(row for row in SERVICES if row.only_with in ("", exchange))


# In a replay machines take turns. Stops rest at the exchange, so execution meets the market first. What was sold is
# booked before positions are marked, and both before anything new is wanted.
TURNS = (EXECUTION, RISK, SIGNALS, SIZING)


def machine_specs(settings: "Settings", clock: "Clock") -> "list[MachineSpec]":
    """The machines of a whole stack, made anew, in the order in which they take turns in a replay."""
    return [BY_NAME[name].spec(settings, clock) for name in TURNS]
