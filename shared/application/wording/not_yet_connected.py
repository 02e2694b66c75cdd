"""Halts and feeds of an exchange that was not heard yet: nothing was lost, it only has to begin."""

from shared.application.wording.formats import scope
from shared.messages.base import Message
from shared.messages.market import FeedLost
from shared.messages.portfolio import Halted

NOT_YET_CONNECTED = "waiting for the exchange: nothing was heard of it yet"
NOT_HEARD = "not heard yet"  # the evidence of such a halt


def is_not_yet_connected(message: Message) -> bool:
    """Whether it tells of something that was never there."""
    if isinstance(message, FeedLost):
        return not message.last_seen_ns
    return isinstance(message, Halted) and message.trigger == "feed" and message.evidence == NOT_HEARD


def halted_scope(halt: Halted) -> str:
    """The pair or the portfolio; with the mode where it is not the usual one."""
    return scope(halt.symbol) if halt.mode == "halted" else f"{scope(halt.symbol)} ({halt.mode})"
