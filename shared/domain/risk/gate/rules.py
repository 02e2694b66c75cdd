"""Every rule is a ceiling: ``(order, view) -> Ceiling``, the largest quantity that it would allow, and why.

To add a rule, write one function here and put it into ``RULES``, at the place where an operator should hear of it:
between equal ceilings the first one binds. A rule that misses something answers 0 and names what it missed.

Every order runs through all of them. So whatever only a closed gate needs, words above all, is made when it closes.
"""

from collections.abc import Callable
from math import isfinite

from shared.domain.risk.gate.ceilings import beyond, budget, closed, opened, within
from shared.domain.risk.gate.client_bounds import fault_of_order
from shared.domain.risk.gate.validity import fault_of_opening, fault_of_pair, fault_of_prices
from shared.domain.risk.gate.view import View
from shared.domain.timeframes import HOUR_NS
from shared.domain.words import figure
from shared.messages.orders import CeilingReport as Ceiling
from shared.messages.orders import Finding, OrderProposed

Rule = Callable[[OrderProposed, View], Ceiling]


def known_and_valid(order: OrderProposed, view: View) -> Ceiling:
    """The order makes sense by itself, its pair trades, and the exchange takes its prices."""
    listing = view.listing
    if view.pair is None or listing is None or listing.status != "trading":
        return closed("known_and_valid", "pair_off", fault_of_pair(order, view))
    if fault := fault_of_opening(order, view):
        return closed("known_and_valid", "invalid", fault)
    if refused := fault_of_prices(order, view):
        return closed("known_and_valid", refused.code, refused.reason)
    return opened("known_and_valid")


def client_bounds(order: OrderProposed, view: View) -> Ceiling:
    """The client that proposes is registered, and may send orders, of this strategy and in this pair."""
    if fault := fault_of_order(order, view):
        return closed("client_bounds", "not_allowed", fault.reason)
    return opened("client_bounds")


def halted(order: OrderProposed, view: View) -> Ceiling:
    """No halt of the portfolio or the pair is in force."""
    halt = view.state.halts.find(order.symbol)
    if halt is None:
        return opened("halted")
    return closed("halted", "halted", f"{halt.symbol or 'portfolio'} {halt.mode}: {halt.reason}")


def fresh_mark(order: OrderProposed, view: View) -> Ceiling:
    """There is a live price, and it is young enough to trade on."""
    pair, limit = view.pair, view.limits.mark_age_seconds
    if pair is None or not pair.mark > 0.0:
        return closed("fresh_mark", "missing", f"mark of {order.symbol} is missing", "seconds")
    age_seconds = (view.now_ns - pair.mark_time_ns) / view.state.ns_per_second
    if -limit <= age_seconds <= limit:
        return within("fresh_mark", limit, age_seconds, "seconds")
    if age_seconds > limit:
        return beyond("fresh_mark", limit, age_seconds, "seconds", f"mark of {order.symbol} is stale", code="stale")
    ahead = f"{-age_seconds:.1f} s ahead of the clock"  # it would never grow stale
    return closed("fresh_mark", "stale", f"mark of {order.symbol} is of a time to come: {ahead}", "seconds")


def fresh_nav(order: OrderProposed, view: View) -> Ceiling:
    """Nothing that is held is valued at an old price, for a fraction of yesterday's NAV is no limit today."""
    oldest, limit, state = view.state.oldest_held, view.limits.nav_age_seconds, view.state
    if oldest is None:
        return opened("fresh_nav")
    age_seconds = (view.now_ns - oldest.mark_time_ns) / state.ns_per_second
    if -limit <= age_seconds <= limit:
        return within("fresh_nav", limit, age_seconds, "seconds")
    what = f"{age_seconds:.0f} s old" if age_seconds > 0 else f"of a time to come: {-age_seconds:.1f} s ahead"
    stale = f"NAV is stale: the mark of {oldest.symbol}, which is held, is {what}"
    if age_seconds < 0:
        return closed("fresh_nav", "stale", stale, "seconds")
    return beyond("fresh_nav", limit, age_seconds, "seconds", stale, code="stale")


def known_ledger(order: OrderProposed, view: View) -> Ceiling:
    """Execution has acknowledged every approved order in time: without that, nobody knows what is held.

    The rule and its limit keep the names that they have on the wire and in ``limits.toml``. What they mean is:
    execution acknowledged, and its timeout.
    """
    unacknowledged, timeout = view.state.reservations.unacknowledged, view.limits.ledger_age_seconds
    if not unacknowledged:
        return opened("known_ledger")
    order_id, since_ns = next(iter(unacknowledged.items()))
    age_seconds = (view.now_ns - since_ns) / view.state.ns_per_second
    if -timeout <= age_seconds <= timeout:
        return within("known_ledger", timeout, age_seconds, "seconds")
    if age_seconds < 0:
        ahead = f"ledger is unknown: execution has said nothing of order {order_id}, decided at a time to come"
        return closed("known_ledger", "unacknowledged", ahead, "seconds")
    silent = f"ledger is unknown: execution has said nothing of order {order_id} for {age_seconds:.0f} s"
    return beyond("known_ledger", timeout, age_seconds, "seconds", silent, code="unacknowledged")


def execution_acknowledged(order: OrderProposed, view: View) -> Ceiling:
    """The client that proposes has reported in time of all that it was approved: what it does not tell, nobody knows.

    Only where clients execute by themselves. Another client's silence closes nothing for this one.
    """
    overdue = view.state.reservations.overdue
    late = (order.client and overdue(order.client, view.now_ns)) or overdue(order.strategy, view.now_ns)
    if not late:  # by its strategy goes an order that no client proposed
        return opened("execution_acknowledged")
    age_seconds = (view.now_ns - late.report_due_ns) / view.state.ns_per_second
    owed = f"client {late.client} owes a report of order {late.order_id} in {late.symbol} since {age_seconds:.0f} s"
    remedy = f"report what became of it, or have it written off: heatsink write-off-order {late.order_id}"
    return closed("execution_acknowledged", "unacknowledged", f"{owed}; {remedy}")


def order_size(order: OrderProposed, view: View) -> Ceiling:
    """One order by itself is no larger than a slip of the finger may cost."""
    return budget("order_size", view, view.limits.max_order_usdt, 0.0, view.price)


def price_collar(order: OrderProposed, view: View) -> Ceiling:
    """No trade far from the mark: a limit price within the collar, a market order as far as the book carries it.

    A book is a sample from a moment ago. If the mark fell since, the book's prices are far from the mark already. If
    the mark rose, the book's own middle tells how deep it was. The lower of the two counts (docs/decisions/0006).
    """
    pair, limits = view.pair, view.limits
    if pair is None or not pair.mark > 0.0:
        return closed("price_collar", "missing", "price is unknown", "USDT")
    if order.limit_price is not None:
        price, highest = float(order.limit_price), pair.mark * (1.0 + limits.price_collar)
        if price <= highest:
            return within("price_collar", highest, price, "USDT")
        return beyond("price_collar", highest, price, "USDT", f"limit_price is over {figure(highest)}")
    if not limits.book_age_seconds:
        return opened("price_collar")
    book = view.book
    if book is None:
        return closed("price_collar", *_book_fault(order, view), "base")
    middle = book.mid if book.mid < pair.mark else pair.mark
    highest = middle * (1.0 + limits.price_collar)
    quantity = book.quantity_up_to(highest)
    if quantity > 0.0:
        return Ceiling("price_collar", quantity, quantity, 0.0, quantity, "base", code="limit")
    best = book.sample.asks[0][0]
    far = f"book of {order.symbol} asks {figure(best)}, which is over {figure(highest)}"
    if view.state.speed > 1.0:
        hours = (view.now_ns - book.sample.time_ns) / HOUR_NS
        far += f"; it was sampled {hours:.1f} h of market time ago, for the market runs at {view.state.speed:g} x"
    return closed("price_collar", "limit", far, "base")


def equity_at_risk(order: OrderProposed, view: View) -> Ceiling:
    """The loss at the stop, of this trade and of what the pair risks already, within the phase's share of NAV.

    This is fixed fractional sizing: quantity = share of NAV / (price - stop) (Vince, *Portfolio Management Formulas*,
    1990). A stop nearer than the floor under ATR counts as if it stood there, for a tiny distance must not make a huge
    position.
    """
    state, distance = view.state, view.unit_price_risk
    floor = view.effective.stop_floor * view.price
    limit = view.limits.equity_at_risk * state.phase.scale * view.nav
    return budget("equity_at_risk", view, limit, view.pair_risk, distance if distance > floor else floor)


def known_atr(order: OrderProposed, view: View) -> Ceiling:
    """The pair's daily range is known. Without it nobody can say whether a stop is far or near."""
    if view.atr > 0.0:
        return opened("known_atr")
    return closed("known_atr", "missing", "ATR is unknown")


def pair_cap_nav(order: OrderProposed, view: View) -> Ceiling:
    """The pair's notional, held and on order, within its share of NAV."""
    return budget("pair_cap_nav", view, view.limits.pair_cap_nav * view.nav, view.pair_notional, view.price)


def pair_cap_adv(order: OrderProposed, view: View) -> Ceiling:
    """The pair's notional within its share of the average daily volume, so that it can be sold again."""
    return budget("pair_cap_adv", view, view.limits.pair_cap_adv * view.adv, view.pair_notional, view.price, "ADV")


def sector_cap(order: OrderProposed, view: View) -> Ceiling:
    """The notional of the pair's sector, held and on order, within its share of NAV."""
    pair = view.pair
    if pair is None or not pair.sector:
        return closed("sector_cap", "missing", f"sector of {order.symbol} is unknown", "USDT")
    return budget("sector_cap", view, view.limits.sector_cap_nav * view.nav, view.heat.sectors[pair.sector], view.price)


def portfolio_heat(order: OrderProposed, view: View) -> Ceiling:
    """Open plus reserved risk of the whole portfolio within the heat limit."""
    return budget("portfolio_heat", view, view.limits.heat * view.nav, view.heat.risk, view.unit_risk)


def client_heat(order: OrderProposed, view: View) -> Ceiling:
    """Open plus reserved risk of what the client bought, within its own share of heat."""
    client = view.client
    if (share := view.effective.clients.get(client)) is None:
        return opened("client_heat")
    used = view.heat.clients.get(client, 0.0) + view.state.reservations.of_client(client).risk
    return budget("client_heat", view, share.heat * view.nav, used, view.unit_risk)


def gap_stress(order: OrderProposed, view: View) -> Ceiling:
    """What everything that is held and on order would lose if all of it fell at once, through every stop."""
    shock = view.limits.gap_shock
    limit, used = view.limits.gap_stress * view.nav, shock * view.heat.exposure
    return budget("gap_stress", view, limit, used, shock * view.price)


def spread_at_size(order: OrderProposed, view: View) -> Ceiling:
    """Getting in and out is affordable: the median spread is within the criterion, the live one not far over it."""
    limits, book = view.limits, view.book
    if not limits.book_age_seconds:
        return opened("spread_at_size")
    if book is None:
        return closed("spread_at_size", *_book_fault(order, view))
    spread, median, criterion = book.sample.spread, book.sample.median_spread, limits.spread_median
    if spread is None or median is None:
        thin = f"book of {order.symbol} is too thin for {book.sample.size_usdt:,.0f} USDT"
        return closed("spread_at_size", "thin_book", thin)
    multiple = limits.spread_multiple * median
    limit = multiple if multiple > criterion else criterion
    if median <= criterion and spread <= limit:
        return within("spread_at_size", limit, spread, "fraction")
    if median > criterion:
        reason = f"median spread {median:.2%} of {order.symbol} is over the criterion"
        return beyond("spread_at_size", criterion, median, "fraction", reason, code="median_spread")
    return beyond("spread_at_size", limit, spread, "fraction", f"spread of {order.symbol} is {spread:.2%}")


def cash(order: OrderProposed, view: View) -> Ceiling:
    """The order, with the costs of the entry, is paid from cash that no other order may need."""
    return budget("cash", view, view.state.ledger.cash, view.heat.reserved_cash, view.unit_cash, "cash")


def client_open_orders(order: OrderProposed, view: View) -> Ceiling:
    """There is room for one more among the client's own orders that are not finished."""
    client = view.client
    if (share := view.effective.clients.get(client)) is None:
        return opened("client_open_orders")
    limit, used = share.open_orders, float(view.state.reservations.of_client(client).orders)
    if used < limit:
        return within("client_open_orders", limit, used, "orders")
    return beyond("client_open_orders", limit, used, "orders", f"too many orders of client {client} are open")


def open_orders(order: OrderProposed, view: View) -> Ceiling:
    """There is room for one more among the orders that are not finished."""
    limit, used = view.effective.most_open_orders, float(view.state.reservations.count)
    if used < limit:
        return within("open_orders", limit, used, "orders")
    return beyond("open_orders", limit, used, "orders", "too many orders are open")


def client_throttle(order: OrderProposed, view: View) -> Ceiling:
    """Approvals of the client are not too frequent. Its flood closes the gate for itself alone."""
    client = view.client
    if not view.effective.throttle.is_full(client, view.now_ns):
        return opened("client_throttle")
    most = view.effective.clients[client].orders_per_second
    reason = f"client {client} had its {most:,} approvals of this second: send fewer, or wait"
    return closed("client_throttle", "throttled", reason, "orders")


def throttle(order: OrderProposed, view: View) -> Ceiling:
    """Approvals are not too frequent: of all in a second, and of one strategy in one pair in a minute.

    This stops a loop that has gone wild.
    """
    reason = view.effective.throttle.fault(order, view.client, view.now_ns)
    return closed("throttle", "throttled", reason, "orders") if reason else opened("throttle")


def drawdown(order: OrderProposed, view: View) -> Ceiling:
    """The fall from the highest NAV since the last resume after a drawdown, within its limit."""
    peak, limit = view.state.loss_baselines.peak_nav_since_resume, view.limits.drawdown
    fallen = (peak - view.nav) / peak if peak > 0.0 else 0.0  # not by ``drawdown_of``, to which an unknown NAV is none
    if fallen <= limit:
        return within("drawdown", limit, fallen, "fraction")
    if not isfinite(fallen):
        return closed("drawdown", "missing", "NAV is unknown", "fraction")
    return beyond("drawdown", limit, fallen, "fraction", f"drawdown is {fallen:.1%}")


def _book_fault(order: OrderProposed, view: View) -> tuple[Finding, str]:
    """What keeps the pair's book sample from being used, in a word and in words."""
    book = view.state.books.get(order.symbol)
    if book is None:
        return "missing", f"book of {order.symbol} is missing"
    if book.fault:
        return "missing", f"book of {order.symbol} {book.fault}"
    fault = "is of a time to come" if book.sample.time_ns > view.now_ns else "is stale"
    return "stale", f"book of {order.symbol} {fault}"


RULES: tuple[Rule, ...] = (
    known_and_valid,
    halted,
    fresh_mark,
    fresh_nav,
    known_ledger,
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


def _with(added: Rule, before: Rule, rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
    place = rules.index(before)
    return (*rules[:place], added, *rules[place:])


def _bounded(rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
    """Beside the rules, those for clients that have bounds: each before the rule that is about all."""
    for added, before in (
        (client_bounds, halted),
        (client_heat, portfolio_heat),
        (client_open_orders, open_orders),
        (client_throttle, throttle),
    ):
        rules = _with(added, before, rules)
    return rules


CLIENT_RULES = _with(execution_acknowledged, order_size, RULES)  # where clients execute
EVERY_RULE = _bounded(CLIENT_RULES)
# By whether clients execute, and whether they have bounds.
RULES_FOR: dict[tuple[bool, bool], tuple[Rule, ...]] = {
    (False, False): RULES,
    (True, False): CLIENT_RULES,
    (False, True): _bounded(RULES),
    (True, True): EVERY_RULE,
}
