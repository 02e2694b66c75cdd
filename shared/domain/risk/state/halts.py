"""Halts in force, by scope and trigger: of the portfolio (under the empty symbol) or of a pair. They survive restarts.

One scope may be halted by several triggers at once; lifting one leaves the others.
"""

from collections.abc import Sequence

from msgspec import Struct

from shared.domain.machine import Records
from shared.messages.base import LAST_NS, Message, derived_id, truncate
from shared.messages.halts import ClearedBy, Halted, HaltMode, ResumeAsked, Resumed, Trigger

HALT, RESUME_ASKED = "halt", "resume_asked"
HALT_RECORDS: dict[str, type[Struct]] = {HALT: Halted, RESUME_ASKED: ResumeAsked}
NEVER_NS = LAST_NS + 1
STRICTNESS: tuple[ClearedBy, ...] = ("time", "operator", "condition", "two_steps")


class NewHalt(Struct, frozen=True, kw_only=True):
    """A halt to begin.

    symbol: what to halt; empty for the portfolio.
    trigger, reason, evidence, who: why, and by whom.
    mode: how strictly.
    until_ns: market time at which it ends by itself; 0 for no end by time.
    cleared_by: who or what may end it.
    renew: there is new evidence, so the halt is published again although it is in force already.
    since_ns: market time at which it began; 0 for now.
    awaited: the missing feed was never there, so nothing was lost.
    """

    symbol: str
    trigger: Trigger
    reason: str
    evidence: str = ""
    mode: HaltMode = "reducing"
    until_ns: int = 0
    cleared_by: ClearedBy = "operator"
    who: str = "risk"
    renew: bool = False
    since_ns: int = 0
    awaited: bool = False


class Halts:
    """The halts in force. ``begin`` and ``end`` give out the message that says so, and nothing when nothing changed."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self._in_force: dict[str, dict[Trigger, Halted]] = {}
        self._next_end_ns = NEVER_NS

    def rebuild(self) -> None:
        """Begin from the records."""
        self._in_force = {}
        for _, halt in self._records.rows(HALT, Halted):
            self._keep(halt)
        self._note_end()

    # --- what is in force -----------------------------------------------------------------------------------------

    def find(self, symbol: str) -> Halted | None:
        """A halt that keeps new risk out of this pair, the portfolio's first, the oldest first; None without one."""
        if not self._in_force:
            return None
        for scope in ("", symbol):
            for halt in self._in_force.get(scope, {}).values():
                return halt
        return None

    def get(self, symbol: str, trigger: Trigger) -> Halted | None:
        """The halt of a scope and trigger; None without one."""
        return self._in_force.get(symbol, {}).get(trigger)

    def of(self, symbol: str) -> list[Halted]:
        """All halts of exactly this scope, oldest first."""
        return list(self._in_force.get(symbol, {}).values())

    def all(self) -> list[Halted]:
        """Every halt in force, by scope, oldest first."""
        return [halt for _, halts in sorted(self._in_force.items()) for halt in halts.values()]

    # --- changes --------------------------------------------------------------------------------------------------

    def begin(self, cause: Message, new: NewHalt) -> Sequence[Halted]:
        """Stop new risk.

        A halt of the same scope and trigger is renewed by a later end, a stricter mode, or ``renew``. It never ends
        earlier or becomes milder by that.
        """
        mode, until_ns, cleared_by, since_ns = new.mode, new.until_ns, new.cleared_by, new.since_ns or cause.time_ns
        earlier = self.get(new.symbol, new.trigger)
        if earlier is not None:
            stricter = earlier.mode == "reducing" and mode == "halted"
            if not new.renew and not stricter and _end(until_ns) <= _end(earlier.until_ns):
                return ()
            since_ns = min(since_ns, earlier.since_ns or earlier.time_ns)
            mode = "halted" if earlier.mode == "halted" else mode
            until_ns = max((until_ns, earlier.until_ns), key=_end)
            cleared_by = max((cleared_by, earlier.cleared_by), key=STRICTNESS.index)
        halted = Halted(
            id=derived_id("halted", cause.id, new.symbol, new.trigger),
            cause=cause.id,
            trace=cause.trace_id,
            time_ns=cause.time_ns,
            symbol=new.symbol,
            mode=mode,
            reason=truncate(new.reason),
            until_ns=min(until_ns, LAST_NS),
            who=new.who,
            trigger=new.trigger,
            evidence=truncate(new.evidence),
            cleared_by=cleared_by,
            since_ns=since_ns,
            awaited=new.awaited,
        )
        self._records.put(HALT, f"{new.symbol}|{new.trigger}", halted)
        self._keep(halted)
        self._note_end()
        return (halted,)

    def end(
        self, cause: Message, symbol: str, trigger: Trigger, *, reason: str, who: str = "risk"
    ) -> Sequence[Resumed]:
        """End one halt; nothing where there is none."""
        halted = self._in_force.get(symbol, {}).pop(trigger, None)
        if halted is None:
            return ()
        if not self._in_force[symbol]:
            del self._in_force[symbol]
        self._records.delete(HALT, f"{symbol}|{trigger}")
        self._note_end()
        return (
            Resumed(
                id=derived_id("resumed", halted.id, cause.id),
                cause=cause.id,
                trace=halted.trace,
                time_ns=cause.time_ns,
                symbol=symbol,
                reason=truncate(reason),
                held_ns=max(0, cause.time_ns - (halted.since_ns or halted.time_ns)),
                who=who,
                trigger=trigger,
            ),
        )

    def expire(self, cause: Message) -> Sequence[Resumed]:
        """End the halts whose time has come."""
        if cause.time_ns < self._next_end_ns:
            return ()
        ended: list[Resumed] = []
        for halt in self.all():
            if _end(halt.until_ns) <= cause.time_ns:
                ended += self.end(cause, halt.symbol, halt.trigger, reason="the halt's time is over")
        return ended

    def _keep(self, halt: Halted) -> None:
        """Each scope's halts stand in order of age: which one is named first must be the same after a restart."""
        scope = {**self._in_force.get(halt.symbol, {}), halt.trigger: halt}
        self._in_force[halt.symbol] = dict(sorted(scope.items(), key=_age))

    def _note_end(self) -> None:
        self._next_end_ns = min((_end(halt.until_ns) for halt in self.all()), default=NEVER_NS)

    # --- the first step of a resume in two --------------------------------------------------------------------------

    def pending_resume(self, symbol: str) -> ResumeAsked | None:
        """The first step of a resume that takes two, as it was asked for last; None when there was none."""
        return self._records.get(RESUME_ASKED, symbol, ResumeAsked)

    def put_pending_resume(self, asked: ResumeAsked) -> None:
        """Keep the first step of a resume."""
        self._records.put(RESUME_ASKED, asked.symbol, asked)

    def drop_pending_resume(self, symbol: str) -> None:
        """Forget it: the second step was taken."""
        self._records.delete(RESUME_ASKED, symbol)


def _end(until_ns: int) -> int:
    """0 stands for no end by time."""
    return until_ns or NEVER_NS


def _age(item: tuple[Trigger, Halted]) -> tuple[int, Trigger]:
    trigger, halt = item
    return halt.since_ns or halt.time_ns, trigger
