"""The plan's ramp as a persisted state machine: evidence, proposals, promotions, demotions.

A phase begins on its first day of the ramp, whenever it is entered, so after a demotion its days count anew. Everything
is measured since then: drawdown from the highest NAV, Sharpe on daily NAV, hours with heat over its limit.
"""

from collections.abc import Sequence

from msgspec import structs

from shared.domain.plan import PhasePlan
from shared.domain.portfolio.performance import drawdown_of
from shared.domain.risk.commands.refusals import command_refused, unsigned
from shared.domain.risk.ramp.history import PHASE_RECORDS, REFUSED, PhaseHistory, PhaseStep
from shared.domain.risk.state.active_phase import Entered
from shared.domain.risk.state.evidence import Evidence, evidence_in_words, lacking, phase_by_date
from shared.domain.risk.state.halts import NewHalt
from shared.domain.risk.state.state import RiskState
from shared.domain.timeframes import DAY_NS
from shared.messages.base import Message, derived_id, truncate
from shared.messages.control import ApprovePhase, SetPhase
from shared.messages.portfolio import PhaseProposed, PortfolioMarked


class Phases:
    """Gathers the evidence for each promotion, proposes it, and demotes by drawdown."""

    def __init__(self, state: RiskState) -> None:
        self._state, self._history = state, PhaseHistory(state)
        self._next_review_ns = 0

    # --- after every snapshot -------------------------------------------------------------------------------------

    def take_snapshot(self, snapshot: PortfolioMarked) -> Sequence[Message]:
        """Take the snapshot into the evidence; a new day, or a fall, may lead to another phase."""
        self._history.measure(snapshot)
        if self._state.plan.ramp.by_date:
            return self._follow_calendar(snapshot)
        return [*self._demote(snapshot), *self._agree_with_exchange(snapshot), *self._propose_next(snapshot)]

    def _follow_calendar(self, snapshot: PortfolioMarked) -> Sequence[Message]:
        """Enter the phase that the calendar gives. This is for backtests."""
        state = self._state
        due = phase_by_date(state.plan.phases, state.phase.ramp_ns, snapshot.time_ns)
        if due.name == state.phase.name:
            return ()
        reason = f"day {due.from_day} of the ramp has come"
        return self._enter(snapshot, due, how="date", reason=reason)

    def _demote(self, snapshot: PortfolioMarked) -> Sequence[Message]:
        state = self._state
        phase, planned = state.phase, state.plan.phase_named(state.phase.name)
        below = state.plan.phase_before(phase.name)
        peak = phase.peak_nav_in_phase
        fallen = drawdown_of(peak, snapshot.nav)
        if planned is None or below is None or fallen <= planned.demote_over:
            return ()
        reason = (
            f"drawdown of {fallen:.2%} from the high-water mark of ${peak:,.0f} since {phase.name} began"
            f" passes {planned.demote_over:.2%}"
        )
        return self._enter(snapshot, below, how="demoted", reason=reason)

    def _agree_with_exchange(self, snapshot: PortfolioMarked) -> Sequence[Message]:
        """A demotion may lead to a phase that is not meant for this exchange.

        Then no new risk is let in until they agree.
        """
        halts, fault = (
            self._state.halts,
            self._history.exchange_fault(self._state.plan.phase_named(self._state.phase.name)),
        )
        halted = halts.get("", "phase")
        if fault and halted is None:
            return halts.begin(snapshot, NewHalt(symbol="", trigger="phase", reason=fault, cleared_by="condition"))
        if halted is not None and not fault:
            return halts.end(snapshot, "", "phase", reason="the phase agrees with the exchange")
        return ()

    # --- promotion ------------------------------------------------------------------------------------------------

    def _propose_next(self, snapshot: PortfolioMarked) -> Sequence[Message]:
        """Propose the next phase once the evidence allows it.

        The evidence is reviewed when a day ends, one of the calendar or one of the phase.
        """
        state, now_ns = self._state, snapshot.time_ns
        if self._next_review_ns - DAY_NS <= now_ns < self._next_review_ns:  # earlier still: the clock was set back
            return ()
        since_ns = state.phase.since_ns
        day_ends = (now_ns // DAY_NS + 1) * DAY_NS, since_ns + ((now_ns - since_ns) // DAY_NS + 1) * DAY_NS
        self._next_review_ns = min(day_ends)
        evidence = self._history.evidence(now_ns)
        following = state.plan.phase_after(state.phase.name)
        if following is None or state.phase.proposed or lacking(evidence, following):
            return ()
        return [
            self._proposed(snapshot, following, evidence),
            *self._promote_automatically(snapshot, following, evidence),
        ]

    def evidence_text(self, snapshot: PortfolioMarked) -> str:
        """What the phase has shown, this snapshot included, and what the next phase waits for."""
        plan, evidence = self._state.plan, self._history.evidence_with(snapshot)
        following = None if plan.ramp.by_date else plan.phase_after(self._state.phase.name)
        if following is None:
            return evidence_in_words(evidence)
        lacks = [*lacking(evidence, following), *filter(None, [self.exchange_fault(following)])]
        waits = "; ".join(lacks) or "an operator's approval"
        return truncate(f"{evidence_in_words(evidence)}; {following.name} waits for: {waits}")

    def _proposed(self, snapshot: PortfolioMarked, to: PhasePlan, evidence: Evidence) -> PhaseProposed:
        state = self._state
        words = evidence_in_words(evidence)
        self._history.keep(structs.replace(state.phase, proposed=True))
        self._history.note(
            PhaseStep(
                at_ns=snapshot.time_ns,
                what="proposed",
                phase_before=state.phase.name,
                phase=to.name,
                evidence=evidence,
                answer="allowed",
            )
        )
        return PhaseProposed(
            id=derived_id("phase-proposed", state.portfolio, snapshot.id),
            cause=snapshot.id,
            trace=snapshot.trace,
            time_ns=snapshot.time_ns,
            phase=state.phase.name,
            to_phase=to.name,
            evidence=truncate(words),
        )

    def _promote_automatically(self, snapshot: PortfolioMarked, to: PhasePlan, evidence: Evidence) -> Sequence[Message]:
        """Enter the next phase, if the plan allows it, no review has to be signed, and the exchange fits."""
        if not self._state.plan.ramp.automatic or to.reviews or self._history.exchange_fault(to):
            return ()
        reason = "the evidence allows it (ramp.automatic)"
        return self._enter(snapshot, to, how="automatic", reason=reason, evidence=evidence)

    def exchange_fault(self, phase: PhasePlan | None) -> str:
        """Why the phase may not run on this exchange; empty when it may, or when nobody knows the exchange."""
        return self._history.exchange_fault(phase)

    def scale(self, ratio: float) -> None:
        """NAV changed by what is no gain and no loss, and what is measured of the phase goes on as if it had not."""
        self._history.scale(ratio)

    # --- commands -------------------------------------------------------------------------------------------------

    def set(self, command: SetPhase) -> Sequence[Message]:
        """Enter a phase by hand; the one in force begins anew."""
        state = self._state
        to = state.plan.phase_named(command.phase)
        evidence = self._history.evidence(state.now_ns or command.time_ns)
        fault = self._fault_of(command, to)
        if to is None or fault:
            return self._refuse(command, fault, evidence)
        return self._enter(command, to, how="forced", who=command.who, reason=command.reason, evidence=evidence)

    def approve(self, command: ApprovePhase) -> Sequence[Message]:
        """Enter the next phase, if the evidence allows it now, whatever it allowed when it was proposed."""
        state = self._state
        following = state.plan.phase_after(state.phase.name)
        to: PhasePlan | None = state.plan.phase_named(command.phase)
        evidence = self._history.evidence(state.now_ns or command.time_ns, command.reviews)
        if to is None:
            return self._refuse(command, self._fault_of(command, to), evidence)
        if following is None or following.name != command.phase:
            what = (
                f"after {state.phase.name} comes {following.name}" if following else f"{state.phase.name} is the last"
            )
            return self._refuse(
                command, f"phase = {command.phase}: {what}; approve that, or force it: heatsink phase set", evidence
            )
        fault = self._fault_of(command, to)
        if lacks := lacking(evidence, following):
            fault = f"phase = {command.phase}: {'; '.join(lacks)}; wait for it, or force it: heatsink phase set"
        if fault:
            return self._refuse(command, fault, evidence)
        return self._enter(
            command, following, how="approved", who=command.who, reason=command.reason, evidence=evidence
        )

    def _fault_of(self, command: SetPhase | ApprovePhase, to: PhasePlan | None) -> str:
        if to is None:
            names = ", ".join(phase.name for phase in self._state.plan.phases)
            return f"phase = {command.phase}: phases.toml has no such phase; it has {names}"
        return unsigned(command, "the phase changes") or self._history.exchange_fault(to)

    def _enter(
        self,
        cause: Message,
        to: PhasePlan,
        *,
        how: Entered,
        reason: str,
        who: str = "risk",
        evidence: Evidence | None = None,
    ) -> Sequence[Message]:
        """Enter a phase.

        evidence: what the phase before has shown; None to gather it now.
        """
        self._next_review_ns = 0
        evidence = self._history.evidence(cause.time_ns) if evidence is None else evidence
        return (self._history.enter(cause, to, how=how, who=who, reason=reason, evidence=evidence),)

    def _refuse(self, command: SetPhase | ApprovePhase, fault: str, evidence: Evidence) -> Sequence[Message]:
        self._history.note(
            PhaseStep(
                at_ns=evidence.at_ns,
                what=REFUSED,
                phase_before=self._state.phase.name,
                phase=command.phase,
                who=command.who,
                reason=command.reason,
                evidence=evidence,
                answer=fault,
            )
        )
        return command_refused(command, fault)


__all__ = ["PHASE_RECORDS", "Phases"]
