"""``heatsink limits``: what orders are held to, and changing it while everything runs."""

from typing import Annotated

import typer

from services.cli.shared_options import JsonOption, ReasonOption, on_stack
from shared.application.stack import StackLocator

limits_app = typer.Typer(help="What orders are held to: look, change.", no_args_is_help=True)


@limits_app.command()
@on_stack
def show(stack: StackLocator, json: JsonOption = False) -> None:
    """The limits in force, and where they differ from the configuration."""
    import asyncio

    from services.cli.limits_in_force import print_limits, read_limits

    print_limits(asyncio.run(read_limits(stack)), as_json=json)


@limits_app.command("set")
@on_stack
def set_(
    stack: StackLocator,
    changes: Annotated[list[str], typer.Argument(help="heat=0.06 sector_cap_nav=0.2 ...: all of them, or none.")],
    reason: ReasonOption,
) -> None:
    """Change limits at once, until limits.toml is changed; positions that are over them stay."""
    import asyncio

    from services.cli.answers import tell
    from services.cli.commanding import send_command
    from services.cli.limits_in_force import set_limits

    tell(asyncio.run(send_command(stack, set_limits(changes, reason))))
