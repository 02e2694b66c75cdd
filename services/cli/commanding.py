"""Sends a command and waits for what the risk service does about it."""

import asyncio
import getpass
from collections.abc import Callable

from shared.adapters.redis.bus import RedisBus
from shared.adapters.redis.inspect import stream_ends
from shared.application.errors import UserError
from shared.application.stack import StackLocator
from shared.domain.timeframes import MINUTE_NS
from shared.messages.base import Message, derived_id
from shared.messages.catalogue import AUDIT, DECIDED, PORTFOLIO, PROPOSED
from shared.messages.control import Flatten, Halt, Resume
from shared.messages.orders import OrderDecided, OrderProposed
from shared.messages.portfolio import HaltMode, PortfolioMarked
from shared.ports.clock import Clock

ANSWER_SECONDS = 5.0
WAIT_MS = 200
ANSWERED_ON = (AUDIT, PROPOSED, DECIDED)  # halts stand in AUDIT too
Command = Halt | Resume | Flatten


class NoAnswerError(UserError):
    """The command stands in its stream, but nobody took it in time."""


async def send_halt(
    stack: StackLocator,
    symbol: str,
    reason: str,
    minutes: float,
    *,
    mode: HaltMode = "halted",
    wait_seconds: float = ANSWER_SECONDS,
) -> list[Message]:
    """Halt; returns the halt, the cancels that it led to, or the refusal. Raises ``NoAnswerError``."""

    def command(name: str, now_ns: int, scope: str) -> Halt:
        until_ns = now_ns + int(minutes * MINUTE_NS) if minutes else 0
        return Halt(
            id=name, time_ns=now_ns, who=operator_name(), reason=reason, symbol=scope, mode=mode, until_ns=until_ns
        )

    return await _send(stack, symbol, command, "is not halted yet", wait_seconds)


async def send_resume(
    stack: StackLocator, symbol: str, reason: str, *, confirm: str = "", wait_seconds: float = ANSWER_SECONDS
) -> list[Message]:
    """End halts; returns their ends, the code for the second step, or the refusal. Raises ``NoAnswerError``."""

    def command(name: str, now_ns: int, scope: str) -> Resume:
        return Resume(id=name, time_ns=now_ns, who=operator_name(), reason=reason, symbol=scope, confirm=confirm)

    return await _send(stack, symbol, command, "is as it was", wait_seconds)


async def send_flatten(
    stack: StackLocator, symbol: str, reason: str, *, wait_seconds: float = ANSWER_SECONDS
) -> list[Message]:
    """Sell; returns cancels, proposals and the verdicts on them, or the refusal. Raises ``NoAnswerError``."""

    def command(name: str, now_ns: int, scope: str) -> Flatten:
        return Flatten(id=name, time_ns=now_ns, who=operator_name(), reason=reason, symbol=scope)

    return await _send(stack, symbol, command, "is not being sold yet", wait_seconds)


async def read_portfolio(stack: StackLocator) -> PortfolioMarked | None:
    """The latest snapshot."""
    async with stack.bus() as bus:
        latest = await bus.latest(bus.keys.of(PORTFOLIO))
    return latest[0] if latest and isinstance(latest[0], PortfolioMarked) else None


async def send_command(
    stack: StackLocator, command_at: Callable[[Clock], Message], *, wait_seconds: float = ANSWER_SECONDS
) -> list[Message]:
    """Send what ``command_at`` makes of the time; returns all that follows at once. Raises ``NoAnswerError``."""
    async with stack.bus() as bus:
        return await _answers_to(bus, command_at(await stack.clock(bus)), "", wait_seconds)


async def _send(
    stack: StackLocator,
    symbol: str,
    command_of: Callable[[str, int, str], Command],
    otherwise: str,
    wait_seconds: float,
) -> list[Message]:
    async with stack.bus() as bus:
        clock, scope = await stack.clock(bus), await _present_name(bus, stack, symbol)
        name = derived_id("command", operator_name(), scope, clock.wall_ns())
        command = command_of(name, clock.now_ns(), scope)
        return await _answers_to(bus, command, f": {scope or 'the portfolio'} {otherwise}", wait_seconds)


async def _answers_to(bus: RedisBus, command: Message, otherwise: str, wait_seconds: float) -> list[Message]:
    """Publish and wait. otherwise: how things stand while nobody answers."""
    cursors = await stream_ends(bus, [bus.keys.of(topic) for topic in ANSWERED_ON])
    await bus.publish([command])
    answers: list[Message] = []
    try:
        async with asyncio.timeout(wait_seconds):
            await _gather(bus, cursors, command.id, answers)
    except TimeoutError:
        if not answers:
            raise NoAnswerError(
                f"The risk service said nothing to the command within {wait_seconds:g} s{otherwise}."
                " The command waits in its stream; see heatsink status."
            ) from None
    return answers


async def _present_name(bus: RedisBus, stack: StackLocator, symbol: str) -> str:
    """The name under which the pair has its newest mark: renamed pairs are halted by the name they trade under."""
    names = stack.settings.universe.names_of(symbol) if symbol else ()
    marks = [mark for name, mark in (await bus.marks()).items() if name in names]
    return max(marks, key=lambda mark: mark.time_ns).symbol if marks else symbol


async def _gather(bus: RedisBus, cursors: dict[str, str], command_id: str, answers: list[Message]) -> None:
    """What follows from the command, which comes at once, and then the verdict on every order among it."""
    causes, undecided = {command_id}, set[str]()
    while not answers or undecided:
        for entry in await bus.read_from(cursors, WAIT_MS):
            if entry.message is None or entry.message.cause not in causes:
                continue
            answers.append(entry.message)
            if isinstance(entry.message, OrderProposed):
                causes.add(entry.message.id)
                undecided.add(entry.message.id)
            elif isinstance(entry.message, OrderDecided):
                undecided.discard(entry.message.order_id)


def operator_name() -> str:
    """Who gives the command, for the record."""
    try:
        return getpass.getuser()[:64]
    except (OSError, KeyError):  # a user id without a name, as in containers
        return "operator"
