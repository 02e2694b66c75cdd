"""What became of approved orders: fills, ends and stops change the portfolio, each once."""

from collections.abc import Callable, Sequence

from msgspec import structs

from shared.domain.machine import ReservationCheck
from shared.domain.portfolio.performance import drawdown_of
from shared.domain.portfolio.renames import LedgerName, fill_in_ledger_units, ledger_name
from shared.domain.portfolio.snapshot import snapshot_of
from shared.domain.recent import Recent
from shared.domain.risk.state.state import RiskState
from shared.messages.base import Message
from shared.messages.market import PairListed
from shared.messages.orders import OrderClosed, OrderFilled, OrderPlaced, StopPlaced
from shared.messages.portfolio import PortfolioMarked

REMEMBERED = 10_000  # trades kept in memory, so that a fill that comes twice counts once


class Fills:
    """Takes what execution says into the portfolio, and gives out snapshots of it.

    evidence_text: what the phase has shown, for the snapshot that is being made.
    """

    def __init__(self, state: RiskState, evidence_text: Callable[[PortfolioMarked], str]) -> None:
        self._state, self._evidence_text = state, evidence_text
        self._trades: Recent[bool] = Recent(REMEMBERED)

    def remember(self, fill: OrderFilled) -> None:
        """Take note of a fill that was taken in before a restart."""
        self._trades.add(fill.trade_id, True)

    def on_filled(self, fill: OrderFilled) -> Sequence[Message]:
        """Change the ledger and the reservation; nothing for a trade that was taken in before."""
        if not self._trades.add(fill.trade_id, True):
            return ()
        state = self._state
        named = self._ledger_name(fill.symbol)
        state.ledger.apply(fill_in_ledger_units(fill, named))
        order = state.reservations.fill(fill.order_id, fill.quantity)
        if order is not None:
            state.reservation_checks.append(ReservationCheck(order.order_id, float(order.left) * order.unit_risk))
        state.follow_position(named.symbol)
        return self.snapshot(fill)

    def on_placed(self, placed: OrderPlaced) -> Sequence[Message]:
        """Execution has the order."""
        self._state.reservations.acknowledge(placed.order_id)
        return ()

    def on_closed(self, closed: OrderClosed) -> Sequence[Message]:
        """Release what the order still reserves."""
        if self._state.reservations.close(closed.order_id) is not None:
            self._state.reservation_checks.append(ReservationCheck(closed.order_id, 0.0))
        return ()

    def on_stop_placed(self, placed: StopPlaced) -> Sequence[Message]:
        """The stop of a position rests higher now."""
        named = self._ledger_name(placed.symbol)
        if self._state.ledger.move_stop(named.symbol, placed.stop_price / named.ratio):
            self._state.follow_position(named.symbol)
        return ()

    def _ledger_name(self, symbol: str) -> LedgerName:
        """Under which name the ledger has a pair of which execution speaks."""
        named = ledger_name(self._state.ledger, self._state.universe, symbol)
        if named.moved:
            self._state.follow_position(named.moved)
            self._state.follow_position(named.symbol)
        return named

    def on_listed(self, listing: PairListed) -> Sequence[Message]:
        """Move a position along when its pair gets another name."""
        if not listing.formerly or not self._state.ledger.rename(listing.formerly, listing.symbol, listing.ratio):
            return ()
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
