"""Answers to operators."""

from shared.messages.base import Message, derived_id
from shared.messages.portfolio import CommandRefused


def refused(command: Message, who: str, reason: str) -> CommandRefused:
    """The command was not carried out, and why."""
    return CommandRefused(
        id=derived_id("refused", command.id),
        cause=command.id,
        trace=command.trace or command.id,
        time_ns=command.time_ns,
        command=type(command).__name__,
        who=who,
        reason=reason[:1024],
    )
