"""An entry that some service could not handle: what depends on it is halted until an operator has looked."""

from collections.abc import Sequence

from msgspec import Struct

from shared.domain.risk.gate.refusals import Refusals
from shared.domain.risk.halt_actions import HaltActions
from shared.domain.risk.state.halts import NewHalt
from shared.domain.risk.state.pair_aliases import trading_name
from shared.domain.risk.state.state import RiskState
from shared.messages.base import Message
from shared.messages.catalogue import EXECUTED, topic_of_key
from shared.messages.dead_letter import EntrySetAside

SET_ASIDE = "set_aside"
REMEMBERED = 500


class HaltedFor(Struct, frozen=True, kw_only=True):
    """An entry that was halted for: it halts once, however often it is reported, for an operator may have resumed."""

    time_ns: int


SET_ASIDE_RECORDS: dict[str, type[Struct]] = {SET_ASIDE: HaltedFor}


class SetAsideHalts:
    """Halts the pair that an entry was about, and answers whoever proposed it.

    Without a pair, or when a fill is missing, it halts the portfolio. Cash, NAV and heat are sums over all fills, so
    one that is missing makes all of them wrong.
    """

    def __init__(self, state: RiskState, halt_actions: HaltActions, refusals: Refusals) -> None:
        self._state, self._halt_actions, self._refusals = state, halt_actions, refusals

    def on_set_aside(self, passed_over: EntrySetAside) -> Sequence[Message]:
        """Begin the halt. What has no entry goes on failing, so that its halt begins anew when it was ended."""
        if passed_over.portfolio not in ("", self._state.portfolio):
            return ()
        if passed_over.entry and not self._is_news(passed_over):
            return ()
        what = " ".join(filter(None, (passed_over.message, passed_over.entry, "of", passed_over.source)))
        begun = self._halt_actions.begin(
            passed_over,
            NewHalt(
                symbol=self._scope(passed_over),
                trigger="set_aside",
                reason=f"{passed_over.service} could not handle {what}",
                evidence=passed_over.reason,
                renew=bool(passed_over.entry),
            ),
        )
        return [*self._refusals.failed(passed_over), *begun]

    def _scope(self, passed_over: EntrySetAside) -> str:
        symbol = trading_name(self._state, passed_over.symbol) if passed_over.symbol else ""
        if topic_of_key(passed_over.source) is EXECUTED or self._state.heat.pair(symbol) is None:
            return ""
        return symbol

    def _is_news(self, passed_over: EntrySetAside) -> bool:
        records = self._state.records
        if records.get(SET_ASIDE, passed_over.id, HaltedFor) is not None:
            return False
        records.put(SET_ASIDE, passed_over.id, HaltedFor(time_ns=passed_over.time_ns))
        if records.count(SET_ASIDE) > REMEMBERED:
            oldest = min(records.rows(SET_ASIDE, HaltedFor), key=lambda row: (row[1].time_ns, row[0]))
            records.delete(SET_ASIDE, oldest[0])
        return True
