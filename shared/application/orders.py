"""Finds an order and reads what is known of it."""

from collections.abc import Sequence
from typing import TypeVar

from shared.application.errors import UserError
from shared.application.order_report import OrderReport
from shared.application.projection import Projection
from shared.application.stack import StackLocator
from shared.application.wording.formats import clock
from shared.messages.ask import RoomAnswered
from shared.messages.base import Message
from shared.messages.catalogue import DEAD, DECIDED, EXECUTED, HALTS, PROPOSED, Topic
from shared.messages.dead_letter import MessageRefused
from shared.messages.halts import Halted
from shared.messages.orders import OrderClosed, OrderDecided, OrderFilled, OrderPlaced, OrderProposed, ProposalRefused
from shared.messages.reports import ReportAwaited
from shared.ports.bus import Bus

PAGE = 20_000
NAMED = 5

M = TypeVar("M", bound=Message)


class UnknownOrderError(UserError):
    """There is no such order, or none with a verdict."""


async def read_order(stack: StackLocator, order_id: str) -> OrderReport:
    """The report of the order with this id, or of the only one whose id begins so. Raises ``UnknownOrderError``."""
    async with stack.bus() as bus:
        decision = await find_decision(bus, order_id)
        executed = await bus.latest(bus.keys.of(EXECUTED), PAGE)
        halt = await _halt_at(bus, decision.symbol, decision.time_ns) if decision.binding == "halted" else None
    own = [
        message
        for message in reversed(executed)
        if isinstance(message, OrderPlaced | OrderFilled | OrderClosed | ReportAwaited)
        and message.order_id == decision.order_id
    ]
    sector = stack.settings.universe.sector_of(decision.symbol) or ""
    return OrderReport(decision, tuple(own), sector, halt)


async def find_decision(bus: Bus, order_id: str) -> OrderDecided:
    """The decision on the order with this id, or on the only one whose id begins so. Raises ``UnknownOrderError``."""
    return await bus.decision(order_id) or await _by_beginning(bus, order_id)


async def read_halt_behind(stack: StackLocator, answer: RoomAnswered) -> Halted | None:
    """The halt that left no room in the one pair that was asked about; None where it was something else.

    Raises ``BusLostError``.
    """
    match answer.rooms:
        case [room] if room.binding == "halted":
            async with stack.bus() as bus:
                return await _halt_at(bus, room.symbol, answer.time_ns)
        case _:
            return None


async def _halt_at(bus: Bus, symbol: str, time_ns: int) -> Halted | None:
    return halt_at(symbol, time_ns, await bus.latest(bus.keys.of(HALTS), PAGE))


def halt_at(symbol: str, time_ns: int, newest_first: Sequence[Message]) -> Halted | None:
    """The halt that kept new risk out of a pair at a time, out of the history of all halts."""
    state = Projection()
    state.take_newest_first([message for message in newest_first if message.time_ns <= time_ns])
    return state.halt_of(symbol)


async def _by_beginning(bus: Bus, beginning: str) -> OrderDecided:
    """The only decision on an order whose id begins so; otherwise an error that says what there is instead."""
    decided = await _latest(bus, DECIDED, OrderDecided)
    fitting = [decision for decision in decided if decision.order_id.startswith(beginning)]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise UnknownOrderError(_several_text(beginning, [decision.order_id for decision in fitting]))
    if instead := await _story_without_verdict(bus, beginning):
        raise UnknownOrderError(instead)
    names = ", ".join(decision.order_id for decision in decided[:3])
    hint = f"The last ones decided: {names}." if names else "Nothing was decided here yet."
    raise UnknownOrderError(f"There is no order {beginning}. {hint}")


async def _story_without_verdict(bus: Bus, order_id: str) -> str:
    """What became of an order that has no verdict, if anything is known of it; empty otherwise."""
    letters = await _latest(bus, DEAD, MessageRefused)
    for letter in letters:
        if letter.cause == order_id:
            return _letter_text(order_id, "handled", letter)
    for stream in (bus.keys.of(PROPOSED), *map(bus.keys.of_client, await bus.clients())):
        for proposed in await bus.latest(stream, PAGE):
            if isinstance(proposed, OrderProposed) and proposed.id == order_id:
                return f"{order_id} was proposed at {clock(proposed.time_ns)} and is not decided yet."
    for refused in await _latest(bus, DECIDED, ProposalRefused):
        if refused.order_id == order_id:
            return f"{order_id} has no verdict; it was refused at {clock(refused.time_ns)}: {refused.reason}."
    for letter in letters:  # of bytes whose id could not be told: whose it is shows only in the bytes
        if order_id.encode() in letter.body:
            return _letter_text(order_id, "read", letter)
    return ""


async def _latest(bus: Bus, topic: Topic, kind: type[M]) -> list[M]:
    """The newest messages of one kind, newest first."""
    return [message for message in await bus.latest(bus.keys.of(topic), PAGE) if isinstance(message, kind)]


def _letter_text(order_id: str, done: str, letter: MessageRefused) -> str:
    return f"{order_id} could not be {done} ({letter.field}: {letter.reason}). See heatsink tail dead --last 20."


def _several_text(beginning: str, names: list[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"{len(names)} orders begin with {beginning}: {', '.join(names[:NAMED])}{more}. Give more of the id."
