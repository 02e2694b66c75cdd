"""Sales at the gate: under which order of heatsink's a sale is booked that freqtrade has sent.

freqtrade sells whatever heatsink says, so a sale is a fact that only has to find its approval. Where heatsink itself
is selling the position (it flattens, or reduces heat), it refuses ours, for nothing is left to sell. Then ours is
booked as heatsink's own; and where that does not fit, heatsink's is taken back, and ours is proposed once more.
"""

import logging
from dataclasses import replace
from decimal import Decimal

from heatsink_client import Gate, Verdict

from heatsink_freqtrade.journal import Journal, Row, Wish

LOG = logging.getLogger(__name__)
ATTEMPTS = 5  # at one sale, in as many rounds; once more at every start


class Sales:
    def __init__(self, gate: Gate, journal: Journal) -> None:
        self._gate, self._journal = gate, journal

    def propose(self, row: Row, *, timeout: float | None = None) -> Verdict:
        """Never more than is held, so the gate lets it pass whatever is halted."""
        limit = row.limit_price or None
        return self._gate.propose(
            row.pair, "sell", row.quantity, limit_price=limit, id=row.id, reduce_only=True, timeout=timeout
        )

    def is_wanted(self, pair: str) -> bool:
        """Whether heatsink wants it sold, and freqtrade has not sent that yet, or has not sold all of it."""
        return bool(self._journal.wishes("sell", pair) or self._journal.wishes("left", pair))

    def as_heatsinks(self, row: Row) -> Row | None:
        """The row as heatsink's own sale of the pair, if that is large enough. Nobody is asked for it.

        heatsink's wish stays until freqtrade has the order: it may fail to place one, and has to try again then.
        """
        for wish in self._journal.wishes("sell", row.pair):
            if Decimal(wish.quantity) >= Decimal(row.quantity):
                taken = replace(row, id=wish.id, approved=wish.quantity, limit_price="", is_rejected=0, reason="")
                self._journal.put(taken)
                if row.order_id:
                    self._journal.grant(wish.id)
                return taken
        return None

    def is_waiting(self, row: Row) -> bool:
        """Whether freqtrade goes on trying to place this sale of heatsink's."""
        return any(wish.id == row.id for wish in self._journal.wishes("sell", row.pair))

    def placed(self, row: Row) -> None:
        """freqtrade has the order."""
        if self.is_waiting(row):
            self._journal.grant(row.id)

    def left_over(self, row: Row) -> None:
        """A sale of heatsink's has ended before all was sold: freqtrade sells the rest by an order of its own."""
        is_heatsinks = not row.id.startswith("ft-")
        if is_heatsinks and all(wish.id != row.id for wish in self._journal.wishes("cancel", row.pair)):
            self._journal.put(Wish(id=f"left-{row.id}", pair=row.pair, what="left", reason=row.reason))

    def again(self, row: Row, reason: str) -> Row:
        """The row under another id: this one was sent, and its own does not cover it."""
        instead = self.as_heatsinks(row)
        if instead is None:
            for wish in self._journal.wishes("sell", row.pair):
                self.take_back(wish, "freqtrade sold it by an order of its own")
            name = _next(row.id)
            is_last = int(name.rpartition("-")[2]) > ATTEMPTS
            instead = replace(row, id=name, approved=None, limit_price="", is_rejected=0, reason=reason)
            instead = replace(instead, state="stuck" if is_last else "open")
            self._journal.put(instead)
            tell = LOG.error if is_last else LOG.warning
            more = "it is tried again at the next start" if is_last else "it is proposed again"
            tell("%s: heatsink does not book the sale of %s: %s; %s", row.pair, row.quantity, reason, more)
        self._journal.change(row, order_id="", state="over", reason=reason)
        return instead

    def take_back(self, wish: Wish, reason: str) -> None:
        """Say that nobody will execute it. Where that is not answered, it is said again in a later round."""
        if self._gate.report_closed(wish.id, wish.pair, "cancelled", quantity_filled=0, reason=reason).is_known:
            self._journal.grant(wish.id)


def _next(name: str) -> str:
    """Of the attempt that follows: ``ft-x-ETHUSDT-1780000000000``, then with ``-2`` behind it, ``-3``, and so on."""
    before, _, number = name.rpartition("-")
    return f"{before}-{int(number) + 1}" if len(number) < 3 and number.isdecimal() else f"{name}-2"
