"""``heatsink room`` and ``heatsink shadow``: questions to the gate that reserve nothing."""

from decimal import Decimal
from typing import Annotated

import typer

from services.cli.verbs.options import JsonOption, on_stack, price_of
from shared.application.pairs import symbol_of
from shared.application.stack import StackLocator


@on_stack
def room(
    stack: StackLocator,
    pair: Annotated[str, typer.Argument(help="ETH or ETH/USDT, with every ceiling. Left out: all pairs.")] = "",
    stop: Annotated[
        Decimal | None, typer.Option("--stop", parser=price_of, metavar="PRICE", help="Otherwise sizing's stop.")
    ] = None,
    limit: Annotated[
        Decimal | None, typer.Option("--limit", parser=price_of, metavar="PRICE", help="Otherwise at the market.")
    ] = None,
    strategy: Annotated[str, typer.Option("--strategy", help="Whose order it would be.")] = "external",
    json: JsonOption = False,
) -> None:
    """The largest order that would be approved now; nothing is reserved."""
    import asyncio

    from services.cli.views.room import print_rooms
    from shared.application.orders import read_halt_behind
    from shared.application.questions import ask_room

    if not pair and (stop is not None or limit is not None):
        raise typer.BadParameter("a price belongs to one pair: heatsink room PAIR --stop PRICE")
    symbol = symbol_of(stack.settings, pair)
    answer = asyncio.run(ask_room(stack, symbol, stop_price=stop, limit_price=limit, strategy=strategy))
    halt = asyncio.run(read_halt_behind(stack, answer))
    print_rooms(answer, stack, one=bool(pair), as_json=json, halt=halt)


@on_stack
def shadow(stack: StackLocator, json: JsonOption = False) -> None:
    """What other limits (shadow.toml) would have decided differently."""
    import asyncio

    from services.cli.views.room import print_shadow
    from shared.application.questions import ask_shadow

    print_shadow(asyncio.run(ask_shadow(stack)), as_json=json)


VERBS = (room, shadow)
