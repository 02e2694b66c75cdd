"""``heatsink tail``: messages as they come."""

from typing import Annotated

import typer

from services.cli.verbs.options import JsonOption, on_stack
from shared.application.pairs import names_of
from shared.application.stack import StackLocator


@on_stack
def tail(
    stack: StackLocator,
    topics: Annotated[
        list[str] | None, typer.Argument(help="bars decided halts ...; marks and books only if named.")
    ] = None,
    pair: Annotated[str, typer.Option("--pair", help="Only this pair: ETH or ETH/USDT.")] = "",
    last: Annotated[
        int, typer.Option("--last", help="Begin with so many earlier messages a stream.", min=0, max=1_000_000)
    ] = 0,
    follow: Annotated[bool, typer.Option(help="Go on until Ctrl-C.")] = True,
    json: JsonOption = False,
) -> None:
    """Follow messages live: TOPICs by name, or all."""
    import asyncio
    import contextlib

    from services.cli.views.tail import print_tail
    from shared.application.tail import TailRequest

    names = names_of(stack.settings, pair)
    request = TailRequest(tuple(topics or ()), names=names, last=last, follow=follow)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(print_tail(stack, request, as_json=json))


VERBS = (tail,)
