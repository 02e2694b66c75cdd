"""Whether a mark or a bar reaches a resting order, and from which price its fill begins.

A stop is a sell stop-market order: once its price is reached, it takes what there is. When the price gaps over the
stop, it fills at the gap and never at the stop, as on an exchange: nobody bought in between. A limit order waits as a
maker and fills at its limit once the price trades through it. Touching it is not enough, for others stood there first.
"""

from shared.domain.execution.paper.prices import Quote, touch
from shared.domain.plan import Costs
from shared.messages.market import BarClosed
from shared.messages.orders import Side


def stop_touched_by_quote(stop: float, quote: Quote, costs: Costs) -> float | None:
    """The price at which a stop begins to sell when the mark is at or below it; None when it is not."""
    if quote.price > stop:
        return None
    return min(stop, touch("sell", quote, costs))


def stop_touched_by_bar(stop: float, bar: BarClosed, costs: Costs) -> float | None:
    """The price at which a stop that rested all through the bar began to sell; None when the bar stayed above it."""
    if bar.open <= stop:
        reached = bar.open
    elif bar.low <= stop:
        reached = stop
    else:
        return None
    return reached * (1.0 - costs.half_spread)


def limit_passed_by_quote(side: Side, limit: float, quote: Quote) -> bool:
    """Whether the other side of the book (the mark, where there is none) stands beyond the limit."""
    if side == "buy":
        return (quote.ask or quote.price) < limit
    return (quote.bid or quote.price) > limit


def limit_passed_by_bar(side: Side, limit: float, bar: BarClosed) -> bool:
    """Whether a bar traded through a limit that rested all through it."""
    return bar.low < limit if side == "buy" else bar.high > limit
