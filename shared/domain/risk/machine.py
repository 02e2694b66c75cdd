"""The risk machine: proposals, fills, marks and commands in; verdicts, portfolio snapshots and halts out."""

import math
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from shared.domain.bars.series import DailyHistory
from shared.domain.machine import Guard, Records
from shared.domain.plan import Plan
from shared.domain.portfolio.heat import Heat
from shared.domain.portfolio.ledger import LEDGER_RECORDS, Ledger
from shared.domain.portfolio.renames import Booked, booked_name, fill_as_booked
from shared.domain.portfolio.snapshot import snapshot_of
from shared.domain.recent import Recent
from shared.domain.risk.decide import Ruling, decide_opening, decide_reducing
from shared.domain.risk.halts import HALT_RECORDS, Halts
from shared.domain.risk.policy import policy_of
from shared.domain.risk.reservations import ORDER, OpenOrder, Reservations
from shared.domain.risk.rules import MAX_REASON
from shared.domain.risk.view import View
from shared.domain.universe import Universe
from shared.messages.base import Message, TimePassed, derived_id
from shared.messages.control import Halt, Resume
from shared.messages.market import BarClosed, MarkChanged, PairListed
from shared.messages.orders import (
    OrderClosed,
    OrderDecided,
    OrderFilled,
    OrderProposed,
    StopApproved,
    StopPlaced,
    StopRaised,
)

ZERO = Decimal(0)
REMEMBERED = 10_000  # decisions and trades kept in memory; older repeats are caught by the store
OUTSIDE = "outside the universe"  # the sector of what is held although it is not in the universe any more
SNAPSHOT_SECONDS = 1.0  # wall time between snapshots when nothing else calls for one


class RiskMachine:
    """One portfolio's gate. ``speed``: market seconds in a wall second, by which age limits stretch.

    A proposal that was decided before gets nothing new; the host answers it with the stored decision.
    """

    def __init__(
        self, plan: Plan, universe: Universe, *, portfolio: str, starting_cash_usdt: float, speed: float
    ) -> None:
        self.records = Records({**LEDGER_RECORDS, **HALT_RECORDS, ORDER: OpenOrder})
        self._plan, self._universe, self._portfolio = plan, universe, portfolio
        self.policy = policy_of(plan)
        self.ledger = Ledger(self.records, Decimal(str(starting_cash_usdt)))
        self.halts = Halts(self.records)
        self._listings: dict[str, PairListed] = {}
        self._daily: dict[str, DailyHistory] = {}
        self._decided: Recent[OrderDecided] = Recent(REMEMBERED)
        self._trades: Recent[bool] = Recent(REMEMBERED)
        self._guards: list[Guard] = []
        self._repeats: list[OrderDecided] = []
        self._now_ns = 0
        self._snapshot_ns = -1
        self._mark_age_limit_ns = plan.limits.mark_age_seconds * speed * 1e9
        self._snapshot_every_ns = SNAPSHOT_SECONDS * speed * 1e9
        self._start_totals()
        self._handlers: dict[type[Message], Callable[[Any], Sequence[Message]]] = {
            TimePassed: self._on_time,
            MarkChanged: self._on_mark,
            BarClosed: self._on_bar,
            PairListed: self._on_listing,
            OrderProposed: self._on_proposal,
            StopRaised: self._on_stop_raised,
            OrderFilled: self._on_fill,
            OrderClosed: self._on_closed,
            StopPlaced: self._on_stop_placed,
            Halt: self._on_halt,
            Resume: self._on_resume,
        }

    # --- what a machine is ----------------------------------------------------------------------------------------

    def handle(self, message: Message) -> Sequence[Message]:
        handler = self._handlers.get(type(message))
        return handler(message) if handler else ()

    def warm(self, message: Message) -> None:
        """Rebuild daily figures, listings and the trades already booked."""
        match message:
            case BarClosed(timeframe="1d"):
                self._learn_day(message)
            case PairListed():
                self._listings[message.symbol] = message
            case OrderFilled():
                self._trades.add(message.trade_id, True)
            case _:
                pass

    def restored(self) -> None:
        self._start_totals()
        self.halts.rebuild()
        held = {position.symbol for position in self.ledger.positions()}
        for symbol in sorted(held | {order.symbol for _, order in self.records.rows(ORDER, OpenOrder)}):
            self._count_in(symbol)
        self.reservations.rebuild()
        for symbol in self._daily:
            self._learn_costs(symbol)
        self._guards.clear()
        self._repeats.clear()
        self._snapshot_ns = -1

    def take_guards(self) -> Sequence[Guard]:
        """The reservation steps since the last call, for the store's own check."""
        taken, self._guards = self._guards, []
        return taken

    def remember(self, decision: OrderDecided) -> None:
        """A decision from the store, so that its order is never decided again.

        It counts as new: an old one that is about to be asked for must not be the next to be forgotten.
        """
        self._decided.renew(decision.order_id, decision)

    def take_repeats(self) -> Sequence[OrderDecided]:
        """Decisions that were asked for once more since the last call."""
        taken, self._repeats = self._repeats, []
        return taken

    def _start_totals(self) -> None:
        self.heat = Heat()
        self._outside: set[str] = set()
        for pair in self._universe.pairs:
            for name in self._universe.names_of(pair.symbol):
                self.heat.add_pair(name, pair.sector, self._least_exit_rate)
        self.reservations = Reservations(self.records, self.heat)

    @property
    def _least_exit_rate(self) -> float:
        return self._plan.costs.fee + self._plan.costs.half_spread

    def _count_in(self, symbol: str) -> None:
        """Take a stored position into the totals. One in a pair that is not in the universe any more still is at risk;
        nobody follows its price, so it is worth nobody knows what: the gate stays closed until somebody decides.
        """
        if self.heat.pair(symbol) is None:
            self.heat.add_pair(symbol, OUTSIDE, self._least_exit_rate)
            self._outside.add(symbol)
        self._follow_position(symbol)

    # --- the market -----------------------------------------------------------------------------------------------

    def _on_time(self, message: TimePassed) -> Sequence[Message]:
        if message.time_ns < self._now_ns - self._mark_age_limit_ns:
            self._snapshot_ns = -1  # the clock was ahead and has been set right
            self._now_ns = message.time_ns
        self._now_ns = max(self._now_ns, message.time_ns)
        resumed = self.halts.expire(self._now_ns)
        due = self._snapshot_ns < 0 or self._now_ns - self._snapshot_ns >= self._snapshot_every_ns
        return [*resumed, *(self._snapshot(message) if due or resumed else ())]

    def _on_mark(self, message: MarkChanged) -> Sequence[Message]:
        self._revalue(message.symbol, message.price, message.time_ns)
        return ()

    def _on_bar(self, bar: BarClosed) -> Sequence[Message]:
        self._revalue(bar.symbol, bar.close, bar.close_time_ns)
        if bar.timeframe == "1d":
            self._learn_day(bar)
            self._learn_costs(bar.symbol)
        return ()

    def _revalue(self, symbol: str, price: float, time_ns: int) -> None:
        pair = self.heat.pair(symbol)
        if pair is None or symbol in self._outside:
            return
        if time_ns > pair.mark_time_ns or self._is_to_come(pair.mark_time_ns):
            self.heat.marked(pair, price, time_ns)

    def _is_to_come(self, time_ns: int) -> bool:
        """Whether a time is beyond the clock: whatever was marked then must not keep newer marks out."""
        return 0 < self._now_ns < time_ns - self._mark_age_limit_ns

    def _learn_day(self, bar: BarClosed) -> None:
        history = self._daily.get(bar.symbol)
        if history is None:
            sizing = self._plan.sizing
            history = DailyHistory(atr_days=sizing.atr_days, adv_days=sizing.adv_days)
            self._daily[bar.symbol] = history
        history.add(bar)

    def _learn_costs(self, symbol: str) -> None:
        """Getting out costs the fee, half the spread, and the square-root slippage of a full position in the pair."""
        pair, history, costs = self.heat.pair(symbol), self._daily[symbol], self._plan.costs
        if pair is None or not history.adv_usdt or history.sigma_day is None:
            return
        full_usdt = self._plan.limits.pair_cap_nav * float(self.ledger.account.cash + Decimal(int(self.heat.holdings)))
        slippage = costs.slippage_factor * history.sigma_day * math.sqrt(max(0.0, full_usdt) / history.adv_usdt)
        self.heat.costing(pair, costs.fee + costs.half_spread + slippage)

    def _on_listing(self, listing: PairListed) -> Sequence[Message]:
        self._listings[listing.symbol] = listing
        if not listing.formerly:
            return ()
        halted = self.halts.rename(listing.formerly, listing.symbol, listing)
        if not self.ledger.rename(listing.formerly, listing.symbol, listing.ratio):
            return halted
        for symbol in (listing.formerly, listing.symbol):
            self._follow_position(symbol)
        return [*halted, *self._snapshot(listing)]

    # --- orders ---------------------------------------------------------------------------------------------------

    def _on_proposal(self, order: OrderProposed) -> Sequence[Message]:
        if (known := self._decided.get(order.id)) is not None:
            self._repeats.append(known)
            return ()
        view = self._view(order)
        held = self.ledger.quantity(order.symbol)
        if order.side == "sell":
            ruling = decide_reducing(order, view, held, view.pair.reserved_sells if view.pair else ZERO)
        else:
            ruling = decide_opening(order, view)
        decided = self._decided_by(order, ruling, view)
        self._decided.add(order.id, decided)
        if ruling.quantity > 0:
            self._reserve(order, decided, view)
        return (decided,)

    def _view(self, order: OrderProposed) -> View:
        history = self._daily.get(order.symbol)
        pair = self.heat.pair(order.symbol)
        cash = float(self.ledger.account.cash)
        return View(
            order,
            now_ns=self._now_ns,
            portfolio=self._portfolio,
            nav=self._nav(cash),
            cash_free=cash - self.heat.reserved_cash,
            adv=history.adv_usdt if history and history.adv_usdt is not None else math.nan,
            equity_at_risk=self._plan.limits.equity_at_risk * self._plan.scale,
            mark_age_limit_ns=self._mark_age_limit_ns,
            limits=self._plan.limits,
            heat=self.heat,
            pair=pair,
            listing=self._listings.get(order.symbol),
            halts=self.halts.in_force,
            entry_rate=pair.exit_rate if pair else 0.0,
        )

    def _nav(self, cash: float) -> float:
        """NAV in USDT; NaN while the value of a held pair is unknown."""
        return math.nan if self.heat.unmarked else cash + self.heat.holdings

    def _decided_by(self, order: OrderProposed, ruling: Ruling, view: View) -> OrderDecided:
        buys = ruling.quantity > 0 and order.side == "buy"
        risk = float(ruling.quantity) * view.unit_risk if buys else 0.0
        cash = float(ruling.quantity) * view.unit_cash if buys else 0.0
        nav = view.nav if view.nav > 0 else 0.0
        used = self.heat.open_risk + self.heat.reserved_risk
        return OrderDecided(
            id=derived_id("decided", self._portfolio, order.id),
            cause=order.id,
            trace=order.trace or order.id,
            time_ns=max(self._now_ns, order.time_ns) if self._now_ns == 0 else self._now_ns,
            order_id=order.id,
            symbol=order.symbol,
            side=order.side,
            verdict=ruling.verdict,
            quantity_requested=order.quantity,
            quantity_approved=ruling.quantity,
            binding=ruling.binding,
            reason=ruling.reason[:MAX_REASON],
            ceilings=ruling.ceilings,
            heat_before=used / nav if nav else 0.0,
            heat_after=(used + risk) / nav if nav else 0.0,
            nav=nav,
            mark=view.pair.mark if view.pair else 0.0,
            risk_usdt=risk,
            cash_usdt=cash,
            policy=self.policy,
            seq=self.ledger.count_decision(),
            order_type=order.order_type,
            limit_price=order.limit_price,
            stop_price=order.stop_price,
            strategy=order.strategy,
            reduce_only=order.reduce_only or order.side == "sell",
            expires_ns=order.expires_ns,
        )

    def _reserve(self, order: OrderProposed, decided: OrderDecided, view: View) -> None:
        buys = order.side == "buy"
        self._guards.append(Guard(order.id, decided.risk_usdt, self.heat.open_risk, view.limits.heat * decided.nav))
        self.reservations.open(
            OpenOrder(
                order_id=order.id,
                symbol=order.symbol,
                side=order.side,
                quantity=decided.quantity_approved,
                filled=ZERO,
                stop_price=order.stop_price,
                unit_risk=view.unit_risk if buys else 0.0,
                unit_notional=view.price if buys else 0.0,
                unit_cash=view.unit_cash if buys else 0.0,
            )
        )

    def _on_stop_raised(self, raised: StopRaised) -> Sequence[Message]:
        """A higher stop always passes; a lower one, or one for nothing, is dropped: the ratchet."""
        held = self.ledger.position(raised.symbol)
        if raised.portfolio != self._portfolio or held is None:
            return ()
        if not raised.stop_price > (held.stop or ZERO):
            return ()
        return (
            StopApproved(
                id=derived_id("stop-approved", self._portfolio, raised.id),
                cause=raised.id,
                trace=raised.trace or raised.id,
                time_ns=min(raised.time_ns, self._now_ns or raised.time_ns),
                symbol=raised.symbol,
                stop_price=raised.stop_price,
            ),
        )

    # --- what became of them --------------------------------------------------------------------------------------

    def _on_fill(self, fill: OrderFilled) -> Sequence[Message]:
        if not self._trades.add(fill.trade_id, True):
            return ()
        booked = self._booked(fill.symbol)
        self.ledger.book(fill_as_booked(fill, booked))
        order = self.reservations.fill(fill.order_id, fill.quantity)
        if order is not None:
            self._guards.append(Guard(order.order_id, float(order.left) * order.unit_risk))
        self._follow_position(booked.symbol)
        return self._snapshot(fill)

    def _on_closed(self, closed: OrderClosed) -> Sequence[Message]:
        order = self.reservations.close(closed.order_id)
        if order is not None:
            self._guards.append(Guard(order.order_id, 0.0))
        return ()

    def _on_stop_placed(self, placed: StopPlaced) -> Sequence[Message]:
        booked = self._booked(placed.symbol)
        if self.ledger.move_stop(booked.symbol, placed.stop_price / booked.ratio):
            self._follow_position(booked.symbol)
        return ()

    def _booked(self, symbol: str) -> Booked:
        """Where to book what execution says of a pair, through its renames."""
        booked = booked_name(self.ledger, self._universe, symbol)
        if booked.moved:
            self._follow_position(booked.moved)
            self._follow_position(booked.symbol)
        return booked

    def _follow_position(self, symbol: str) -> None:
        """Take a position's quantity and stop into the totals."""
        pair, position = self.heat.pair(symbol), self.ledger.position(symbol)
        if pair is not None:
            self.heat.held(pair, position.quantity if position else ZERO, position.stop if position else None)

    # --- commands and snapshots -----------------------------------------------------------------------------------

    def _on_halt(self, command: Halt) -> Sequence[Message]:
        return self.halts.begin(command)

    def _on_resume(self, command: Resume) -> Sequence[Message]:
        return self.halts.end(command)

    def _snapshot(self, cause: Message) -> Sequence[Message]:
        self._snapshot_ns = self._now_ns
        snapshot = snapshot_of(
            self.ledger,
            self.heat,
            cause=cause,
            portfolio=self._portfolio,
            heat_limit=self._plan.limits.heat,
            phase=self._plan.phase,
            open_orders=len(self.reservations),
        )
        return (snapshot,) if snapshot is not None else ()
