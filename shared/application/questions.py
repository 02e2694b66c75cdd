"""What-if questions to the risk service. It answers on a channel that nobody else has; nothing is changed by them."""

import asyncio
import secrets
from collections.abc import Sequence
from decimal import Decimal
from typing import TypeVar

from msgspec import structs

from shared.adapters.codec import UnreadableError, decode
from shared.application.errors import UserError
from shared.application.stack import StackLocator
from shared.application.wording.formats import sentence
from shared.messages.ask import ImportAnswered, ImportAsked, RoomAnswered, RoomAsked, ShadowAsked, ShadowCounted
from shared.messages.catalogue import ANSWERS
from shared.messages.control import PositionToImport
from shared.ports.streams import Listener

ANSWER_SECONDS = 5.0
HEAR_SECONDS = 0.2

A = TypeVar("A", RoomAnswered, ShadowCounted, ImportAnswered)
Question = RoomAsked | ShadowAsked | ImportAsked


class NobodyAnsweredError(UserError):
    """The question was published, and no answer came in time."""


class NotAnsweredError(UserError):
    """The risk service says why it has no answer."""


async def ask_room(
    stack: StackLocator,
    symbol: str,
    *,
    stop_price: Decimal | None = None,
    limit_price: Decimal | None = None,
    strategy: str = "external",
    wait_seconds: float = ANSWER_SECONDS,
) -> RoomAnswered:
    """The largest order that would be approved now, of one pair, or of each for an empty symbol.

    Raises ``NobodyAnsweredError``.

    stop_price: of the order; None for the stop that sizing would set.
    limit_price: None for an order at the market.
    strategy: whose order it would be.
    """
    name, reply_to = _new_names()
    question = RoomAsked(
        id=name,
        time_ns=0,
        reply_to=reply_to,
        symbol=symbol,
        stop_price=stop_price,
        limit_price=limit_price,
        strategy=strategy,
    )
    parts = await _ask(stack, question, RoomAnswered, wait_seconds)
    return structs.replace(parts[0], rooms=tuple(room for part in parts for room in part.rooms), part=1, parts=1)


async def ask_shadow(stack: StackLocator, *, wait_seconds: float = ANSWER_SECONDS) -> ShadowCounted:
    """What the shadow limits would have done so far. Raises ``NobodyAnsweredError``."""
    name, reply_to = _new_names()
    question = ShadowAsked(id=name, time_ns=0, reply_to=reply_to)
    return (await _ask(stack, question, ShadowCounted, wait_seconds))[0]


async def ask_import(
    stack: StackLocator,
    positions: Sequence[PositionToImport],
    *,
    cash: Decimal | None = None,
    client: str = "",
    wait_seconds: float = ANSWER_SECONDS,
) -> ImportAnswered:
    """What the books would be with these positions in them. Raises ``NobodyAnsweredError``.

    cash: USDT beside them; None for what the books have. client: who holds them, where clients execute.
    """
    name, reply_to = _new_names()
    question = ImportAsked(id=name, time_ns=0, reply_to=reply_to, positions=tuple(positions), cash=cash, client=client)
    parts = await _ask(stack, question, ImportAnswered, wait_seconds)
    return structs.replace(parts[0], rows=tuple(row for part in parts for row in part.rows), part=1, parts=1)


def _new_names() -> tuple[str, str]:
    """The id of a question and the channel for its answers."""
    code = secrets.token_hex(8)
    return f"ask-{code}", f"hs:reply:{code}"


async def _ask(stack: StackLocator, question: Question, kind: type[A], wait_seconds: float) -> list[A]:
    """All parts of the answer, in order. It listens first and asks then, so that no answer can come too early."""
    async with stack.bus() as bus:
        clock = await stack.clock(bus)
        async with bus.listen(question.reply_to) as listener:
            await bus.echo([structs.replace(question, time_ns=clock.now_ns())])
            try:
                async with asyncio.timeout(wait_seconds):
                    return await _parts(listener, question.id, kind)
            except TimeoutError:
                raise NobodyAnsweredError(
                    f"The risk service did not answer within {wait_seconds:g} s. Does it run? See heatsink status."
                ) from None


async def _parts(listener: Listener, question_id: str, kind: type[A]) -> list[A]:
    parts: dict[int, A] = {}
    while True:
        heard = await listener.next(HEAR_SECONDS)
        if heard is None:
            continue
        try:
            message = decode(heard[1], ANSWERS.messages)
        except UnreadableError:  # somebody else's bytes: the answer still comes
            continue
        if isinstance(message, kind) and message.cause == question_id:
            number, count = (1, 1) if isinstance(message, ShadowCounted) else (message.part, message.parts)
            parts[number] = message
            if len(parts) == count:
                return [parts[number] for number in sorted(parts)]
        elif isinstance(message, RoomAnswered) and message.cause == question_id:  # whatever was asked
            raise NotAnsweredError(f"The risk service says: {sentence(message.reason)}")
