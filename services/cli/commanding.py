"""Sends a command and waits for the risk service to say that it took it."""

import asyncio
import getpass

from services.cli.failing import ToldError
from services.cli.market_time import market_clock
from services.cli.render import event_line
from services.cli.where import Place
from shared.adapters.redis_bus import RedisBus
from shared.adapters.redis_look import onlooker, stream_ends
from shared.messages.base import Message, derived_id
from shared.messages.catalogue import HALTS, stream_key
from shared.messages.control import Halt, Resume

ANSWER_SECONDS = 5.0
WAIT_MS = 200
MINUTE_NS = 60_000_000_000


class NoAnswerError(ToldError):
    """The command stands in its stream, but nobody took it in time."""


async def send_halt(
    place: Place, symbol: str, reason: str, minutes: float, *, wait_seconds: float = ANSWER_SECONDS
) -> str:
    """Halt; returns the answer in words. Raises ``NoAnswerError``."""
    async with onlooker(place.redis_url, place.portfolio) as bus:
        clock = await market_clock(bus, place.exchange)
        now_ns, symbol = clock.now_ns(), await _present_name(bus, place, symbol)
        command = Halt(
            id=derived_id("halt", _who(), symbol, clock.wall_ns()),
            time_ns=now_ns,
            who=_who(),
            reason=reason,
            symbol=symbol,
            until_ns=now_ns + int(minutes * MINUTE_NS) if minutes else 0,
        )
        return await _answered(bus, command, f"{symbol or 'the portfolio'} is not halted yet", wait_seconds)


async def send_resume(place: Place, symbol: str, reason: str, *, wait_seconds: float = ANSWER_SECONDS) -> str:
    """End a halt; returns the answer in words. Raises ``NoAnswerError``."""
    async with onlooker(place.redis_url, place.portfolio) as bus:
        clock, symbol = await market_clock(bus, place.exchange), await _present_name(bus, place, symbol)
        command = Resume(
            id=derived_id("resume", _who(), symbol, clock.wall_ns()),
            time_ns=clock.now_ns(),
            who=_who(),
            reason=reason,
            symbol=symbol,
        )
        return await _answered(bus, command, f"{symbol or 'the portfolio'} was not halted, or still is", wait_seconds)


async def _present_name(bus: RedisBus, place: Place, symbol: str) -> str:
    """The name under which the pair has its newest mark: renamed pairs are halted by the name they trade under."""
    names = place.settings.universe.names_of(symbol) if symbol else ()
    marks = [mark for name, mark in (await bus.marks()).items() if name in names]
    return max(marks, key=lambda mark: mark.time_ns).symbol if marks else symbol


async def _answered(bus: RedisBus, command: Halt | Resume, otherwise: str, wait_seconds: float) -> str:
    cursors = await stream_ends(bus, [stream_key(HALTS, portfolio=bus.portfolio)])
    await bus.publish([command])
    try:
        async with asyncio.timeout(wait_seconds):
            return event_line(await _answer(bus, cursors, command.id))
    except TimeoutError:
        raise NoAnswerError(
            f"The risk service said nothing to the command within {wait_seconds:g} s: {otherwise}. The command waits"
            " in its stream; see heatsink status."
        ) from None


async def _answer(bus: RedisBus, cursors: dict[str, str], command_id: str) -> Message:
    while True:
        for entry in await bus.read_from(cursors, WAIT_MS):
            if entry.message is not None and entry.message.cause == command_id:
                return entry.message


def _who() -> str:
    try:
        return getpass.getuser()[:64]
    except (OSError, KeyError):  # a user id without a name, as in containers
        return "operator"
