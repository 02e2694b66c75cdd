"""What sizes are made of besides the market: NAV, the phase's scale, and the active limits."""

from msgspec import Struct
from msgspec.structs import replace

from shared.domain.active_limits import ActiveLimits, active_limits, with_changes
from shared.domain.machine import Records
from shared.domain.plan import Plan
from shared.domain.sizing.size import Account
from shared.messages.portfolio import LimitsChanged, PhaseChanged, PortfolioMarked

ACCOUNT, LIMITS = "account", "limits"


class AccountKnown(Struct, frozen=True):
    """What is known of the account.

    nav_usdt: None before the first ``PortfolioMarked``.
    phase: the one in force; empty before the first ``PortfolioMarked``.
    time_ns: market time of the snapshot that said so.
    live_from_ns: market time at which the first current bar ever closed, 0 before it. Bars that closed earlier are
        history.
    changed_ns: market time of the last ``PhaseChanged``; 0 before it.
    """

    nav_usdt: float | None = None
    phase: str = ""
    time_ns: int = 0
    live_from_ns: int = 0
    changed_ns: int = 0


ACCOUNT_RECORDS: dict[str, type[Struct]] = {ACCOUNT: AccountKnown, LIMITS: ActiveLimits}


class AccountTracker:
    """What the next size is computed with.

    current: NAV and the phase's scale, as of the last message.
    limits: the active limits.
    """

    def __init__(self, records: Records, plan: Plan) -> None:
        self._records, self._plan = records, plan
        self._scales = {phase.name: phase.scale for phase in plan.phases}
        self._known = AccountKnown()
        self.current = Account(None, plan.scale)
        self.limits = plan.limits

    def restore(self) -> None:
        """Begin from the records."""
        self.limits = active_limits(self._records.get(LIMITS, "", ActiveLimits), self._plan.limits)
        self._take(self._records.get(ACCOUNT, "last", AccountKnown) or AccountKnown())

    @property
    def live_from_ns(self) -> int:
        """Market time at which the first current bar closed; 0 before it."""
        return self._known.live_from_ns

    def go_live(self, time_ns: int) -> None:
        """The first current bar closed at that time."""
        self._know(replace(self._known, live_from_ns=time_ns))

    def take_snapshot(self, marked: PortfolioMarked) -> bool:
        """Take NAV and phase from a snapshot; says whether NAV became known with that for the first time."""
        known = self._known  # from an earlier entry of the same stream, whatever the times say: clocks are set back
        is_first = known.nav_usdt is None
        phase = marked.phase if marked.time_ns > known.changed_ns else known.phase  # not from before the change
        if is_first or marked.nav != known.nav_usdt or phase != known.phase:
            self._know(replace(known, nav_usdt=marked.nav, phase=phase, time_ns=marked.time_ns))
        return is_first

    def change_phase(self, changed: PhaseChanged) -> None:
        """Another phase is in force, and the next size follows its scale."""
        self._know(replace(self._known, phase=changed.phase, changed_ns=changed.time_ns))

    def change_limits(self, changed: LimitsChanged) -> None:
        """Keep sizes to the limits that the gate holds orders to. Raises ``msgspec.ValidationError`` for none."""
        self.limits = with_changes(self.limits, changed.new)
        self._records.put(LIMITS, "", ActiveLimits(limits=self.limits, file_limits=self._plan.limits))

    def _know(self, known: AccountKnown) -> None:
        self._records.put(ACCOUNT, "last", known)
        self._take(known)

    def _take(self, known: AccountKnown) -> None:
        self._known = known
        self.current = Account(known.nav_usdt, self._scales.get(known.phase, self._plan.scale))
