"""Every rule is a ceiling: ``(order, view) -> Ceiling``, the largest quantity it would allow, and why.

To add a rule: write one function here and put it into ``RULES``, in the order in which an operator should hear of it
(between equal ceilings the first one binds). A rule that misses something answers 0 and names what it missed.
"""

import math
from collections.abc import Callable

from shared.domain.risk.ceilings import UNBOUNDED, budget, closed, measured, opened
from shared.domain.risk.validity import fault_of
from shared.domain.risk.view import View
from shared.messages.orders import CeilingReport as Ceiling
from shared.messages.orders import OrderProposed

Rule = Callable[[OrderProposed, View], Ceiling]
_VALID, _NOT_HALTED, _COLLAR_OPEN, _SPREAD_OPEN = map(
    opened, ("known_and_valid", "halted", "price_collar", "spread_at_size")
)


def known_and_valid(order: OrderProposed, view: View) -> Ceiling:
    """The order makes sense by itself, for a pair that trades."""
    fault = fault_of(order, view)
    return closed("known_and_valid", fault) if fault else _VALID


def halted(order: OrderProposed, view: View) -> Ceiling:
    """No halt of the portfolio or the pair is in force."""
    halt = view.state.halts.over(order.symbol)
    if halt is None:
        return _NOT_HALTED
    return closed("halted", f"{halt.symbol or 'portfolio'} {halt.mode}: {halt.reason}")


def fresh_mark(order: OrderProposed, view: View) -> Ceiling:
    """There is a live price, and it is young enough to trade on."""
    pair, state = view.pair, view.state
    if pair is None or not pair.mark > 0:
        return closed("fresh_mark", f"mark of {order.symbol} is missing", "seconds")
    age_seconds = (state.now_ns - pair.mark_time_ns) / state.speed / 1e9
    limit = state.limits.mark_age_seconds
    if age_seconds < -limit:  # it would never grow stale
        return closed(
            "fresh_mark",
            f"mark of {order.symbol} is of a time to come: {-age_seconds:.1f} s ahead of the clock",
            "seconds",
        )
    return measured("fresh_mark", limit, age_seconds, "seconds", f"mark of {order.symbol} is stale")


def order_size(order: OrderProposed, view: View) -> Ceiling:
    """One order by itself: the most that a slip of the finger may cost."""
    return budget("order_size", view, view.state.limits.max_order_usdt, 0.0, view.price)


def price_collar(order: OrderProposed, view: View) -> Ceiling:
    """No trade far from the mark: a limit price within the collar; a market order as far as the book carries it."""
    pair, limits = view.pair, view.state.limits
    if pair is None or not pair.mark > 0:
        return closed("price_collar", "price is unknown", "USDT")
    if order.limit_price is not None:
        highest = pair.mark * (1.0 + limits.price_collar)
        return measured("price_collar", highest, float(order.limit_price), "USDT", f"limit_price is over {highest:.8g}")
    if not limits.book_age_seconds:
        return _COLLAR_OPEN
    missing = _book_fault(order, view)
    if missing or view.book is None:
        return closed("price_collar", missing, "base")
    quantity = view.state.reach(view.book)
    if not math.isfinite(quantity):
        return closed("price_collar", f"book of {order.symbol} is no book", "base")
    return Ceiling(rule="price_collar", quantity=quantity, limit=quantity, used=0.0, headroom=quantity, unit="base")


def equity_at_risk(order: OrderProposed, view: View) -> Ceiling:
    """Loss at the stop, of this trade and what the pair risks already, within the phase's share of NAV.

    A stop nearer than the floor under ATR counts as if it stood there: a tiny distance must not make a huge position.
    """
    state, pair = view.state, view.pair
    used = pair.price_risk + pair.reserved_risk if pair is not None else math.nan
    floor = state.plan.sizing.stop_atr * state.limits.atr_floor * view.price
    return budget("equity_at_risk", view, state.equity_at_risk * view.nav, used, max(view.unit_price_risk, floor))


def known_atr(order: OrderProposed, view: View) -> Ceiling:
    """The pair's daily range is known: without it nobody can say whether a stop is far or near."""
    if view.atr > 0:
        return _ATR_KNOWN
    return closed("known_atr", "ATR is unknown")


def pair_cap_nav(order: OrderProposed, view: View) -> Ceiling:
    """Notional of the pair, held and on order, within its share of NAV."""
    return budget("pair_cap_nav", view, view.state.limits.pair_cap_nav * view.nav, _pair_notional(view), view.price)


def pair_cap_adv(order: OrderProposed, view: View) -> Ceiling:
    """Notional of the pair within its share of the average daily volume: what can be got out of."""
    limit = view.state.limits.pair_cap_adv * view.adv
    return budget("pair_cap_adv", view, limit, _pair_notional(view), view.price, "ADV")


def sector_cap(order: OrderProposed, view: View) -> Ceiling:
    """Notional of the pair's sector, held and on order, within its share of NAV."""
    state, pair = view.state, view.pair
    if pair is None or not pair.sector:
        return closed("sector_cap", f"sector of {order.symbol} is unknown", "USDT")
    used = state.heat.sectors[pair.sector]
    return budget("sector_cap", view, state.limits.sector_cap_nav * view.nav, used, view.price)


def portfolio_heat(order: OrderProposed, view: View) -> Ceiling:
    """Open plus reserved risk of the whole portfolio within the heat limit."""
    state = view.state
    used = state.heat.open_risk + state.heat.reserved_risk
    return budget("portfolio_heat", view, state.limits.heat * view.nav, used, view.unit_risk)


def gap_stress(order: OrderProposed, view: View) -> Ceiling:
    """What everything held and on order would lose if all of it fell at once, through every stop."""
    state = view.state
    shock = state.limits.gap_shock
    used = shock * (state.heat.holdings + state.heat.reserved_notional)
    return budget("gap_stress", view, state.limits.gap_stress * view.nav, used, shock * view.price)


def spread_at_size(order: OrderProposed, view: View) -> Ceiling:
    """Getting in and out is affordable: the median spread within the criterion, the live one not far over it."""
    limits, book = view.state.limits, view.book
    if not limits.book_age_seconds:
        return _SPREAD_OPEN
    missing = _book_fault(order, view)
    if missing or book is None:
        return closed("spread_at_size", missing)
    if book.spread is None or book.median_spread is None:
        return closed("spread_at_size", f"book of {order.symbol} is too thin for {book.size_usdt:,.0f} USDT")
    if book.median_spread > limits.spread_median:
        reason = f"median spread {book.median_spread:.2%} of {order.symbol} is over the criterion"
        return measured("spread_at_size", limits.spread_median, book.median_spread, "fraction", reason)
    limit = max(limits.spread_multiple * book.median_spread, limits.spread_median)
    return measured("spread_at_size", limit, book.spread, "fraction", f"spread of {order.symbol} is {book.spread:.2%}")


def cash(order: OrderProposed, view: View) -> Ceiling:
    """Cash that is neither spent nor promised to other orders; costs of the entry included."""
    state = view.state
    return budget("cash", view, state.ledger.cash, state.heat.reserved_cash, view.unit_cash, "cash")


def open_orders(order: OrderProposed, view: View) -> Ceiling:
    """Orders that are not finished yet."""
    limit, used = float(view.state.limits.max_open_orders), float(len(view.state.reservations) + 1)
    return measured("open_orders", limit, used, "orders", "too many orders are open")


def throttle(order: OrderProposed, view: View) -> Ceiling:
    """Approvals in a second, over all; and of one strategy in one pair in a minute: a loop gone wild is stopped."""
    state = view.state
    reason = state.pace.fault(order, state.now_ns)
    return closed("throttle", reason, "orders") if reason else _UNHURRIED


def drawdown(order: OrderProposed, view: View) -> Ceiling:
    """The fall from the high-water mark of NAV (since the last resume after a drawdown) within its limit."""
    peak = view.state.watermark.peak_nav
    fallen = (peak - view.nav) / peak if peak > 0 else 0.0
    if not math.isfinite(fallen):
        return closed("drawdown", "NAV is unknown", "fraction")
    return measured("drawdown", view.state.limits.drawdown, fallen, "fraction", f"drawdown is {fallen:.1%}")


_ATR_KNOWN, _UNHURRIED = map(opened, ("known_atr", "throttle"))

RULES: tuple[Rule, ...] = (
    known_and_valid,
    halted,
    fresh_mark,
    order_size,
    price_collar,
    known_atr,
    equity_at_risk,
    pair_cap_nav,
    pair_cap_adv,
    sector_cap,
    portfolio_heat,
    gap_stress,
    spread_at_size,
    cash,
    open_orders,
    throttle,
    drawdown,
)


def _pair_notional(view: View) -> float:
    pair = view.pair
    return pair.notional + pair.reserved_notional if pair is not None else math.nan


def _book_fault(order: OrderProposed, view: View) -> str:
    """What keeps the pair's book sample from being used; empty when nothing does."""
    if view.book is None:
        return f"book of {order.symbol} is missing"
    if not view.book.asks or not view.book.bids:
        return f"book of {order.symbol} is empty"
    if view.state.now_ns - view.book.time_ns > view.state.book_age_limit_ns:
        return f"book of {order.symbol} is stale"
    return ""


__all__ = ["RULES", "UNBOUNDED", "Rule"]
