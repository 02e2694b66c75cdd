"""What execution says is a claim: it is held against what was approved and what is held before it is believed.

Each function here says what is wrong with one message, or nothing. What is not believed changes nothing; ``fills.py``
refuses it and halts the pair. Why prices are bounded as they are: docs/decisions/0012.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple

from shared.domain.numbers import ZERO, plain
from shared.domain.portfolio.ledger import Position
from shared.domain.portfolio.renames import LedgerName, fill_in_ledger_units
from shared.domain.reach import MOST_FEE, REACH, range_in_words
from shared.domain.risk.gate.validity import STOP_IDS
from shared.domain.risk.state.reservations import OpenOrder
from shared.domain.risk.state.state import RiskState
from shared.messages.dead_letter import Doubt
from shared.messages.orders import OrderClosed, OrderFilled, OrderPlaced, StopPlaced
from shared.messages.reports import ReportAwaited


class FillClaim(NamedTuple):
    """A fill beside what is known of it.

    sent: the fill as execution sent it, by the name that it used.
    named: where the ledger has the pair.
    fill: the same in units of the ledger's name.
    order: the approved order that it names; None without one.
    held: what the ledger has of the pair; None when that is nothing.
    is_stop: whether a protective stop sold.
    """

    sent: OrderFilled
    named: LedgerName
    fill: OrderFilled
    order: OpenOrder | None
    held: Position | None
    is_stop: bool


def claim_of(state: RiskState, fill: OrderFilled, named: LedgerName, held: Position | None) -> FillClaim:
    """The fill beside its order and position."""
    order, is_stop = state.reservations.get(fill.order_id), fill.stop
    if is_stop is None:  # from before it was kept
        is_stop = order is None and fill.side == "sell" and fill.order_id.startswith(STOP_IDS)
    return FillClaim(
        sent=fill,
        named=named,
        fill=fill_in_ledger_units(fill, named),
        order=order,
        held=held,
        is_stop=is_stop,
    )


def doubt_about_fill(state: RiskState, claim: FillClaim) -> Doubt | None:
    """The first thing that does not fit."""
    return (
        _doubt_about_amounts(claim.sent)
        or (_doubt_about_stop_fill(claim) if claim.is_stop else _doubt_about_order(state, claim))
        or _doubt_about_holding(claim)
        or _doubt_about_price(state, claim)
        or _doubt_about_new_stop(claim)
    )


def _doubt_about_amounts(fill: OrderFilled) -> Doubt | None:
    for field, amount in (("quantity", fill.quantity), ("price", fill.price)):
        if amount <= 0:
            return Doubt(field, f"{field} {plain(amount)} must be above 0")
    if abs(fill.fee_usdt) > MOST_FEE * fill.quantity * fill.price:
        return Doubt("fee_usdt", f"a fee of {plain(fill.fee_usdt)} USDT is over {MOST_FEE:%} of the trade")
    return None


def _doubt_about_stop_fill(claim: FillClaim) -> Doubt | None:
    fill, held = claim.fill, claim.held
    if claim.order is not None:
        return Doubt("stop", f"order {fill.order_id} was approved as an order, not as a stop")
    if fill.side != "sell":
        return Doubt("side", "a protective stop sells")
    if held is None:
        return Doubt("symbol", f"a stop sells {plain(fill.quantity)} {fill.symbol}, and nothing is held")
    if held.stop is None and held.stop_approved is None:  # one that was approved may have been there all the same
        return Doubt("stop", f"no stop protects {fill.symbol}")
    if doubt := _other_than_a_stop(fill.order_id):
        return doubt
    if held.stop_order_id and fill.order_id != held.stop_order_id:
        return Doubt("order_id", f"the stop of {fill.symbol} is {held.stop_order_id}, not {fill.order_id}")
    return None


def _doubt_about_order(state: RiskState, claim: FillClaim) -> Doubt | None:
    fill, order = claim.sent, claim.order
    if order is None:
        return _unknown(state, fill.order_id, fill.symbol)
    if doubt := _other_order(order, fill):
        return doubt
    if fill.quantity > order.left:
        left = f"{plain(order.quantity)} was approved, {plain(order.filled)} is filled"
        return Doubt("quantity", f"order {order.order_id} fills {plain(fill.quantity)} more: {left}")
    return None


def _doubt_about_holding(claim: FillClaim) -> Doubt | None:
    fill, held = claim.fill, claim.held.quantity if claim.held is not None else ZERO
    if fill.side == "sell" and fill.quantity > held:
        return Doubt("quantity", f"it sells {plain(fill.quantity)} {fill.symbol}, {plain(held)} is held")
    return None


def _doubt_about_price(state: RiskState, claim: FillClaim) -> Doubt | None:
    """A price that makes the portfolio look richer than it can be. A sale below reach is no such: see ``cheapness``."""
    fill, limit = claim.sent, claim.order.limit_price if claim.order is not None else None
    if limit is not None and (fill.price > limit if fill.side == "buy" else fill.price < limit):
        return Doubt("price", f"{plain(fill.price)} is beyond the order's limit of {plain(limit)}")
    prices, price = sorted(_prices(state, claim)), float(fill.price)
    if not prices or prices[0] / REACH <= price <= prices[-1] * REACH or (fill.side == "sell" and price < prices[-1]):
        return None
    return Doubt("price", f"{plain(fill.price)} is out of reach: {range_in_words(prices)}")


def cheapness(state: RiskState, claim: FillClaim) -> str:
    """Why a sale by an order is far below all that is known of the price; empty when it is not.

    It is booked all the same: what is sold is gone at whatever price. A stop may fill anywhere below its price.
    """
    fill, prices = claim.sent, sorted(_prices(state, claim))
    if claim.is_stop or fill.side == "buy" or not prices or float(fill.price) >= prices[0] / REACH:
        return ""
    sold = f"{plain(fill.quantity)} {fill.symbol} was sold at {plain(fill.price)}"
    return f"{sold}, out of reach: {range_in_words(prices)}; it is booked"


def _prices(state: RiskState, claim: FillClaim) -> Iterator[float]:
    """The prices that the order has to do with, USDT per unit of the name that execution used."""
    fill, order, held = claim.sent, claim.order, claim.held
    pair = state.heat.pair(fill.symbol)
    if pair is not None and pair.mark > 0.0:
        yield pair.mark
    if order is not None:
        if mark := order.mark or order.unit_notional:
            yield mark
        if order.limit_price is not None:
            yield float(order.limit_price)
    if claim.is_stop and held is not None and held.stop is not None:
        yield float(held.stop * fill.price / claim.fill.price)


def _doubt_about_new_stop(claim: FillClaim) -> Doubt | None:
    """A stop that stands higher than anybody approved makes a position look safer than it is."""
    fill, order, held, stop = claim.sent, claim.order, claim.held, claim.fill.stop_price
    if stop is None or fill.stop_price is None or order is None or order.stop_price is None:
        return None
    highest = max(order.stop_price * stop / fill.stop_price, _highest_stop(held))
    return _doubt_about_height(stop, highest)


def doubt_about_placed(state: RiskState, placed: OrderPlaced) -> Doubt | None:
    """What is wrong with the word that the venue has an order."""
    order = state.reservations.get(placed.order_id)
    if order is None:
        return None if _is_finished(state, placed) else _unknown(state, placed.order_id, placed.symbol)
    if doubt := _other_order(order, placed):
        return doubt
    if placed.quantity > order.quantity:
        return Doubt("quantity", f"{plain(placed.quantity)} was placed, {plain(order.quantity)} was approved")
    return None


def doubt_about_closed(state: RiskState, closed: OrderClosed) -> Doubt | None:
    """What is wrong with the word that an order has ended. Of a stop's end, its fill has said all there is to say."""
    order = state.reservations.get(closed.order_id)
    if order is None:
        is_known = closed.order_id.startswith(STOP_IDS) or _is_finished(state, closed)
        return None if is_known else _unknown(state, closed.order_id, closed.symbol)
    if closed.symbol != order.symbol:
        return Doubt("symbol", f"order {order.order_id} is of {order.symbol}, not of {closed.symbol}")
    if closed.quantity_filled > order.filled:
        filled = f"{plain(closed.quantity_filled)} of order {order.order_id} is said to be filled"
        return Doubt("quantity_filled", f"{filled}, {plain(order.filled)} is booked; what is left stays reserved")
    return None


def doubt_about_awaited(state: RiskState, awaited: ReportAwaited) -> Doubt | None:
    """What is wrong with the word that a client is to report of an order. Of one that is over, nothing is awaited."""
    order = state.reservations.get(awaited.order_id)
    if order is None:
        return None if _is_finished(state, awaited) else _unknown(state, awaited.order_id, awaited.symbol)
    if awaited.symbol != order.symbol:
        return Doubt("symbol", f"order {order.order_id} is of {order.symbol}, not of {awaited.symbol}")
    return None


def doubt_about_stop(
    placed: StopPlaced, named: LedgerName, held: Position | None, *, may_be_renamed: bool
) -> Doubt | None:
    """What is wrong with the word that a stop rests somewhere else.

    A position's stop keeps its id: with another one, the fill of the true stop would not be believed.

    may_be_renamed: the pair has, or had, another name, under which the stop has another id.
    """
    if held is None:
        return Doubt("symbol", f"a stop for {placed.symbol}, of which nothing is held") if placed.quantity else None
    if doubt := _other_than_a_stop(placed.order_id):  # its fill would not be believed when it has sold
        return doubt
    if held.stop_order_id and placed.order_id != held.stop_order_id and not may_be_renamed:
        return Doubt("order_id", f"the stop of {placed.symbol} is {held.stop_order_id}, not {placed.order_id}")
    return _doubt_about_height(placed.stop_price / named.ratio, _highest_stop(held))


def _doubt_about_height(stop: Decimal, highest: Decimal) -> Doubt | None:
    if stop <= highest:
        return None
    return Doubt("stop_price", f"a stop at {plain(stop)} was never approved, but {plain(highest)}")


def _highest_stop(held: Position | None) -> Decimal:
    return max(held.stop or ZERO, held.stop_approved or ZERO) if held is not None else ZERO


def _other_order(order: OpenOrder, message: OrderFilled | OrderPlaced) -> Doubt | None:
    if message.symbol != order.symbol:
        return Doubt("symbol", f"order {order.order_id} is of {order.symbol}, not of {message.symbol}")
    if message.side != order.side:
        return Doubt("side", f"order {order.order_id} is a {order.side}, not a {message.side}")
    return None


def _other_than_a_stop(order_id: str) -> Doubt | None:
    if order_id.startswith(STOP_IDS):
        return None
    return Doubt("order_id", f"{order_id} is no stop's: their ids begin with {STOP_IDS}")


def _is_finished(state: RiskState, message: OrderPlaced | OrderClosed | ReportAwaited) -> bool:
    return message.order_id in state.finished.of(message.symbol).orders


def _unknown(state: RiskState, order_id: str, symbol: str) -> Doubt:
    if order_id in state.finished.of(symbol).orders:
        return Doubt("order_id", f"order {order_id} has ended")
    return Doubt("order_id", f"nobody approved order {order_id}")
