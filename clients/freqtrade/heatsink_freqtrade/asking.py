"""The questions of a strategy: how much may be bought, may this be sent, what is sold."""

import logging
import time
from decimal import Decimal
from pathlib import Path

from heatsink_client import Gate, GateError

from heatsink_freqtrade.books import Books
from heatsink_freqtrade.journal import Journal, Row
from heatsink_freqtrade.overheard import Overheard
from heatsink_freqtrade.sales import Sales
from heatsink_freqtrade.settling import Settling
from heatsink_freqtrade.stops import Stops

LOG = logging.getLogger(__name__)
ATTEMPTS = 9  # at one purchase on one candle
SLACK = 1e-9  # of a quantity: what floats may differ by
SALE_SECONDS = 1.0  # for which a sale waits to be heard of before it is sent


class Asking:
    """One bot at the gate. Every method may be called at any time; none lets an error of heatsink's out."""

    def __init__(self, gate: Gate, journal: Path, books: Books) -> None:
        self._gate, self._journal, self._books = gate, Journal(journal), books
        self.stops = Stops(gate, self._journal, books)
        self._sales = Sales(gate, self._journal)
        self._settling = Settling(gate, self._journal, books, self._sales)
        self._overheard = Overheard(gate, self._journal, books, self.stops, self._sales)
        self._is_open, self._has_begun, self._said = False, False, ""

    def close(self) -> None:
        self._journal.close()
        self._gate.close()

    def round(self) -> None:
        """Once in each of freqtrade's loops, before it decides anything: heatsink and freqtrade are brought together.

        Where that does not succeed, nothing is bought until it does.
        """
        with self._journal.locked():
            try:
                self._is_open = False
                if not self._has_begun:
                    self._settling.begin()
                    self._has_begun = True
                self._gate.portfolio()
                self._overheard.round()
                self._settling.round()
                self._overheard.let_go()
                self.stops.round()
                self._is_open = True
                self._say("")
            except GateError as error:
                self._say(f"heatsink does not answer, so nothing is bought: {error}")
            except Exception as error:
                LOG.exception("nothing is bought")
                self._say(f"nothing is bought: {error!r}")

    def _say(self, text: str) -> None:
        """Once for as long as it holds."""
        if text != self._said:
            if text:
                LOG.error(text)
            else:
                LOG.warning("heatsink answers again")
        self._said = text

    # --- purchases ----------------------------------------------------------------------------------------------------

    def stake(
        self, prefix: str, pair: str, stake: float, rate: float, *, least: float, stop: float, is_limit: bool
    ) -> float:
        """The part of a stake that may be spent. prefix: of the order's id, the same for as long as the reason is."""
        with self._journal.locked():
            try:
                return self._stake(prefix, pair, stake, rate, least=least, stop=stop, is_limit=is_limit)
            except Exception:
                LOG.exception("%s: nothing is bought", pair)
                return 0.0

    def _stake(
        self, prefix: str, pair: str, stake: float, rate: float, *, least: float, stop: float, is_limit: bool
    ) -> float:
        attempts = self._journal.attempts(prefix)
        if not self._is_open or not stake > 0 or len(attempts) >= ATTEMPTS:
            return 0.0
        if any(row.state != "over" for row in attempts) or any(row.is_rejected for row in attempts):
            return 0.0
        row = Row(
            id=f"{prefix}{len(attempts) + 1}",
            pair=pair,
            side="buy",
            quantity=f"{round(Decimal(stake / rate), 8):f}",
            limit_price=str(self._books.tick(pair, rate, up=True)) if is_limit else "",
            stop_price=str(self._books.tick(pair, stop, up=False)),
            asked=now(),
        )
        self._journal.put(row)
        verdict = self._gate.propose(
            pair, "buy", row.quantity, stop_price=row.stop_price, limit_price=row.limit_price or None, id=row.id
        )
        row = self._settling.take(row, verdict)
        allowed = min(stake, float(row.allowed) * rate)
        if verdict.verdict != "approve":
            LOG.warning("%s: %s of %s: %s", pair, verdict.verdict, row.quantity, verdict.reason)
        if allowed and allowed < least:  # freqtrade would buy its least amount instead
            LOG.warning("%s: %.2f is allowed, and freqtrade buys for %.2f at least", pair, allowed, least)
            allowed = 0.0
        if verdict and not allowed:
            self._settling.settle(row)
        return allowed

    def may_send(self, pair: str, amount: float) -> bool:
        """Whether this purchase was approved. Nothing else is bought."""
        with self._journal.locked():
            try:
                return self._may_send(pair, amount)
            except Exception:
                LOG.exception("%s: nothing is bought", pair)
                return False

    def _may_send(self, pair: str, amount: float) -> bool:
        asked = (row for row in self._journal.open_rows() if (row.pair, row.side, row.sent) == (pair, "buy", 0))
        row = next(asked, None)
        if row is None or not amount <= float(row.allowed) * (1 + SLACK):
            LOG.warning("%s: %s was not approved: not bought", pair, amount)
            return False
        self._journal.change(row, sent=1, asked=now())
        return True

    def filled(self, pair: str, order_id: str) -> None:
        """Report an order that has ended, and the stop of what it bought."""
        with self._journal.locked():
            try:
                self._settling.link()
                row = self._journal.row_of(pair, order_id)
                if row is None or row.state != "open" or not self._is_open:
                    return
                self._settling.settle(row)
                row = self._journal.row(row.id)
                if row is not None and row.side == "buy" and row.fill_quantity and row.state == "over":
                    self.stops.bought(pair, Decimal(row.fill_quantity))
            except Exception as error:  # noqa: BLE001 - whatever it is, freqtrade goes on
                self._is_open = False  # the next sale of this loop does not wait in vain as well
                LOG.warning("%s: reported in the next round: %s", pair, error)

    def is_cancelled(self, pair: str, order_id: str) -> bool:
        """Whether heatsink wants an order cancelled."""
        row = self._journal.row_of(pair, order_id)
        return row is not None and any(wish.id == row.id for wish in self._journal.wishes("cancel", pair))

    # --- sales --------------------------------------------------------------------------------------------------------

    def wants_sold(self, pair: str) -> bool:
        return self._sales.is_wanted(pair)

    def sell(self, pair: str, amount: float, rate: float, *, is_limit: bool) -> None:
        """Tell of a sale before it is sent. It is sent whatever comes back: what reduces risk always passes.

        It waits for nobody but the gate, for a moment, and for that only once in a loop: what else there is to say of
        it, and of what it takes the place of, is said in the next round.
        """
        with self._journal.locked():
            try:
                self._sell(pair, amount, rate, is_limit=is_limit)
            except Exception:
                LOG.exception("%s: sold without heatsink; it is told later", pair)

    def _sell(self, pair: str, amount: float, rate: float, *, is_limit: bool) -> None:
        quantity = str(Decimal(repr(float(amount))))
        others = [row for row in self._journal.open_rows() if (row.pair, row.side) == (pair, "sell")]
        if any((row.order_id, row.quantity) == ("", quantity) for row in others):
            return  # told before, and not sent yet
        asked = now()
        row = Row(
            id=f"ft-x-{pair.replace('/', '')[:14]}-{int(asked * 1000)}",
            pair=pair,
            side="sell",
            quantity=quantity,
            limit_price=str(self._books.tick(pair, rate, up=False)) if is_limit else "",
            sent=1,
            asked=asked,
        )
        if self._sales.as_heatsinks(row) is not None:
            return
        self._journal.put(row)
        if self._is_open and not others and not self.wants_sold(pair):
            verdict = self._sales.propose(row, timeout=SALE_SECONDS)
            self._is_open = verdict.is_known
            self._settling.take(row, verdict)


def now() -> float:
    """Seconds of the bot's clock."""
    return time.time()  # noqa: TID251 - the clock of freqtrade, which is what its orders are dated by
