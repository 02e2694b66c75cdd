"""Orders put to the gate, and what is said of the verdicts on them."""

import dataclasses

from msgspec import structs

from shared.application.order_report import OrderReport
from shared.application.wording.orders import order_text
from shared.domain.plan import Limits
from shared.messages.orders import OrderDecided
from tests.domain.risk.risk_harness import RiskHarness, relaxed


def report_text(decided: OrderDecided, **changes: object) -> str:
    return order_text(dataclasses.replace(OrderReport(decided, (), "Layer 1"), **changes))  # type: ignore[arg-type]


def why(decided: OrderDecided, **changes: object) -> str:
    """The clause after the verdict."""
    return report_text(decided, **changes).partition(": ")[2].partition(". Heat")[0].partition(". NAV was")[0]


def harness_with(**limits: float) -> RiskHarness:
    return RiskHarness(limits=structs.replace(relaxed(Limits(equity_at_risk=0.05)), **limits), exact=True)
