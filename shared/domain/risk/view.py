"""All that a rule may look at: one proposed order beside the portfolio as it is now."""

from shared.domain.plan import Limits
from shared.domain.portfolio.heat import Heat, PairHeat
from shared.messages.market import PairListed
from shared.messages.orders import OrderProposed
from shared.messages.portfolio import Halted


class View:
    """What the rules see. NaN stands for unknown: a rule that needs it closes the gate by name.

    now_ns: market time. nav, cash_free, adv: USDT. price: what a unit is taken to cost, USDT: the mark, or the limit
    where it is higher. entry: the least it may cost: the mark, or the limit where it is lower. unit_price_risk: price -
    stop. unit_risk: that plus the cost of getting out again. equity_at_risk: fraction of NAV, the phase's scale
    included. mark_age_limit_ns: market time.
    """

    __slots__ = (
        "adv", "cash_free", "entry", "equity_at_risk", "halts", "heat", "limits", "listing", "mark_age_limit_ns", "nav",
        "now_ns", "pair", "portfolio", "price", "unit_cash", "unit_price_risk", "unit_risk",
    )  # fmt: skip

    def __init__(
        self,
        order: OrderProposed,
        *,
        now_ns: int,
        portfolio: str,
        nav: float,
        cash_free: float,
        adv: float,
        equity_at_risk: float,
        mark_age_limit_ns: float,
        limits: Limits,
        heat: Heat,
        pair: PairHeat | None,
        listing: PairListed | None,
        halts: dict[str, Halted],
        entry_rate: float,
    ) -> None:
        self.now_ns = now_ns
        self.portfolio = portfolio
        self.nav = nav
        self.cash_free = cash_free
        self.adv = adv
        self.equity_at_risk = equity_at_risk
        self.mark_age_limit_ns = mark_age_limit_ns
        self.limits = limits
        self.heat = heat
        self.pair = pair
        self.listing = listing
        self.halts = halts
        mark = pair.mark if pair else 0.0
        limit_price = float(order.limit_price) if order.limit_price is not None else 0.0
        self.price = max(mark, limit_price)
        self.entry = min(mark, limit_price) if order.order_type == "limit" else mark
        stop = float(order.stop_price) if order.stop_price is not None else 0.0
        self.unit_price_risk = max(0.0, self.price - stop)
        self.unit_risk = self.unit_price_risk + self.price * (pair.exit_rate if pair else 0.0)
        self.unit_cash = self.price * (1.0 + entry_rate)
