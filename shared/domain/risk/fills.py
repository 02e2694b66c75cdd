"""What became of approved orders: fills, ends and stops change the portfolio, each once."""

from collections.abc import Callable, Sequence

from msgspec import structs

from shared.domain.machine import ReservationCheck
from shared.domain.portfolio.ledger import Position
from shared.domain.portfolio.performance import drawdown_of
from shared.domain.portfolio.renames import LedgerName, ledger_name, position_as
from shared.domain.portfolio.snapshot import snapshot_of
from shared.domain.risk.claims import (
    FillClaim,
    cheapness,
    claim_of,
    doubt_about_awaited,
    doubt_about_closed,
    doubt_about_fill,
    doubt_about_placed,
    doubt_about_stop,
)
from shared.domain.risk.halt_actions import HaltActions
from shared.domain.risk.state.halts import NewHalt
from shared.domain.risk.state.pair_aliases import trading_name
from shared.domain.risk.state.state import RiskState
from shared.domain.risk.unprotected import Unprotected
from shared.messages.base import Message, derived_id, truncate
from shared.messages.dead_letter import Doubt, message_refused
from shared.messages.halts import Alerted
from shared.messages.market import PairListed
from shared.messages.orders import OrderClosed, OrderFilled, OrderPlaced, StopPlaced
from shared.messages.portfolio import PortfolioMarked
from shared.messages.reports import ReportAwaited, ReportRefused

CLAIM_WORDS: dict[type[Message], str] = {
    OrderFilled: "a fill",
    OrderPlaced: "an order at the venue",
    OrderClosed: "the end of an order",
    StopPlaced: "a stop",
    ReportAwaited: "an order that a client executes",
}


class Fills:
    """Takes what execution says into the portfolio, and gives out snapshots of it.

    All of it is a claim (``claims.py``). What is not believed changes nothing: it is refused, and its pair halts until
    an operator has looked.

    evidence_text: what the phase has shown, for the snapshot that is being made.
    """

    def __init__(
        self, state: RiskState, halt_actions: HaltActions, evidence_text: Callable[[PortfolioMarked], str]
    ) -> None:
        self._state, self._halt_actions, self._evidence_text = state, halt_actions, evidence_text
        self.unprotected = Unprotected(state, halt_actions)

    # --- what execution says --------------------------------------------------------------------------------------

    def is_known(self, fill: OrderFilled) -> bool:
        """Whether the trade was booked already."""
        order = self._state.reservations.get(fill.order_id)
        if order is not None and fill.trade_id in order.trades:
            return True
        return fill.trade_id in self._state.finished.of(fill.symbol).trades

    def claim(self, fill: OrderFilled) -> FillClaim:
        """The fill beside what is known of it."""
        named = self._named(fill.symbol)
        return claim_of(self._state, fill, named, self._held_as(named))

    def refuse(self, claim: FillClaim) -> Sequence[Message]:
        """What follows from a fill that is not believed; nothing for one that is."""
        doubt = doubt_about_fill(self._state, claim)
        return self._disbelieve(claim.sent, doubt) if doubt is not None else ()

    def book(self, claim: FillClaim) -> Sequence[Message]:
        """Take a fill that is believed into the ledger and out of its reservation."""
        state, fill, named = self._state, claim.sent, claim.named
        cheap = cheapness(state, claim)
        self._follow_rename(named)
        before = state.ledger.quantity(named.symbol)
        state.ledger.apply(claim.fill)
        state.finished.add_trade(fill.symbol, fill.trade_id)
        order = state.reservations.fill(fill.order_id, fill.quantity, fill.trade_id)
        owner, after = order.owner if order is not None else "", state.ledger.quantity(named.symbol)
        state.owners.traded(named.symbol, owner, float(before), float(after))
        if order is not None:
            state.reservation_checks.append(ReservationCheck(order.order_id, float(order.left) * order.unit_risk))
            if fill.side == "buy" and claim.fill.stop_price is None and order.stop_price is not None:
                state.ledger.approve_stop(named.symbol, order.stop_price / named.ratio)  # it is not there yet
        state.follow_position(named.symbol)
        safe = self.unprotected.end_if_sold(fill, named.symbol) if fill.side == "sell" else ()
        return [*safe, *(self._halt(fill, fill.symbol, cheap) if cheap else ()), *self.snapshot(fill)]

    def on_placed(self, placed: OrderPlaced) -> Sequence[Message]:
        """Execution has the order."""
        if (doubt := doubt_about_placed(self._state, placed)) is not None:
            return self._disbelieve(placed, doubt)
        self._state.reservations.acknowledge(placed.order_id)
        return ()

    def on_closed(self, closed: OrderClosed) -> Sequence[Message]:
        """Release what the order still reserves."""
        state = self._state
        if (doubt := doubt_about_closed(state, closed)) is not None:
            return self._disbelieve(closed, doubt)
        if state.reservations.close(closed.order_id) is not None:
            state.finished.add_order(closed.symbol, closed.order_id)
            state.reservation_checks.append(ReservationCheck(closed.order_id, 0.0))
        return ()

    def on_stop_placed(self, placed: StopPlaced) -> Sequence[Message]:
        """The stop of a position rests higher now."""
        state = self._state
        named, renamed = self._named(placed.symbol), state.universe.rename_of(placed.symbol) is not None
        if (doubt := doubt_about_stop(placed, named, self._held_as(named), may_be_renamed=renamed)) is not None:
            return self._disbelieve(placed, doubt)
        self._follow_rename(named)
        state.ledger.name_stop(named.symbol, placed.order_id)
        if state.ledger.move_stop(named.symbol, placed.stop_price / named.ratio):
            state.follow_position(named.symbol)
        return self.unprotected.end(placed, placed.symbol, "its stop rests") if placed.quantity else ()

    # --- what clients owe, and what they said wrong ---------------------------------------------------------------

    def on_report_awaited(self, awaited: ReportAwaited) -> Sequence[Message]:
        """A client has to report of an order, or to protect what it bought; or it is too late for that."""
        state = self._state
        if awaited.what == "stop":
            return self.unprotected.begin(awaited) if awaited.overdue else ()
        if (doubt := doubt_about_awaited(state, awaited)) is not None:
            return self._disbelieve(awaited, doubt)
        state.reservations.await_report(awaited.order_id, awaited.client, awaited.due_ns)
        return (self._alert(awaited),) if awaited.overdue else ()

    def _alert(self, overdue: ReportAwaited) -> Alerted:
        owed = f"client {overdue.client} owes a report of order {overdue.order_id}: {overdue.reason}"
        return Alerted(
            id=derived_id("alerted", overdue.id),
            time_ns=self._state.now_ns or overdue.time_ns,
            cause=overdue.id,
            trace=overdue.trace_id,
            trigger="execution_acknowledged",
            symbol=overdue.symbol,
            reason=truncate(f"{owed}; the gate is closed for it, and the order keeps what it reserves"),
            evidence=f"heatsink write-off-order {overdue.order_id}",
        )

    def on_report_refused(self, refused: ReportRefused) -> Sequence[Message]:
        """Execution does not believe a client. Where money could be wrong, the pair halts: that of the order too."""
        order = self._state.reservations.get(refused.order_id)
        if order is not None and refused.client and order.client != refused.client:
            order = None  # it names an order of somebody else, who has nothing to do with it
        made: list[Message] = []
        for symbol in dict.fromkeys((refused.symbol, order.symbol if order is not None else refused.symbol)):
            if refused.halts:
                made += self._halt(refused, symbol, f"a client's report is not believed: {refused.reason}")
        return made

    def _named(self, symbol: str) -> LedgerName:
        """Under which name the ledger has a pair of which execution speaks."""
        return ledger_name(self._state.ledger, self._state.universe, symbol)

    def _held_as(self, named: LedgerName) -> Position | None:
        return position_as(self._state.ledger, self._state.universe, named)

    def _follow_rename(self, named: LedgerName) -> None:
        """Move the position to the name by which execution calls the pair now, if it is not there yet."""
        state, rename = self._state, self._state.universe.rename_of(named.symbol)
        if named.moves_from and rename is not None:
            if state.ledger.rename(named.moves_from, named.symbol, rename.ratio):
                state.owners.renamed(named.moves_from, named.symbol)
            state.follow_position(named.moves_from)
            state.follow_position(named.symbol)

    # --- what is not believed -------------------------------------------------------------------------------------

    def _disbelieve(
        self, message: OrderFilled | OrderPlaced | OrderClosed | StopPlaced | ReportAwaited, doubt: Doubt
    ) -> Sequence[Message]:
        """Refuse the message, and halt the pairs that it is about: the one it names, and the one of its order."""
        state = self._state
        made: list[Message] = [message_refused(message, time_ns=state.now_ns or message.time_ns, **doubt._asdict())]
        order = state.reservations.get(message.order_id)
        for symbol in dict.fromkeys((message.symbol, order.symbol if order is not None else message.symbol)):
            made += self._halt(message, symbol, f"{CLAIM_WORDS[type(message)]} is not believed: {doubt.reason}")
        return made

    def _halt(self, cause: Message, symbol: str, reason: str) -> Sequence[Message]:
        """A pair that nobody follows can't be bought anyway, and its name may be anything: it is not halted."""
        symbol = trading_name(self._state, symbol)
        if self._state.heat.pair(symbol) is None:
            return ()
        return self._halt_actions.begin(
            cause, NewHalt(symbol=symbol, trigger="false_fill", reason=reason, mode="halted")
        )

    # --- the portfolio --------------------------------------------------------------------------------------------

    def on_listed(self, listing: PairListed) -> Sequence[Message]:
        """Move a position along when its pair gets another name."""
        if not listing.formerly or not self._state.ledger.rename(listing.formerly, listing.symbol, listing.ratio):
            return ()
        self._state.owners.renamed(listing.formerly, listing.symbol)
        for symbol in (listing.formerly, listing.symbol):
            self._state.follow_position(symbol)
        return self.snapshot(listing)

    def snapshot(self, cause: Message) -> Sequence[PortfolioMarked]:
        """The portfolio as it is; nothing while NAV is unknown."""
        state = self._state
        snapshot = snapshot_of(
            state.ledger,
            state.heat,
            cause=cause,
            portfolio=state.portfolio,
            heat_limit=state.limits.heat,
            phase=state.phase.name,
            open_orders=state.reservations.count,
            stops_hit_usdt=sum(state.stops_hit().values()),
        )
        if snapshot is None:
            return ()
        phase = state.phase
        snapshot = structs.replace(
            snapshot,
            phase_since_ns=phase.since_ns,
            phase_drawdown=drawdown_of(phase.peak_nav_in_phase, snapshot.nav),
            phase_evidence=self._evidence_text(snapshot),
            rehearsal=state.rehearsal,
            drawdown_since_resume=drawdown_of(state.loss_baselines.peak_nav_since_resume, snapshot.nav),
        )
        if snapshot.nav > state.loss_baselines.peak_nav_since_resume:
            state.move_loss_baselines(peak_nav_since_resume=snapshot.nav, warned=False)
        return (snapshot,)
