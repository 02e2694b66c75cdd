"""The latest sizes, read from their stream."""

from services.cli.printing import json_text, plain_console
from services.cli.tables import sizes_table
from shared.application.errors import UserError
from shared.application.stack import StackLocator
from shared.messages.catalogue import SIZES
from shared.messages.signals import PositionSized

PAGE = 5_000  # enough for some bars of every pair in several timeframes


class NoSizesError(UserError):
    """Nothing was sized yet, or not this pair."""


async def read_sizes(stack: StackLocator, names: tuple[str, ...]) -> dict[str, PositionSized]:
    """The newest size of every pair, or of the one with these names. Raises ``NoSizesError``."""
    async with stack.bus() as bus:
        messages = await bus.latest(stack.keys.of(SIZES), PAGE)
    found: dict[str, PositionSized] = {}
    for message in messages:
        if isinstance(message, PositionSized) and (not names or message.symbol in names):
            found.setdefault(message.symbol, message)
    if not found:
        what = f"{names[0]} has" if names else "No pair has"
        raise NoSizesError(f"{what} not been sized yet: a size follows the first closed bar after the start.")
    return found


def print_sizes(sizes: dict[str, PositionSized], *, as_json: bool) -> None:
    if as_json:
        for symbol in sorted(sizes):
            print(json_text(sizes[symbol]))
    else:
        plain_console().print(sizes_table(sizes))
