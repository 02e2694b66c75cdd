"""Prints messages as they come."""

from services.cli.printing import json_text, say
from shared.application.stack import StackLocator
from shared.application.tail import Item, TailRequest, Unreadable, tail
from shared.application.wording.one_line import event_line


async def print_tail(stack: StackLocator, request: TailRequest, *, as_json: bool) -> None:
    """Print a line for each message, until there are no more. Raises ``UnknownTopicError``, ``BusLostError``."""
    async with tail(stack, request) as items:
        async for item in items:
            say(_line(item, as_json=as_json))


def _line(item: Item, *, as_json: bool) -> str:
    if isinstance(item, Unreadable):
        entry = f" ({item.entry_id})" if item.entry_id else ""
        return f"unreadable on {item.source}{entry}: {item.reason}"
    return json_text(item) if as_json else event_line(item)
