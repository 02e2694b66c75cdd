"""How an operator's command is refused."""

from shared.messages.base import derived_id, truncate
from shared.messages.control import Command
from shared.messages.dead_letter import UnreadableReceived
from shared.messages.portfolio import CommandRefused

NOBODY = "nobody who could be read"


def command_refused(command: Command, reason: str, *, nothing_to_do: bool = False) -> tuple[CommandRefused]:
    """The command was not carried out, and why. nothing_to_do: what it asks for is so already."""
    answer = CommandRefused(
        id=derived_id("refused", command.id),
        cause=command.id,
        trace=command.trace_id,
        time_ns=command.time_ns,
        command=type(command).__name__,
        who=command.who,
        reason=truncate(reason),
        nothing_to_do=nothing_to_do,
    )
    return (answer,)


def unreadable_command(received: UnreadableReceived) -> tuple[CommandRefused]:
    """The same for bytes that could not be read as a command: by whom and of what kind, as far as they say."""
    parts = received.parts
    answer = CommandRefused(
        id=derived_id("refused", received.id),
        cause=parts.get("id", ""),
        time_ns=received.time_ns,
        command=parts.get("type", "command")[:64],
        who=parts.get("who", NOBODY)[:64],
        reason=received.sentence,
    )
    return (answer,)


def unsigned(command: Command, what: str) -> str:
    """Why a command is refused that names nobody, or no reason; empty when it names both.

    what: the effect of the command, for the sentence.
    """
    if not command.who.strip():
        return f'who = "{command.who}" names nobody; say at whose word {what}'
    if not command.reason.strip():
        return f'reason = "{command.reason}" says nothing; say why {what}'
    return ""
