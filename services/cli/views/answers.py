"""What the risk service said to a command; a refusal ends the command with an error."""

from collections.abc import Sequence
from decimal import Decimal

from services.cli.printing import say
from shared.application.errors import UserError
from shared.application.wording.flattening import outcomes
from shared.application.wording.formats import price, quantity, sentence, usd
from shared.application.wording.one_line import event_line, line_parts
from shared.application.write_offs import WriteOffLook
from shared.messages.base import Message
from shared.messages.halts import Halted
from shared.messages.portfolio import CommandRefused, PortfolioMarked


class RefusedError(UserError):
    """The risk service took the command and did not carry it out."""


def print_answers(answers: Sequence[Message]) -> None:
    """Print a line for each answer. Raises ``RefusedError`` at the first refusal."""
    for answer in answers:
        if isinstance(answer, CommandRefused) and answer.nothing_to_do:
            say(sentence(f"Nothing to do: {answer.reason}"))
            continue
        if isinstance(answer, CommandRefused):
            raise RefusedError(f"Refused: {sentence(answer.reason)}")
        say(event_line(answer))


def print_outcomes(answers: Sequence[Message]) -> None:
    """What became of a flattening, a line for each pair. Raises ``RefusedError`` if something was not sold."""
    found = list(outcomes(answers))
    for outcome in found:
        say(outcome.text)
    if left := [outcome.symbol for outcome in found if not outcome.is_sold]:
        raise RefusedError(f"Not sold: {', '.join(left)}.")


def print_halts_to_end(halts: Sequence[Halted]) -> None:
    """Print the halts that the second step of a resume would end, with their evidence."""
    for halt in halts:
        if halt.cleared_by != "condition":
            say(f"  {line_parts(halt)[1]}")


def print_write_off(look: WriteOffLook, at: Decimal | None) -> None:
    """Print what would be booked out, what is lost by it, and which part of heat is free then."""
    held = look.held
    if held is None:
        say("  Nothing is held; what execution has of it, its stop and its orders would be forgotten.")
        return
    loss = look.loss_usdt(at)
    what = f"a loss of {usd(loss)}" if loss >= 0 else f"a gain of {usd(-loss)}"
    paid = f"{quantity(held.quantity)} {held.symbol}, bought for {usd(held.cost)}"
    free = f"; {usd(look.open_risk_usdt)} of open risk are free then" if look.open_risk_usdt else ""
    say(f"  {paid}: {what}{free}")


def print_holdings(portfolio: PortfolioMarked | None, names: Sequence[str]) -> None:
    """Print the positions that a flatten would sell.

    names: every name of the one pair that is meant; none for all pairs.
    """
    if portfolio is None:
        say("No snapshot of the portfolio yet.")
        return
    found = [each for each in portfolio.positions if not names or each.symbol in names]
    for each in found:
        say(f"  {quantity(each.quantity)} {each.symbol} at {price(each.mark)} = {usd(each.notional_usdt)}")
    if not found:
        say("  Nothing is held; open orders would be cancelled.")
