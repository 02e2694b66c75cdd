"""The paper venue: at which price an order trades, and what that costs."""

from decimal import Decimal

from shared.domain.execution.orders.store import WorkingOrder
from shared.domain.execution.orders.venue import Placed, Trade, VenueOrder
from shared.domain.execution.paper.market import PaperMarket
from shared.domain.execution.paper.prices import fee_usdt, taker_price, touch
from shared.domain.numbers import to_decimal
from shared.domain.plan import Costs
from shared.messages.base import derived_id


class PaperVenue:
    """Orders fill at once and whole, or wait at their limit. Every order has one trade, which is named after it."""

    def __init__(self, market: PaperMarket, costs: Costs) -> None:
        self._market, self._costs = market, costs

    def fault(self, symbol: str, now_ns: int) -> str:
        """Without a price of now nobody trades."""
        return "no price" if self._market.fresh_quote(symbol, now_ns) is None else ""

    def place(self, order: VenueOrder, now_ns: int) -> Placed:
        """Trade at the market; an order that cannot have its whole quantity within its limit waits as a maker."""
        quote = self._market.fresh_quote(order.symbol, now_ns)
        assert quote is not None, "the manager asks for faults first"
        trade = self.taker_trade(order, touch(order.side, quote, self._costs), now_ns)
        limit, waits = order.limit_price, False
        if limit is not None:
            waits = trade.price > limit if order.side == "buy" else trade.price < limit
        return Placed(f"paper-{order.order_id}", None if waits else trade)

    def taker_trade(self, order: VenueOrder, touched: float, at_ns: int) -> Trade:
        """An order that takes, at that moment, what stands in the book from the price ``touched`` on, USDT per unit."""
        depth = self._market.depth(order.symbol, at_ns)
        price = taker_price(
            order.side, order.quantity, touched, depth=depth, costs=self._costs, step=order.listed.price_step
        )
        return self._trade(order.order_id, order.quantity, price)._replace(touch=to_decimal(touched))

    def maker_trade(self, order: WorkingOrder, quantity: Decimal) -> Trade:
        """An order that waited in the book trades at its limit."""
        return self._trade(order.order_id, quantity, order.limit_price)._replace(
            liquidity="maker", touch=order.limit_price
        )

    def _trade(self, order_id: str, quantity: Decimal, price: Decimal) -> Trade:
        return Trade(derived_id("trade", order_id), quantity, price, fee_usdt(quantity, price, self._costs))
