"""What the journal has of one decision, and how its ceilings are read."""

import re

from msgspec import Struct, structs

from shared.domain.plan import Limits, Plan
from shared.domain.risk.gate.repeats import difference, proposal_of
from shared.domain.universe import Universe
from shared.messages.halts import Halted
from shared.messages.market import PairListed
from shared.messages.orders import CeilingReport, OrderDecided, OrderProposed

NONE = CeilingReport("", 0.0, 0.0, 0.0, 0.0, "")


class Evidence(Struct, frozen=True, kw_only=True):
    """What is known of a decision.

    decided: the verdict.
    proposed: the order as it was sent; None where its stream does not keep it any more.
    plan, universe, portfolio, speed: of the settings. limits: those that were in force.
    listing: what the exchange had said of the pair last; None for nothing.
    halts: those that may have been in force.
    approvals: buys that were approved before, the oldest first.
    """

    decided: OrderDecided
    proposed: OrderProposed | None
    plan: Plan
    universe: Universe
    portfolio: str
    speed: float
    limits: Limits
    listing: PairListed | None = None
    halts: tuple[Halted, ...] = ()
    approvals: tuple[OrderDecided, ...] = ()

    def order(self) -> OrderProposed:
        """The order as the gate had it."""
        decided, sent = self.decided, self.proposed
        order = proposal_of(decided)
        if sent is not None and not difference(sent, order):
            order = sent
        return structs.replace(order, trace=decided.trace)

    def report(self, rule: str) -> CeilingReport:
        """What a rule answered; an empty one where it was not asked."""
        return next((each for each in self.decided.ceilings if each.rule == rule), NONE)

    def figures(self, rule: str) -> CeilingReport | None:
        """The same, where it has figures: what is closed for something that was missing has none."""
        report = self.report(rule)
        return report if report.unit and (report.limit or report.used) else None

    def found(self, rule: str, pattern: str) -> str:
        """What stands at the group of a pattern in a rule's reason; empty where it does not fit."""
        found = re.search(pattern, self.report(rule).reason)
        return found[1] if found else ""
