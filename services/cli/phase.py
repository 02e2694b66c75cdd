"""``heatsink phase``: the ramp, its evidence, and the operator's word on it."""

from typing import Annotated

import typer

from services.cli.shared_options import JsonOption, ReasonOption, on_stack
from shared.application.stack import StackLocator

phase_app = typer.Typer(help="The ramp: look, approve a promotion, set by hand.", no_args_is_help=True)
PhaseArgument = Annotated[str, typer.Argument(help="dry_run, live or scaled.")]


@phase_app.command()
@on_stack
def show(stack: StackLocator, json: JsonOption = False) -> None:
    """The phase in force, what it has shown, what the next one waits for, and the steps so far."""
    import asyncio

    from services.cli.ramp import print_ramp, read_ramp

    print_ramp(asyncio.run(read_ramp(stack)), as_json=json)


@phase_app.command("set")
@on_stack
def set_(
    stack: StackLocator,
    phase: PhaseArgument,
    reason: ReasonOption,
) -> None:
    """Enter a phase whatever the evidence says; the phase in force begins anew."""
    import asyncio

    from services.cli.answers import tell
    from services.cli.commanding import send_command
    from services.cli.ramp import set_phase

    tell(asyncio.run(send_command(stack, set_phase(phase, reason))))


@phase_app.command()
@on_stack
def approve(
    stack: StackLocator,
    phase: PhaseArgument,
    reason: ReasonOption,
    reviews: Annotated[int, typer.Option("--reviews", help="Risk reviews signed in the phase that ends.", min=0)] = 0,
) -> None:
    """Enter the next phase, if the evidence allows it."""
    import asyncio

    from services.cli.answers import tell
    from services.cli.commanding import send_command
    from services.cli.ramp import approve_phase

    tell(asyncio.run(send_command(stack, approve_phase(phase, reason, reviews))))
