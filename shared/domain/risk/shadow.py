"""A second set of limits beside the live one: evaluated, counted, never acting."""

from msgspec import Struct

from shared.domain.risk.state import RiskState
from shared.messages.orders import OrderDecided, OrderProposed

SHADOW_RECORDS: dict[str, type[Struct]] = {}


class Shadow:
    """``before`` sees the order while the portfolio is as the gate will see it; ``after`` compares."""

    def __init__(self, state: RiskState) -> None:
        self._state = state

    def before(self, order: OrderProposed) -> None:
        pass

    def after(self, order: OrderProposed, decided: OrderDecided) -> None:
        pass
