"""``heatsink why``: one verdict, explained."""

from typing import Annotated

import typer

from services.cli.verbs.options import JsonOption, on_stack
from shared.application.stack import StackLocator


@on_stack
def why(
    stack: StackLocator,
    order_id: Annotated[str, typer.Argument(help="The order's id, or the beginning of it.")],
    json: JsonOption = False,
) -> None:
    """Why an order was approved, trimmed or rejected."""
    import asyncio

    from services.cli.views.order import print_order
    from shared.application.orders import read_order

    print_order(asyncio.run(read_order(stack, order_id)), as_json=json)


VERBS = (why,)
