"""The halts that sizing knows of. No purchase is proposed in a pair while it is halted.

The gate would reject it anyhow; this only keeps proposals with a known answer off the wire. The halts are those of
``risk/state/halts.py``, by scope and trigger, as the messages report them.
"""

from msgspec import Struct

from shared.domain.machine import Records
from shared.domain.universe import PairNames
from shared.messages.halts import Halted, Resumed

HALT = "halt"
PORTFOLIO = ""


HALT_RECORDS: dict[str, type[Struct]] = {HALT: Halted}


class KnownHalts:
    """The halts, by scope. A pair may be under several at once: its own, by any of its names, and the portfolio's."""

    def __init__(self, records: Records, names: PairNames) -> None:
        self._records, self._names = records, names
        self._halted: dict[str, set[str]] = {}

    def restore(self) -> None:
        """Begin from the records."""
        self._halted = {}
        for name, halt in self._records.rows(HALT, Halted):
            if (scope := self.scope_of(halt.symbol)) is not None:
                self._halted.setdefault(scope, set()).add(name)

    def scope_of(self, symbol: str) -> str | None:
        """The pair's newest name; empty for the portfolio, None for a pair that is not in the universe."""
        if not symbol:
            return PORTFOLIO
        named = self._names.get(symbol)
        return None if named is None else named.pair

    def is_halted(self, pair: str) -> bool:
        """Whether a halt keeps purchases out of the pair."""
        return bool(self._halted) and (PORTFOLIO in self._halted or pair in self._halted)

    def doubted(self) -> tuple[str, ...]:
        """The pairs of which execution said what risk does not believe."""
        return tuple(pair for pair, names in self._halted.items() if pair and any(map(_is_of_false_fill, names)))

    def begin(self, halted: Halted) -> None:
        """Take in a halt. One that comes again was prolonged or made stricter, so it is known already."""
        scope, name = self.scope_of(halted.symbol), _name(halted)
        if scope is None or name in self._halted.get(scope, ()):
            return
        self._halted.setdefault(scope, set()).add(name)
        self._records.put(HALT, name, halted)

    def end(self, resumed: Resumed) -> bool:
        """Take in the end of a halt; says whether the halt was known."""
        scope, name = self.scope_of(resumed.symbol), _name(resumed)
        if scope is None or name not in self._halted.get(scope, ()):
            return False
        self._halted[scope].discard(name)
        if not self._halted[scope]:
            del self._halted[scope]
        self._records.delete(HALT, name)
        return True


def _name(message: Halted | Resumed) -> str:
    return f"{message.symbol}|{message.trigger}"


def _is_of_false_fill(name: str) -> bool:
    return name.rpartition("|")[2] == "false_fill"
