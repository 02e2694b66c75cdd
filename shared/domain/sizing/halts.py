"""The halts that sizing has heard of: no purchase is proposed in a pair while one is over it.

The gate would reject it anyhow; this only keeps questions with a known answer off the wire. The halts are those of
``risk/halts.py``, by scope and trigger, as the messages tell of them.
"""

from msgspec import Struct

from shared.domain.bars.series import PairNames
from shared.domain.machine import Records
from shared.messages.halts import Halted, Resumed

HALT = "halt"
PORTFOLIO = ""


HALT_RECORDS: dict[str, type[Struct]] = {HALT: Halted}


class HaltsHeard:
    """Several halts may be over a pair at once: its own, by any of its names, and the portfolio's."""

    def __init__(self, records: Records, names: PairNames) -> None:
        self._records, self._names = records, names
        self._over: dict[str, set[str]] = {}

    def restore(self) -> None:
        self._over = {}
        for name, halt in self._records.rows(HALT, Halted):
            if (scope := self.scope_of(halt.symbol)) is not None:
                self._over.setdefault(scope, set()).add(name)

    def scope_of(self, symbol: str) -> str | None:
        """The pair's newest name; empty for the portfolio, None for a pair that is not in the universe."""
        if not symbol:
            return PORTFOLIO
        named = self._names.get(symbol)
        return None if named is None else named.pair

    def is_halted(self, pair: str) -> bool:
        return bool(self._over) and (PORTFOLIO in self._over or pair in self._over)

    def begin(self, halted: Halted) -> None:
        """One that is begun again was prolonged or made stricter: it is in force already."""
        scope, name = self.scope_of(halted.symbol), _name(halted)
        if scope is None or name in self._over.get(scope, ()):
            return
        self._over.setdefault(scope, set()).add(name)
        self._records.put(HALT, name, halted)

    def end(self, resumed: Resumed) -> bool:
        """Whether that ended a halt which was known."""
        scope, name = self.scope_of(resumed.symbol), _name(resumed)
        if scope is None or name not in self._over.get(scope, ()):
            return False
        self._over[scope].discard(name)
        if not self._over[scope]:
            del self._over[scope]
        self._records.delete(HALT, name)
        return True


def _name(message: Halted | Resumed) -> str:
    return f"{message.symbol}|{message.trigger}"
