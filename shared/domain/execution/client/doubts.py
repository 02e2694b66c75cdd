"""What is wrong with a report. Each function says the first thing that does not fit, or nothing, and changes nothing.

Every sentence names field, value and remedy, for the client's log is where it is read. ``halts`` says that money could
be wrong: somebody traded what was not approved, or the books lack a trade.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from shared.domain.dust import is_dust
from shared.domain.execution.client.records import MOST_TRADES, BookedTrade, ClientOrder, ClientPosition
from shared.domain.numbers import ZERO, plain, product
from shared.domain.odd_times import fault_of_time, is_odd
from shared.domain.reach import MOST_FEE, is_within_reach, range_in_words
from shared.domain.words import figure
from shared.messages.base import AMOUNT_BELOW, derived_id
from shared.messages.market import PairListed
from shared.messages.reports import (
    ClosedReported,
    FillReported,
    PlacedReported,
    Report,
    ReportFault,
    StopReported,
)

MOST_UNITS = Decimal(10) ** AMOUNT_BELOW  # of a pair: no message can tell of as many
LOOK = "compare with the exchange, and report what it says"


class ReportDoubt(NamedTuple):
    """What does not fit. code, field, reason, halts: as in ``ReportRefused``."""

    code: ReportFault
    field: str
    reason: str
    halts: bool = False


def body_of(fill: FillReported) -> str:
    """A short hash of what a fill says of its trade: two of them are the same trade told twice, or a contradiction."""
    return derived_id("t", fill.order_id, fill.side, plain(fill.quantity), plain(fill.price), plain(fill.fee_usdt))


# --- of any report ----------------------------------------------------------------------------------------------------


def doubt_about_time(report: Report, now_ns: int, slack_ns: int, since_ns: int = 0) -> ReportDoubt | None:
    """When it is said to have happened. since_ns: market time before which it can't have; 0 when nobody knows."""
    time_ns = report.time_ns
    if not time_ns or not now_ns:
        return None
    if is_odd(time_ns, now_ns):
        return ReportDoubt("odd_time", "time_ns", fault_of_time("time_ns", time_ns, now_ns))
    if time_ns > now_ns + slack_ns:
        ahead = f"time_ns {time_ns} is {(time_ns - now_ns) / 1e9:.1f} s of market time from now"
        return ReportDoubt("odd_time", "time_ns", f"{ahead}: it can't have happened yet; write market time, or 0")
    if since_ns and time_ns < since_ns - slack_ns:
        early = f"time_ns {time_ns} is {(since_ns - time_ns) / 1e9:.1f} s of market time before the order was approved"
        return ReportDoubt("odd_time", "time_ns", f"{early}; write when it happened, in market time, or 0")
    return None


def doubt_about_client(report: Report, owner: str) -> ReportDoubt | None:
    """Whether somebody reports of what is another's. It halts nothing: it says nothing of what the other has done.

    owner: whose it is; empty for anybody's. A report without a client comes from where nobody vouches for senders.
    """
    if report.client and owner and report.client != owner:
        reason = f"client {report.client!r}: this is {owner!r}'s to report; nothing was booked"
        return ReportDoubt("foreign_order", "client", reason)
    return None


def doubt_about_seller(fill: FillReported, held: ClientPosition | None) -> ReportDoubt | None:
    """Whether somebody sells what others alone have bought: the gate may have approved it, but they hold it."""
    if fill.side == "buy" or not fill.client or held is None or not held.owner or fill.client in held.buyers:
        return None
    others = ", ".join(map(repr, held.buyers))
    reason = (
        f"client {fill.client!r}: {others} holds {fill.symbol}, and you have bought nothing of it; nothing was booked"
    )
    return ReportDoubt("foreign_order", "client", reason)


def doubt_about_unknown(report: PlacedReported | FillReported | ClosedReported, *, ended: bool) -> ReportDoubt:
    """A report of an order that is not open. Only a trade, or an order that nobody approved, can be money."""
    order_id, is_fill = report.order_id, isinstance(report, FillReported)
    if ended:
        over = f"order_id {order_id} has ended"
        reason = f"{over}: a trade after its end is not booked; {LOOK}, or bring it in" if is_fill else over
        return ReportDoubt("ended_order", "order_id", reason, halts=is_fill)
    nobody = f"order_id {order_id}: nobody approved it; report under the id of an OrderDecided that approves"
    return ReportDoubt("unknown_order", "order_id", nobody, halts=not isinstance(report, ClosedReported))


def doubt_about_pair(report: Report, order: ClientOrder) -> ReportDoubt | None:
    if report.symbol == order.symbol:
        return None
    reason = f"symbol {report.symbol}: order {order.order_id} is of {order.symbol}; {LOOK}"
    return ReportDoubt("other_pair", "symbol", reason, halts=True)


# --- of orders --------------------------------------------------------------------------------------------------------


def doubt_about_placed(placed: PlacedReported, order: ClientOrder) -> ReportDoubt | None:
    if not placed.quantity > 0:
        return _must_be_above_0("quantity", placed.quantity)
    if placed.quantity > order.quantity:
        more = f"quantity {plain(placed.quantity)}: {plain(order.quantity)} of order {order.order_id} was approved"
        return ReportDoubt("too_much", "quantity", f"{more}; cancel it, and place no more than that", halts=True)
    if placed.price is not None and (doubt := _beyond_limit(placed.price, order)):
        return doubt
    return None


def doubt_about_fill(
    fill: FillReported, order: ClientOrder, held: ClientPosition | None, prices: Sequence[float]
) -> ReportDoubt | None:
    """prices: that the order has to do with, USDT per unit."""
    return (
        doubt_about_pair(fill, order)
        or _doubt_about_side(fill, order)
        or doubt_about_amounts(fill)
        or _doubt_about_left(fill, order)
        or _doubt_about_trades(fill, order.trades)
        or _doubt_about_held(fill, held)
        or _beyond_limit(fill.price, order)
        or _doubt_about_price(fill, prices)
    )


def doubt_about_stop_fill(
    fill: FillReported, stop_id: str, held: ClientPosition | None, prices: Sequence[float]
) -> ReportDoubt | None:
    """The protective stop of a pair sold, or so it is said."""
    if held is None:
        reason = f"symbol {fill.symbol}: a stop sells it, and nothing is held; {LOOK}"
        return ReportDoubt("oversold", "symbol", reason, halts=True)
    if fill.order_id != stop_id:
        reason = f"order_id {fill.order_id}: the stop of {fill.symbol} is {stop_id}; report under that"
        return ReportDoubt("unknown_order", "order_id", reason, halts=True)
    if fill.side != "sell":
        return ReportDoubt("other_side", "side", f"side {fill.side}: a protective stop sells; {LOOK}", halts=True)
    return (
        doubt_about_amounts(fill)
        or _doubt_about_trades(fill, held.stop_trades)
        or _doubt_about_held(fill, held)
        or _doubt_about_price(fill, prices)
    )


def doubt_about_closed(closed: ClosedReported, order: ClientOrder) -> ReportDoubt | None:
    told, of_order = closed.quantity_filled, f"of order {order.order_id}"
    field = f"quantity_filled {plain(told)}"
    if told < 0:
        return ReportDoubt("bad_amount", "quantity_filled", f"{field} must not be below 0")
    if told > order.quantity:
        reason = f"{field}: {plain(order.quantity)} {of_order} was approved; {LOOK}"
        return ReportDoubt("too_much", "quantity_filled", reason, halts=True)
    if told < order.filled:
        reason = f"{field}: trades of {plain(order.filled)} {of_order} are booked; {LOOK}"
        return ReportDoubt("bad_amount", "quantity_filled", reason, halts=True)
    if closed.ending == "filled" and not told:
        reason = f"ending 'filled' {of_order}, and quantity_filled 0; write 'cancelled', or the sum of its trades"
        return ReportDoubt("bad_amount", "ending", reason)
    return None


def doubt_about_amounts(fill: FillReported) -> ReportDoubt | None:
    for field, amount in (("quantity", fill.quantity), ("price", fill.price)):
        if not amount > 0:
            return _must_be_above_0(field, amount)._replace(halts=True)
    if abs(fill.fee_usdt) > product(MOST_FEE, product(fill.quantity, fill.price)):
        reason = f"fee_usdt {plain(fill.fee_usdt)} is over {MOST_FEE:%} of the trade; write what it was worth in USDT"
        return ReportDoubt("bad_amount", "fee_usdt", reason, halts=True)
    return None


def _must_be_above_0(field: str, amount: Decimal) -> ReportDoubt:
    return ReportDoubt("bad_amount", field, f"{field} {plain(amount)} must be above 0")


def _doubt_about_side(fill: FillReported, order: ClientOrder) -> ReportDoubt | None:
    if fill.side == order.side:
        return None
    reason = f"side {fill.side}: order {order.order_id} was approved as a {order.side}; {LOOK}"
    return ReportDoubt("other_side", "side", reason, halts=True)


def _doubt_about_left(fill: FillReported, order: ClientOrder) -> ReportDoubt | None:
    if fill.quantity <= order.left:
        return None
    told = "was approved" if order.ending is None else "was reported as its end"
    whole = order.quantity if order.ending is None else order.end_quantity
    left = f"{plain(whole)} of order {order.order_id} {told}, {plain(order.filled)} is booked"
    return ReportDoubt("too_much", "quantity", f"quantity {plain(fill.quantity)}: {left}; {LOOK}", halts=True)


def _doubt_about_trades(fill: FillReported, trades: Sequence[BookedTrade]) -> ReportDoubt | None:
    if len(trades) < MOST_TRADES:
        return None
    many = f"trade_id {fill.trade_id}: {len(trades):,} trades of {fill.order_id} are booked, and no more are counted"
    return ReportDoubt("too_much", "trade_id", f"{many}; add up small ones, and report them as one", halts=True)


def _doubt_about_held(fill: FillReported, held: ClientPosition | None) -> ReportDoubt | None:
    there = held.quantity if held is not None else ZERO
    if fill.side == "sell" and fill.quantity > there:
        reason = f"quantity {plain(fill.quantity)}: {plain(there)} {fill.symbol} is held; report purchases first"
        return ReportDoubt("oversold", "quantity", reason, halts=True)
    if fill.side == "buy" and there + fill.quantity >= MOST_UNITS:
        reason = f"quantity {plain(fill.quantity)}: {plain(MOST_UNITS)} units of a pair and more are not held"
        return ReportDoubt("too_much", "quantity", reason, halts=True)
    return None


def _beyond_limit(price: Decimal, order: ClientOrder) -> ReportDoubt | None:
    limit = order.limit_price if order.order_type == "limit" else None
    if limit is None or (price <= limit if order.side == "buy" else price >= limit):
        return None
    reason = f"price {plain(price)} is beyond the limit of {plain(limit)} of order {order.order_id}; {LOOK}"
    return ReportDoubt("out_of_reach", "price", reason, halts=True)


def _doubt_about_price(fill: FillReported, prices: Sequence[float]) -> ReportDoubt | None:
    if is_within_reach(float(fill.price), prices):
        return None
    far = f"price {plain(fill.price)} is out of reach: {range_in_words(prices)}"
    return ReportDoubt("out_of_reach", "price", f"{far}; write USDT for one unit of {fill.symbol}", halts=True)


# --- of stops ---------------------------------------------------------------------------------------------------------


def doubt_about_stop(
    stop: StopReported, held: ClientPosition | None, *, price: float, listed: PairListed | None
) -> ReportDoubt | None:
    """Where a stop is said to rest.

    price: the pair's latest, USDT per unit; 0 when it is too old. listed: what the exchange takes of the pair.
    """
    if held is None:
        reason = f"symbol {stop.symbol}: nothing is held of it, so no stop protects it; report purchases first"
        return ReportDoubt("nothing_held", "symbol", reason)
    if not stop.working:
        return None
    for field, amount in (("stop_price", stop.stop_price), ("quantity", stop.quantity)):
        if not amount > 0:
            return _must_be_above_0(field, amount)
    return (
        _doubt_about_lowering(stop, held)
        or _doubt_about_approval(stop, held)
        or _doubt_about_mark(stop, price)
        or _doubt_about_cover(stop, held, listed)
    )


def _doubt_about_lowering(stop: StopReported, held: ClientPosition) -> ReportDoubt | None:
    if held.stop is None or stop.stop_price >= held.stop:
        return None
    lower = f"stop_price {plain(stop.stop_price)} is below {plain(held.stop)}, where the stop of {stop.symbol} was"
    return ReportDoubt("lowered_stop", "stop_price", f"{lower} approved: stops only rise; place it there", halts=True)


def _doubt_about_approval(stop: StopReported, held: ClientPosition) -> ReportDoubt | None:
    if held.approved is not None and stop.stop_price <= held.approved:
        return None
    highest = "none" if held.approved is None else plain(held.approved)
    reason = f"stop_price {plain(stop.stop_price)} was never approved, but {highest}; propose it by StopRaised first"
    return ReportDoubt("stop_not_approved", "stop_price", reason)


def _doubt_about_mark(stop: StopReported, price: float) -> ReportDoubt | None:
    if not 0.0 < price <= float(stop.stop_price):
        return None
    above = f"stop_price {plain(stop.stop_price)} is not below the price of {figure(price)}: it would sell at once"
    return ReportDoubt("stop_above_price", "stop_price", f"{above}; report its fill, or where it rests now")


def _doubt_about_cover(stop: StopReported, held: ClientPosition, listed: PairListed | None) -> ReportDoubt | None:
    """Fees taken in the coin leave dust beside what a stop sells."""
    if stop.quantity > held.quantity:
        reason = f"quantity {plain(stop.quantity)}: {plain(held.quantity)} {stop.symbol} is held; report fills first"
        return ReportDoubt("too_much", "quantity", reason)
    left = held.quantity - stop.quantity
    if left == 0 or is_dust(listed, float(left), float(stop.stop_price)):
        return None
    reason = f"quantity {plain(stop.quantity)}: {plain(held.quantity)} {stop.symbol} is held; protect all of it"
    return ReportDoubt("stop_too_small", "quantity", reason)
