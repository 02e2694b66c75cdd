"""Heat over its limit because marks moved: no new risk, and (if switched on) the hottest positions are reduced.

The gate never approves past the limit; what takes heat over it is the market. A limit that was tightened does not count
as such: what is over it then is reported, not sold.
"""

from collections.abc import Sequence
from decimal import Decimal

from shared.domain.numbers import round_up, to_decimal
from shared.domain.portfolio.heat import PairHeat
from shared.domain.risk.breakers.base import NOTHING, Breaker, over
from shared.domain.risk.halts import NewHalt
from shared.messages.base import Message, derived_id
from shared.messages.portfolio import Halted

ATOM = Decimal("1e-12")  # of a unit: what reading a float as Decimal cuts off


class HeatOver(Breaker):
    """Ends a little under the limit (``heat_clear``), so that it does not flutter."""

    name = "heat"

    def time(self, message: Message) -> Sequence[Message]:
        state = self._state
        nav, limit, risk = state.nav, state.limits.heat, state.heat.open_risk + state.heat.reserved_risk
        if not nav > 0.0:
            return NOTHING
        heat = risk / nav
        if not over(heat, limit):
            if limit != state.watermark.heat_limit:
                state.mark_water(heat_limit=limit)
            if over(heat, limit * self.plan.heat_clear):
                return NOTHING
            return state.halts.end(message, "", "heat", reason=f"heat is {heat:z.2%} again")
        begun = self._begin(
            message,
            NewHalt(
                symbol="",
                trigger="heat",
                reason=f"heat of {heat:.2%} is over its limit",
                evidence=f"open {state.heat.open_risk:z,.2f} USDT, reserved {state.heat.reserved_risk:z,.2f} USDT, "
                f"NAV {nav:,.2f} USDT; limit {limit:.2%}",
                cleared_by="condition",
            ),
        )
        halt = state.halts.get("", "heat")
        if not self.plan.reduce_heat or halt is None or 0.0 < limit < state.watermark.heat_limit:
            return begun
        cancels = self._halting.cancel_entries(message, "", "heat is over its limit") if begun else ()
        return [*begun, *cancels, *self._reduce(message, halt, nav)]

    # --- reducing -------------------------------------------------------------------------------------------------

    def _reduce(self, message: Message, halt: Halted, nav: float) -> Sequence[Message]:
        """Sell from the hottest position on until open risk is where the halt ends, all sells on their way counted.

        An order's id follows from the halt and what was left to sell: asked again before it is decided, it is the same.
        """
        target = self._state.limits.heat * self.plan.heat_clear
        left = [(pair, self._halting.unsold(pair.symbol)) for pair in self._state.heat.positions()]
        hottest = sorted(left, key=lambda each: (-_unit_risk(each[0]) * float(each[1]), each[0].symbol))
        excess = sum(_unit_risk(pair) * float(unsold) for pair, unsold in left) - target * nav
        sales: list[Message] = []
        for pair, unsold in hottest:
            # Selling a unit takes its risk off, and a little of NAV: what getting out costs.
            gain = _unit_risk(pair) - target * pair.mark * pair.exit_rate
            if excess <= 0.0 or unsold <= 0 or gain <= 0.0:
                continue
            quantity = self._quantity(pair, unsold, excess / gain)
            excess -= float(quantity) * gain
            order_id = derived_id("heat", halt.id, pair.symbol, unsold)
            sales.append(self._halting.sale(message, order_id, pair.symbol, quantity, "heat_breaker"))
        return sales

    def _quantity(self, pair: PairHeat, unsold: Decimal, wanted: float) -> Decimal:
        """So many units, up to the next lot that can be traded; all of it where the rest would be dust."""
        listing = self._state.listings.get(pair.symbol)
        if listing is None or wanted >= float(unsold):
            return unsold
        least = float(listing.min_notional) / pair.mark
        lots = round_up(to_decimal(max(wanted, least)) + ATOM, listing.quantity_step)
        lots = max(lots, listing.min_quantity)
        rest = unsold - lots
        if rest < listing.min_quantity or float(rest) * pair.mark < float(listing.min_notional):
            return unsold
        return lots


def _unit_risk(pair: PairHeat) -> float:
    """Open risk of one unit, USDT."""
    return pair.open_risk / pair.quantity if pair.quantity else 0.0
