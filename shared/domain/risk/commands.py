"""What operators may order: halts, resumes, flattening, limits, phases."""

from collections.abc import Sequence

from shared.domain.risk.limit_changes import LimitChanges
from shared.domain.risk.operators import Operators
from shared.domain.risk.phases import Phases
from shared.domain.risk.state import RiskState
from shared.messages.base import Message
from shared.messages.control import ApprovePhase, Flatten, Halt, Resume, SetLimits, SetPhase
from shared.messages.orders import OrderClosed


class Commands:
    """Each command carries who and why, and is answered by a message: what changed, or why nothing did."""

    def __init__(self, state: RiskState, operators: Operators, phases: Phases) -> None:
        self._operators, self._phases = operators, phases
        self._limits = LimitChanges(state)

    def halt(self, command: Halt) -> Sequence[Message]:
        return self._operators.halt(command)

    def resume(self, command: Resume) -> Sequence[Message]:
        return self._operators.resume(command)

    def flatten(self, command: Flatten) -> Sequence[Message]:
        return self._operators.flatten(command)

    def closed(self, closed: OrderClosed) -> Sequence[Message]:
        """An order ended for which a command may have waited."""
        return self._operators.closed(closed)

    def begun(self, cause: Message) -> Sequence[Message]:
        """With every snapshot's time: the configuration may be another one than before the start."""
        return self._limits.begun(cause)

    def set_limits(self, command: SetLimits) -> Sequence[Message]:
        return self._limits.set(command)

    def set_phase(self, command: SetPhase) -> Sequence[Message]:
        return self._phases.set(command)

    def approve_phase(self, command: ApprovePhase) -> Sequence[Message]:
        return self._phases.approve(command)
