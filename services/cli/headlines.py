"""Every message in one line: what ``up``, ``tail`` and ``why`` show of it."""

from services.cli.command_lines import COMMAND_LINES
from services.cli.market_lines import MARKET_LINES
from services.cli.order_lines import ORDER_LINES
from services.cli.portfolio_lines import PORTFOLIO_LINES
from shared.messages.base import Message

_LINES = {**MARKET_LINES, **ORDER_LINES, **PORTFOLIO_LINES, **COMMAND_LINES}


def headline(message: Message) -> tuple[str, str]:
    """A message in two parts: a word of at most 9 letters, and the rest of the sentence."""
    line = _LINES.get(type(message))
    return line(message) if line else (type(message).__name__, message.id)
