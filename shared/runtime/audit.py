"""Which committed messages become a log line: those an operator would act on or audit, under stable event names."""

from collections.abc import Sequence
from typing import Any

from shared.messages.base import Message
from shared.messages.orders import OrderClosed, OrderDecided, OrderFilled, StopPlaced
from shared.messages.portfolio import Halted, Resumed
from shared.messages.signals import SignalRaised


def log_outputs(log: Any, outputs: Sequence[Message]) -> None:
    """One line for each message worth one; none per bar, size, mark or snapshot."""
    for message in outputs:
        match message:
            case OrderDecided():
                log.info(
                    "order_decided",
                    **_named(message),
                    order_id=message.order_id,
                    verdict=message.verdict,
                    side=message.side,
                    requested=str(message.quantity_requested),
                    approved=str(message.quantity_approved),
                    binding=message.binding,
                    reason=message.reason,
                    heat=round(message.heat_after, 6),
                )
            case OrderFilled():
                log.info(
                    "order_filled",
                    **_named(message),
                    order_id=message.order_id,
                    side=message.side,
                    quantity=str(message.quantity),
                    price=str(message.price),
                    fee_usdt=str(message.fee_usdt),
                )
            case OrderClosed(ending=ending) if ending != "filled":
                log.warning(
                    "order_closed", **_named(message), order_id=message.order_id, ending=ending, reason=message.reason
                )
            case StopPlaced():
                log.info("stop_placed", **_named(message), order_id=message.order_id, stop=str(message.stop_price))
            case SignalRaised():
                log.info("signal_raised", **_named(message), strategy=message.strategy, strength=message.strength)
            case Halted():
                log.warning("halted", **_named(message), mode=message.mode, reason=message.reason, who=message.who)
            case Resumed():
                log.warning("resumed", **_named(message), reason=message.reason, who=message.who)
            case _:
                pass


def _named(message: Any) -> dict[str, str]:
    return {"symbol": message.symbol, "trace": message.trace}
