"""The ramp's own arithmetic: days, order of the phases, evidence for a promotion and what it lacks. Pure functions."""

from collections.abc import Sequence
from datetime import UTC, datetime
from math import floor
from typing import NamedTuple

from msgspec import Struct

from shared.domain.plan import PhasePlan
from shared.domain.timeframes import DAY_NS, SECOND_NS


class Evidence(Struct, frozen=True, kw_only=True):
    """What a phase has shown up to ``at_ns``.

    since_ns: market time at which the phase began.
    days: how many days ago that was.
    ramp_day: day of the whole ramp, from 1.
    drawdown: the fall from the highest NAV since the phase began, now, as a fraction of it.
    worst_drawdown: the same at its worst.
    sharpe: annualised Sharpe ratio; None while unknown.
    returns: how many daily returns it is of.
    missed: days among them that have no return of their own.
    breach_hours: hours with heat over its limit.
    reviews: risk reviews signed, as the operator states; None when nobody was asked.
    """

    phase: str
    since_ns: int
    at_ns: int
    days: float
    ramp_day: int
    drawdown: float
    worst_drawdown: float
    sharpe: float | None
    returns: int
    missed: int
    breach_hours: int
    reviews: int | None = None


def ramp_day(phase: PhasePlan, since_ns: int, now_ns: int) -> int:
    """A phase begins on its first day of the ramp, whenever it is entered; days count in full from that moment."""
    return phase.from_day + max(0, (now_ns - since_ns) // DAY_NS)


def phase_by_date(phases: Sequence[PhasePlan], start_ns: int, time_ns: int) -> PhasePlan:
    """The phase that the calendar gives: the last one whose first day has come, or the first one before the start."""
    day = floor((time_ns - start_ns) / DAY_NS) + 1
    found = phases[0]
    for phase in phases:
        if phase.from_day <= day:
            found = phase
    return found


def lacking(evidence: Evidence, phase: PhasePlan) -> list[str]:
    """What keeps ``phase`` from following on this evidence, in words; empty when it may follow.

    Unknown figures keep it.
    """
    lacks = []
    if evidence.ramp_day < phase.from_day:
        lacks.append(f"day {evidence.ramp_day} of the ramp, {phase.name} begins on day {phase.from_day}")
    if phase.drawdown_below < 1.0 and not evidence.worst_drawdown < phase.drawdown_below:
        lacks.append(f"drawdown of {evidence.worst_drawdown:.2%} is not under {phase.drawdown_below:.2%}")
    if phase.sharpe_above:
        if evidence.sharpe is None:
            lacks.append(f"the Sharpe ratio of {evidence.returns} daily returns is unknown")
        elif not evidence.sharpe > phase.sharpe_above:
            lacks.append(f"a Sharpe ratio of {evidence.sharpe:.3f} is not over {phase.sharpe_above:g}")
    if evidence.reviews is not None and evidence.reviews < phase.reviews:
        lacks.append(f"{evidence.reviews} of {phase.reviews} risk reviews are signed")
    return lacks


class ExchangeFault(NamedTuple):
    """Why a phase may not run where orders go, and what to do about it."""

    problem: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.problem}; {self.remedy}"


def exchange_fault(phase: PhasePlan, *, paper: bool, rehearsal: bool, clients: bool = False) -> ExchangeFault | None:
    """Whether the phase may run where orders go: to the ``paper`` exchange, or to a real one. None when it may.

    clients: they execute by themselves. Nobody but they know whether that is real, so it counts as real.
    """
    if phase.paper == paper or rehearsal:
        return None
    wants = "the paper exchange" if phase.paper else "real orders"
    has = "paper" if paper else "client" if clients else "exchange"
    problem = (
        f'phase "{phase.name}" wants {wants} (paper = {str(phase.paper).lower()} in phases.toml), but orders go to'
        f' exchange.orders = "{has}" (stack.toml)'
    )
    if clients:
        problem += ", which may be real ones"
        return ExchangeFault(problem, "if your client trades on paper too, rehearse with ramp.rehearsal = true")
    return ExchangeFault(problem, "make the two agree, or rehearse with ramp.rehearsal = true")


def evidence_in_words(evidence: Evidence) -> str:
    """``day 60 of the ramp, 45.0 days in live since 2022-11-15; drawdown 1.20 %, at worst 3.10 %; Sharpe 1.35 ...``"""
    since = datetime.fromtimestamp(evidence.since_ns // SECOND_NS, tz=UTC).date()
    missed = f", {evidence.missed} days without one" if evidence.missed else ""
    sharpe = "unknown" if evidence.sharpe is None else f"{evidence.sharpe:z.2f}"
    hours = f"{evidence.breach_hours} hour{'s' * (evidence.breach_hours != 1)}"
    reviews = "" if evidence.reviews is None else f"; {evidence.reviews} risk reviews signed"
    return (
        f"day {evidence.ramp_day} of the ramp, {evidence.days:.1f} days in {evidence.phase} since {since}"
        f"; drawdown {_percent(evidence.drawdown)}, at worst {_percent(evidence.worst_drawdown)}"
        f"; Sharpe {sharpe} (n = {evidence.returns} daily returns{missed}, x sqrt 365)"
        f"; heat over its limit in {hours}{reviews}"
    )


def _percent(fraction: float) -> str:
    return f"{fraction * 100:z.2f} %"
