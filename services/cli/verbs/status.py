"""``heatsink status`` and ``heatsink sizes``: how things stand now."""

from typing import Annotated

import typer

from services.cli.verbs.options import JsonOption, on_stack
from shared.application.pairs import names_of
from shared.application.stack import StackLocator


@on_stack
def status(stack: StackLocator, json: JsonOption = False) -> None:
    """NAV, heat, positions, halts, feeds, services."""
    import asyncio

    from services.cli.views.status import print_status
    from shared.application.status import read_status

    print_status(asyncio.run(read_status(stack)), as_json=json)


@on_stack
def sizes(
    stack: StackLocator,
    pair: Annotated[str, typer.Argument(help="Only this pair: ETH or ETH/USDT.")] = "",
    json: JsonOption = False,
) -> None:
    """The latest size of every pair."""
    import asyncio

    from services.cli.views.status import print_sizes
    from shared.application.status import read_sizes

    print_sizes(asyncio.run(read_sizes(stack, names_of(stack.settings, pair))), as_json=json)


VERBS = (status, sizes)
