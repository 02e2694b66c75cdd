"""Heat is over its limit because marks moved. New risk halts; if it is switched on, the hottest positions are reduced.

The gate never approves past the limit, so it is the market that takes heat over it. A limit that was tightened is
another case: what exceeds it then is reported, not sold. And a stop that is hit sells: until its fill is heard, for a
bounded time, its position neither begins a halt nor is sold a second time. It holds back the end of one.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import ClassVar

from msgspec import Struct, structs

from shared.domain.filters import filters_of
from shared.domain.filters.quantities import least_of, lots_of, shortfall
from shared.domain.numbers import round_up, to_decimal
from shared.domain.portfolio.heat import PairHeat
from shared.domain.risk.breakers.base import Breaker, exceeds
from shared.domain.risk.state.halts import NewHalt
from shared.messages.base import Message, derived_id
from shared.messages.halts import Halted
from shared.messages.orders import OrderProposed

ATOM = Decimal("1e-12")  # of a unit: what reading a float as Decimal cuts off
HEAT_SALE = "heat_sale"
# Wall time before a sale that came to nothing is tried again: at first, and at most.
AGAIN_SECONDS, LONGEST_SECONDS = 5.0, 60.0
MOST_DOUBLINGS = 4
STRATEGY = "heat_breaker"


class HeatSale(Struct, frozen=True, kw_only=True):
    """The last sale that was proposed in a pair.

    order_id: of the proposal.
    number: how many there were in this pair, this one included.
    at_ns: market time of the proposal.
    quantity: to sell, base units.
    held: when it was proposed, base units.
    decided: whether the gate has answered.
    failed: how many sales just before it came to nothing, one after the other.
    """

    order_id: str
    number: int
    at_ns: int
    quantity: Decimal
    held: Decimal
    decided: bool = False
    failed: int = 0


class HeatLimit(Breaker):
    """The halt ends a little under the limit (``heat_clear``), so that it does not begin and end again and again."""

    name = "heat"
    records: ClassVar[dict[str, type[Struct]]] = {HEAT_SALE: HeatSale}

    def on_time(self, message: Message) -> Sequence[Message]:
        if not self.is_on:
            return ()
        state = self._state
        nav, limit, risk = state.nav, state.limits.heat, state.heat.risk
        if not nav > 0.0:
            return ()
        heat, stops_hit = risk / nav, state.stops_hit()
        lasting = (risk - sum(stops_hit.values())) / nav
        if not exceeds(lasting, limit) and exceeds(heat, limit):
            return ()
        if not exceeds(heat, limit):
            if limit != state.loss_baselines.heat_limit:
                state.move_loss_baselines(heat_limit=limit)
            if exceeds(heat, limit * self.plan.heat_clear):
                return ()
            return state.halts.end(message, "", "heat", reason=f"heat is {heat:z.2%} again")
        begun = self._begin(
            message,
            NewHalt(
                symbol="",
                trigger="heat",
                reason=f"heat of {lasting:.2%} is over its limit",
                evidence=f"open {state.heat.open_risk:z,.2f} USDT, reserved {state.heat.reserved_risk:z,.2f} USDT, "
                f"NAV {nav:,.2f} USDT; limit {limit:.2%}",
                cleared_by="condition",
            ),
        )
        halt = state.halts.get("", "heat")
        if not self.plan.reduce_heat or halt is None or 0.0 < limit < state.loss_baselines.heat_limit:
            return begun
        cancels = self._halt_actions.cancel_entries(message, "", "heat is over its limit") if begun else ()
        return [*begun, *cancels, *self._reduce(message, halt, nav)]

    # --- reducing -------------------------------------------------------------------------------------------------

    def _reduce(self, message: Message, halt: Halted, nav: float) -> Sequence[Message]:
        """Sell, the hottest position first, until open risk is where the halt ends.

        Sells on their way count as done.
        """
        if undecided := self._undecided(message):
            return undecided
        target = self._state.limits.heat * self.plan.heat_clear
        stops_hit = self._state.stops_hit()
        positions = [pair for pair in self._state.heat.positions() if pair.symbol not in stops_hit]
        left = [(pair, self._halt_actions.unsold(pair.symbol)) for pair in positions]
        hottest = sorted(left, key=lambda each: (-_unit_risk(each[0]) * float(each[1]), each[0].symbol))
        excess = sum(_unit_risk(pair) * float(unsold) for pair, unsold in left) - target * nav
        sales: list[Message] = []
        for pair, unsold in hottest:
            # Selling a unit takes its risk off, and a little of NAV: what getting out costs.
            gain = _unit_risk(pair) - target * pair.mark * pair.exit_rate
            if excess <= 0.0 or unsold <= 0 or gain <= 0.0 or self._waits(pair.symbol):
                continue
            quantity = self._quantity(pair, unsold, excess / gain)
            excess -= float(quantity) * gain
            sales.append(self._sale(message, halt, pair.symbol, quantity))
        return sales

    def _undecided(self, message: Message) -> list[Message]:
        """The sales that the gate has not answered yet, proposed again as they were.

        While there are some, nothing else is proposed: a fill that comes first must not lead to a second sale.
        """
        return [
            self._halt_actions.sale(message, sale.order_id, symbol, sale.quantity, STRATEGY)
            for symbol, sale in self._state.records.rows(HEAT_SALE, HeatSale)
            if not sale.decided and self._state.ledger.quantity(symbol) > 0
        ]

    def on_proposed(self, order: OrderProposed) -> None:
        """The gate has answered a proposal."""
        sale = self._state.records.get(HEAT_SALE, order.symbol, HeatSale)
        if sale is not None and sale.order_id == order.id:
            self._state.records.put(HEAT_SALE, order.symbol, structs.replace(sale, decided=True))

    def _has_failed(self, symbol: str, sale: HeatSale) -> bool:
        """Whether a sale came to nothing: it is over, and as much is held as before."""
        state = self._state
        return state.reservations.get(sale.order_id) is None and state.ledger.quantity(symbol) == sale.held

    def _waits(self, symbol: str) -> bool:
        """Whether the last sale came to nothing just now. The wait is longer each time."""
        sale = self._state.records.get(HEAT_SALE, symbol, HeatSale)
        if sale is None or not self._has_failed(symbol, sale):
            return False
        seconds = min(LONGEST_SECONDS, AGAIN_SECONDS * 2.0 ** min(sale.failed, MOST_DOUBLINGS))
        return 0 <= self._state.now_ns - sale.at_ns < self._state.market_ns(seconds)

    def _sale(self, message: Message, halt: Halted, symbol: str, quantity: Decimal) -> OrderProposed:
        """The next sale in a pair. Its id follows from the halt and the number of sales before it."""
        last = self._state.records.get(HEAT_SALE, symbol, HeatSale)
        number = last.number + 1 if last is not None else 1
        sale = HeatSale(
            order_id=derived_id("heat", halt.id, symbol, number),
            number=number,
            at_ns=self._state.now_ns,
            quantity=quantity,
            held=self._state.ledger.quantity(symbol),
            failed=last.failed + 1 if last is not None and self._has_failed(symbol, last) else 0,
        )
        self._state.records.put(HEAT_SALE, symbol, sale)
        return self._halt_actions.sale(message, sale.order_id, symbol, quantity, STRATEGY)

    def _quantity(self, pair: PairHeat, unsold: Decimal, wanted: float) -> Decimal:
        """So many units, rounded up to the next lot that can be traded; all of them where the rest would be dust."""
        listing = filters_of(self._state.listings.get(pair.symbol))
        if listing is None or wanted >= float(unsold):
            return unsold
        lots = lots_of(listing, "market", None, pair.mark)
        sold = max(round_up(to_decimal(wanted) + ATOM, lots.step), least_of(lots))
        return unsold if shortfall(unsold - sold, lots, listing) is not None else sold


def _unit_risk(pair: PairHeat) -> float:
    """Open risk of one unit, USDT."""
    return pair.open_risk / pair.quantity if pair.quantity else 0.0
