"""A server whose memory is nearly full: new risk waits, by name, before the server refuses what clients write."""

from collections.abc import Sequence

from shared.domain.risk.halt_actions import HaltActions
from shared.domain.risk.state.halts import NewHalt
from shared.domain.risk.state.state import RiskState
from shared.messages.base import MemoryMeasured, Message

MEMORY = "memory"
FULL, CLEAR = 0.9, 0.8  # of the server's bound


class MemoryHalt:
    """Halts the portfolio while the memory is nearly full. What only reduces risk goes on; it ends by itself."""

    def __init__(self, state: RiskState, halt_actions: HaltActions) -> None:
        self._state, self._halt_actions = state, halt_actions

    def on_measured(self, measured: MemoryMeasured) -> Sequence[Message]:
        """Begin the halt, or end it."""
        told = f"{measured.used:.0%} of maxmemory is in use"
        if measured.used >= FULL:
            reason = "the memory of the Redis server is nearly full: make room, or raise maxmemory"
            new = NewHalt(symbol="", trigger=MEMORY, reason=reason, evidence=told, cleared_by="condition")
            return self._halt_actions.begin(measured, new)
        if measured.used < CLEAR and self._state.halts.get("", MEMORY) is not None:
            return self._state.halts.end(measured, "", MEMORY, reason=told)
        return ()
