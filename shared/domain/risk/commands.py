"""What operators may order: halts, resumes, flattening, limits, phases."""

from collections.abc import Sequence

from shared.domain.risk.gate import Gate
from shared.domain.risk.phases import Phases
from shared.domain.risk.state import RiskState
from shared.messages.base import Message
from shared.messages.control import ApprovePhase, Flatten, Halt, Resume, SetLimits, SetPhase


class Commands:
    """Each command carries who and why, and is answered by a message: what changed, or why nothing did."""

    def __init__(self, state: RiskState, gate: Gate, phases: Phases) -> None:
        self._state, self._gate, self._phases = state, gate, phases

    def halt(self, command: Halt) -> Sequence[Message]:
        return self._state.halts.begin(
            command,
            symbol=command.symbol,
            trigger="operator",
            reason=command.reason,
            mode=command.mode,
            until_ns=command.until_ns,
            who=command.who,
        )

    def resume(self, command: Resume) -> Sequence[Message]:
        ended: list[Message] = []
        for halt in self._state.halts.of(command.symbol):
            ended += self._state.halts.end(
                command, command.symbol, halt.trigger, reason=command.reason, who=command.who
            )
        return ended

    def flatten(self, command: Flatten) -> Sequence[Message]:
        return ()

    def set_limits(self, command: SetLimits) -> Sequence[Message]:
        return ()

    def set_phase(self, command: SetPhase) -> Sequence[Message]:
        return ()

    def approve_phase(self, command: ApprovePhase) -> Sequence[Message]:
        return ()
