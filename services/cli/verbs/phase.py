"""``heatsink phase``: the ramp, its evidence, and the operator's word on it."""

from typing import Annotated

import typer

from services.cli.verbs.options import JsonOption, ReasonOption, on_stack, operator_name
from shared.application.stack import StackLocator

phase_app = typer.Typer(help="The ramp: look, approve a promotion, set by hand.", no_args_is_help=True)
PhaseArgument = Annotated[str, typer.Argument(help="One of phases.toml, such as live.")]


@phase_app.command()
@on_stack
def show(stack: StackLocator, json: JsonOption = False) -> None:
    """The phase in force, what it has shown, what the next one waits for, and the steps so far."""
    import asyncio

    from services.cli.views.phase import print_phase
    from shared.application.phase import read_phase

    print_phase(asyncio.run(read_phase(stack)), as_json=json)


@phase_app.command("set")
@on_stack
def set_(
    stack: StackLocator,
    phase: PhaseArgument,
    reason: ReasonOption,
) -> None:
    """Enter a phase whatever the evidence says; the phase in force begins anew."""
    import asyncio

    from services.cli.views.answers import print_answers
    from shared.application.phase import set_phase

    print_answers(asyncio.run(set_phase(stack, phase, who=operator_name(), reason=reason)))


@phase_app.command()
@on_stack
def approve(
    stack: StackLocator,
    phase: PhaseArgument,
    reason: ReasonOption,
    reviews: Annotated[
        int, typer.Option("--reviews", help="Risk reviews signed in the phase that ends.", min=0, max=1_000)
    ] = 0,
) -> None:
    """Enter the next phase, if the evidence allows it."""
    import asyncio

    from services.cli.views.answers import print_answers
    from shared.application.phase import approve_phase

    print_answers(asyncio.run(approve_phase(stack, phase, who=operator_name(), reason=reason, reviews=reviews)))
