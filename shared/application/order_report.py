"""All that is known of one order."""

from dataclasses import dataclass

from shared.messages.halts import Halted
from shared.messages.orders import OrderClosed, OrderDecided, OrderFilled, OrderPlaced
from shared.messages.reports import ReportAwaited


@dataclass(frozen=True, slots=True)
class OrderReport:
    """One order: what was asked, what every rule would have allowed, and what became of it.

    decision: the verdict on it, with the ceiling of every rule.
    after: what execution said of it, oldest first.
    sector: the sector of its pair; empty for a pair outside of the universe.
    halt: the halt that kept it out, if it was one.
    """

    decision: OrderDecided
    after: tuple[OrderPlaced | OrderFilled | OrderClosed | ReportAwaited, ...]
    sector: str
    halt: Halted | None = None

    @property
    def told(self) -> list[OrderPlaced | OrderFilled | OrderClosed]:
        """What became of it, oldest first."""
        return [message for message in self.after if not isinstance(message, ReportAwaited)]

    @property
    def fills(self) -> list[OrderFilled]:
        """Its trades, oldest first."""
        return [message for message in self.after if isinstance(message, OrderFilled)]

    @property
    def closed(self) -> OrderClosed | None:
        """How it ended; None while it has not."""
        return next((message for message in self.after if isinstance(message, OrderClosed)), None)

    @property
    def awaited(self) -> ReportAwaited | None:
        """What its client has to report still; None where nothing is due, or where it has reported since."""
        if self.after and isinstance(self.after[-1], ReportAwaited):
            return self.after[-1]
        return None
