"""``heatsink halt``, ``resume`` and ``flatten``: an operator's commands, answered by the risk service."""

from typing import Annotated

import typer

from services.cli.failing import ask_back
from services.cli.shared_options import ReasonOption, on_stack
from shared.application.pairs import names_of, symbol_of
from shared.application.stack import StackLocator

PairArgument = Annotated[str, typer.Argument(help="Only this pair: ETH or ETH/USDT. Left out: the whole portfolio.")]


@on_stack
def halt(
    stack: StackLocator,
    pair: PairArgument = "",
    reason: ReasonOption = "halted by hand",
    minutes: Annotated[float, typer.Option("--minutes", help="Market minutes until it ends by itself.", min=0)] = 0,
    reducing: Annotated[bool, typer.Option("--reducing", help="Leave open entry orders where they are.")] = False,
) -> None:
    """Stop new risk and cancel open entry orders, in a pair or everywhere; selling stays possible."""
    import asyncio

    from services.cli.answers import tell
    from services.cli.commanding import send_halt

    symbol = symbol_of(stack.settings, pair)
    tell(asyncio.run(send_halt(stack, symbol, reason, minutes, mode="reducing" if reducing else "halted")))


@on_stack
def resume(
    stack: StackLocator,
    reason: ReasonOption,
    pair: PairArgument = "",
    code: Annotated[str, typer.Option("--code", help="The second step, with the code that the first one gave.")] = "",
) -> None:
    """End halts. After a drawdown, a market shock or a kill it asks back: that takes two steps."""
    import asyncio

    from services.cli.answers import code_in, halts_before, tell
    from services.cli.commanding import send_resume
    from shared.application.wording.formats import base, scope

    symbol = symbol_of(stack.settings, pair)
    answers = asyncio.run(send_resume(stack, symbol, reason, confirm=code))
    tell(answers)
    if confirm := code_in(answers):
        for line in asyncio.run(halts_before(stack, answers)):
            print(line)
        command = " ".join(filter(None, ("heatsink resume", base(symbol), "--reason WHY --code", confirm)))
        ask_back(f"Resume {scope(symbol)} in spite of this?", f"Answer with the code: {command}")
        tell(asyncio.run(send_resume(stack, symbol, reason, confirm=confirm)))


@on_stack
def flatten(
    stack: StackLocator,
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
    from shared.application.wording.formats import scope

    symbol = symbol_of(stack.settings, pair)
    for line in holdings(asyncio.run(read_portfolio(stack)), names_of(stack.settings, pair)):
        print(line)
    if not yes:
        ask_back(f"Cancel all orders and sell all of {scope(symbol)} at the market?", "Answer beforehand: --yes")
    tell(asyncio.run(send_flatten(stack, symbol, reason)))
