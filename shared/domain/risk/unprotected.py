"""What is held without a working stop, although one was approved: all of it is at risk, and its pair is halted.

No stop protects dust, so it halts nothing.
"""

from collections.abc import Sequence

from shared.domain.portfolio.renames import ledger_name
from shared.domain.risk.halt_actions import HaltActions
from shared.domain.risk.state.halts import NewHalt
from shared.domain.risk.state.pair_aliases import aliases_of, trading_name
from shared.domain.risk.state.state import RiskState
from shared.domain.risk.unpriced import holds_dust
from shared.messages.base import Message
from shared.messages.reports import ReportAwaited

TRIGGER = "unprotected"


class Unprotected:
    """Begins and ends these halts. They end once the stop rests, or nothing is held any more."""

    def __init__(self, state: RiskState, halt_actions: HaltActions) -> None:
        self._state, self._halt_actions = state, halt_actions

    def begin(self, overdue: ReportAwaited) -> Sequence[Message]:
        """A client did not report the stop of what it holds: the books count on none."""
        state = self._state
        symbol = ledger_name(state.ledger, state.universe, overdue.symbol).symbol
        if not self._can_be_protected(symbol):
            return ()
        state.ledger.drop_stop(symbol)
        state.follow_position(symbol)
        held = f"{symbol} is held without a working stop: {overdue.reason}"
        who = f"client {overdue.client} has to place it, and report it by StopReported"
        pair = trading_name(state, symbol)
        new = NewHalt(symbol=pair, trigger=TRIGGER, reason=f"{held}; {who}", mode="halted", cleared_by="condition")
        return self._halt_actions.begin(overdue, new)

    def end(self, cause: Message, symbol: str, reason: str) -> Sequence[Message]:
        """Its stop rests, or nothing is held; nothing follows where there was no such halt."""
        ended: list[Message] = []
        for name in aliases_of(self._state, symbol):
            ended += self._state.halts.end(cause, name, TRIGGER, reason=reason)
        return ended

    def end_if_sold(self, cause: Message, symbol: str) -> Sequence[Message]:
        """Of a pair of which something was sold or written off."""
        if self._can_be_protected(symbol):
            return ()
        is_left = self._state.ledger.position(symbol) is not None
        return self.end(
            cause, symbol, "what is left could not be sold" if is_left else "nothing is held of it any more"
        )

    def _can_be_protected(self, symbol: str) -> bool:
        """Whether anything is held that a stop could sell."""
        pair = self._state.heat.pair(symbol)
        return pair is not None and pair.quantity > 0.0 and not holds_dust(self._state, pair)
