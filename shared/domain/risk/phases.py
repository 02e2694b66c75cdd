"""The plan's ramp as a persisted state machine."""

from collections.abc import Sequence

from msgspec import Struct

from shared.domain.risk.state import RiskState
from shared.messages.base import Message
from shared.messages.portfolio import PortfolioMarked

PHASE_RECORDS: dict[str, type[Struct]] = {}


class Phases:
    """Gathers the evidence for each promotion, proposes it, and demotes by drawdown."""

    def __init__(self, state: RiskState) -> None:
        self._state = state

    def marked(self, snapshot: PortfolioMarked) -> Sequence[Message]:
        """After every snapshot of the portfolio."""
        return ()
