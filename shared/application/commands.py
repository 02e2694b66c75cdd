"""An operator's commands: each is sent to the risk service, and what follows from it comes back as messages.

Every command returns the messages that the risk service gives out because of it, or its refusal (``CommandRefused``).
When nobody takes the command in time, it raises ``NoAnswerError``; the command stays in its stream and is taken later.
"""

import asyncio
from collections.abc import Sequence
from decimal import Decimal

from shared.application.errors import UserError
from shared.application.stack import StackLocator
from shared.domain.timeframes import MINUTE_NS
from shared.messages.base import Message, derived_id
from shared.messages.catalogue import AUDIT, DECIDED, EXECUTED, PROPOSED
from shared.messages.control import Flatten, Halt, ImportPositions, PositionToImport, Resume, WriteOff, WriteOffOrder
from shared.messages.halts import HaltMode, ResumeAsked
from shared.messages.orders import OrderClosed, OrderDecided, OrderFilled, OrderProposed
from shared.ports.bus import Bus
from shared.ports.clock import Clock

ANSWER_SECONDS = 5.0
WAIT_MS = 200
ANSWERED_ON = (AUDIT, PROPOSED, DECIDED)  # halts stand in AUDIT too


class NoAnswerError(UserError):
    """The command stands in its stream, but nobody took it in time."""


async def send_halt(
    stack: StackLocator,
    symbol: str,
    *,
    who: str,
    reason: str,
    minutes: float = 0.0,
    mode: HaltMode = "halted",
    wait_seconds: float = ANSWER_SECONDS,
) -> list[Message]:
    """Stop new risk in a pair, or everywhere for an empty symbol; returns the halt and the cancels that it led to.

    minutes: market minutes after which it ends by itself; 0 for never.
    """
    async with stack.bus() as bus:
        clock, scope = await stack.clock(bus), await _present_name(bus, stack, symbol)
        command_id, now_ns = _command_id(who, scope, clock), clock.now_ns()
        until_ns = now_ns + int(minutes * MINUTE_NS) if minutes else 0
        command = Halt(
            id=command_id, time_ns=now_ns, who=who, reason=reason, symbol=scope, mode=mode, until_ns=until_ns
        )
        return await answers_to(bus, command, wait_seconds, f": {scope or 'the portfolio'} is not halted yet")


async def send_resume(
    stack: StackLocator,
    symbol: str,
    *,
    who: str,
    reason: str,
    confirm: str = "",
    wait_seconds: float = ANSWER_SECONDS,
) -> list[Message]:
    """End the halts of a pair, or of the portfolio; returns their ends, or the code that a second step takes.

    confirm: that code, for the second step; see ``resume_asked``.
    """
    async with stack.bus() as bus:
        clock, scope = await stack.clock(bus), await _present_name(bus, stack, symbol)
        command = _resume(clock, scope, who=who, reason=reason, confirm=confirm)
        return await answers_to(bus, command, wait_seconds, f": {scope or 'the portfolio'} is as it was")


async def resume_in_steps(bus: Bus, clock: Clock, symbol: str, *, who: str, reason: str) -> list[Message]:
    """End the halts of a pair or of the portfolio, with the second step where it takes one; returns what was answered.

    For whoever does not look at the answer of the first step; a person should: see ``send_resume``.
    """
    answers: list[Message] = []
    for _ in range(2):
        asked = resume_asked(answers)
        command = _resume(clock, symbol, who=who, reason=reason, confirm=asked.confirm if asked else "")
        answers = await answers_to(bus, command, ANSWER_SECONDS)
        if resume_asked(answers) is None:
            break
    return answers


async def send_flatten(
    stack: StackLocator, symbol: str, *, who: str, reason: str, wait_seconds: float = ANSWER_SECONDS
) -> list[Message]:
    """Sell what is held of a pair, or everything; returns cancels, proposals, verdicts, and what became of the orders.

    An order of which execution says nothing in time has no ``OrderClosed`` among them.
    """
    async with stack.bus() as bus:
        clock, scope = await stack.clock(bus), await _present_name(bus, stack, symbol)
        command_id = _command_id(who, scope, clock)
        command = Flatten(id=command_id, time_ns=clock.now_ns(), who=who, reason=reason, symbol=scope)
        unanswered = f": {scope or 'the portfolio'} is not being sold yet"
        return await answers_to(bus, command, wait_seconds, unanswered, to_the_end=True)


async def send_write_off(
    stack: StackLocator,
    symbol: str,
    *,
    who: str,
    reason: str,
    price: Decimal | None = None,
    wait_seconds: float = ANSWER_SECONDS,
) -> list[Message]:
    """Take a pair that cannot be sold out of the books; returns ``PositionWrittenOff``, or its refusal.

    price: what a unit is booked out at, USDT; None for nothing.
    """
    async with stack.bus() as bus:
        clock = await stack.clock(bus)
        command = WriteOff(
            id=_command_id(who, symbol, clock),
            time_ns=clock.now_ns(),
            who=who,
            reason=reason,
            symbol=symbol,
            price=price,
        )
        return await answers_to(bus, command, wait_seconds, f": {symbol} is still in the books")


async def send_write_off_order(
    stack: StackLocator, order_id: str, *, who: str, reason: str, wait_seconds: float = ANSWER_SECONDS
) -> list[Message]:
    """Take an order of which its client says nothing out of the books; returns ``OrderWrittenOff``, or its refusal."""
    async with stack.bus() as bus:
        clock = await stack.clock(bus)
        command = WriteOffOrder(
            id=_command_id(who, order_id, clock), time_ns=clock.now_ns(), who=who, reason=reason, order_id=order_id
        )
        return await answers_to(bus, command, wait_seconds, f": order {order_id} is still in the books")


async def send_import(
    stack: StackLocator,
    positions: Sequence[PositionToImport],
    *,
    who: str,
    reason: str,
    cash: Decimal | None = None,
    cash_before: Decimal | None = None,
    client: str = "",
    wait_seconds: float = ANSWER_SECONDS,
) -> list[Message]:
    """Take positions into the books that were opened elsewhere; returns ``PositionsImported``, or its refusal.

    cash: USDT beside them; None leaves it. cash_before: what the books had when somebody looked, see ``ask_import``.
    client: who holds them, where clients execute.
    """
    async with stack.bus() as bus:
        clock = await stack.clock(bus)
        command = ImportPositions(
            id=_command_id(who, "import", clock),
            time_ns=clock.now_ns(),
            who=who,
            reason=reason,
            positions=tuple(positions),
            cash=cash,
            cash_before=cash_before,
            client=client,
        )
        return await answers_to(bus, command, wait_seconds, ": nothing is imported yet")


def resume_asked(answers: Sequence[Message]) -> ResumeAsked | None:
    """The second step that a resume takes, with its code; None when there is none to take."""
    return next((answer for answer in answers if isinstance(answer, ResumeAsked)), None)


async def answers_to(
    bus: Bus, command: Message, wait_seconds: float, unanswered: str = "", *, to_the_end: bool = False
) -> list[Message]:
    """Publish a command and wait for what follows from it. Raises ``NoAnswerError``.

    unanswered: how things stand while nobody answers, as the end of the error's sentence.
    to_the_end: also for what execution makes of the orders that were approved.
    """
    topics = (*ANSWERED_ON, EXECUTED) if to_the_end else ANSWERED_ON
    cursors = await bus.stream_ends([bus.keys.of(topic) for topic in topics])
    await bus.publish([command])
    answers = _Answers(command.id, to_the_end=to_the_end)
    try:
        async with asyncio.timeout(wait_seconds):
            while not answers.are_complete:
                for entry in await bus.read_from(cursors, WAIT_MS):
                    if entry.message is not None:
                        answers.take(entry.message)
    except TimeoutError:
        if not answers.heard:
            raise NoAnswerError(
                f"The risk service said nothing to the command within {wait_seconds:g} s{unanswered}."
                " The command waits in its stream; see heatsink status."
            ) from None
    return answers.heard


class _Answers:
    """What follows from a command: at once, then the verdict on every order among it, then perhaps their ends.

    heard: in the order in which it came.
    """

    def __init__(self, command_id: str, *, to_the_end: bool) -> None:
        self._to_the_end = to_the_end
        self._causes = {command_id}
        self._orders: set[str] = set()
        self._awaited: set[str] = set()
        self.heard: list[Message] = []

    @property
    def are_complete(self) -> bool:
        return bool(self.heard) and not self._awaited

    def take(self, message: Message) -> None:
        """Keep the message if it is one of the answers."""
        is_of_order = isinstance(message, OrderFilled | OrderClosed) and message.order_id in self._orders
        if not is_of_order and message.cause not in self._causes:
            return
        self.heard.append(message)
        match message:
            case OrderProposed():
                for ids in (self._causes, self._orders, self._awaited):
                    ids.add(message.id)
            case OrderDecided() if not (self._to_the_end and message.quantity_approved):
                self._awaited.discard(message.order_id)
            case OrderClosed():
                self._awaited.discard(message.order_id)
            case _:
                pass


async def _present_name(bus: Bus, stack: StackLocator, symbol: str) -> str:
    """The name under which the pair has its newest mark: renamed pairs are halted by the name they trade under."""
    names = stack.settings.universe.names_of(symbol) if symbol else ()
    marks = [mark for name, mark in (await bus.marks()).items() if name in names]
    return max(marks, key=lambda mark: mark.time_ns).symbol if marks else symbol


def _resume(clock: Clock, symbol: str, *, who: str, reason: str, confirm: str) -> Resume:
    return Resume(
        id=_command_id(who, symbol, clock),
        time_ns=clock.now_ns(),
        who=who,
        reason=reason,
        symbol=symbol,
        confirm=confirm,
    )


def _command_id(who: str, scope: str, clock: Clock) -> str:
    return derived_id("command", who, scope, clock.wall_ns())
