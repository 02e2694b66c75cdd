"""Halts in force, by scope and trigger: of the portfolio (under the empty symbol) or of a pair. They survive restarts.

One scope may be halted by several triggers at once; lifting one leaves the others.
"""

from collections.abc import Sequence

from msgspec import Struct

from shared.domain.machine import Records
from shared.messages.base import Message, derived_id
from shared.messages.portfolio import ClearedBy, Halted, HaltMode, Resumed, Trigger

HALT = "halt"
HALT_RECORDS: dict[str, type[Struct]] = {HALT: Halted}


class Halts:
    """``begin`` and ``end`` give out the message that says so, and nothing when nothing changed."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self._in_force: dict[str, dict[Trigger, Halted]] = {}

    def rebuild(self) -> None:
        self._in_force = {}
        for _, halt in self._records.rows(HALT, Halted):
            self._in_force.setdefault(halt.symbol, {})[halt.trigger] = halt

    # --- what is in force -----------------------------------------------------------------------------------------

    def over(self, symbol: str) -> Halted | None:
        """A halt that keeps new risk out of this pair, the portfolio's first; None when there is none."""
        if not self._in_force:
            return None
        for scope in ("", symbol):
            for halt in self._in_force.get(scope, {}).values():
                return halt
        return None

    def get(self, symbol: str, trigger: Trigger) -> Halted | None:
        return self._in_force.get(symbol, {}).get(trigger)

    def of(self, symbol: str) -> list[Halted]:
        """All halts of exactly this scope."""
        return list(self._in_force.get(symbol, {}).values())

    def all(self) -> list[Halted]:
        return [halt for halts in self._in_force.values() for halt in halts.values()]

    # --- changes --------------------------------------------------------------------------------------------------

    def begin(
        self,
        cause: Message,
        *,
        symbol: str,
        trigger: Trigger,
        reason: str,
        mode: HaltMode = "reducing",
        evidence: str = "",
        until_ns: int = 0,
        cleared_by: ClearedBy = "operator",
        who: str = "risk",
    ) -> Sequence[Halted]:
        """Stop new risk. A halt of the same scope and trigger is renewed only by a later end or a stricter mode."""
        earlier = self.get(symbol, trigger)
        if earlier is not None and until_ns <= earlier.until_ns and (earlier.mode == "halted" or mode == "reducing"):
            return ()
        halted = Halted(
            id=derived_id("halted", cause.id, symbol, trigger),
            cause=cause.id,
            trace=cause.trace or cause.id,
            time_ns=cause.time_ns,
            symbol=symbol,
            mode=mode,
            reason=reason[:1024],
            until_ns=until_ns,
            who=who,
            trigger=trigger,
            evidence=evidence[:1024],
            cleared_by=cleared_by,
        )
        self._records.put(HALT, f"{symbol}|{trigger}", halted)
        self._in_force.setdefault(symbol, {})[trigger] = halted
        return (halted,)

    def end(
        self, cause: Message, symbol: str, trigger: Trigger, *, reason: str, who: str = "risk"
    ) -> Sequence[Resumed]:
        """Lift one halt."""
        halted = self._in_force.get(symbol, {}).pop(trigger, None)
        if halted is None:
            return ()
        if not self._in_force[symbol]:
            del self._in_force[symbol]
        self._records.delete(HALT, f"{symbol}|{trigger}")
        return (
            Resumed(
                id=derived_id("resumed", halted.id, cause.id),
                cause=cause.id,
                trace=halted.trace,
                time_ns=cause.time_ns,
                symbol=symbol,
                reason=reason[:1024],
                held_ns=max(0, cause.time_ns - halted.time_ns),
                who=who,
                trigger=trigger,
            ),
        )

    def expire(self, cause: Message) -> Sequence[Resumed]:
        """End the halts whose time has come."""
        over = [halt for halt in self.all() if halt.until_ns and halt.until_ns <= cause.time_ns]
        ended: list[Resumed] = []
        for halt in over:
            ended += self.end(cause, halt.symbol, halt.trigger, reason="the halt's time is over")
        return ended
