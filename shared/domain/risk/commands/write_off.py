"""Taking out of the books what cannot be sold: a delisted pair, dust, and what execution and the books disagree about.

A write-off is not a sale: nothing goes to the exchange. Risk books the position out at the operator's price (0, if he
names none), frees what the pair's orders reserve, and tells execution and sizing to forget the pair's position, stop
and orders. What can be sold is sold (``heatsink flatten``), so its write-off is refused.
"""

from collections.abc import Sequence

from shared.domain.machine import ReservationCheck
from shared.domain.numbers import ZERO, plain
from shared.domain.portfolio.ledger import Position
from shared.domain.reach import REACH
from shared.domain.risk.commands.halts import FLATTEN
from shared.domain.risk.commands.refusals import command_refused, unsigned
from shared.domain.risk.fills import Fills
from shared.domain.risk.state.pair_aliases import aliases_of
from shared.domain.risk.state.reservations import OpenOrder
from shared.domain.risk.state.state import RiskState
from shared.domain.words import figure
from shared.messages.base import Message, derived_id, truncate
from shared.messages.control import WriteOff, WriteOffOrder
from shared.messages.market import GONE
from shared.messages.orders import CancelDecided, WriteOffDecided
from shared.messages.portfolio import OrderWrittenOff, PositionWrittenOff


def how_it_trades(symbol: str, status: str, unpriced_seconds: float) -> str:
    """Why what has a price is not written off, and what there is to do instead.

    status: of the pair at the exchange; empty when it was not seen there yet. unpriced_seconds: the limit in force.
    """
    if status == "trading":
        return f"{symbol} can be sold, for the exchange trades it: heatsink flatten {symbol.partition('/')[0]}"
    found = f"{symbol} is {status or 'not seen on the exchange yet'}, which may pass"
    return f"{found}; once it has had no price for {figure(unpriced_seconds)} s, it may be written off"


class WriteOffs:
    """Carries out write-offs: each is one ``PositionWrittenOff``, or a ``CommandRefused``."""

    def __init__(self, state: RiskState, fills: Fills) -> None:
        self._state, self._fills = state, fills

    def write_off(self, command: WriteOff) -> Sequence[Message]:
        """Take a pair out of the books, whatever name it has there."""
        state, names = self._state, aliases_of(self._state, command.symbol)
        if fault := unsigned(command, "a position is written off"):
            return command_refused(command, fault)
        symbol = next((name for name in names if state.ledger.position(name) is not None), command.symbol)
        held = state.ledger.position(symbol)
        if held is None and not self._is_doubted(symbol):
            return self._nothing_held(command, symbol, names)
        if fault := self._fault_of(command, symbol, held):
            return command_refused(command, fault)
        self._end_orders(names)
        written = self._book(command, symbol, held)
        for name in names:
            state.records.delete(FLATTEN, name)
            state.follow_position(name)
        told = (self._for_others(command, name) for name in names)
        safe = self._fills.unprotected.end_if_sold(command, symbol)
        return [written, *told, *safe, *self._fills.snapshot(command)]

    def write_off_order(self, command: WriteOffOrder) -> Sequence[Message]:
        """Take an order out of the books of which its client says nothing: what it reserves is free again."""
        state = self._state
        if fault := unsigned(command, "an order is written off"):
            return command_refused(command, fault)
        order = state.reservations.get(command.order_id)
        if order is None:
            nothing = f"order_id {command.order_id} is no open order: it has ended, or there never was one"
            return command_refused(command, nothing, nothing_to_do=True)
        if not state.client_orders:
            cancel = "cancel it by CancelProposed, or by heatsink flatten"
            return command_refused(command, f"orders are not executed by clients (exchange.orders): {cancel}")
        written = self._order_written_off(command, order)
        state.reservations.close(order.order_id)
        state.finished.add_order(order.symbol, order.order_id)
        state.reservation_checks.append(ReservationCheck(order.order_id, 0.0))
        return [written, self._cancel_for_good(command, order), *self._fills.snapshot(command)]

    def _order_written_off(self, command: WriteOffOrder, order: OpenOrder) -> OrderWrittenOff:
        return OrderWrittenOff(
            id=derived_id("written-off", command.id),
            cause=command.id,
            trace=command.trace_id,
            time_ns=self._state.now_ns or command.time_ns,
            order_id=order.order_id,
            symbol=order.symbol,
            side=order.side,
            quantity=order.left,
            risk_usdt=float(order.left) * order.unit_risk,
            client=order.client,
            who=command.who,
            reason=truncate(command.reason),
        )

    def _cancel_for_good(self, command: WriteOffOrder, order: OpenOrder) -> CancelDecided:
        """Execution forgets the order, and a client that comes back hears that it has to cancel it."""
        return CancelDecided(
            id=derived_id("cancel", command.id, order.order_id),
            cause=command.id,
            trace=command.trace_id,
            time_ns=self._state.now_ns or command.time_ns,
            order_id=order.order_id,
            symbol=order.symbol,
            reason=truncate(f"written off by {command.who}: {command.reason}"),
            written_off=True,
        )

    def _nothing_held(self, command: WriteOff, symbol: str, names: Sequence[str]) -> Sequence[Message]:
        """There is nothing to do, unless the pair has orders, for which this is not the command."""
        nothing = f"nothing is held of {symbol}"
        if any(order.symbol in names for order in self._state.reservations.all()):
            end_them = f"{nothing}, and it has open orders; to cancel them: heatsink flatten {symbol.partition('/')[0]}"
            return command_refused(command, end_them)
        return command_refused(command, nothing, nothing_to_do=True)

    def _is_doubted(self, symbol: str) -> bool:
        """Whether execution said something of it that does not fit the books."""
        state = self._state
        return any(state.halts.get(name, "false_fill") is not None for name in aliases_of(state, symbol))

    def _fault_of(self, command: WriteOff, symbol: str, held: Position | None) -> str:
        """Why a pair is not written off; empty when it is. Where it can be sold, no price is right."""
        price = command.price
        if not self._is_doubted(symbol) and not self._is_unsellable(symbol):
            listing, seconds = self._state.listings.get(symbol), self._state.limits.unpriced_seconds
            return how_it_trades(symbol, listing.status if listing is not None else "", seconds)
        if price is not None and price < 0:
            return f"price {plain(price)} must not be below 0"
        last = self._last_price(symbol, held)
        if price is not None and last and float(price) > REACH * last:
            over = f"price {plain(price)} is over {REACH:g} times the last one, {figure(last)}"
            return f"{over}; name what a unit is worth"
        return ""

    def _last_price(self, symbol: str, held: Position | None) -> float:
        """The last one that was known, or what a unit was bought for; 0 where there is neither."""
        pair = self._state.heat.pair(symbol)
        known = pair.mark or pair.unpriced_at if pair is not None else 0.0
        return known or (float(held.unit_cost) if held is not None else 0.0)

    def _is_unsellable(self, symbol: str) -> bool:
        state, listing = self._state, self._state.listings.get(symbol)
        pair = state.heat.pair(symbol)
        if symbol in state.outside or (listing is not None and listing.status in GONE):
            return True
        return pair is not None and (pair.unpriced_at > 0.0 or pair.is_dust)

    def _end_orders(self, names: Sequence[str]) -> None:
        """Nothing more comes of the pair's orders; what execution still says of them is no news."""
        state = self._state
        for order in state.reservations.all():
            if order.symbol in names:
                state.reservations.close(order.order_id)
                state.finished.add_order(order.symbol, order.order_id)
                state.reservation_checks.append(ReservationCheck(order.order_id, 0.0))

    def _book(self, command: WriteOff, symbol: str, held: Position | None) -> PositionWrittenOff:
        price = command.price or ZERO
        proceeds = self._state.ledger.write_off(symbol, price)
        return PositionWrittenOff(
            id=derived_id("written-off", command.id),
            cause=command.id,
            trace=command.trace_id,
            time_ns=self._state.now_ns or command.time_ns,
            symbol=symbol,
            who=command.who,
            reason=truncate(command.reason),
            quantity=held.quantity if held is not None else ZERO,
            price=price,
            cost_usdt=held.cost if held is not None else ZERO,
            proceeds_usdt=proceeds,
        )

    def _for_others(self, command: WriteOff, symbol: str) -> WriteOffDecided:
        return WriteOffDecided(
            id=derived_id("write-off", command.id, symbol),
            cause=command.id,
            trace=command.trace_id,
            time_ns=self._state.now_ns or command.time_ns,
            symbol=symbol,
            reason=truncate(f"written off by {command.who}: {command.reason}"),
        )
