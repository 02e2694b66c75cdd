"""The latest size of every pair."""

from shared.application.errors import UserError
from shared.application.projection import Projection
from shared.application.stack import StackLocator
from shared.messages.catalogue import SIZES
from shared.messages.signals import PositionSized

PAGE = 5_000  # enough for some bars of every pair in several timeframes


class NoSizesError(UserError):
    """Nothing was sized yet, or not this pair."""


async def read_sizes(stack: StackLocator, names: tuple[str, ...] = ()) -> dict[str, PositionSized]:
    """The newest size of every pair, or of the one that has or had these names. Raises ``NoSizesError``."""
    async with stack.bus() as bus:
        state = Projection()
        state.take_newest_first(await bus.latest(stack.keys.of(SIZES), PAGE))
    found = {symbol: size for symbol, size in state.latest_sizes.items() if not names or symbol in names}
    if not found:
        what = f"{names[0]} has" if names else "No pair has"
        raise NoSizesError(f"{what} not been sized yet: a size follows the first closed bar after the start.")
    return found
