"""What others write on a stream that belongs to market_data.

Whoever may write to the server may write there too, and is believed: a feed that is said to be lost halts its pair, and
nobody but market_data says that it is back. So market_data listens to its own streams, and where somebody else spoke,
says once more how it is.
"""

from collections import deque
from collections.abc import Sequence

from shared.messages.base import Message
from shared.ports.bus import Bus

OWN_KEPT = 10_000  # more than are written between two calls of ``foreign``


class Overheard:
    """Follows one stream from where it ends at the first call on; its owner writes by ``publish``."""

    def __init__(self, bus: Bus, stream: str) -> None:
        self._bus, self._cursors = bus, {stream: "$"}
        self._own: deque[Message] = deque(maxlen=OWN_KEPT)

    async def publish(self, messages: Sequence[Message]) -> None:
        """Write as the owner."""
        self._own.extend(messages)
        await self._bus.publish(messages)

    async def foreign(self) -> Sequence[Message]:
        """What others wrote since the last call."""
        entries = await self._bus.read_from(self._cursors, 0)
        messages = [entry.message for entry in entries if entry.message is not None]
        return [message for message in messages if not self._is_own(message)]

    def _is_own(self, message: Message) -> bool:
        """An own message is so once: written again by another, it is his."""
        if message not in self._own:
            return False
        self._own.remove(message)
        return True
