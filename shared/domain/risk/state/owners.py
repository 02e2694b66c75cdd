"""Which part of each position is which client's, so that each is held to its own share of heat.

A position is one, whoever bought it: it has one stop, and a stop or an operator sells all of it. Only its risk is
divided, by the fractions that clients bought. What nobody with bounds bought is nobody's: of sizing, brought in.
"""

from msgspec import Struct

from shared.domain.machine import Records
from shared.domain.portfolio.heat import Heat

OWNERS = "owners"
LEAST = 1e-9  # of a position; what float sums leave of nothing


class Owned(Struct, frozen=True):
    """parts: by client, the fraction of a position that is its own."""

    parts: dict[str, float]


OWNER_RECORDS: dict[str, type[Struct]] = {OWNERS: Owned}


class Owners:
    """The parts of clients over a machine's records, mirrored in ``Heat``."""

    def __init__(self, records: Records, heat: Heat) -> None:
        self._records, self._heat = records, heat

    def parts(self, symbol: str) -> dict[str, float]:
        """By client, the fraction of a pair's position that is its own."""
        owned = self._records.get(OWNERS, symbol, Owned)
        return owned.parts if owned is not None else {}

    def traded(self, symbol: str, client: str, before: float, after: float) -> None:
        """A position changed. client: who proposed that; empty for a stop, an operator, or the stack itself."""
        parts = self.parts(symbol)
        if not parts and not (client and after > before):
            return
        amounts = {name: part * before for name, part in parts.items()}
        if after > before:
            if client:
                amounts[client] = amounts.get(client, 0.0) + after - before
        else:
            _sell(amounts, client, before, before - after)
        shown = {name: amount / after for name, amount in amounts.items()} if after > 0.0 else {}
        self._put(symbol, {name: min(1.0, part) for name, part in shown.items() if part > LEAST})

    def renamed(self, old: str, new: str) -> None:
        """A position goes by another name now."""
        if parts := self.parts(old):
            self._put(old, {})
            self._put(new, parts)

    def mirror(self, symbol: str, *, is_held: bool) -> None:
        """Let the totals of heat follow. Of what is not held (any more) nobody has a part."""
        if not is_held and self.parts(symbol):
            self._put(symbol, {})
        if (pair := self._heat.pair(symbol)) is not None:
            self._heat.set_parts(pair, self.parts(symbol))

    def _put(self, symbol: str, parts: dict[str, float]) -> None:
        if parts:
            self._records.put(OWNERS, symbol, Owned(parts))
        else:
            self._records.delete(OWNERS, symbol)


def _sell(amounts: dict[str, float], client: str, held: float, sold: float) -> None:
    """A client sells its own first. What more is sold, and what nobody's order sold, is taken from all alike."""
    own = min(amounts.get(client, 0.0), sold)
    if own:
        amounts[client] -= own
    others, rest = held - amounts.get(client, 0.0) - own if client else held, sold - own
    if rest <= 0.0 or others <= 0.0:
        return
    left = max(0.0, others - rest) / others
    for name in amounts:
        if name != client:
            amounts[name] *= left
