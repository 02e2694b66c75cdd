"""``heatsink import``: what was opened elsewhere comes into the books."""

from pathlib import Path
from typing import Annotated

import typer

from services.cli.failing import confirm
from services.cli.verbs.options import ReasonOption, on_stack, operator_name
from shared.application.stack import StackLocator

import_app = typer.Typer(help="What was opened elsewhere comes into the books.", no_args_is_help=True)


@on_stack
def positions(
    stack: StackLocator,
    file: Annotated[Path, typer.Argument(help="CSV or JSON: pair, quantity, and perhaps cost and stop; cash.")],
    reason: ReasonOption,
    client: Annotated[str, typer.Option("--client", help="Who holds them, where clients execute.")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask back.")] = False,
) -> None:
    """Take positions into the books that were opened elsewhere; shows what they come to, and asks back first.

    All that the file names comes in or, when anything does not fit, nothing. No limit holds back what is there already.
    """
    import asyncio

    from services.cli.views.answers import print_answers
    from services.cli.views.importing import print_import
    from shared.application.commands import send_import
    from shared.application.position_files import read_positions
    from shared.application.questions import ask_import

    found = read_positions(file, stack.settings)
    answer = asyncio.run(ask_import(stack, found.positions, cash=found.cash, client=client))
    print_import(answer, has_strategies=bool(stack.settings.plan.strategies))
    if not yes:
        confirm("Take this into the books?", "Answer beforehand: --yes")
    sending = send_import(
        stack,
        found.positions,
        who=operator_name(),
        reason=reason,
        cash=found.cash,
        cash_before=answer.cash_before,
        client=client,
    )
    print_answers(asyncio.run(sending))


import_app.command()(positions)
