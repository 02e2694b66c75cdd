"""A risk machine whose NAV is told to it, day by day, for tests of the ramp and of limits that change."""

from decimal import Decimal

import msgspec
from msgspec import structs

from shared.adapters.codec import encode
from shared.domain.plan import Limits, Plan, RampPlan
from shared.domain.risk.machine import RiskMachine
from shared.domain.timeframes import DAY_NS
from shared.messages.base import Message, TimePassed
from shared.messages.control import ApprovePhase, SetLimits, SetPhase
from shared.messages.portfolio import PortfolioMarked
from tests.domain.risk.risk_harness import UNIVERSE
from tests.samples import T0

START_NS = T0 + DAY_NS // 2  # noon: the first day is not a whole one


class Ramp:
    """``mark`` hands a snapshot to the ramp; ``restart`` goes on from what was stored, through MessagePack."""

    def __init__(
        self,
        *,
        phase: str = "dry_run",
        ramp: RampPlan | None = None,
        paper: bool | None = None,
        plan: Plan | None = None,
    ) -> None:
        self.plan = plan or Plan(phase=phase, ramp=ramp or RampPlan())
        self.paper = paper
        self.stored: dict[str, bytes] = {}
        self.nav = 200_000.0
        self._count = 0
        self._begin()

    def _begin(self) -> None:
        self.machine = RiskMachine(
            self.plan, UNIVERSE, portfolio="main", starting_cash_usdt=200_000.0, speed=1.0, paper=self.paper
        )

    def restart(self, **changes: object) -> None:
        self._store()
        self.plan = structs.replace(self.plan, **changes)
        self._begin()
        kinds = self.machine.records.kinds
        self.machine.records.load(
            {key: msgspec.msgpack.decode(body, type=kinds[key.partition(":")[0]]) for key, body in self.stored.items()}
        )
        self.machine.restored()

    def _store(self) -> None:
        for key, row in self.machine.records.drain().items():
            if row is None:
                self.stored.pop(key, None)
            else:
                self.stored[key] = encode(row)

    def time(self, days: float) -> list[Message]:
        """Market time, in days since the start, through the whole machine."""
        return self.handle(TimePassed(id=f"time-{days}", time_ns=START_NS + round(days * DAY_NS)))

    def mark(self, days: float, nav: float | None = None, *, heat: float = 0.01) -> list[Message]:
        """A snapshot so many days after the start; NAV stays unless one is given."""
        self.nav = self.nav if nav is None else nav
        self._count += 1
        now_ns = START_NS + round(days * DAY_NS)
        self.machine.state.now_ns = now_ns
        return list(
            self.machine.phases.take_snapshot(
                PortfolioMarked(
                    id=f"portfolio-main-{self._count}", trace="t", time_ns=now_ns, nav=self.nav, cash=Decimal(0),
                    heat=heat, heat_open=heat, heat_reserved=0.0, heat_limit=0.08, utilisation=0.0, drawdown=0.0,
                    positions=(), sectors={}, phase=self.phase, seq=self._count,
                )
            )
        )  # fmt: skip

    def walk(self, first: int, last: int, growth: float = 0.002, *, swing: float = 0.001) -> list[Message]:
        """A snapshot at every midnight from day ``first`` to day ``last``, with a rising NAV that swings."""
        made: list[Message] = []
        for day in range(first, last + 1):
            made += self.mark(day - 0.5, self.nav * (1 + growth + (swing if day % 2 else -swing)))
        return made

    def handle(self, message: Message) -> list[Message]:
        return list(self.machine.handle(message))

    def set_phase(self, phase: str, reason: str = "because") -> list[Message]:
        return self.handle(SetPhase(id=self._id(), time_ns=self._now(), who="ana", reason=reason, phase=phase))

    def approve(self, phase: str, *, reviews: int = 0, reason: str = "day has come") -> list[Message]:
        return self.handle(
            ApprovePhase(id=self._id(), time_ns=self._now(), who="ana", reason=reason, phase=phase, reviews=reviews)
        )

    def set_limits(self, reason: str = "because", **limits: float) -> list[Message]:
        return self.handle(SetLimits(id=self._id(), time_ns=self._now(), who="ana", reason=reason, limits=limits))

    def _id(self) -> str:
        self._count += 1
        return f"command-{self._count}"

    def _now(self) -> int:
        return self.machine.state.now_ns or START_NS

    @property
    def phase(self) -> str:
        return self.machine.state.phase.name

    @property
    def limits(self) -> Limits:
        return self.machine.state.limits
