"""Reports of a bot that executes by itself what it was approved (``orders = "client"``), and what is said to them."""

from hashlib import blake2b

from heatsink_client.messages import (
    ClosedReported,
    FillReported,
    Message,
    OrderClosed,
    OrderFilled,
    OrderPlaced,
    PlacedReported,
    ReportAwaited,
    ReportRefused,
    StopPlaced,
    StopReported,
)
from heatsink_client.sending import Sending

AnyReport = PlacedReported | FillReported | ClosedReported | StopReported
ANSWERS = (OrderPlaced, OrderFilled, OrderClosed, StopPlaced, ReportAwaited, ReportRefused)


class Report(Sending):
    """A report. It may come twice: what was booked before is not booked again, and counts as taken."""

    into, answers = "reported", "executed"
    silence = (
        'nobody answered in time: is the execution service running (heatsink status), with orders = "client" under '
        "[exchange] in stack.toml?"
    )

    def _matches(self, answer: Message) -> bool:
        """Ids of reports follow from what they are about, so another client can use the same: it must not answer us."""
        if not isinstance(answer, ANSWERS) or not super()._matches(answer):
            return False
        if isinstance(answer, ReportRefused):
            return answer.client in ("", self.place.client)
        order_id = getattr(self.message, "order_id", answer.order_id)
        return (answer.symbol, answer.order_id) == (getattr(self.message, "symbol", ""), order_id)


def report_id(kind: str, *about: object) -> str:
    """The same for the same thing, so that whoever reports it again says the same."""
    digest = blake2b("\x1f".join(map(str, about)).encode(), digest_size=10).hexdigest()
    return f"{kind}-{digest}"
