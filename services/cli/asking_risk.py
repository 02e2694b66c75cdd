"""Sends a command to the risk service and waits for what it says to it, on whichever stream."""

import asyncio
from collections.abc import Callable, Sequence

from services.cli.commanding import ANSWER_SECONDS, WAIT_MS, NoAnswerError
from services.cli.failing import ToldError
from services.cli.market_time import market_clock
from services.cli.render import event_line
from services.cli.where import Place
from shared.adapters.redis_bus import RedisBus
from shared.adapters.redis_look import onlooker, stream_ends
from shared.messages.base import Message
from shared.messages.catalogue import AUDIT, HALTS, stream_key
from shared.messages.portfolio import CommandRefused
from shared.ports.clock import Clock


class RefusedError(ToldError):
    """The risk service took the command and did not carry it out."""


async def told(
    place: Place, command_at: Callable[[Clock], Message], *, wait_seconds: float = ANSWER_SECONDS
) -> list[Message]:
    """Everything that follows from the command at once. Raises ``RefusedError`` and ``NoAnswerError``."""
    async with onlooker(place.redis_url, place.portfolio) as bus:
        command = command_at(await market_clock(bus, place.exchange))
        keys = [stream_key(topic, portfolio=place.portfolio) for topic in (AUDIT, HALTS)]
        cursors = await stream_ends(bus, keys)
        await bus.publish([command])
        try:
            async with asyncio.timeout(wait_seconds):
                answers = await _answers(bus, cursors, command.id)
        except TimeoutError:
            raise NoAnswerError(
                f"The risk service said nothing to the command within {wait_seconds:g} s. The command waits in its"
                " stream; see heatsink status."
            ) from None
    for answer in answers:
        if isinstance(answer, CommandRefused):
            raise RefusedError(f"Refused: {answer.reason}.")
    return answers


async def _answers(bus: RedisBus, cursors: dict[str, str], command_id: str) -> list[Message]:
    while True:
        entries = await bus.read_from(cursors, WAIT_MS)
        found = [e.message for e in entries if e.message is not None and e.message.cause == command_id]
        if found:
            return found


def print_answers(answers: Sequence[Message]) -> None:
    for answer in answers:
        print(event_line(answer))
