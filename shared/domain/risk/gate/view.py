"""All that a rule may look at: one proposed order beside the portfolio as it is now."""

import math

from shared.domain.risk.state.effective_limits import EffectiveLimits
from shared.domain.risk.state.state import RiskState
from shared.messages.orders import OrderProposed


class View:
    """What the rules see. NaN stands for unknown: a rule that needs the figure closes the gate by its name.

    state: the portfolio and the market.
    effective, limits: what the order is held to; the state's own unless others are given.
    heat: totals of the portfolio.
    pair: the pair's share of them; None for a pair that is not in the universe.
    client: who proposes the order, where clients have bounds; empty elsewhere, and for the stack itself.
    mark: the pair's, USDT per unit; 0 before the first.
    listing: what the exchange says of the pair; None before it has said anything.
    now_ns: market time.
    nav: USDT.
    atr: the pair's, USDT per unit.
    adv: the pair's, USDT a day.
    book: the pair's order book; None unless it can be used: whole, of a moment ago, and not of a time to come.
    quantity: of the order, base units.
    stop: of the order, USDT per unit; 0 where it has none.
    price: what a unit is taken to cost, USDT: the mark, or the order's limit where that is higher.
    unit_price_risk: price - stop, USDT.
    unit_risk: the same plus the cost of getting out again.
    unit_cash: what a unit may take of the cash, USDT: of an order at the market, its price to the end of the collar.
    pair_notional, pair_risk: of the pair under all its names, held and on order, USDT.
    """

    __slots__ = (
        "adv", "atr", "book", "client", "effective", "heat", "limits", "listing", "mark", "nav", "now_ns", "pair",
        "pair_notional", "pair_risk", "price", "quantity", "state", "stop", "unit_cash", "unit_price_risk",
        "unit_risk",
    )  # fmt: skip

    def __init__(self, order: OrderProposed, state: RiskState, effective: EffectiveLimits | None = None) -> None:
        symbol, effective = order.symbol, effective or state.effective
        self.state, self.effective, self.limits = state, effective, effective.limits
        self.client = order.client if effective.clients else ""
        self.heat = heat = state.heat
        self.pair = pair = heat.pairs.get(symbol)
        self.listing = state.listings.get(symbol)
        self.now_ns = now_ns = state.now_ns
        self.nav = math.nan if heat.unmarked else state.ledger.cash + heat.holdings
        history = state.daily.get(symbol)
        self.atr = self.adv = math.nan
        if history is not None and (daily := history.latest).is_fresh(now_ns):
            self.atr = math.nan if daily.atr is None else daily.atr
            self.adv = math.nan if daily.adv_usdt is None else daily.adv_usdt
        book = state.books.get(symbol)
        is_usable = book is not None and not book.fault and abs(now_ns - book.sample.time_ns) <= effective.book_age_ns
        self.book = book if is_usable else None
        price = exit_rate = 0.0
        self.pair_notional = self.pair_risk = math.nan
        if pair is not None:
            price, exit_rate = pair.mark, pair.exit_rate
            self.pair_notional = pair.exposure
            self.pair_risk = pair.price_risk + pair.reserved_risk
            for other in pair.others:  # held, or on order from before the pair was renamed
                self.pair_notional += other.exposure
                self.pair_risk += other.price_risk + other.reserved_risk
        self.mark = price
        reach = 1.0 + exit_rate
        if order.limit_price is not None:
            price = max(price, float(order.limit_price))
        elif self.limits.book_age_seconds:
            reach += self.limits.price_collar
        self.quantity = float(order.quantity)
        self.stop = stop = float(order.stop_price) if order.stop_price is not None else 0.0
        self.price = price
        self.unit_price_risk = price - stop if price > stop else 0.0
        self.unit_risk = self.unit_price_risk + price * exit_rate
        self.unit_cash = price * reach

    @property
    def fresh_mark(self) -> float:
        """The mark; 0 where it is missing or too old to go by."""
        return self.state.fresh_mark(self.pair)
