"""``heatsink limits``: what orders are held to, and changing it while everything runs."""

from typing import Annotated

import typer

from services.cli.verbs.options import JsonOption, ReasonOption, on_stack, operator_name
from shared.application.stack import StackLocator

limits_app = typer.Typer(help="What orders are held to: look, change.", no_args_is_help=True)


@limits_app.command()
@on_stack
def show(stack: StackLocator, json: JsonOption = False) -> None:
    """The limits in force, and where they differ from the configuration."""
    import asyncio

    from services.cli.views.limits import print_limits
    from shared.application.limits import read_limits

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

    from services.cli.views.answers import print_answers
    from shared.application.limits import changes_of, set_limits

    print_answers(asyncio.run(set_limits(stack, changes_of(changes), who=operator_name(), reason=reason)))
