"""The portfolio and its limits by plain sums over everything, every time: what the risk machine is held against."""

from decimal import Decimal
from typing import Any

from shared.domain.numbers import round_usdt
from shared.domain.plan import Limits
from shared.messages.base import Message
from shared.messages.halts import Halted, Resumed
from shared.messages.orders import OrderClosed, OrderDecided, OrderFilled, StopPlaced


class Model:
    """``hear`` everything that goes in and comes out. rates: cost of getting out, by pair. sectors: by pair."""

    def __init__(self, cash: Decimal, rates: dict[str, float], sectors: dict[str, str]) -> None:
        self.cash, self.rates, self.sectors = cash, rates, sectors
        self.held: dict[str, Decimal] = {}
        self.stops: dict[str, Decimal | None] = {}
        self.orders: dict[str, tuple[OrderDecided, Decimal]] = {}  # with what is left of it
        self.halts: set[tuple[str, str]] = set()
        self.trades: set[str] = set()

    def hear(self, message: Message) -> None:
        match message:
            case OrderDecided() if message.quantity_approved:
                self.orders[message.order_id] = (message, message.quantity_approved)
            case OrderFilled() if message.trade_id not in self.trades:
                self.trades.add(message.trade_id)
                self._fill(message)
            case OrderClosed():
                self.orders.pop(message.order_id, None)
            case StopPlaced() if self.held.get(message.symbol):
                self.stops[message.symbol] = max(message.stop_price, self.stops[message.symbol] or Decimal(0))
            case Halted():
                self.halts.add((message.symbol, message.trigger))
            case Resumed():
                self.halts.discard((message.symbol, message.trigger))

    def _fill(self, fill: OrderFilled) -> None:
        symbol, sign = fill.symbol, 1 if fill.side == "buy" else -1
        before = self.held.get(symbol, Decimal(0))
        self.held[symbol] = before + sign * fill.quantity
        self.cash -= sign * round_usdt(fill.quantity * fill.price) + fill.fee_usdt
        if sign > 0:
            stops = [stop for stop in (self.stops.get(symbol) if before else None, fill.stop_price) if stop is not None]
            self.stops[symbol] = max(stops, default=None)
        if fill.order_id in self.orders:
            order, left = self.orders[fill.order_id]
            self.orders[fill.order_id] = (order, max(Decimal(0), left - fill.quantity))

    def figures(self, marks: dict[str, float], only: str = "") -> dict[str, float]:
        """USDT, held and on order; of everything, of one pair, or of one sector."""
        sums = dict.fromkeys(("holdings", "price_risk", "open_risk", "reserved", "reserved_risk", "promised"), 0.0)
        for symbol in [each for each in self.held if only in ("", each, self.sectors[each])]:
            units, mark, stop = float(self.held[symbol]), marks[symbol], self.stops[symbol]
            sums["holdings"] += units * mark
            is_open = stop is None or mark < float(stop) * 0.99
            price_risk = units * mark if is_open else units * max(0.0, mark - float(stop or 0))
            sums["price_risk"] += price_risk
            sums["open_risk"] += price_risk + units * mark * self.rates[symbol]
        for order, left in self.orders.values():
            if order.side == "buy" and only in ("", order.symbol, self.sectors[order.symbol]):
                price, rate = max(order.mark, float(order.limit_price or 0)), self.rates[order.symbol]
                sums["reserved"] += float(left) * price
                sums["reserved_risk"] += float(left) * (price - float(order.stop_price or 0) + price * rate)
                sums["promised"] += float(left) * price * (1 + rate)
        return sums

    def is_halted(self, symbol: str) -> bool:
        return any(scope in ("", symbol) for scope, _ in self.halts)


def check(model: Model, order: OrderDecided, limits: Limits, scale: float, marks: dict[str, float], adv: float) -> None:
    """An order that opens risk was just approved: no limit is passed, by sums that know nothing of ceilings."""
    whole, pair, sector = (model.figures(marks, only) for only in ("", order.symbol, model.sectors[order.symbol]))
    nav = (float(model.cash) + whole["holdings"]) * (1 + 1e-9)
    price, stop = max(order.mark, float(order.limit_price or 0)), float(order.stop_price or 0)
    floor = 1.2 * limits.atr_floor * price
    assert order.quantity_approved <= order.quantity_requested
    assert not model.is_halted(order.symbol)
    assert float(order.quantity_approved) * price <= limits.max_order_usdt * (1 + 1e-9)
    assert whole["open_risk"] + whole["reserved_risk"] <= limits.heat * nav
    assert pair["holdings"] + pair["reserved"] <= min(limits.pair_cap_nav * nav, limits.pair_cap_adv * adv * 1.000001)
    assert sector["holdings"] + sector["reserved"] <= limits.sector_cap_nav * nav
    assert limits.gap_shock * (whole["holdings"] + whole["reserved"]) <= limits.gap_stress * nav
    assert whole["promised"] <= float(model.cash) * (1 + 1e-9)
    own = float(order.quantity_approved) * price * model.rates[order.symbol]  # its own exit cost is not its price risk
    risked = pair["price_risk"] + pair["reserved_risk"] - own
    assert risked <= limits.equity_at_risk * scale * nav + 1e-6
    assert float(order.quantity_approved) * max(price - stop, floor) <= limits.equity_at_risk * scale * nav
    assert len(model.orders) <= limits.max_open_orders


def figures_of(state: Any) -> dict[str, float]:
    """The same sums as the machine keeps them."""
    heat = state.heat
    return {
        "holdings": heat.holdings, "price_risk": sum(pair.price_risk for pair in heat.pairs.values()),
        "open_risk": heat.open_risk, "reserved": heat.reserved_notional, "reserved_risk": heat.reserved_risk,
        "promised": heat.reserved_cash,
    }  # fmt: skip
