"""What heatsink wants of a bot that did not ask: to sell, to cancel, to raise a stop."""

import logging
from collections.abc import Iterable

from heatsink_client import Gate, MissedError
from heatsink_client.messages import CancelDecided, Message, OrderClosed, OrderDecided, ReportAwaited, StopApproved

from heatsink_freqtrade.books import Books
from heatsink_freqtrade.journal import Journal, Wish
from heatsink_freqtrade.sales import Sales
from heatsink_freqtrade.stops import Stops

LOG = logging.getLogger(__name__)
TOPICS = ("decided", "executed")
PAGES = 50  # that are read in one round; the rest is read in the next one


class Overheard:
    """Follows the streams. Where it has read to is in the journal, so that nothing is missed while a bot is down."""

    def __init__(self, gate: Gate, journal: Journal, books: Books, stops: Stops, sales: Sales) -> None:
        self._gate, self._journal, self._books, self._stops, self._sales = gate, journal, books, stops, sales

    def round(self) -> None:
        """Raises ``GateError`` when heatsink does not answer."""
        held = {trade.pair for trade in self._books.trades()}
        for topic in TOPICS:
            for message in self._news(topic):
                self._hear(message, held)

    def _news(self, topic: str) -> Iterable[Message]:
        name = f"read:{topic}"
        for _ in range(PAGES):
            try:
                entries, cursor = self._gate.read(topic, after=self._journal.fact(name) or "now")
            except MissedError as missed:
                LOG.warning("heatsink no longer keeps some of what it said: %s", missed)
                entries, cursor = [], missed.after
            yield from (entry.message for entry in entries)
            self._journal.remember(name, cursor)
            if not entries:
                return

    def _hear(self, message: Message, held: set[str]) -> None:
        match message:
            case OrderDecided() if message.quantity_approved > 0:
                self._hear_order(message, held)
            case CancelDecided() if (row := self._journal.row(message.order_id)) is not None:
                if message.written_off:
                    self._journal.change(row, state="over", reason="written off by an operator")
                elif row.state == "open":
                    self._journal.put(Wish(id=row.id, pair=row.pair, what="cancel", reason=message.reason))
            case OrderClosed():
                self._journal.grant(message.order_id)  # nothing of it is left to do
            case StopApproved() if message.symbol in held and self._stops.approved(message.symbol) is not None:
                self._stops.allow(message.symbol, message.stop_price)
            case ReportAwaited(what="stop") if self._journal.has_orders_in(message.symbol) or message.symbol in held:
                self._stops.named(message.symbol, message.order_id)
                if message.symbol in held and message.stop_price is not None:
                    self._stops.allow(message.symbol, message.stop_price)

    def _hear_order(self, order: OrderDecided, held: set[str]) -> None:
        row = self._journal.row(order.order_id)
        if row is None and order.side == "sell" and self._is_ours(order, held):
            LOG.warning("%s: heatsink wants %s sold: %s", order.symbol, order.quantity_approved, order.order_id)
            quantity = str(order.quantity_approved)
            self._journal.put(Wish(id=order.order_id, pair=order.symbol, what="sell", quantity=quantity))
        elif row is not None and row.side == "buy" and row.state == "over" and row.approved is None:
            # The verdict came after freqtrade had gone on without it: nobody will execute this one.
            self._journal.change(row, state="open", approved=str(order.quantity_approved))

    def _is_ours(self, order: OrderDecided, held: set[str]) -> bool:
        """Whether a sale is this bot's to execute. Several may share a portfolio, each in pairs of its own."""
        is_pair_of_ours = order.symbol in held or self._journal.has_orders_in(order.symbol)
        return is_pair_of_ours and order.client in ("", self._gate.client)

    def let_go(self) -> None:
        """Take back sales of what freqtrade holds no more, once all is booked of what it sold.

        Commissions may have left dust of it in heatsink's books, which nobody can sell.
        """
        held = {trade.pair for trade in self._books.trades()}
        for wish in self._journal.wishes("left"):
            if wish.pair not in held:
                self._journal.grant(wish.id)
        for wish in self._journal.wishes("sell"):
            if wish.pair not in held and not self._journal.is_unsettled(wish.pair):
                self._sales.take_back(wish, "nothing is held")
