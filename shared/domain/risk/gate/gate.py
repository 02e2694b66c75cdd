"""A proposal in, its verdict out, and what the verdict reserves. ``gate/__init__.py`` says how it works."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import TypeVar

from shared.domain.filters import filters_of
from shared.domain.filters.prices import nearest_price, price_fault
from shared.domain.machine import ReservationCheck
from shared.domain.numbers import ZERO, plain, round_down
from shared.domain.odd_times import is_odd
from shared.domain.recent import Recent
from shared.domain.risk.gate.answered import Answer, Answers
from shared.domain.risk.gate.client_bounds import fault_of_cancel, fault_of_stop
from shared.domain.risk.gate.refusals import Refusals
from shared.domain.risk.gate.repeats import as_sent, difference, proposal_of
from shared.domain.risk.gate.verdict import Ruling, decide_opening, decide_reducing
from shared.domain.risk.gate.view import View
from shared.domain.risk.state.pair_aliases import held_as
from shared.domain.risk.state.reservations import OpenOrder
from shared.domain.risk.state.state import RiskState
from shared.domain.words import figure
from shared.messages.base import Message, derived_id, truncate
from shared.messages.orders import (
    CancelDecided,
    CancelProposed,
    OrderDecided,
    OrderProposed,
    ProposalRefused,
    StopApproved,
    StopRaised,
)

ORDERS_REMEMBERED = 10_000
W = TypeVar("W", CancelProposed, StopRaised)


class Gate:
    """Decides every order once. The id of one that was decided before is put among the repeats.

    orders_remembered: how many decided orders are known by their ids; the store catches repeats of older ones.
    """

    def __init__(self, state: RiskState, orders_remembered: int) -> None:
        self._state = state
        self.refusals = Refusals(state)
        self._decided: Recent[OrderProposed] = Recent(orders_remembered)
        self._repeats: list[str] = []
        self.answers = Answers()

    def remember(self, decision: OrderDecided) -> None:
        """Take in a decision from the store, so that its order is never decided again.

        It counts as the newest: an old one that is about to be asked for must not be the next to be forgotten.
        """
        self._decided.renew(decision.order_id, proposal_of(decision))

    def take_repeats(self) -> Sequence[str]:
        """The orders whose stored decision was asked for once more since the last call."""
        taken, self._repeats = self._repeats, []
        return taken

    # --- orders ---------------------------------------------------------------------------------------------------

    def propose(self, order: OrderProposed) -> Sequence[OrderDecided | ProposalRefused]:
        """The verdict on an order; nothing for one that was decided before, unless it is another one by now."""
        if not self._decided.add(order.id, order):
            return self._repeat(order)
        view = View(order, self._state)
        ruling = self._ruling(order, view)
        decided = self._message(order, ruling, view)
        if ruling.units > 0.0:
            self._reserve(decided, ruling.units, view, order.client)
        return (decided,)

    def _repeat(self, order: OrderProposed) -> Sequence[ProposalRefused]:
        """The decision that stands is published again; another order under its id is refused by what differs."""
        self._repeats.append(order.id)
        first = self._decided.get(order.id)
        if first is None or not (field := difference(order, first, of_clients=self._names_clients)):
            return ()
        differs = f"{field} is {as_sent(order, field)}, but order {order.id} was decided as one with"
        stands = "that verdict stands. Propose another order under another id"
        return self.refusals.of(order, "other_body", field, f"{differs} {as_sent(first, field)}; {stands}")

    @property
    def _names_clients(self) -> bool:
        """Whether it matters whose an order is: clients have bounds, or execute what they were approved."""
        return bool(self._state.plan.clients) or self._state.client_orders

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
            client=order.client if self._names_clients else "",
        )

    def _reserve(self, decided: OrderDecided, units: float, view: View, sender: str) -> None:
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
                seq=decided.seq,
                limit_price=decided.limit_price,
                stop_price=decided.stop_price,
                mark=decided.mark,
                owner=view.client,
                sender=sender or ("" if view.effective.clients else None),
            ),
            units,
        )
        if buys:
            view.effective.throttle.count(view.client, decided.strategy, decided.symbol, view.now_ns)

    # --- what always passes ---------------------------------------------------------------------------------------

    def raise_stop(self, raised: StopRaised) -> Sequence[Answer]:
        """A higher stop passes, at the next price that the exchange takes.

        A lower one is refused, one for nothing, and one that is not below the price: it would sell at once. One that
        passed before, and comes again, is answered as it was.
        """
        return self._answered(raised, self._raise_stop)

    def _raise_stop(self, raised: StopRaised) -> Sequence[Answer]:
        held = self._state.ledger.position(raised.symbol)
        if raised.portfolio not in ("", self._state.portfolio):
            return self._other_portfolio(raised)
        if foreign := fault_of_stop(raised, self._state):
            return self.refusals.of(raised, "not_allowed", *foreign)
        if held is None:
            return self.refusals.of(raised, "nothing_held", "symbol", self._nothing_held(raised.symbol))
        stop, reason = self._passing_stop(raised)
        if not stop > (held.stop or ZERO):
            why = f"stop_price {plain(stop)} is not above the stop of {plain(held.stop or ZERO)}: stops only rise"
            return self.refusals.of(raised, "lower_stop", "stop_price", why)
        pair = self._state.heat.pair(raised.symbol)
        mark = pair.mark if pair is not None else 0.0  # an old one too: a stop must not sell because nobody looked
        if float(held.stop or ZERO) < mark <= float(stop):
            why = f"stop_price {plain(stop)} is not below the price of {figure(mark)}, and would sell at once"
            return self.refusals.of(raised, "stop_above_price", "stop_price", f"{why}: to sell, propose a sell")
        self._state.ledger.approve_stop(raised.symbol, stop)
        return (
            StopApproved(
                id=derived_id("stop-approved", self._state.portfolio, raised.id),
                cause=raised.id,
                trace=raised.trace_id,
                time_ns=self._time_of(raised),
                symbol=raised.symbol,
                stop_price=stop,
                reason=truncate(reason),
                stop_order_id=held.stop_order_id,
            ),
        )

    def _nothing_held(self, symbol: str) -> str:
        if name := held_as(self._state, symbol):
            return f"symbol {symbol} is held as {name} now: raise the stop of that"
        return f"nothing is held of symbol {symbol}: there is no stop to raise"

    def _passing_stop(self, raised: StopRaised) -> tuple[Decimal, str]:
        """Where a raised stop may stand, and why that is not where it was asked for."""
        state, asked = self._state, raised.stop_price
        listing = filters_of(state.listings.get(raised.symbol))
        if listing is None:
            return asked, ""
        mark = state.fresh_mark(state.heat.pair(raised.symbol))
        fault = price_fault("stop_price", asked, "sell", listing, mark)
        if fault is None:
            return asked, ""
        passing = nearest_price(asked, "sell", listing, mark, up=True)
        if passing is not None and float(asked) < mark <= passing:  # it would sell at once, which nobody asked for
            passing = round_down(asked, listing.price_step)
            if price_fault("stop_price", passing, "sell", listing, mark) is not None:
                passing = None
        return (asked, "") if passing is None else (passing, fault.reason)

    def cancel(self, proposed: CancelProposed) -> Sequence[Answer]:
        """A cancel of an open order passes, unless it is another client's; of any other there is nothing to do."""
        return self._answered(proposed, self._cancel)

    def _answered(self, word: W, answer: Callable[[W], Sequence[Answer]]) -> Sequence[Answer]:
        if (passed := self.answers.passed(word)) and self._still_holds(passed):
            return (passed,)
        said = answer(word)
        for each in said:
            self.answers.note(word, each)
        return said

    def _still_holds(self, passed: Answer) -> bool:
        """A stop that was approved for a position which was sold since is not that of the one that is held now."""
        if not isinstance(passed, StopApproved):
            return True
        held = self._state.ledger.position(passed.symbol)
        return held is not None and passed.stop_price <= (held.stop_approved or ZERO)

    def _cancel(self, proposed: CancelProposed) -> Sequence[Answer]:
        if proposed.portfolio not in ("", self._state.portfolio):
            return self._other_portfolio(proposed)
        if foreign := fault_of_cancel(proposed, self._state.reservations.get(proposed.order_id), self._state):
            return self.refusals.of(proposed, "not_allowed", *foreign)
        if cancels := self.cancel_order(proposed, proposed.order_id, proposed.reason):
            return cancels
        known = self._decided.get(proposed.order_id) is not None
        why = "it is finished, or was rejected" if known else "no order of this id is known, or it is long finished"
        reason = f"order_id {proposed.order_id} is no open order: {why}. Nothing is left to cancel"
        return self.refusals.of(proposed, "unknown_order", "order_id", reason)

    def _other_portfolio(self, message: StopRaised | CancelProposed) -> Sequence[Answer]:
        reason = f"portfolio {message.portfolio!r}: this is {self._state.portfolio!r}; send it on its own stream"
        return self.refusals.of(message, "other_portfolio", "portfolio", reason)

    def _time_of(self, cause: Message) -> int:
        """The time of what follows at once: the message's own, unless that is 0, yet to come, or far from now."""
        now_ns, time_ns = self._state.now_ns, cause.time_ns
        return now_ns if now_ns and (not 0 < time_ns <= now_ns or is_odd(time_ns, now_ns)) else time_ns

    def cancel_order(self, cause: Message, order_id: str, reason: str) -> Sequence[CancelDecided]:
        """The cancel of an order, if it is not finished."""
        order = self._state.reservations.get(order_id)
        if order is None:
            return ()
        return (
            CancelDecided(
                id=derived_id("cancel", cause.id, order_id),
                cause=cause.id,
                trace=cause.trace_id,
                time_ns=self._time_of(cause),
                order_id=order_id,
                symbol=order.symbol,
                reason=reason,
            ),
        )
