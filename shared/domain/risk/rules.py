"""Every rule is a ceiling: ``(order, view) -> Ceiling``, the largest quantity it would allow, and why.

To add a rule: write one function here and put it into ``RULES``, in the order in which an operator should hear of it
(between equal ceilings the first one binds). A rule that misses something answers 0 and names what it missed.
"""

import math
from collections.abc import Callable

from shared.domain.risk.view import View
from shared.messages.orders import CeilingReport as Ceiling
from shared.messages.orders import OrderProposed

UNBOUNDED = 1e18  # "no ceiling": finite, so that it can travel
MAX_REASON = 1024  # what a message holds of it
Rule = Callable[[OrderProposed, View], Ceiling]


def known_and_valid(order: OrderProposed, view: View) -> Ceiling:
    """The order makes sense by itself, for a pair that trades."""
    return _gate("known_and_valid", _fault_of(order, view))


def _fault_of(order: OrderProposed, view: View) -> str:  # noqa: C901 - one line a fault reads best in a row
    if order.portfolio != view.portfolio:
        return f"portfolio {order.portfolio!r}: this is {view.portfolio!r}; propose on its own stream"
    if view.pair is None:
        return f"symbol {order.symbol!r} is not in the universe; add it to universe.toml"
    if view.listing is None:
        return f"pair {order.symbol} has not been seen on the exchange yet"
    if view.listing.status != "trading":
        return f"pair {order.symbol} is {view.listing.status} {view.listing.reason}".rstrip()
    if order.quantity <= 0:
        return f"quantity {order.quantity} must be above 0"
    if order.expires_ns and order.expires_ns <= view.now_ns:
        return f"expires_ns {order.expires_ns} has passed"
    if order.order_type == "limit" and (order.limit_price is None or order.limit_price <= 0):
        return f"limit_price {order.limit_price} must be above 0 for a limit order"
    if order.reduce_only:
        return "reduce_only: a buy opens risk; leave it out"
    if order.stop_price is None or order.stop_price <= 0:
        return f"stop_price {order.stop_price} is required to open: the price below the entry at which to get out"
    if view.entry and float(order.stop_price) >= view.entry:
        return f"stop_price {order.stop_price} must be below the price {view.entry}"
    return ""


def halted(order: OrderProposed, view: View) -> Ceiling:
    """No halt of the portfolio or the pair is in force."""
    halt = view.halts.get("") or view.halts.get(order.symbol)
    return _gate("halted", f"{halt.symbol or 'portfolio'} {halt.mode}: {halt.reason}" if halt else "")


def fresh_mark(order: OrderProposed, view: View) -> Ceiling:
    """There is a live price, and it is young enough to trade on."""
    if view.pair is None or not view.pair.mark > 0:
        return _closed("fresh_mark", "seconds", f"mark of {order.symbol} is missing")
    age_ns = view.now_ns - view.pair.mark_time_ns
    # The limit is market time already; what an operator reads is wall seconds.
    limit_seconds = view.limits.mark_age_seconds
    age_seconds = age_ns / view.mark_age_limit_ns * limit_seconds
    fault = ""
    if age_ns > view.mark_age_limit_ns:
        fault = f"mark of {order.symbol} is stale: {age_seconds:.1f} s old"
    elif age_ns < -view.mark_age_limit_ns:  # some clock is wrong: nobody knows how old it is
        fault = f"mark of {order.symbol} is of a time to come: {-age_seconds:.1f} s ahead of the clock"
    return Ceiling(
        rule="fresh_mark",
        quantity=0.0 if fault else UNBOUNDED,
        limit=limit_seconds,
        used=age_seconds,
        headroom=limit_seconds - age_seconds,
        unit="seconds",
        reason=fault,
    )


def equity_at_risk(order: OrderProposed, view: View) -> Ceiling:
    """Loss at the stop, of this trade and what the pair risks already, within the phase's share of NAV."""
    used = view.pair.price_risk + view.pair.reserved_risk if view.pair else math.nan
    return _budget("equity_at_risk", view, view.equity_at_risk * view.nav, used, view.unit_price_risk)


def pair_cap_nav(order: OrderProposed, view: View) -> Ceiling:
    """Notional of the pair, held and on order, within its share of NAV."""
    return _budget("pair_cap_nav", view, view.limits.pair_cap_nav * view.nav, _pair_notional(view), view.price)


def pair_cap_adv(order: OrderProposed, view: View) -> Ceiling:
    """Notional of the pair within its share of the average daily volume: what can be got out of."""
    limit = view.limits.pair_cap_adv * view.adv
    return _budget("pair_cap_adv", view, limit, _pair_notional(view), view.price, missing="ADV")


def sector_cap(order: OrderProposed, view: View) -> Ceiling:
    """Notional of the pair's sector, held and on order, within its share of NAV."""
    used = view.heat.sectors[view.pair.sector] if view.pair else math.nan
    return _budget("sector_cap", view, view.limits.sector_cap_nav * view.nav, used, view.price)


def portfolio_heat(order: OrderProposed, view: View) -> Ceiling:
    """Open plus reserved risk of the whole portfolio within the heat limit."""
    used = view.heat.open_risk + view.heat.reserved_risk
    return _budget("portfolio_heat", view, view.limits.heat * view.nav, used, view.unit_risk)


def cash(order: OrderProposed, view: View) -> Ceiling:
    """Cash that is neither spent nor promised to other orders; costs of the entry included."""
    return _budget("cash", view, view.cash_free, 0.0, view.unit_cash)


RULES: tuple[Rule, ...] = (
    known_and_valid,
    halted,
    fresh_mark,
    equity_at_risk,
    pair_cap_nav,
    pair_cap_adv,
    sector_cap,
    portfolio_heat,
    cash,
)


def _pair_notional(view: View) -> float:
    return view.pair.notional + view.pair.reserved_notional if view.pair else math.nan


def _budget(rule: str, view: View, limit: float, used: float, per_unit: float, *, missing: str = "NAV") -> Ceiling:
    """The quantity that a budget in USDT still buys, at ``per_unit`` of it for each unit."""
    headroom = limit - used
    if not (math.isfinite(headroom) and per_unit > 0):
        name = missing if not math.isfinite(limit) else "price" if not per_unit > 0 else "position"
        held = ", ".join(sorted(view.heat.unmarked)) if name == "NAV" else ""
        return _closed(rule, "USDT", f"{name} is unknown{held and f': no price of {held}, which is held'}")
    quantity = min(UNBOUNDED, max(0.0, headroom) / per_unit)
    return Ceiling(rule=rule, quantity=quantity, limit=limit, used=used, headroom=headroom, unit="USDT")


def _gate(rule: str, fault: str) -> Ceiling:
    """Open without a bound, or closed for a reason."""
    return Ceiling(
        rule=rule,
        quantity=0.0 if fault else UNBOUNDED,
        limit=0.0,
        used=0.0,
        headroom=0.0,
        unit="",
        reason=fault[:MAX_REASON],
    )


def _closed(rule: str, unit: str, reason: str) -> Ceiling:
    return Ceiling(rule=rule, quantity=0.0, limit=0.0, used=0.0, headroom=0.0, unit=unit, reason=reason[:MAX_REASON])
