"""What is kept of the ramp: the phase in force, what it has shown, and every step that led to it."""

from operator import itemgetter

from msgspec import Struct, structs

from shared.domain.plan import PhasePlan
from shared.domain.portfolio.performance import DailyFigures, DailyNavs, drawdown_of, figures_of
from shared.domain.risk.state.active_phase import ActivePhase, Entered
from shared.domain.risk.state.evidence import Evidence, evidence_in_words, exchange_fault, ramp_day
from shared.domain.risk.state.state import PHASE, RiskState
from shared.domain.timeframes import DAY_NS, HOUR_NS
from shared.messages.base import Message, derived_id, truncate
from shared.messages.portfolio import PhaseChanged, PortfolioMarked

DAYS, STEP = "phase_days", "phase_step"
CHANGES_KEPT, REFUSALS_KEPT = 80, 20  # counted apart, so that many refusals push out no change
REFUSED = "refused"


class PhaseStep(Struct, frozen=True, kw_only=True):
    """One proposal, change or refusal.

    at_ns: market time.
    what: how the phase was entered, or ``proposed``, or ``refused``.
    phase_before, phase: where it led from and to, or would have.
    who, reason: of whoever asked for it.
    evidence: what the phase had shown by then; None for the first step of all.
    answer: what came of it.
    """

    at_ns: int
    what: str
    phase_before: str
    phase: str
    who: str = "risk"
    reason: str = ""
    evidence: Evidence | None = None
    answer: str = ""


PHASE_RECORDS: dict[str, type[Struct]] = {DAYS: DailyNavs, STEP: PhaseStep}


class PhaseHistory:
    """What the phase in force has shown since it began, kept in the records."""

    def __init__(self, state: RiskState) -> None:
        self._state = state
        self._nav = 0.0
        self._summed = DailyNavs(), DailyFigures()

    def measure(self, snapshot: PortfolioMarked) -> None:
        """Take a snapshot into what the phase has shown. The first one of all begins the first phase."""
        state, now_ns = self._state, snapshot.time_ns
        self._nav = snapshot.nav
        phase = state.phase
        if not phase.since_ns:
            ramp_ns = state.plan.ramp.start_ns or now_ns
            phase = structs.replace(phase, since_ns=now_ns, ramp_ns=ramp_ns)
            name = phase.name
            step = PhaseStep(at_ns=now_ns, what="start", phase_before=name, phase=name, reason="a new portfolio")
            self.note(step)
        phase = _with_snapshot(phase, snapshot)
        if phase is not state.phase:
            self.keep(phase)
        days = self._days()
        if now_ns // DAY_NS > max(days.last_day, phase.since_ns // DAY_NS):  # the day it began on is not a whole one
            state.records.put(DAYS, "", days.with_nav(now_ns, snapshot.nav))

    def scale(self, ratio: float) -> None:
        """NAV changed by something that is no gain and no loss. Returns and drawdowns stay what they were."""
        phase, days = self._state.phase, self._days()
        self._nav *= ratio
        self.keep(structs.replace(phase, peak_nav_in_phase=phase.peak_nav_in_phase * ratio))
        if days.navs:
            self._state.records.put(DAYS, "", days.scaled(ratio))

    def evidence(self, now_ns: int, reviews: int | None = None) -> Evidence:
        """What the phase in force has shown so far."""
        return self._evidence(self._state.phase, self._nav, now_ns, reviews)

    def evidence_with(self, snapshot: PortfolioMarked) -> Evidence:
        """The same with a snapshot that was not measured yet."""
        return self._evidence(_with_snapshot(self._state.phase, snapshot), snapshot.nav, snapshot.time_ns)

    def _evidence(self, phase: ActivePhase, nav: float, now_ns: int, reviews: int | None = None) -> Evidence:
        planned, figures = self._state.plan.phase_named(phase.name), self._figures()
        since_ns = phase.since_ns or now_ns
        return Evidence(
            phase=phase.name,
            since_ns=since_ns,
            at_ns=now_ns,
            days=max(0, now_ns - since_ns) / DAY_NS,
            ramp_day=ramp_day(planned, since_ns, now_ns) if planned is not None else 0,
            drawdown=drawdown_of(phase.peak_nav_in_phase, nav) if nav else 0.0,
            worst_drawdown=phase.worst_drawdown,
            sharpe=figures.sharpe,
            returns=figures.returns,
            missed=figures.missed,
            breach_hours=phase.breach_hours,
            reviews=reviews,
        )

    def exchange_fault(self, phase: PhasePlan | None) -> str:
        """Why the phase may not run on this exchange; empty when it may, or when nobody knows the exchange."""
        state = self._state
        if phase is None or state.paper is None:
            return ""
        return str(
            exchange_fault(phase, paper=state.paper, rehearsal=state.rehearsal, clients=state.client_orders) or ""
        )

    def enter(
        self, cause: Message, to: PhasePlan, *, how: Entered, who: str, reason: str, evidence: Evidence
    ) -> PhaseChanged:
        """Enter a phase. What is measured begins anew with it."""
        state = self._state
        before, now_ns = state.phase, evidence.at_ns
        ramp_ns = before.ramp_ns or state.plan.ramp.start_ns or now_ns
        self.keep(ActivePhase(name=to.name, scale=to.scale, since_ns=now_ns, entered=how, ramp_ns=ramp_ns))
        state.records.put(DAYS, "", DailyNavs())
        self.note(
            PhaseStep(
                at_ns=now_ns,
                what=how,
                phase_before=before.name,
                phase=to.name,
                who=who,
                reason=reason,
                evidence=evidence,
                answer="entered",
            )
        )
        return PhaseChanged(
            id=derived_id("phase", state.portfolio, cause.id),
            cause=cause.id,
            trace=cause.trace_id,
            time_ns=now_ns,
            phase_before=before.name,
            phase=to.name,
            scale=to.scale,
            who=who,
            reason=truncate(reason),
            evidence=truncate(evidence_in_words(evidence)),
            rehearsal=state.rehearsal,
        )

    def note(self, step: PhaseStep) -> None:
        """Keep the step; the oldest of its kind goes when there are too many."""
        records, is_refusal = self._state.records, step.what == REFUSED
        kept = sorted(records.rows(STEP, PhaseStep), key=itemgetter(0))
        number = int(kept[-1][0]) + 1 if kept else 1
        alike = [name for name, each in kept if (each.what == REFUSED) is is_refusal]
        records.put(STEP, f"{number:08d}", step)
        most = REFUSALS_KEPT if is_refusal else CHANGES_KEPT
        for name in alike[: max(0, len(alike) + 1 - most)]:
            records.delete(STEP, name)

    def keep(self, phase: ActivePhase) -> None:
        """Let the phase be in force, and store it."""
        self._state.use_phase(phase)
        self._state.records.put(PHASE, "", phase)

    def _days(self) -> DailyNavs:
        return self._state.records.get(DAYS, "", DailyNavs) or DailyNavs()

    def _figures(self) -> DailyFigures:
        """Figures of the daily NAVs, computed once a day: every snapshot asks for them."""
        days = self._days()
        if days is not self._summed[0]:
            self._summed = days, figures_of(days)
        return self._summed[1]


def _with_snapshot(phase: ActivePhase, snapshot: PortfolioMarked) -> ActivePhase:
    """The phase with a snapshot taken into what it has shown; the same object when it shows nothing new."""
    peak = max(phase.peak_nav_in_phase, snapshot.nav)
    worst = max(phase.worst_drawdown, drawdown_of(peak, snapshot.nav))
    if peak != phase.peak_nav_in_phase or worst != phase.worst_drawdown:
        phase = structs.replace(phase, peak_nav_in_phase=peak, worst_drawdown=worst)
    hour = snapshot.time_ns // HOUR_NS
    if snapshot.lasting_heat > snapshot.heat_limit and hour != phase.breach_hour:
        phase = structs.replace(phase, breach_hours=phase.breach_hours + 1, breach_hour=hour)
    return phase
