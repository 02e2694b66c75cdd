"""The paper desk: takes approved orders, books their fills, moves the stop with the position, and ends every order."""

from collections.abc import Sequence
from decimal import Decimal

import msgspec

from shared.domain.execution.book import ZERO, PaperBook, PaperPosition, RestingOrder, stop_order_id
from shared.domain.execution.market import PaperMarket
from shared.domain.execution.outputs import closed, filled, placed, stop_placed
from shared.domain.matching.prices import Quote, fee_usdt, taker_price, touch
from shared.domain.numbers import round_down
from shared.domain.plan import Costs
from shared.messages.base import Message
from shared.messages.market import PairListed
from shared.messages.orders import CancelDecided, Ending, OrderDecided, StopApproved

Outputs = Sequence[Message]
NOTHING: Outputs = ()


class PaperDesk:
    """Acts on the book at the market's prices; when something is reached is the machine's business."""

    def __init__(self, book: PaperBook, market: PaperMarket, costs: Costs) -> None:
        self._book, self._market, self._costs = book, market, costs

    def place(self, order: OrderDecided, now_ns: int) -> Outputs:
        """Fill an approved order, let it rest, or say why not. An order that was here before leads to nothing."""
        if order.quantity_approved <= 0 or self._book.is_known(order.symbol, order.order_id):
            return NOTHING
        self._book.remember(order.symbol, order.order_id)
        if order.expires_ns and now_ns > order.expires_ns:
            return _ended(order, "expired", "it came after its expiry")
        listed, quote = self._book.listed(order.symbol), self._market.fresh_quote(order.symbol, now_ns)
        if listed is None:
            return _ended(order, "rejected", f"{order.symbol} is not listed")
        if listed.status != "trading":
            return _ended(order, "rejected", off(listed))
        if quote is None:
            return _ended(order, "rejected", "no price")
        quantity = self._tradable(order, listed)
        if quantity <= 0:
            return _ended(order, "rejected", "below the lot step" if order.side == "buy" else "nothing is held")
        price = self._taker_price(order, quantity, quote, listed)
        if order.order_type == "limit":
            if order.limit_price is None:
                return _ended(order, "rejected", "a limit order needs a limit price")
            if price > order.limit_price if order.side == "buy" else price < order.limit_price:
                return self._rest(order, quantity, order.limit_price, now_ns)
        return (placed(order, quantity), *self._fill(order, order, quantity, price, since_ns=now_ns))

    def _tradable(self, order: OrderDecided, listed: PairListed) -> Decimal:
        """A sell is never more than is held; the last of a position may go although it is no whole lot."""
        if order.side == "buy":
            return round_down(order.quantity_approved, listed.quantity_step)
        held = self._book.position(order.symbol)
        if held is None:
            return ZERO
        if order.quantity_approved >= held.quantity:
            return held.quantity
        return round_down(order.quantity_approved, listed.quantity_step)

    def _taker_price(self, order: OrderDecided, quantity: Decimal, quote: Quote, listed: PairListed) -> Decimal:
        touched, depth = touch(order.side, quote, self._costs), self._market.depth(order.symbol)
        return taker_price(order.side, quantity, touched, depth, self._costs, listed.price_step)

    def _rest(self, order: OrderDecided, quantity: Decimal, limit_price: Decimal, now_ns: int) -> Outputs:
        """A limit order that cannot have its whole quantity within its limit now waits as a maker."""
        resting = RestingOrder(
            order_id=order.order_id,
            symbol=order.symbol,
            side=order.side,
            quantity=quantity,
            limit_price=limit_price,
            since_ns=now_ns,
            stop_price=order.stop_price,
            expires_ns=order.expires_ns,
            trace=order.trace_id,
        )
        self._book.rest(resting)
        return (placed(order, quantity),)

    def fill_resting(self, order: RestingOrder, cause: Message, since_ns: int) -> Outputs:
        """At its limit, whole; a sell gives no more than what is left of the position."""
        quantity = order.quantity
        if order.side == "sell":
            held = self._book.position(order.symbol)
            quantity = min(quantity, held.quantity) if held is not None else ZERO
        self._book.take(order)
        if quantity <= 0:
            return (closed(cause, order.order_id, order.symbol, "cancelled", ZERO, "nothing is held", order.trace),)
        return self._fill(order, cause, quantity, order.limit_price, since_ns=since_ns)

    def _fill(
        self, order: OrderDecided | RestingOrder, cause: Message, quantity: Decimal, price: Decimal, *, since_ns: int
    ) -> Outputs:
        """Book the one fill of an order, and move the stop with the position. since_ns: from when a new stop rests."""
        symbol, buys = order.symbol, order.side == "buy"
        book = self._book
        position = book.bought(symbol, order, quantity, since_ns) if buys else book.sold(symbol, quantity)
        fill = filled(
            cause,
            order_id=order.order_id,
            symbol=symbol,
            side=order.side,
            quantity=quantity,
            price=price,
            fee_usdt=fee_usdt(quantity, price, self._costs),
            trace=order.trace or cause.trace_id,
            stop_price=position.stop if buys else None,
            liquidity="maker" if isinstance(order, RestingOrder) else "taker",
        )
        outputs: list[Message] = [fill]
        if position.stop is not None:
            outputs.append(stop_placed(cause, symbol, position, position.stop, fill.trade_id, fill.trace))
        outputs.append(closed(cause, order.order_id, symbol, "filled", quantity, trace=fill.trace))
        if not position.quantity:
            outputs += self.cancel(symbol, cause, "the position is closed", sells_only=True)
        return outputs

    def stop_out(self, symbol: str, position: PaperPosition, touched: float, cause: Message) -> Outputs:
        """The stop sells the whole position as a market order that begins at ``touched``, USDT per unit."""
        listed, quantity, order_id = self._book.listed(symbol), position.quantity, stop_order_id(symbol, position)
        assert listed is not None
        price = taker_price("sell", quantity, touched, self._market.depth(symbol), self._costs, listed.price_step)
        self._book.sold(symbol, quantity)
        fill = filled(
            cause,
            order_id=order_id,
            symbol=symbol,
            side="sell",
            quantity=quantity,
            price=price,
            fee_usdt=fee_usdt(quantity, price, self._costs),
            trace=position.trace,
            stop=True,
        )
        end = closed(cause, order_id, symbol, "filled", quantity, f"stop at {position.stop} was hit", position.trace)
        return (fill, end, *self.cancel(symbol, cause, "the position is closed", sells_only=True))

    def raise_stop(self, approved: StopApproved, now_ns: int) -> Outputs:
        """Move the stop up; a lower one, or one for nothing, is dropped."""
        position = self._book.position(approved.symbol)
        if position is None or (position.stop is not None and approved.stop_price <= position.stop):
            return NOTHING
        raised = msgspec.structs.replace(position, stop=approved.stop_price, stop_since_ns=now_ns)
        self._book.put_position(approved.symbol, raised)
        trace = approved.trace or position.trace
        return (stop_placed(approved, approved.symbol, raised, approved.stop_price, approved.id, trace),)

    def cancel_order(self, wanted: CancelDecided) -> Outputs:
        """End a resting order; one that is filled, ended or unknown leads to nothing: its end was told already."""
        for order in self._book.resting(wanted.symbol):
            if order.order_id == wanted.order_id:
                self._book.take(order)
                trace = order.trace or wanted.trace
                return (closed(wanted, order.order_id, order.symbol, "cancelled", ZERO, wanted.reason, trace),)
        return NOTHING

    def cancel(self, symbol: str, cause: Message, reason: str, *, sells_only: bool = False) -> Outputs:
        outputs = []
        for order in self._book.resting(symbol):
            if order.side == "sell" or not sells_only:
                self._book.take(order)
                outputs.append(closed(cause, order.order_id, symbol, "cancelled", ZERO, reason, order.trace))
        return outputs

    def expire(self, cause: Message, now_ns: int) -> Outputs:
        outputs = []
        for order in self._book.expired(now_ns):
            self._book.take(order)
            end = closed(cause, order.order_id, order.symbol, "expired", ZERO, "not filled in time", order.trace)
            outputs.append(end)
        return outputs

    def rename(self, listed: PairListed) -> Outputs:
        """Carry position and stop over to the pair's new name, as the exchange does with the balance."""
        moved = self._book.rename(listed.formerly, listed.symbol, listed.ratio, listed.time_ns)
        if moved is None or moved.stop is None:
            return NOTHING
        return (stop_placed(listed, listed.symbol, moved, moved.stop, listed.id, moved.trace),)


def off(listed: PairListed) -> str:
    """Why a pair does not trade."""
    return f"{listed.symbol} is {listed.status}" + (f": {listed.reason}" if listed.reason else "")


def _ended(order: OrderDecided, ending: Ending, reason: str) -> Outputs:
    return (closed(order, order.order_id, order.symbol, ending, ZERO, reason),)
