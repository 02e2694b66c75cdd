"""Answers to what-if questions, for people: how much could be bought now, and what shadow limits would have done."""

from rich.table import Table
from rich.text import Text

from services.cli.printing import bare_table, json_text, plain_console, say
from services.cli.views.order import ceilings_table
from shared.application.errors import UserError
from shared.application.stack import StackLocator
from shared.application.wording.formats import clock, percent, price, quantity, sentence, usd
from shared.application.wording.orders import room_text, why_no_more
from shared.messages.ask import Room, RoomAnswered, ShadowCounted
from shared.messages.halts import Halted


class NoRoomError(UserError):
    """The question could not be answered for this pair."""


def print_rooms(
    answer: RoomAnswered, stack: StackLocator, *, one: bool, as_json: bool, halt: Halted | None = None
) -> None:
    """Print a table of all pairs, or a paragraph and every ceiling of one. Raises ``NoRoomError``.

    one: whether one pair was asked for.
    halt: the halt that keeps that pair out, if one does.
    """
    if as_json:
        say(json_text(answer))
        return
    if not answer.rooms:
        raise NoRoomError(f"The risk service says: {sentence(answer.reason or 'there is no pair')}")
    console = plain_console()
    if one:
        [room] = answer.rooms
        console.print(Text(f"{clock(answer.time_ns)}  {room_text(room, _sector(stack, room), halt)}"))
        console.print(ceilings_table(room.ceilings, room.binding, room.symbol, room.price))
    else:
        console.print(rooms_table(answer, stack))
    standing = f"NAV {usd(answer.nav)}, heat {percent(answer.heat)}" if answer.nav else "NAV is unknown"
    console.print(
        Text(f"{standing} · phase {answer.phase} · policy {answer.policy} · nothing was reserved"), style="dim"
    )


def rooms_table(answer: RoomAnswered, stack: StackLocator) -> Table:
    table = bare_table("pair", ">could buy", ">notional", ">stop", "set by", "why")
    for room in answer.rooms:
        why = why_no_more(room, _sector(stack, room))
        cells = (
            room.symbol,
            quantity(room.quantity) if room.quantity else "nothing",
            usd(room.notional_usdt) if room.quantity else "",
            price(room.stop_price) if room.stop_price is not None else "",
            room.binding,
            why if room.binding else "",
        )
        table.add_row(*(Text(cell) for cell in cells), style="" if room.quantity else "dim")
    return table


def _sector(stack: StackLocator, room: Room) -> str:
    return stack.settings.universe.sector_of(room.symbol) or ""


def print_shadow(answer: ShadowCounted, *, as_json: bool) -> None:
    """Print the summary, and a table of the rules that would have bound."""
    if as_json:
        say(json_text(answer))
        return
    console = plain_console()
    console.print(Text(f"{answer.summary[:1].upper()}{answer.summary[1:]}."))
    if answer.by_rule:
        table = bare_table("rule", ">orders")
        for rule, count in sorted(answer.by_rule.items(), key=lambda row: -row[1]):
            table.add_row(rule, f"{count:,}")
        console.print(table)
    if answer.policy:
        since = f" · since {clock(answer.since_ns)}" if answer.since_ns else ""
        console.print(Text(f"shadow policy {answer.policy}{since} · never acting"), style="dim")
