"""Every message in one line: what ``up``, ``tail`` and ``why`` show of it."""

from shared.application.wording.command_lines import COMMAND_LINES
from shared.application.wording.formats import clock
from shared.application.wording.market_lines import MARKET_LINES
from shared.application.wording.order_lines import ORDER_LINES
from shared.application.wording.portfolio_lines import PORTFOLIO_LINES
from shared.application.wording.report_lines import REPORT_LINES
from shared.domain.safe_text import safe
from shared.messages.base import Message

_LINES = {**MARKET_LINES, **ORDER_LINES, **REPORT_LINES, **PORTFOLIO_LINES, **COMMAND_LINES}


def line_parts(message: Message) -> tuple[str, str]:
    """A message in two parts: a word of at most 9 letters, and the rest of the sentence; safe, whatever it holds."""
    line = _LINES.get(type(message))
    word, text = line(message) if line else (type(message).__name__, message.id)
    return safe(word), safe(text)


def event_line(message: Message) -> str:
    """``2022-11-01 14:00:00  TRIM      buy 0.5 -> 0.31 ETH/USDT: ...``"""
    word, text = line_parts(message)
    return f"{clock(message.time_ns):<19}  {word:<9} {text}"
