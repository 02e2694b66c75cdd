"""Stops: where heatsink counts on one, freqtrade has it, and heatsink hears of it.

freqtrade's stop is the one that sells. ``custom_stoploss`` never lets it rest below what heatsink has approved. What
freqtrade raises by itself is proposed, and counts in heatsink once it is approved and reported. With
``stoploss_on_exchange`` freqtrade leaves all of it to the exchange: what counts then is the order that rests there.
"""

import logging
from dataclasses import replace
from decimal import Decimal

from heatsink_client import Answer, Gate
from heatsink_client.messages import StopApproved, StopPlaced

from heatsink_freqtrade.books import Books, BotTrade
from heatsink_freqtrade.journal import Journal, Stop

LOG = logging.getLogger(__name__)


class Stops:
    def __init__(self, gate: Gate, journal: Journal, books: Books) -> None:
        self._gate, self._journal, self._books = gate, journal, books

    def approved(self, pair: str) -> Decimal | None:
        """Below which the stop of a pair must not rest; None where heatsink knows of nothing."""
        stop = self._journal.stop(pair)
        return Decimal(stop.approved) if stop.approved else None

    def allow(self, pair: str, price: Decimal) -> None:
        """heatsink has approved a stop there, or asks for one."""
        stop = self._journal.stop(pair)
        if price > Decimal(stop.approved or 0):
            self._journal.put(replace(stop, approved=str(price)))

    def named(self, pair: str, order_id: str) -> None:
        """heatsink has said under which order the stop of a pair fills."""
        self._journal.put(replace(self._journal.stop(pair), id=order_id))

    def round(self) -> None:
        held = {trade.pair for trade in self._books.trades()}
        for pair in self._journal.pairs_with_stops() - held - self._journal.pairs_with_untold_stops():
            self._journal.forget_stop(pair)
        for trade in self._books.trades():
            if trade.amount > 0 and self.approved(trade.pair) is not None:
                self._raise(trade)
                self._tell(trade)

    def _raise(self, trade: BotTrade) -> None:
        """Propose where freqtrade has raised it to."""
        stands = self._books.tick(trade.pair, trade.stop_loss, up=False)
        if stands <= (self.approved(trade.pair) or 0):
            return
        answer = self._gate.raise_stop(trade.pair, stands)
        if answer:
            approved = answer.message
            self.allow(trade.pair, approved.stop_price if isinstance(approved, StopApproved) else stands)

    def _tell(self, trade: BotTrade) -> None:
        stop = self._journal.stop(trade.pair)
        rests_at = trade.stop_loss if trade.at_exchange is None else trade.at_exchange
        if rests_at >= float(stop.approved):  # else custom_stoploss raises it first
            self.tell(trade.pair, trade.amount)
        elif trade.at_exchange is not None and stop.told and rests_at < float(stop.told):
            self._tell_missing(trade, stop)

    def _tell_missing(self, trade: BotTrade, stop: Stop) -> None:
        """The exchange has no stop any more: freqtrade could not place it anew, or is selling."""
        LOG.warning("%s: no stop rests at the exchange where heatsink counts on one, at %s", trade.pair, stop.told)
        answer = self._gate.report_stop(trade.pair, stop.told, trade.amount, working=False)
        if answer or answer.code == "nothing_held":
            self._journal.put(replace(stop, told=""))

    def bought(self, pair: str, quantity: Decimal) -> None:
        """The stop of a purchase. At the exchange it is placed in freqtrade's next loop, and told after that."""
        if not self._books.stops_at_exchange:
            self.tell(pair, quantity)

    def tell(self, pair: str, quantity: Decimal) -> None:
        """Report the stop of what is held."""
        stop = self._journal.stop(pair)
        if not stop.approved or (stop.told, stop.quantity) == (stop.approved, str(quantity)):
            return
        answer = self._gate.report_stop(pair, stop.approved, quantity)
        if answer:
            told = replace(stop, told=stop.approved, quantity=str(quantity))
            self._journal.put(replace(told, id=_id_in(answer) or stop.id))
        elif answer.is_known:
            LOG.warning("%s: heatsink does not take the stop at %s: %s", pair, stop.approved, answer.reason)


def _id_in(answer: Answer) -> str:
    return answer.message.order_id if isinstance(answer.message, StopPlaced) else ""


def after_purchase(stop: Stop, price: str) -> Stop:
    """It rests at the higher of both, and has to be told anew: heatsink names it, which may be another one now."""
    return replace(stop, approved=str(max(Decimal(stop.approved or 0), Decimal(price))), told="", id="")
