"""What getting out of the pair was taken to cost, from the quantities that heat and cash still bought."""

from math import ulp

from shared.domain.risk.again.evidence import Evidence
from shared.domain.risk.again.inverse import around
from shared.messages.orders import CeilingReport

UNBOUNDED = 1e18
HEATS = ("portfolio_heat", "client_heat")  # budgets of which a unit takes its risk


def exit_rate_of(evidence: Evidence) -> float:
    """A fraction of notional that makes heat, cash and what was reserved to the last bit."""
    decided, order, limits = evidence.decided, evidence.order(), evidence.limits
    price = decided.mark
    reach = 0.0
    if order.limit_price is not None:
        price = max(price, float(order.limit_price))
    elif limits.book_age_seconds:
        reach = limits.price_collar
    stop = float(order.stop_price) if order.stop_price is not None else 0.0
    price_risk = price - stop if price > stop else 0.0
    units = float(decided.quantity_approved) if decided.side == "buy" else 0.0
    heats = [each for rule in HEATS if (each := _bought(evidence.report(rule))) is not None]
    cash = _bought(evidence.report("cash"))
    planned = evidence.plan.costs.fee + evidence.plan.costs.half_spread
    if not price or not (heats or cash):
        return planned

    def fits(rate: float) -> bool:
        unit_risk, unit_cash = price_risk + price * rate, price * (1.0 + rate + reach if reach else 1.0 + rate)
        return (
            min(unit_risk, unit_cash) > 0.0
            and all(heat.headroom / unit_risk == heat.quantity for heat in heats)
            and (cash is None or cash.headroom / unit_cash == cash.quantity)
            and (not units or (units * unit_risk, units * unit_cash) == (decided.risk_usdt, decided.cash_usdt))
        )

    if heats:
        unit_risk = decided.risk_usdt / units if units else heats[0].headroom / heats[0].quantity
        near, step = (unit_risk - price_risk) / price, ulp(unit_risk) / price / 8
    else:
        assert cash is not None
        near, step = cash.headroom / cash.quantity / price - 1.0 - reach, ulp(1.0) / 8
    return next((rate for rate in around(near, step) if fits(rate)), near)


def _bought(report: CeilingReport) -> CeilingReport | None:
    """The ceiling of a budget that bought something; None where it says nothing of what a unit costs."""
    return report if report.unit == "USDT" and 0.0 < report.quantity < UNBOUNDED and report.headroom > 0.0 else None
