"""``heatsink replay-decision``: one verdict, made again."""

from typing import Annotated

import typer

from services.cli.verbs.options import JsonOption, on_stack
from shared.application.stack import StackLocator


@on_stack
def replay_decision(
    stack: StackLocator,
    order_id: Annotated[str, typer.Argument(help="The order's id, or the beginning of it.")],
    json: JsonOption = False,
) -> None:
    """Decide on an order again, from what the journal has of it; exit code 1 when another verdict comes out."""
    import asyncio

    from services.cli.views.replayed import print_replayed
    from shared.application.replay_decision import replay_decision as decide

    replayed = asyncio.run(decide(stack, order_id))
    print_replayed(replayed, as_json=json)
    raise typer.Exit(1 if replayed.differs else 0)


VERBS = (replay_decision,)
