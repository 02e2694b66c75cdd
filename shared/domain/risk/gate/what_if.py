"""Questions that reserve nothing: how much could I buy now, and what would other limits have done?

An answer comes from the gate's own rules, put to an order that is too large for any of them. Nothing is written down:
no record, no reservation, no sequence number, no count of the throttle's.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from msgspec import structs

from shared.domain.odd_times import fault_of_time
from shared.domain.risk.gate.shadow import Shadow
from shared.domain.risk.gate.verdict import decide_opening
from shared.domain.risk.gate.view import View
from shared.domain.risk.state.pair_aliases import trading_name
from shared.domain.risk.state.state import RiskState
from shared.domain.stops import stop_below
from shared.messages.ask import Room, RoomAnswered, RoomAsked, ShadowAsked, ShadowCounted
from shared.messages.base import derived_id, truncate
from shared.messages.orders import CeilingReport, OrderProposed

ENDLESS = Decimal(10) ** 18  # base units: as much as "no ceiling" allows
ROOMS_A_MESSAGE = 50  # so that a message stays within what is read, whatever the reasons
REASON_LENGTH = 200
SMALLEST = Decimal("0.00000001")


class WhatIf:
    """Answers questions; the answers go to the channels that the askers name."""

    def __init__(self, state: RiskState, shadow: Shadow) -> None:
        self._state, self._shadow = state, shadow

    def answer_room(self, asked: RoomAsked) -> Sequence[RoomAnswered]:
        """The largest buy that would be approved now, of one pair or of each."""
        if fault := fault_of_time("time_ns", asked.time_ns, self._state.now_ns):
            return self._answers(asked, [], reason=fault)  # as the order would be refused
        if not asked.symbol:
            rooms = [_shortened(room_in(self._state, pair.symbol, asked)) for pair in self._state.universe.pairs]
            return self._answers(asked, rooms)
        if asked.symbol not in self._state.heat.pairs:
            reason = f"symbol {asked.symbol[:32]!r} is not in the universe; add it to universe.toml"
            return self._answers(asked, [], reason=reason)
        return self._answers(asked, [room_in(self._state, asked.symbol, asked)])

    def _answers(self, asked: RoomAsked, rooms: list[Room], reason: str = "") -> Sequence[RoomAnswered]:
        """The rooms, in as many messages as they need, at least one."""
        state, heat = self._state, self._state.heat
        nav = state.nav if state.nav > 0 else 0.0
        pages = [rooms[start : start + ROOMS_A_MESSAGE] for start in range(0, len(rooms), ROOMS_A_MESSAGE)] or [[]]
        return [
            RoomAnswered(
                id=derived_id("room", asked.id, part),
                cause=asked.id,
                trace=asked.trace_id,
                time_ns=state.now_ns or asked.time_ns,
                reply_to=asked.reply_to,
                nav=nav,
                heat=heat.risk / nav if nav else 0.0,
                rooms=tuple(page),
                part=part,
                parts=len(pages),
                reason=reason,
                policy=state.effective.policy,
                phase=state.phase_shown,
            )
            for part, page in enumerate(pages, start=1)
        ]

    def answer_shadow(self, asked: ShadowAsked) -> Sequence[ShadowCounted]:
        """What the shadow limits would have done so far."""
        return (self._shadow.answer(asked),)


def room_in(state: RiskState, symbol: str, asked: RoomAsked) -> Room:
    """The verdict on an endless order, under the name by which the pair trades now."""
    symbol = trading_name(state, symbol)
    stop = _stop(state, symbol, asked)
    order = OrderProposed(
        id="room",
        time_ns=state.now_ns,
        symbol=symbol,
        side="buy",
        quantity=ENDLESS,
        portfolio=state.portfolio,
        order_type="market" if asked.limit_price is None else "limit",
        limit_price=asked.limit_price,
        stop_price=stop.order_price,
        strategy=asked.strategy,
        client=asked.client,
    )
    view = View(order, state)
    ruling = decide_opening(order, view)
    return Room(
        symbol=symbol,
        quantity=ruling.quantity,
        notional_usdt=float(ruling.quantity) * view.price,
        stop_price=stop.price,
        binding=ruling.binding,
        reason=truncate(ruling.reason),
        ceilings=ruling.ceilings,
        price=view.price,
        code=ruling.code,
        shortfall=ruling.shortfall,
    )


class _Stop(NamedTuple):
    """A stop to ask with.

    price: to answer with, USDT per unit; None when nobody can say.
    order_price: what the rules get to see, USDT per unit.
    """

    price: Decimal | None
    order_price: Decimal


def _stop(state: RiskState, symbol: str, asked: RoomAsked) -> _Stop:
    """The stop that was asked about, or the one that sizing would set.

    Where that cannot be said (no price, no ATR), the lowest price that the exchange takes stands in. So the rule that
    names what is missing gets to speak.
    """
    if asked.stop_price is not None:
        return _Stop(asked.stop_price, asked.stop_price)
    view = View(_bare(state, symbol, asked), state)
    step, lowest = SMALLEST, SMALLEST
    if view.listing is not None:
        step, lowest = view.listing.price_step, max(view.listing.price_step, view.listing.min_price)
    price = float(asked.limit_price) if asked.limit_price is not None else view.price
    stop, is_known = entry_stop(view, price, step)
    return _Stop(stop if is_known else None, lowest if stop is None else stop)


def entry_stop(view: View, price: float, step: Decimal) -> tuple[Decimal | None, bool]:
    """The stop that sizing would set for an entry at ``price``, and whether the ATR is known that it takes."""
    floor = view.limits.atr_floor * price
    is_known = view.atr > 0
    distance = view.state.plan.sizing.stop_atr * (max(view.atr, floor) if is_known else floor)
    return (stop_below(price, distance, step) if price > 0 else None), is_known


def _bare(state: RiskState, symbol: str, asked: RoomAsked) -> OrderProposed:
    """An order with just enough in it to see price and ATR as the rules see them."""
    return OrderProposed(
        id="room", time_ns=state.now_ns, symbol=symbol, side="buy", quantity=ENDLESS, limit_price=asked.limit_price
    )


def _shortened(room: Room) -> Room:
    """The room as one among many: with the binding ceiling alone, and a short reason."""
    binding: tuple[CeilingReport, ...] = tuple(
        structs.replace(ceiling, reason="") for ceiling in room.ceilings if ceiling.rule == room.binding
    )
    return structs.replace(room, reason=room.reason[:REASON_LENGTH], ceilings=binding)
