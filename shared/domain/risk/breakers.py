"""Halts that set themselves off, and end by time, by their condition, or by an operator."""

from collections.abc import Sequence

from shared.domain.portfolio.ledger import Position
from shared.domain.risk.gate import Gate
from shared.domain.risk.state import RiskState
from shared.messages.base import Message
from shared.messages.market import BarClosed, BookSampled, FeedLost, FeedRestored, MarkChanged, PairListed
from shared.messages.orders import OrderFilled


class Breakers:
    """Asked about everything that may set one off."""

    def __init__(self, state: RiskState, gate: Gate) -> None:
        self._state, self._gate = state, gate

    def time(self, message: Message) -> Sequence[Message]:
        """About once a second of wall time, after the snapshot."""
        return ()

    def mark(self, mark: MarkChanged, price_before: float, time_before_ns: int) -> Sequence[Message]:
        return ()

    def bar(self, bar: BarClosed) -> Sequence[Message]:
        """Before the bar's close becomes the mark."""
        return ()

    def book(self, book: BookSampled) -> Sequence[Message]:
        return ()

    def listing(self, listing: PairListed) -> Sequence[Message]:
        return ()

    def feed_lost(self, lost: FeedLost) -> Sequence[Message]:
        return ()

    def feed_restored(self, restored: FeedRestored) -> Sequence[Message]:
        return ()

    def fill(self, fill: OrderFilled, position_before: Position | None) -> Sequence[Message]:
        return ()
