"""The limits that orders are held to: what is in force, and changing it while everything runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shared.application.commands import ANSWER_SECONDS, answers_to
from shared.application.errors import UserError
from shared.application.stack import StackLocator
from shared.config.faults import as_number
from shared.domain.active_limits import ActiveLimits
from shared.domain.plan import Limits
from shared.domain.risk.state.effective_limits import policy_of
from shared.domain.risk.state.state import LIMITS
from shared.messages.base import Message, derived_id
from shared.messages.control import SetLimits
from shared.ports.bus import Bus


class UnreadableChangeError(UserError):
    """A change that is not of the form name=number."""


@dataclass(frozen=True, slots=True)
class LimitsReport:
    """What orders are held to.

    limits: in force; before the risk service has run, what it would begin with.
    configured: what limits.toml says.
    policy: the short name of all that decides on an order.
    stored: the risk service's record of who set them, when and why; None before it has run.
    """

    limits: Limits
    configured: Limits
    policy: str
    stored: ActiveLimits | None


async def read_limits(stack: StackLocator) -> LimitsReport:
    """The limits in force, beside the configuration's. Raises ``BusLostError``."""
    async with stack.bus() as bus:
        stored = await _stored_limits(stack, bus)
    plan = stack.settings.plan
    limits = stored.limits if stored else plan.limits
    return LimitsReport(limits, plan.limits, policy_of(limits, plan), stored)


async def limits_in_force(stack: StackLocator, bus: Bus) -> Limits:
    """What orders are held to now; before the risk service has run, what it would begin with."""
    stored = await _stored_limits(stack, bus)
    return stored.limits if stored else stack.settings.plan.limits


async def _stored_limits(stack: StackLocator, bus: Bus) -> ActiveLimits | None:
    return (await stack.risk_records(bus, LIMITS, ActiveLimits)).get("")


async def set_limits(
    stack: StackLocator,
    changes: Mapping[str, float],
    *,
    who: str,
    reason: str,
    wait_seconds: float = ANSWER_SECONDS,
) -> list[Message]:
    """Change limits by name, all of them or none; returns the change or its refusal. Raises ``NoAnswerError``."""
    async with stack.bus() as bus:
        clock = await stack.clock(bus)
        command_id = derived_id("limits", who, *(f"{name}={value}" for name, value in changes.items()), clock.wall_ns())
        command = SetLimits(id=command_id, time_ns=clock.now_ns(), who=who, reason=reason, limits=dict(changes))
        return await answers_to(bus, command, wait_seconds)


def changes_of(texts: Sequence[str]) -> dict[str, float]:
    """The changes that people mean by ``heat=0.06``. Raises ``UnreadableChangeError``."""
    changes = {}
    for text in texts:
        name, _, value = text.partition("=")
        number = as_number(value)
        if isinstance(number, str):  # no number, or none that is finite
            raise UnreadableChangeError(f"{text} is no change of a limit to a number. Write it as heat=0.06.")
        changes[name.strip()] = number
    return changes
