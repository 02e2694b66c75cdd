"""What would be approved now: a question that reserves nothing, and may be asked again and again."""

import secrets
from collections.abc import Sequence
from typing import Any

from heatsink_client.answers import RoomLeft
from heatsink_client.messages import Room, RoomAnswered, RoomAsked
from heatsink_client.steps import PAUSE_SECONDS, Deadline, Hear, Listen, LostError, Operation, Pause, Place, call
from heatsink_client.wire import pack, read_as

TRY_SECONDS = 1.0  # for one answer; questions and answers are on channels, and may be lost


def room(place: Place, question: dict[str, Any], seconds: float) -> Operation[list[RoomLeft]]:
    """The room of one pair, or of each for an empty symbol. Where nobody answers, one that is not known."""
    until, reason = Deadline(seconds), "there was no time to ask"
    while until.left > 0:
        try:
            reason = "nobody answered: is the risk service running? (heatsink status)"
            if (parts := (yield from _ask(place, question, until))) is not None:
                return _rooms(question["symbol"], parts)
        except LostError as lost:
            reason = f"the server did not answer: {lost}"
        yield Pause(min(PAUSE_SECONDS, until.left))
    return [RoomLeft(symbol=question["symbol"], reason=reason, code="unknown", is_known=False)]


def _ask(place: Place, question: dict[str, Any], until: Deadline) -> Operation[Sequence[RoomAnswered] | None]:
    """All parts of the answer, in order; None when they did not come. It listens first, and asks then."""
    name = secrets.token_hex(8)
    asked = RoomAsked(id=f"ask-{name}", time_ns=0, reply_to=f"hs:reply:{name}", **question)
    yield Listen(asked.reply_to)
    [listeners] = yield from call(("PUBLISH", place.key("ask"), pack(asked)))
    if isinstance(listeners, Exception):
        raise LostError(str(listeners))
    parts: dict[int, RoomAnswered] = {}
    patience = Deadline(min(TRY_SECONDS, until.left))
    while listeners and patience.left > 0:
        answered = read_as(RoomAnswered, (yield Hear(patience.left)))
        if answered is not None and answered.cause == asked.id:
            parts[answered.part] = answered
            if len(parts) == answered.parts:
                return [parts[number] for number in sorted(parts)]
    return None


def _rooms(symbol: str, parts: Sequence[RoomAnswered]) -> list[RoomLeft]:
    rooms = [_room(each) for part in parts for each in part.rooms]
    return rooms or [RoomLeft(symbol=symbol, reason=parts[0].reason, code="missing")]


def _room(room: Room) -> RoomLeft:
    return RoomLeft(
        symbol=room.symbol,
        quantity=room.quantity,
        notional_usdt=room.notional_usdt,
        stop_price=room.stop_price,
        price=room.price,
        binding=room.binding,
        reason=room.reason,
        code=room.code,
        ceilings=room.ceilings,
    )
