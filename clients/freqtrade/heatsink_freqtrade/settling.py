"""Each order is brought to its end with heatsink: proposed where it was not, filled, closed.

Everything here may be done again: reports say the same the second time, and one id has one verdict. So a round does
what is left to do, whatever was killed before it.
"""

import logging
from dataclasses import replace
from decimal import Decimal
from hashlib import blake2b

from heatsink_client import Answer, Gate, GateError, Verdict
from heatsink_client.desk import Ending

from heatsink_freqtrade.books import Books, BotOrder
from heatsink_freqtrade.journal import Journal, Row, State
from heatsink_freqtrade.sales import Sales
from heatsink_freqtrade.stops import after_purchase

LOG = logging.getLogger(__name__)
OVER = ("ended_order", "unknown_order", "repeated")  # what is said to the end of an order that has ended


def digest(*about: str) -> str:
    return blake2b("\x1f".join(about).encode(), digest_size=8).hexdigest()


class UnansweredError(GateError):
    """heatsink did not answer: what is left is done in the next round."""


class Settling:
    """gate, journal, books: of one bot."""

    def __init__(self, gate: Gate, journal: Journal, books: Books, sales: Sales) -> None:
        self._gate, self._journal, self._books, self._sales = gate, journal, books, sales
        self._not_seen: dict[str, int] = {}

    def begin(self) -> None:
        """At the start of a bot. What freqtrade did before it was behind heatsink for the first time is left alone."""
        self._journal.reopen_stuck()
        if not self._journal.fact("begun"):
            for order in self._books.orders():
                if order.side != "stoploss" or not order.is_open:  # such a stop may sell what was brought in since
                    self._note(order, "before", "it is older than this journal", state="over")
            self._journal.remember("begun", "yes")
            for trade in self._books.trades():
                LOG.warning(
                    "%s was bought before heatsink was asked: bring it in (heatsink import positions)", trade.pair
                )

    def round(self) -> None:
        """Raises ``GateError`` when heatsink does not answer."""
        self.link()
        for row in self._journal.open_rows():
            self._drive(row)

    def settle(self, row: Row) -> None:
        """Only this one."""
        self.link()
        if (found := self._journal.row(row.id)) is not None and found.state == "open":
            self._drive(found)

    # --- which order is which -----------------------------------------------------------------------------------------

    def link(self) -> None:
        """Find the orders of freqtrade's that are new, and what they were approved as."""
        for order in self._books.orders():
            if self._journal.row_of(order.pair, order.order_id) is not None:
                continue
            if (row := self._journal.unlinked(order.pair, order.side)) is not None:
                self._journal.change(row, order_id=order.order_id)
                self._sales.placed(row)
            elif order.side == "buy":
                LOG.error("%s: order %s was never approved: it is not reported", order.pair, order.order_id)
                self._note(order, "buy", "nobody approved it", state="over")
            else:
                side = "stop" if order.side == "stoploss" else "sell"
                self._note(order, side, "", state="open")

    def _note(self, order: BotOrder, side: str, reason: str, *, state: State) -> None:
        """An order that nobody was asked about. What reduces is proposed afterwards."""
        name = f"ft-{side}-{digest(order.pair, order.order_id)}"
        self._journal.put(
            Row(
                id=name, pair=order.pair, side=side, quantity=str(order.quantity), sent=1,
                order_id=order.order_id, state=state, reason=reason,
            )
        )  # fmt: skip

    # --- to its end ---------------------------------------------------------------------------------------------------

    def _drive(self, row: Row) -> None:
        if row.side == "stop":
            return self._drive_stop(row)
        if row.approved is None:
            row = self._decided(row)
        if row.state != "open" or (row.approved is None and not row.is_rejected):
            return None
        if not row.sent:
            return self._close(row, "rejected", "freqtrade did not place it")
        order = self._books.order(row.pair, row.order_id) if row.order_id else None
        if order is None:
            return self._missing(row)
        sold = order.quantity if order.is_open else order.filled
        if row.side == "sell" and sold > row.allowed:
            return self._uncovered(row, sold)
        if order.is_open:
            return self._placed(row, order)
        return self._ended(row, order)

    def _uncovered(self, row: Row, sold: Decimal) -> None:
        """More is sold than was approved: it is booked by another order, which covers all of it."""
        if row.allowed and not self._is_closed(row, "cancelled", "freqtrade sold more than was approved"):
            return
        again = self._sales.again(replace(row, quantity=str(sold)), row.reason)
        if again.approved is not None:
            self._drive(again)

    def _decided(self, row: Row) -> Row:
        """The row with its verdict. What reduces is proposed again; a purchase is not, for it would come too late."""
        if row.side == "buy":
            verdict = self._gate.verdict_of(row.id)
            if not verdict.is_known and verdict.arrived == "no":
                return self._journal.change(row, state="over", reason="it never reached heatsink")
        else:
            verdict = self._sales.propose(row)
        return self.take(row, verdict)

    def take(self, row: Row, verdict: Verdict) -> Row:
        """The row with what the gate said to it."""
        if not verdict.is_known:
            return row
        reason = f"{verdict.verdict}: {verdict.reason}"
        if verdict:
            return self._journal.change(row, approved=str(verdict.quantity), reason="" if row.side == "buy" else reason)
        if row.side == "buy":
            return self._journal.change(row, approved="0", state="over", reason=reason, is_rejected=1)
        return self._journal.change(row, reason=reason, is_rejected=1)  # until it is seen what freqtrade has sold

    def _missing(self, row: Row) -> None:
        """freqtrade has no such order: it was not placed, or it was removed unfilled, or it was lost."""
        if not row.order_id:
            if self._sales.is_waiting(row) and any(trade.pair == row.pair for trade in self._books.trades()):
                return
            self._not_seen[row.id] = self._not_seen.get(row.id, 0) + 1
            if self._not_seen[row.id] < 2:  # it may be on its way, from a command of the user's
                return
            lost = self._books.is_lost(row.pair, row.side, row.asked)
            if lost is None:
                return
            if lost:
                LOG.error(
                    "%s: the exchange has a %s order that freqtrade does not know, so it is not reported. heatsink "
                    "takes no new risk of this bot until you have looked: heatsink write-off-order %s",
                    row.pair,
                    row.side,
                    row.id,
                )
                self._journal.change(row, state="stuck", reason="lost by freqtrade")
                return
        self._close(row, "cancelled" if row.order_id else "rejected", "freqtrade has no such order")

    def _placed(self, row: Row, order: BotOrder) -> None:
        if row.sent == 1:
            answer = self._gate.report_placed(
                row.id, row.pair, order.quantity, price=order.price if order.is_limit else None, venue_order_id=""
            )
            if self._is_taken(row, answer):
                self._journal.change(row, sent=2)

    def _ended(self, row: Row, order: BotOrder) -> None:
        if order.filled > 0 and self._filled(row, order) is None:
            return
        if Decimal(order.filled) < row.allowed:
            if row.side == "sell":
                self._sales.left_over(row)
            self._close(row, "filled" if order.filled else "cancelled", "", order.filled)
        else:
            self._journal.change(self._journal.row(row.id) or row, state="over")

    def _filled(self, row: Row, order: BotOrder) -> Row | None:
        """The row with its fill, once it is booked. All trades of an order are one for heatsink, at their average."""
        if not row.fill_quantity:
            row = self._journal.change(
                row, fill_quantity=str(order.filled), fill_price=str(order.price), fill_fee=str(order.fee_usdt)
            )
        is_stop = row.side == "stop"
        answer = self._gate.report_fill(
            self._journal.stop(row.pair).id if is_stop else row.id, row.pair, "buy" if row.side == "buy" else "sell",
            quantity=row.fill_quantity, price=row.fill_price, fee_usdt=row.fill_fee, trade_id=row.id, stop=is_stop,
        )  # fmt: skip
        if not self._is_taken(row, answer):
            return None
        if row.side == "buy":
            self._journal.put(after_purchase(self._journal.stop(row.pair), row.stop_price))
        elif all(trade.pair != row.pair for trade in self._books.trades()):
            self._journal.forget_stop(row.pair)  # else what is bought next inherits it, perhaps above the price
        return row

    def _drive_stop(self, row: Row) -> None:
        """A stop that rests at the exchange: it is of interest when it has sold."""
        order = self._books.order(row.pair, row.order_id)
        if order is not None and order.is_open:
            return
        if order is not None and order.filled and not self._journal.stop(row.pair).id:
            if not row.reason:
                LOG.warning("%s: the stop sold; it is told once heatsink has named its own stop", row.pair)
            self._journal.change(row, reason="heatsink has not named its stop yet")
            return
        if order is None or not order.filled or self._filled(row, order) is not None:
            self._journal.change(self._journal.row(row.id) or row, state="over")

    def _close(self, row: Row, ending: Ending, reason: str, filled: Decimal = Decimal(0)) -> None:
        if self._is_closed(row, ending, reason, filled):
            self._journal.change(self._journal.row(row.id) or row, state="over", reason=reason)

    def _is_closed(self, row: Row, ending: Ending, reason: str, filled: Decimal = Decimal(0)) -> bool:
        answer = self._gate.report_closed(row.id, row.pair, ending, quantity_filled=filled, reason=reason)
        return answer.code in OVER or self._is_taken(row, answer)

    def _is_taken(self, row: Row, answer: Answer) -> bool:
        if not answer.is_known:
            raise UnansweredError(answer.reason)
        if not answer:
            LOG.error("%s: heatsink does not take the report of %s: %s", row.pair, row.id, answer.reason)
            self._journal.change(row, state="stuck", reason=answer.reason)
        return bool(answer)
