"""``heatsink why``: one verdict, explained."""

from typing import Annotated

import typer

from services.cli.shared_options import JsonOption, on_stack
from shared.application.stack import StackLocator


@on_stack
def why(
    stack: StackLocator,
    order_id: Annotated[str, typer.Argument(help="The order's id, or the beginning of it.")],
    json: JsonOption = False,
) -> None:
    """Why an order was approved, trimmed or rejected."""
    import asyncio

    from services.cli.verdict import print_story, read_story

    print_story(asyncio.run(read_story(stack, order_id)), as_json=json)
