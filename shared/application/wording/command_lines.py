"""Commands, questions and their answers, in one line a message."""

from collections.abc import Callable
from typing import Any

from shared.application.wording.formats import because, count, named_values, percent, price, quantity, scope, usd
from shared.messages.ask import ImportAnswered, ImportAsked, RoomAnswered, RoomAsked, ShadowAsked, ShadowCounted
from shared.messages.base import Message
from shared.messages.control import (
    ApprovePhase,
    Flatten,
    Halt,
    ImportPositions,
    Resume,
    SetLimits,
    SetPhase,
    WriteOff,
    WriteOffOrder,
)
from shared.messages.dead_letter import EntrySetAside, MessageRefused


def _room(message: RoomAnswered) -> tuple[str, str]:
    if len(message.rooms) == 1:
        [room] = message.rooms
        text = (
            f"{quantity(room.quantity)} {room.symbol} = {usd(room.notional_usdt)}, set by {room.binding}: {room.reason}"
        )
    else:
        total = sum(room.quantity > 0 for room in message.rooms)
        text = message.reason or f"{total} of {len(message.rooms)} pairs have room"
    return "room", f"{text} (to {message.reply_to})"


def _import(message: ImportPositions) -> tuple[str, str]:
    cash = "" if message.cash is None else f" and {usd(message.cash)} of cash"
    what = f"{count(len(message.positions), 'position')}{cash}"
    return "command", f"import {what}: {message.reason}, by {message.who}"


def _import_answered(message: ImportAnswered) -> tuple[str, str]:
    faults = len(message.faults) + sum(bool(row.fault) for row in message.rows)
    fits = f"{count(faults, 'fault')}" if faults else f"NAV {usd(message.nav)}, heat {percent(message.heat)}"
    return "import", f"{count(len(message.rows), 'position')}: {fits} (to {message.reply_to})"


COMMAND_LINES: dict[type[Message], Callable[[Any], tuple[str, str]]] = {
    SetLimits: lambda m: ("command", f"limits {named_values(m.limits)}: {m.reason}, by {m.who}"),
    ApprovePhase: lambda m: ("command", f"approve phase {m.phase}: {m.reason}, by {m.who}"),
    Halt: lambda m: ("command", f"halt {scope(m.symbol)}: {m.reason}, by {m.who}"),
    Resume: lambda m: ("command", f"{because(f'resume {scope(m.symbol)}', m.reason)}, by {m.who}"),
    Flatten: lambda m: ("command", f"sell all of {scope(m.symbol)}: {m.reason}, by {m.who}"),
    WriteOff: lambda m: ("command", f"write off {m.symbol} at {price(m.price or 0)}: {m.reason}, by {m.who}"),
    WriteOffOrder: lambda m: ("command", f"write off order {m.order_id}: {m.reason}, by {m.who}"),
    ImportPositions: _import,
    SetPhase: lambda m: ("command", f"phase {m.phase}: {m.reason}, by {m.who}"),
    RoomAsked: lambda m: ("asked", f"room in {m.symbol or 'every pair'}, for {m.reply_to}"),
    RoomAnswered: _room,
    ImportAsked: lambda m: ("asked", f"what an import of {count(len(m.positions), 'position')} is, for {m.reply_to}"),
    ImportAnswered: _import_answered,
    ShadowAsked: lambda m: ("asked", f"what the shadow limits say, for {m.reply_to}"),
    ShadowCounted: lambda m: ("shadow", f"{m.summary} (to {m.reply_to})"),
    MessageRefused: lambda m: ("refused", f"{m.size_bytes} bytes on {m.source}: {m.field}: {m.reason}"),
    EntrySetAside: lambda m: ("ASIDE", f"{m.service} failed at {m.message} {m.entry} of {m.source}: {m.reason}"),
}
