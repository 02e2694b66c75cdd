"""Questions that reserve nothing: how much could I buy now, what would other limits have done."""

from collections.abc import Sequence

from shared.domain.risk.shadow import Shadow
from shared.domain.risk.state import RiskState
from shared.messages.ask import RoomAsked, ShadowAsked
from shared.messages.base import Message


class Questions:
    """Answers go to the channel that the asker names."""

    def __init__(self, state: RiskState, shadow: Shadow) -> None:
        self._state, self._shadow = state, shadow

    def room(self, asked: RoomAsked) -> Sequence[Message]:
        return ()

    def shadow(self, asked: ShadowAsked) -> Sequence[Message]:
        return ()
