"""What ``heatsink limits`` reads, prints and sends."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from msgspec import structs
from rich.text import Text

from services.cli.commanding import operator_name
from services.cli.printing import json_text, plain_console
from services.cli.tables import bare_table
from shared.adapters.redis.inspect import stored_records
from shared.application.errors import UserError
from shared.application.stack import StackLocator
from shared.application.wording.formats import clock
from shared.domain.limits_in_force import LimitsInForce
from shared.domain.risk.state.policy_hash import policy_of
from shared.domain.risk.state.state import LIMITS
from shared.messages.base import derived_id
from shared.messages.control import SetLimits
from shared.ports.clock import Clock


class UnreadableChangeError(UserError):
    """A change that is not of the form name=number."""


@dataclass(frozen=True, slots=True)
class Shown:
    """stored: None while the risk service has not run; then the configuration's limits are what it would begin with."""

    stack: StackLocator
    stored: LimitsInForce | None


async def read_limits(stack: StackLocator) -> Shown:
    async with stack.bus() as bus:
        rows = await stored_records(bus, "risk", LIMITS, LimitsInForce)
    return Shown(stack, rows.get(""))


def print_limits(shown: Shown, *, as_json: bool) -> None:
    plan, stored = shown.stack.settings.plan, shown.stored
    limits = stored.limits if stored else plan.limits
    policy = policy_of(limits, plan)
    if as_json:
        print(json_text({"policy": policy, "in_force": stored is not None, "limits": structs.asdict(limits)}))
        return
    table = bare_table("limit", ">in force", ">limits.toml")
    for name, value in structs.asdict(limits).items():
        configured = getattr(plan.limits, name)
        changed = "" if value == configured else f"{configured:g}"
        table.add_row(name, Text(f"{value:g}", style="bold yellow" if changed else ""), changed)
    console = plain_console()
    console.print(f"policy {policy}")
    console.print(table)
    if stored is None:
        console.print("The risk service has not run here: this is what it would begin with.", style="yellow")
    elif stored.who:
        text = f"set by {stored.who} at {clock(stored.since_ns)}: {stored.reason}"
        console.print(Text(text), soft_wrap=True)


def set_limits(changes: Sequence[str], reason: str) -> Callable[[Clock], SetLimits]:
    """The command, once it is known what time it is. Raises ``UnreadableChangeError``."""
    values, who = {}, operator_name()
    for change in changes:
        name, _, text = change.partition("=")
        try:
            values[name.strip()] = float(text)
        except ValueError:
            raise UnreadableChangeError(f"{change} is no change of a limit. Write it as heat=0.06.") from None

    def command(clock: Clock) -> SetLimits:
        command_id = derived_id("limits", who, *changes, clock.wall_ns())
        return SetLimits(id=command_id, time_ns=clock.now_ns(), who=who, reason=reason, limits=values)

    return command
