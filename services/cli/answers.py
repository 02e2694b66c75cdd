"""What the risk service said to a command, in words; a refusal ends the command with an error."""

from collections.abc import Sequence

from services.cli.standing import halts_in_force
from shared.application.errors import UserError
from shared.application.stack import StackLocator
from shared.application.wording.formats import price, quantity, sentence, usd
from shared.application.wording.one_line import event_line, line_parts
from shared.messages.base import Message
from shared.messages.portfolio import CommandRefused, PortfolioMarked, ResumeAsked


class RefusedError(UserError):
    """The risk service took the command and did not carry it out."""


def tell(answers: Sequence[Message]) -> None:
    """A line for each. Raises ``RefusedError``."""
    for answer in answers:
        if isinstance(answer, CommandRefused):
            raise RefusedError(f"Refused: {sentence(answer.reason)}")
        print(event_line(answer))


def code_in(answers: Sequence[Message]) -> str:
    """The code for the second step; empty when there is none to take."""
    return next((answer.confirm for answer in answers if isinstance(answer, ResumeAsked)), "")


async def halts_before(stack: StackLocator, answers: Sequence[Message]) -> list[str]:
    """The halts that the second step would end, with their evidence."""
    asked = next(answer for answer in answers if isinstance(answer, ResumeAsked))
    async with stack.bus() as bus:
        halts = [halt for halt in await halts_in_force(bus) if halt.symbol == asked.symbol]
    return [f"  {line_parts(halt)[1]}" for halt in halts if halt.cleared_by != "condition"]


def holdings(portfolio: PortfolioMarked | None, names: Sequence[str]) -> list[str]:
    """The positions that a flatten would sell; ``names`` of one pair, or none for all."""
    if portfolio is None:
        return ["No snapshot of the portfolio yet."]
    found = [each for each in portfolio.positions if not names or each.symbol in names]
    lines = [
        f"  {quantity(each.quantity)} {each.symbol} at {price(each.mark)} = {usd(each.notional_usdt)}" for each in found
    ]
    return lines or ["  Nothing is held; open orders would be cancelled."]
