"""What the tests of single rules share: a harness at which only the named limits can bind."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from msgspec import structs

from shared.domain.plan import Limits
from shared.messages.orders import OrderDecided
from tests.domain.risk.risk_harness import RiskHarness

D = Decimal
Scene = Callable[[RiskHarness], None]  # what happens to a harness before the order
BTC, ETH = "BTC/USDT", "ETH/USDT"
NAV = 200_000.0
EXIT = 0.0015  # fee and half a spread: the harness's market stands still, so there is no slippage
WIDE = Limits(
    equity_at_risk=1.0, heat=1.0, pair_cap_nav=1.0, pair_cap_adv=1.0, sector_cap_nav=1.0, drawdown=1.0, atr_floor=0.0,
    max_order_usdt=1e9, price_collar=1.0, book_age_seconds=0.0, gap_stress=1.0, max_open_orders=1_000,
    orders_per_second=1_000, repeats_per_minute=1_000, nav_age_seconds=1e9, ledger_age_seconds=1e9,
)  # fmt: skip


def harness_with(cash: float = NAV, **limits: Any) -> RiskHarness:
    """Only the limits that are named can bind."""
    return RiskHarness(cash=cash, limits=structs.replace(WIDE, **limits), exact=True)


def book_with(**changes: Any) -> Scene:
    return lambda harness: harness.book(ETH, **changes)


def no_book(harness: RiskHarness) -> None:
    del harness.machine.state.books[ETH]


def verdict(decided: OrderDecided) -> tuple[str, Decimal, str]:
    return decided.verdict, decided.quantity_approved, decided.binding


def row_of(decided: OrderDecided, rule: str) -> Any:
    return next(row for row in decided.ceilings if row.rule == rule)
