"""What a halt does beside keeping new risk out, and the sales that the risk machine itself proposes."""

from collections.abc import Sequence
from decimal import Decimal

from shared.domain.filters import filters_of
from shared.domain.filters.quantities import cut_to_most, cut_to_step, lots_of
from shared.domain.numbers import ZERO
from shared.domain.risk.gate.gate import Gate
from shared.domain.risk.state.halts import NewHalt
from shared.domain.risk.state.state import RiskState
from shared.messages.base import Message, truncate
from shared.messages.orders import OrderProposed


class HaltActions:
    """Begins halts and proposes sales, for breakers and operators alike."""

    def __init__(self, state: RiskState, gate: Gate) -> None:
        self._state, self._gate = state, gate

    def begin(self, cause: Message, new: NewHalt) -> Sequence[Message]:
        """Begin a halt. In mode ``halted``, the open entry orders in its scope are cancelled."""
        begun = self._state.halts.begin(cause, new)
        if not begun or new.mode != "halted":
            return begun
        return [*begun, *self.cancel_entries(cause, new.symbol, f"halted: {new.reason}")]

    def cancel_entries(self, cause: Message, symbol: str, reason: str) -> Sequence[Message]:
        """The cancels of a pair's open buys; of all pairs' where the symbol is empty."""
        cancels: list[Message] = []
        for order in self._state.reservations.all():
            if order.side == "buy" and symbol in ("", order.symbol):
                cancels += self.cancel(cause, order.order_id, reason)
        return cancels

    def cancel(self, cause: Message, order_id: str, reason: str) -> Sequence[Message]:
        """The cancel of one order, if it is not finished."""
        return self._gate.cancel_order(cause, order_id, truncate(reason))

    def unsold(self, symbol: str) -> Decimal:
        """What is held of a pair and not being sold yet."""
        pair = self._state.heat.pair(symbol)
        selling = pair.reserved_sells if pair is not None else ZERO
        return max(ZERO, self._state.ledger.quantity(symbol) - selling)

    def largest_sale(self, symbol: str, quantity: Decimal) -> Decimal:
        """As much of a quantity as the exchange takes in one order at the market."""
        listing, pair = filters_of(self._state.listings.get(symbol)), self._state.heat.pair(symbol)
        if listing is None:
            return quantity
        lots = lots_of(listing, "market", None, self._state.fresh_mark(pair))
        most = cut_to_most(quantity, lots).quantity
        return (cut_to_step(most, lots).quantity or quantity) if most < quantity else quantity

    def sale(self, cause: Message, order_id: str, symbol: str, quantity: Decimal, strategy: str) -> OrderProposed:
        """A sell at the market, which the gate decides like any other order."""
        return OrderProposed(
            id=order_id,
            cause=cause.id,
            trace=cause.trace_id,
            time_ns=cause.time_ns,
            portfolio=self._state.portfolio,
            symbol=symbol,
            side="sell",
            quantity=quantity,
            strategy=strategy,
            reduce_only=True,
        )
