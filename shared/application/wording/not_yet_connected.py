"""Halts and feeds of an exchange that was not heard yet: nothing was lost, it only has to begin."""

from shared.application.wording.formats import scope
from shared.messages.portfolio import Halted

NOT_YET_CONNECTED = "waiting for the exchange: nothing was heard of it yet"


def halted_scope(halt: Halted) -> str:
    """The pair or the portfolio; with the mode where it is not the usual one."""
    return scope(halt.symbol) if halt.mode == "halted" else f"{scope(halt.symbol)} ({halt.mode})"
