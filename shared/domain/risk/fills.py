"""What became of approved orders: fills, ends and stops, booked into the portfolio once each."""

from collections.abc import Callable, Sequence

from msgspec import structs

from shared.domain.machine import ReservationCheck
from shared.domain.portfolio.performance import drawdown_of
from shared.domain.portfolio.renames import Booked, booked_name, fill_as_booked
from shared.domain.portfolio.snapshot import snapshot_of
from shared.domain.recent import Recent
from shared.domain.risk.state.state import RiskState
from shared.messages.base import Message
from shared.messages.market import PairListed
from shared.messages.orders import OrderClosed, OrderFilled, OrderPlaced, StopPlaced
from shared.messages.portfolio import PortfolioMarked

REMEMBERED = 10_000  # trades kept in memory, so that a fill heard twice is booked once


class Bookings:
    """Books into the state; ``snapshot`` gives out the portfolio as it is then. standing: what its phase has shown."""

    def __init__(self, state: RiskState, standing: Callable[[PortfolioMarked], str]) -> None:
        self._state, self._standing = state, standing
        self._trades: Recent[bool] = Recent(REMEMBERED)

    def remember(self, fill: OrderFilled) -> None:
        """A fill that was booked before a restart."""
        self._trades.add(fill.trade_id, True)

    def fill(self, fill: OrderFilled) -> Sequence[Message]:
        if not self._trades.add(fill.trade_id, True):
            return ()
        state = self._state
        booked = self._booked(fill.symbol)
        state.ledger.book(fill_as_booked(fill, booked))
        order = state.reservations.fill(fill.order_id, fill.quantity)
        if order is not None:
            state.reservation_checks.append(ReservationCheck(order.order_id, float(order.left) * order.unit_risk))
        state.follow_position(booked.symbol)
        return self.snapshot(fill)

    def placed(self, placed: OrderPlaced) -> Sequence[Message]:
        """Execution has the order: it was heard of."""
        self._state.reservations.heard(placed.order_id)
        return ()

    def close(self, closed: OrderClosed) -> Sequence[Message]:
        if self._state.reservations.close(closed.order_id) is not None:
            self._state.reservation_checks.append(ReservationCheck(closed.order_id, 0.0))
        return ()

    def stop_placed(self, placed: StopPlaced) -> Sequence[Message]:
        booked = self._booked(placed.symbol)
        if self._state.ledger.move_stop(booked.symbol, placed.stop_price / booked.ratio):
            self._state.follow_position(booked.symbol)
        return ()

    def _booked(self, symbol: str) -> Booked:
        """Where to book what execution says of a pair, through its renames."""
        booked = booked_name(self._state.ledger, self._state.universe, symbol)
        if booked.moved:
            self._state.follow_position(booked.moved)
            self._state.follow_position(booked.symbol)
        return booked

    def rename(self, listing: PairListed) -> Sequence[Message]:
        """A position goes along when its pair gets another name."""
        if not listing.formerly or not self._state.ledger.rename(listing.formerly, listing.symbol, listing.ratio):
            return ()
        for symbol in (listing.formerly, listing.symbol):
            self._state.follow_position(symbol)
        return self.snapshot(listing)

    def snapshot(self, cause: Message) -> Sequence[PortfolioMarked]:
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
            phase_drawdown=drawdown_of(phase.peak_nav, snapshot.nav),
            phase_evidence=self._standing(snapshot),
            rehearsal=state.rehearsal,
        )
        if snapshot.nav > state.watermark.peak_nav:
            state.mark_water(peak_nav=snapshot.nav, warned=False)
        return (snapshot,)
