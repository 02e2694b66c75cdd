"""What makes an order no order at all. The words name field, value and remedy."""

from shared.domain.filters import filters_of
from shared.domain.filters.prices import PriceFault, price_fault
from shared.domain.numbers import ZERO, plain
from shared.domain.odd_times import fault_of_expiry, fault_of_time, is_odd
from shared.domain.risk.gate.view import View
from shared.domain.words import figure
from shared.messages.orders import OrderProposed

STOP_IDS = "stop-"  # a fill's id follows from its order's: of two orders with one id, the second fill would be ignored


def fault_of_pair(order: OrderProposed, view: View) -> str:
    """Why the pair of an order can't be traded, if it can't."""
    listing = view.listing
    if view.pair is None:
        return f"symbol {order.symbol!r} is not in the universe; add it to universe.toml"
    if listing is None:
        return f"pair {order.symbol} has not been seen on the exchange yet"
    return f"pair {order.symbol} is {listing.status}: {listing.reason}".removesuffix(": ")


def fault_of_opening(order: OrderProposed, view: View) -> str:
    """The first fault of an order that opens risk; empty when there is none."""
    if fault := fault_of_any(order, view):
        return fault
    if is_odd(order.time_ns, view.now_ns):  # of what reduces risk it does not matter
        return fault_of_time("time_ns", order.time_ns, view.now_ns)
    if 0 < order.expires_ns < order.time_ns:
        return fault_of_expiry(order.expires_ns, order.time_ns, view.now_ns)
    if order.limit_price is not None and order.order_type == "market":
        return f"limit_price {plain(order.limit_price)} of a market order: leave it out, or propose order_type 'limit'"
    if order.reduce_only:
        return "reduce_only: a buy opens risk; leave it out"
    if not view.stop > 0.0:
        given = "is missing" if order.stop_price is None else f"{plain(order.stop_price)} must be above 0"
        return f"stop_price {given}: it takes one to open, the price below the entry at which to get out"
    entry = view.price if order.limit_price is None else min(view.price, float(order.limit_price))
    if entry and view.stop >= entry:
        return f"stop_price {plain(order.stop_price or ZERO)} must be below the price {figure(entry)}"
    return ""


def fault_of_prices(order: OrderProposed, view: View) -> PriceFault | None:
    """The first price of an order that the exchange would refuse: its limit, or the stop that sells what it buys."""
    listing, limit, stop = filters_of(view.listing), order.limit_price, order.stop_price
    if listing is None:
        return None
    mark, buys = view.fresh_mark, order.side == "buy"
    if limit is not None and order.order_type == "limit":
        fault = price_fault("limit_price", limit, order.side, listing, mark)
        if fault is not None:
            return fault
    return price_fault("stop_price", stop, "sell", listing, mark) if buys and stop is not None else None


def fault_of_any(order: OrderProposed, view: View) -> str:
    """The first fault that neither a buy nor a sell may have; empty when there is none."""
    if order.portfolio not in ("", view.state.portfolio):
        return f"portfolio {order.portfolio!r}: this is {view.state.portfolio!r}; propose on its own stream"
    if order.id.startswith(STOP_IDS):
        return f"id {order.id}: ids that begin with {STOP_IDS} are those of protective stops; choose another"
    if order.expires_ns and order.expires_ns <= view.now_ns:
        fault = fault_of_expiry(order.expires_ns, order.time_ns, view.now_ns)
        return fault or f"expires_ns {order.expires_ns} has passed"
    if not view.quantity > 0.0:
        return f"quantity {plain(order.quantity)} must be above 0"
    if order.order_type == "limit" and (order.limit_price is None or order.limit_price <= 0):
        given = "is missing: it" if order.limit_price is None else plain(order.limit_price)
        return f"limit_price {given} must be above 0 for a limit order"
    return ""
