"""A proposal in, its verdict out, and what the verdict reserves. ``gate/__init__.py`` says how it works."""

from collections.abc import Sequence

from shared.domain.machine import ReservationCheck
from shared.domain.numbers import ZERO
from shared.domain.recent import Recent
from shared.domain.risk.gate.verdict import Ruling, decide_opening, decide_reducing
from shared.domain.risk.gate.view import View
from shared.domain.risk.state.reservations import OpenOrder
from shared.domain.risk.state.state import RiskState
from shared.messages.base import Message, derived_id, truncate
from shared.messages.orders import CancelDecided, CancelProposed, OrderDecided, OrderProposed, StopApproved, StopRaised

ORDERS_REMEMBERED = 10_000


class Gate:
    """Decides every order once. The id of one that was decided before is put among the repeats.

    orders_remembered: how many decided orders are known by their ids; the store catches repeats of older ones.
    """

    def __init__(self, state: RiskState, orders_remembered: int) -> None:
        self._state = state
        self._decided: Recent[bool] = Recent(orders_remembered)
        self._repeats: list[str] = []

    def remember(self, decision: OrderDecided) -> None:
        """Take in a decision from the store, so that its order is never decided again.

        It counts as the newest: an old one that is about to be asked for must not be the next to be forgotten.
        """
        self._decided.renew(decision.order_id, True)

    def take_repeats(self) -> Sequence[str]:
        """The orders whose stored decision was asked for once more since the last call."""
        taken, self._repeats = self._repeats, []
        return taken

    # --- orders ---------------------------------------------------------------------------------------------------

    def propose(self, order: OrderProposed) -> Sequence[OrderDecided]:
        """The verdict on an order; nothing for one that was decided before."""
        if not self._decided.add(order.id, True):
            self._repeats.append(order.id)
            return ()
        view = View(order, self._state)
        ruling = self._ruling(order, view)
        decided = self._message(order, ruling, view)
        if ruling.units > 0.0:
            self._reserve(decided, ruling.units, view)
        return (decided,)

    def _ruling(self, order: OrderProposed, view: View) -> Ruling:
        if order.side == "buy":
            return decide_opening(order, view)
        selling = view.pair.reserved_sells if view.pair is not None else ZERO
        return decide_reducing(order, view, self._state.ledger.quantity(order.symbol), selling)

    def _message(self, order: OrderProposed, ruling: Ruling, view: View) -> OrderDecided:
        state, sells = self._state, order.side == "sell"
        opens = 0.0 if sells else ruling.units
        risk = opens * view.unit_risk if opens else 0.0
        nav = view.nav if view.nav > 0.0 else 0.0
        used = view.heat.risk
        return OrderDecided(
            id=f"decided-{state.portfolio}-{order.id}",
            cause=order.id,
            trace=order.trace_id,
            time_ns=state.now_ns or order.time_ns,
            order_id=order.id,
            symbol=order.symbol,
            side=order.side,
            verdict=ruling.verdict,
            quantity_requested=order.quantity,
            quantity_approved=ruling.quantity,
            binding=ruling.binding,
            reason=truncate(ruling.reason),
            ceilings=ruling.ceilings,
            heat_before=used / nav if nav else 0.0,
            heat_after=(used + risk) / nav if nav else 0.0,
            nav=nav,
            mark=view.pair.mark if view.pair is not None else 0.0,
            risk_usdt=risk,
            cash_usdt=opens * view.unit_cash if opens else 0.0,
            policy=view.effective.policy,
            seq=state.ledger.count_decision(),
            order_type=order.order_type,
            limit_price=order.limit_price,
            stop_price=order.stop_price,
            strategy=order.strategy,
            reduce_only=order.reduce_only or sells,
            expires_ns=order.expires_ns,
            phase=state.phase_shown,
            code=ruling.code,
            shortfall=ruling.shortfall,
        )

    def _reserve(self, decided: OrderDecided, units: float, view: View) -> None:
        state, buys = self._state, decided.side == "buy"
        limit_usdt = view.limits.heat * decided.nav
        state.reservation_checks.append(
            ReservationCheck(decided.order_id, decided.risk_usdt, view.heat.open_risk, limit_usdt)
        )
        state.reservations.open(
            OpenOrder(
                order_id=decided.order_id,
                symbol=decided.symbol,
                side=decided.side,
                quantity=decided.quantity_approved,
                filled=ZERO,
                unit_risk=view.unit_risk if buys else 0.0,
                unit_notional=view.price if buys else 0.0,
                unit_cash=view.unit_cash if buys else 0.0,
                decided_ns=view.now_ns,
            ),
            units,
        )
        if buys:
            view.effective.throttle.count(decided.strategy, decided.symbol, view.now_ns)

    # --- what always passes ---------------------------------------------------------------------------------------

    def raise_stop(self, raised: StopRaised) -> Sequence[Message]:
        """A higher stop always passes; a lower one, or one for nothing, is dropped."""
        held = self._state.ledger.position(raised.symbol)
        if raised.portfolio not in ("", self._state.portfolio) or held is None:
            return ()
        if not raised.stop_price > (held.stop or ZERO):
            return ()
        return (
            StopApproved(
                id=derived_id("stop-approved", self._state.portfolio, raised.id),
                cause=raised.id,
                trace=raised.trace_id,
                time_ns=min(raised.time_ns, self._state.now_ns or raised.time_ns),
                symbol=raised.symbol,
                stop_price=raised.stop_price,
            ),
        )

    def cancel(self, proposed: CancelProposed) -> Sequence[Message]:
        """A cancel of an order that is not finished always passes; of any other there is nothing to do."""
        if proposed.portfolio not in ("", self._state.portfolio):
            return ()
        return self.cancel_order(proposed, proposed.order_id, proposed.reason)

    def cancel_order(self, cause: Message, order_id: str, reason: str) -> Sequence[Message]:
        """The cancel of an order, if it is not finished."""
        order = self._state.reservations.get(order_id)
        if order is None:
            return ()
        return (
            CancelDecided(
                id=derived_id("cancel", cause.id, order_id),
                cause=cause.id,
                trace=cause.trace_id,
                time_ns=cause.time_ns,
                order_id=order_id,
                symbol=order.symbol,
                reason=reason,
            ),
        )
