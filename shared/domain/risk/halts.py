"""Halts in force: of the portfolio (under the empty symbol) or of a pair. They survive restarts."""

from collections.abc import Sequence

from msgspec import Struct, structs

from shared.domain.machine import Records
from shared.messages.base import Message, derived_id
from shared.messages.control import Halt, Resume
from shared.messages.portfolio import Halted, Resumed

HALT = "halt"
HALT_RECORDS: dict[str, type[Struct]] = {HALT: Halted}


class Halts:
    """``in_force`` is what the rules look at."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self.in_force: dict[str, Halted] = {}

    def rebuild(self) -> None:
        self.in_force = dict(self._records.rows(HALT, Halted))

    def begin(self, command: Halt) -> Sequence[Halted]:
        """Stop new risk; a second halt of the same scope takes the first one's place."""
        halted = Halted(
            id=derived_id("halted", command.id),
            cause=command.id,
            trace=command.trace or command.id,
            time_ns=command.time_ns,
            symbol=command.symbol,
            mode=command.mode,
            reason=command.reason,
            until_ns=command.until_ns,
            who=command.who,
        )
        self._records.put(HALT, halted.symbol, halted)
        self.in_force[halted.symbol] = halted
        return (halted,)

    def end(self, command: Resume) -> Sequence[Resumed]:
        return self._lift(command.symbol, command.id, command.time_ns, command.who, command.reason)

    def rename(self, old: str, new: str, cause: Message) -> Sequence[Halted | Resumed]:
        """A pair goes on under another name: so does its halt."""
        halted = self.in_force.get(old)
        if not old or halted is None or new in self.in_force:
            return ()
        moved = structs.replace(halted, id=derived_id("halted", halted.id, new), cause=cause.id, symbol=new)
        self._records.put(HALT, new, moved)
        self.in_force[new] = moved
        return (moved, *self._lift(old, cause.id, cause.time_ns, "risk", f"the pair is {new} now"))

    def expire(self, now_ns: int) -> Sequence[Resumed]:
        """End the halts whose time has come."""
        over = [halt for halt in self.in_force.values() if halt.until_ns and halt.until_ns <= now_ns]
        return [
            resumed
            for halt in over
            for resumed in self._lift(halt.symbol, halt.id, halt.until_ns, "risk", "the halt's time is over")
        ]

    def _lift(self, symbol: str, cause: str, time_ns: int, who: str, reason: str) -> Sequence[Resumed]:
        halted = self.in_force.pop(symbol, None)
        if halted is None:
            return ()
        self._records.delete(HALT, symbol)
        return (
            Resumed(
                id=derived_id("resumed", halted.id, cause),
                cause=cause,
                trace=halted.trace,
                time_ns=time_ns,
                symbol=symbol,
                reason=reason,
                held_ns=max(0, time_ns - halted.time_ns),
                who=who,
            ),
        )
