"""``heatsink halt``, ``resume``, ``flatten``, ``write-off``: an operator's commands, answered by the risk service."""

from decimal import Decimal
from typing import Annotated

import typer

from services.cli.failing import confirm
from services.cli.verbs.options import ReasonOption, on_stack, operator_name, price_of
from shared.application.pairs import names_of, symbol_of
from shared.application.stack import StackLocator

PairArgument = Annotated[str, typer.Argument(help="Only this pair: ETH or ETH/USDT. Left out: the whole portfolio.")]


@on_stack
def halt(
    stack: StackLocator,
    pair: PairArgument = "",
    reason: ReasonOption = "halted by hand",
    minutes: Annotated[
        float,
        typer.Option("--minutes", help="Market minutes until it ends; 0: when it is resumed.", min=0, max=525_600),
    ] = 0,
    reducing: Annotated[bool, typer.Option("--reducing", help="Leave open entry orders where they are.")] = False,
) -> None:
    """Stop new risk and cancel open entry orders, in a pair or everywhere; selling stays possible."""
    import asyncio

    from services.cli.views.answers import print_answers
    from shared.application.commands import send_halt

    halting = send_halt(
        stack,
        symbol_of(stack.settings, pair),
        who=operator_name(),
        reason=reason,
        minutes=minutes,
        mode="reducing" if reducing else "halted",
    )
    print_answers(asyncio.run(halting))


@on_stack
def resume(
    stack: StackLocator,
    reason: ReasonOption,
    pair: PairArgument = "",
    code: Annotated[str, typer.Option("--code", help="The second step, with the code that the first one gave.")] = "",
) -> None:
    """End halts. After a drawdown, a shock or a halt of the whole portfolio it asks back: that takes two steps."""
    import asyncio

    from services.cli.views.answers import print_answers, print_halts_to_end
    from shared.application.commands import resume_asked, send_resume
    from shared.application.status import read_halts
    from shared.application.wording.formats import base, scope

    symbol, who = symbol_of(stack.settings, pair), operator_name()
    answers = asyncio.run(send_resume(stack, symbol, who=who, reason=reason, confirm=code))
    print_answers(answers)
    if asked := resume_asked(answers):
        print_halts_to_end(asyncio.run(read_halts(stack, asked.symbol)))
        command = " ".join(filter(None, ("heatsink resume", base(symbol), "--reason WHY --code", asked.confirm)))
        confirm(f"Resume {scope(symbol)} in spite of this?", f"Answer with the code: {command}")
        print_answers(asyncio.run(send_resume(stack, symbol, who=who, reason=reason, confirm=asked.confirm)))


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

    from services.cli.views.answers import print_answers, print_holdings, print_outcomes
    from shared.application.commands import send_flatten
    from shared.application.status import read_portfolio
    from shared.application.wording.formats import scope

    symbol = symbol_of(stack.settings, pair)
    print_holdings(asyncio.run(read_portfolio(stack)), names_of(stack.settings, pair))
    if not yes:
        confirm(f"Cancel all orders and sell all of {scope(symbol)} at the market?", "Answer beforehand: --yes")
    answers = asyncio.run(send_flatten(stack, symbol, who=operator_name(), reason=reason))
    print_answers(answers)
    print_outcomes(answers)


@on_stack
def write_off(
    stack: StackLocator,
    pair: Annotated[str, typer.Argument(help="LUNA or LUNA/USDT.")],
    reason: ReasonOption,
    price: Annotated[
        Decimal | None,
        typer.Option("--price", parser=price_of, metavar="PRICE", help="USDT a unit; nothing, if left out."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask back.")] = False,
) -> None:
    """Take a pair that cannot be sold out of the books: delisted, without a price, dust, in dispute; asks back first.

    Nothing goes to the exchange. What can be sold is sold: heatsink flatten PAIR.
    """
    import asyncio

    from services.cli.printing import say
    from services.cli.views.answers import RefusedError, print_answers, print_write_off
    from shared.application.commands import send_write_off
    from shared.application.pairs import booked_symbol_of
    from shared.application.write_offs import look_before_write_off

    symbol = booked_symbol_of(stack.settings, pair)
    look = asyncio.run(look_before_write_off(stack, symbol))
    if look.nothing_to_do:
        say(f"Nothing to do: nothing is held of {symbol}.")
        return
    if look.refusal:
        raise RefusedError(f"Refused: {look.refusal}.")
    print_write_off(look, price)
    if not yes:
        confirm(f"Take {symbol} out of the books at {price or 0} USDT a unit?", "Answer beforehand: --yes")
    print_answers(asyncio.run(send_write_off(stack, symbol, who=operator_name(), reason=reason, price=price)))


@on_stack
def write_off_order(
    stack: StackLocator,
    order_id: Annotated[str, typer.Argument(help="The id of the order.")],
    reason: ReasonOption,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask back.")] = False,
) -> None:
    """Take an order of which its client says nothing out of the books; asks back first.

    It reserves nothing any more. Nothing goes to the exchange: cancel it there. What traded of it and was not reported
    stays unknown.
    """
    import asyncio

    from services.cli.views.answers import print_answers
    from shared.application.commands import send_write_off_order

    if not yes:
        ask = f"Nothing goes to the exchange. Is order {order_id} cancelled there, and may it leave the books?"
        confirm(ask, "Answer beforehand: --yes")
    print_answers(asyncio.run(send_write_off_order(stack, order_id, who=operator_name(), reason=reason)))


VERBS = (halt, resume, flatten, write_off, write_off_order)
