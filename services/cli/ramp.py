"""What ``heatsink phase`` reads, prints and sends."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import get_args

import msgspec
from rich.table import Table
from rich.text import Text

from services.cli.commanding import operator_name
from services.cli.printing import json_text, plain_console
from services.cli.tables import bare_table
from shared.adapters.redis.inspect import stored_records
from shared.application.errors import UserError
from shared.application.stack import StackLocator
from shared.application.wording.formats import clock, percent, rehearsed
from shared.config.faults import did_you_mean
from shared.domain.risk.ramp.history import STEP, PhaseStep
from shared.domain.risk.state.evidence import evidence_in_words
from shared.messages.base import derived_id
from shared.messages.catalogue import PORTFOLIO
from shared.messages.control import ApprovePhase, Phase, SetPhase
from shared.messages.portfolio import PortfolioMarked
from shared.ports.clock import Clock

STEPS_SHOWN = 12


class UnknownPhaseError(UserError):
    """No phase of this name."""


class NoPhaseError(UserError):
    """The risk service has not run here."""


@dataclass(frozen=True, slots=True)
class Ramp:
    """portfolio: the newest snapshot. steps: proposals, changes and refusals, oldest first."""

    stack: StackLocator
    portfolio: PortfolioMarked
    steps: Sequence[PhaseStep]


async def read_ramp(stack: StackLocator) -> Ramp:
    """Raises ``NoPhaseError`` before the first snapshot."""
    async with stack.bus() as bus:
        latest = await bus.latest(stack.keys.of(PORTFOLIO))
        steps = await stored_records(bus, "risk", STEP, PhaseStep)
    if not latest or not isinstance(latest[0], PortfolioMarked):
        phase = stack.settings.plan.phase
        raise NoPhaseError(
            f"No snapshot of the portfolio yet: the risk service has not run here. It begins in {phase}."
        )
    return Ramp(stack, latest[0], tuple(steps.values()))


def print_ramp(ramp: Ramp, *, as_json: bool) -> None:
    now = ramp.portfolio
    if as_json:
        fields = ("phase", "rehearsal", "phase_since_ns", "phase_drawdown", "phase_evidence")
        steps = [msgspec.to_builtins(step) for step in ramp.steps]
        print(json_text({**{name: getattr(now, name) for name in fields}, "steps": steps}))
        return
    console = plain_console()
    scales = {phase.name: phase.scale for phase in ramp.stack.settings.plan.phases}
    scale = f", scale {scales[now.phase]:g}" if now.phase in scales else ""
    since = f" since {clock(now.phase_since_ns)}" if now.phase_since_ns else ""
    console.print(Text(f"{rehearsed(now.phase, rehearsal=now.rehearsal)}{scale}{since}", style="bold"))
    console.print(f"drawdown {percent(now.phase_drawdown)} since then, as of {clock(now.time_ns)}")
    for line in now.phase_evidence.split("; "):
        console.print(f"  {line}", markup=False, soft_wrap=True)
    if ramp.steps:
        console.print(_steps_table(ramp.steps[-STEPS_SHOWN:]))


def _steps_table(steps: Sequence[PhaseStep]) -> Table:
    table = bare_table("when", "what", "phase", "by", "why", "evidence")
    for step in steps:
        path = step.phase if step.phase == step.phase_before else f"{step.phase_before} -> {step.phase}"
        why = step.answer if step.what == "refused" else step.reason
        evidence = evidence_in_words(step.evidence) if step.evidence else ""
        table.add_row(clock(step.at_ns), step.what, path, step.who, Text(why), Text(evidence))
    return table


def set_phase(phase: str, reason: str) -> Callable[[Clock], SetPhase]:
    """The command, once it is known what time it is. Raises ``UnknownPhaseError``."""
    known, who = _known(phase), operator_name()

    def command(clock: Clock) -> SetPhase:
        command_id = derived_id("phase", who, phase, clock.wall_ns())
        return SetPhase(id=command_id, time_ns=clock.now_ns(), who=who, reason=reason, phase=known)

    return command


def approve_phase(phase: str, reason: str, reviews: int) -> Callable[[Clock], ApprovePhase]:
    """The command, once it is known what time it is. Raises ``UnknownPhaseError``."""
    known, who = _known(phase), operator_name()

    def command(clock: Clock) -> ApprovePhase:
        command_id = derived_id("approve", who, phase, clock.wall_ns())
        return ApprovePhase(id=command_id, time_ns=clock.now_ns(), who=who, reason=reason, phase=known, reviews=reviews)

    return command


def _known(name: str) -> Phase:
    names = get_args(Phase)
    for known in names:
        if name == known:
            found: Phase = known
            return found
    raise UnknownPhaseError(f"{name} is no phase. {did_you_mean(name, names)}")
