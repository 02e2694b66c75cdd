"""The phase of the ramp: what is in force and what it has shown, setting another one, and approving the next."""

from collections.abc import Sequence
from dataclasses import dataclass

from shared.application.commands import ANSWER_SECONDS, answers_to
from shared.application.errors import UserError
from shared.application.stack import StackLocator
from shared.application.status import latest_portfolio
from shared.config.faults import did_you_mean
from shared.domain.risk.ramp.history import STEP, PhaseStep
from shared.messages.base import Message, derived_id
from shared.messages.control import ApprovePhase, SetPhase
from shared.messages.portfolio import PortfolioMarked


class UnknownPhaseError(UserError):
    """There is no phase of this name."""


class NoPhaseError(UserError):
    """The risk service has not run here."""


@dataclass(frozen=True, slots=True)
class PhaseReport:
    """How the ramp stands.

    portfolio: the newest snapshot, which says what the phase has shown so far.
    scale: what the phase multiplies the equity at risk by; None for a phase that the configuration does not have.
    steps: proposals, changes and refusals, oldest first.
    """

    portfolio: PortfolioMarked
    scale: float | None
    steps: Sequence[PhaseStep]


async def read_phase(stack: StackLocator) -> PhaseReport:
    """The phase in force and how it came about. Raises ``NoPhaseError`` before the first snapshot."""
    async with stack.bus() as bus:
        portfolio = await latest_portfolio(bus)
        steps = await stack.risk_records(bus, STEP, PhaseStep)
    plan = stack.settings.plan
    if portfolio is None:
        raise NoPhaseError(
            f"No snapshot of the portfolio yet: the risk service has not run here. It begins in {plan.phase}."
        )
    scales = {phase.name: phase.scale for phase in plan.phases}
    return PhaseReport(portfolio, scales.get(portfolio.phase), tuple(steps.values()))


async def set_phase(
    stack: StackLocator, phase: str, *, who: str, reason: str, wait_seconds: float = ANSWER_SECONDS
) -> list[Message]:
    """Enter a phase whatever the evidence says; returns the change or its refusal.

    Raises ``UnknownPhaseError``, ``NoAnswerError``.
    """
    _check_name(stack, phase)
    async with stack.bus() as bus:
        clock = await stack.clock(bus)
        command_id = derived_id("phase", who, phase, clock.wall_ns())
        command = SetPhase(id=command_id, time_ns=clock.now_ns(), who=who, reason=reason, phase=phase)
        return await answers_to(bus, command, wait_seconds)


async def approve_phase(
    stack: StackLocator, phase: str, *, who: str, reason: str, reviews: int, wait_seconds: float = ANSWER_SECONDS
) -> list[Message]:
    """Enter the next phase if the evidence allows it; returns the change or its refusal.

    reviews: how many risk reviews were signed in the phase that ends. Raises ``UnknownPhaseError``, ``NoAnswerError``.
    """
    _check_name(stack, phase)
    async with stack.bus() as bus:
        clock = await stack.clock(bus)
        command_id = derived_id("approve", who, phase, clock.wall_ns())
        command = ApprovePhase(
            id=command_id, time_ns=clock.now_ns(), who=who, reason=reason, phase=phase, reviews=reviews
        )
        return await answers_to(bus, command, wait_seconds)


def _check_name(stack: StackLocator, name: str) -> None:
    """Name a slip in the name before anything is sent. Without this, the risk service would refuse the command.

    Raises ``UnknownPhaseError``.
    """
    names = [phase.name for phase in stack.settings.plan.phases]
    if name not in names:
        raise UnknownPhaseError(f"{name} is no phase. {did_you_mean(name, names)}")
