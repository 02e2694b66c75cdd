"""What clients report of the orders that they execute, and what they are told of it, in one line a message."""

from collections.abc import Callable
from typing import Any

from shared.application.wording.formats import because, clock, price, quantity, usd
from shared.messages.base import Message
from shared.messages.reports import (
    ClosedReported,
    FillReported,
    PlacedReported,
    ReportAwaited,
    ReportRefused,
    StopReported,
)


def _fill(message: FillReported) -> tuple[str, str]:
    worth = usd(message.quantity * message.price)
    text = f"{message.side} {quantity(message.quantity)} {message.symbol} at {price(message.price)} = {worth}"
    return "reported", f"{text}, trade {message.trade_id} ({message.order_id})"


def _stop(message: StopReported) -> tuple[str, str]:
    if not message.working:
        return "reported", f"no stop of {message.symbol} works any more"
    return "reported", f"stop of {message.symbol} at {price(message.stop_price)} for {quantity(message.quantity)}"


def _awaited(message: ReportAwaited) -> tuple[str, str]:
    if message.stop_price is not None:
        what = f"a stop of {message.symbol} at {price(message.stop_price)} for {quantity(message.quantity)}"
    else:
        what = f"a report of {quantity(message.quantity)} {message.symbol} ({message.order_id})"
    word, when = ("OVERDUE", "was due") if message.overdue else ("awaited", "is due")
    return word, because(
        f"{what} {when} at {clock(message.due_ns)}, by {message.client or 'its client'}", message.reason
    )


def _refused(message: ReportRefused) -> tuple[str, str]:
    name = f" {message.order_id or message.cause}".rstrip()
    more = f" ({message.unanswered} more were refused without an answer)" if message.unanswered else ""
    return "REFUSED", f"{message.what or 'report'}{name}: {message.reason}{more}"


REPORT_LINES: dict[type[Message], Callable[[Any], tuple[str, str]]] = {
    PlacedReported: lambda m: ("reported", f"{quantity(m.quantity)} {m.symbol} placed ({m.order_id})"),
    FillReported: _fill,
    ClosedReported: lambda m: (
        "reported",
        because(f"{m.symbol} {m.ending}, {quantity(m.quantity_filled)} filled ({m.order_id})", m.reason),
    ),
    StopReported: _stop,
    ReportAwaited: _awaited,
    ReportRefused: _refused,
}
