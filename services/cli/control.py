"""``heatsink halt``, ``resume`` and ``flatten``: an operator's commands, answered by the risk service."""

from typing import Annotated

import typer

from services.cli.failing import ask_back
from services.cli.shared_options import ReasonOption, on_stack
from services.cli.where import Place, names_of, symbol_of

PairArgument = Annotated[str, typer.Argument(help="Only this pair: ETH or ETH/USDT. Left out: the whole portfolio.")]


@on_stack
def halt(
    place: Place,
    pair: PairArgument = "",
    reason: ReasonOption = "halted by hand",
    minutes: Annotated[float, typer.Option("--minutes", help="Market minutes until it ends by itself.", min=0)] = 0,
    reducing: Annotated[bool, typer.Option("--reducing", help="Leave open entry orders where they are.")] = False,
) -> None:
    """Stop new risk and cancel open entry orders, in a pair or everywhere; selling stays possible."""
    import asyncio

    from services.cli.answers import tell
    from services.cli.commanding import send_halt

    symbol = symbol_of(place.settings, pair)
    tell(asyncio.run(send_halt(place, symbol, reason, minutes, mode="reducing" if reducing else "halted")))


@on_stack
def resume(
    place: Place,
    reason: ReasonOption,
    pair: PairArgument = "",
    code: Annotated[str, typer.Option("--code", help="The second step, with the code that the first one gave.")] = "",
) -> None:
    """End halts. After a drawdown, a market shock or a kill it asks back: that takes two steps."""
    import asyncio

    from services.cli.answers import code_in, halts_before, tell
    from services.cli.commanding import send_resume
    from services.cli.formats import base, scope

    symbol = symbol_of(place.settings, pair)
    answers = asyncio.run(send_resume(place, symbol, reason, confirm=code))
    tell(answers)
    if confirm := code_in(answers):
        for line in asyncio.run(halts_before(place, answers)):
            print(line)
        command = " ".join(filter(None, ("heatsink resume", base(symbol), "--reason WHY --code", confirm)))
        ask_back(f"Resume {scope(symbol)} in spite of this?", f"Answer with the code: {command}")
        tell(asyncio.run(send_resume(place, symbol, reason, confirm=confirm)))


@on_stack
def flatten(
    place: Place,
    pair: PairArgument = "",
    reason: ReasonOption = "flattened by hand",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask back.")] = False,
) -> None:
    """Cancel open orders and sell what is held at the market, in a pair or everywhere; asks back first.

    Strategies may buy again on the next bar: halt first to keep them out.
    """
    import asyncio

    from services.cli.answers import holdings, tell
    from services.cli.commanding import read_portfolio, send_flatten
    from services.cli.formats import scope

    symbol = symbol_of(place.settings, pair)
    for line in holdings(asyncio.run(read_portfolio(place)), names_of(place.settings, pair)):
        print(line)
    if not yes:
        ask_back(f"Cancel all orders and sell all of {scope(symbol)} at the market?", "Answer beforehand: --yes")
    tell(asyncio.run(send_flatten(place, symbol, reason)))
