"""``heatsink reconcile``: the books beside the account at the exchange."""

from typing import Annotated

import typer

from services.cli.verbs.options import JsonOption, on_stack
from shared.application.stack import StackLocator

EXIT_DIFFERS = 3  # 1 is for what failed, 2 for what was typed wrong


@on_stack
def reconcile(
    stack: StackLocator,
    hours: Annotated[float, typer.Option(min=0, help="Of market time, for which trades are compared.")] = 24.0,
    json: JsonOption = False,
) -> None:
    """Compare the books with the account at the exchange, by a key that may only read; nothing is changed.

    The exit code is 0 where both agree, 3 where they differ, and 1 where they could not be compared.
    """
    import asyncio

    from services.cli.views.reconcile import print_look
    from shared.application.reconcile import reconcile as compare_with_account

    look = asyncio.run(compare_with_account(stack, hours))
    print_look(look, as_json=json)
    if look.result.differences:
        raise typer.Exit(EXIT_DIFFERS)


VERBS = (reconcile,)
