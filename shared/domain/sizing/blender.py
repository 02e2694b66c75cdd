"""The Portfolio Blender: what all strategies together want of one pair, and the one order that leads there.

    target fraction = sum of weight x strength over the plan's strategies, at least 0 and at most 1
    target quantity = fraction x full size
    order           = target - (position + what is in flight), if that is worth an order

All quantities and prices here are in the units of the pair's present name. Pure functions: the machine keeps the state.
"""

from collections.abc import Mapping
from decimal import Decimal

from msgspec import Struct

from shared.domain.filters.quantities import Lots, cut_to_most, cut_to_step, lots_of, shortfall
from shared.domain.numbers import ZERO, round_down
from shared.domain.sizing.size import MIN_NOTIONAL, MIN_QUANTITY, Size
from shared.domain.stops import stop_below
from shared.messages.market import PairListed
from shared.messages.orders import Side

SHORT_OF = {"LOT_SIZE": MIN_QUANTITY, "NOTIONAL": MIN_NOTIONAL}


class LatestSignal(Struct, frozen=True):
    """A strategy's latest signal for a pair.

    strength: 0 (flat) to 1 (a full position).
    time_ns: market time at which it was raised.
    expires_ns: market time after which it wants nothing; 0 for never.
    spent: the position that it asked for was there, and somebody else ended it (its stop, an operator). A spent signal
        counts for nothing until the strategy raises its next one.
    """

    strength: float
    time_ns: int
    signal_id: str = ""
    expires_ns: int = 0
    spent: bool = False

    def as_spent(self) -> "LatestSignal":
        """The same signal, which counts for nothing from here on."""
        return LatestSignal(self.strength, self.time_ns, self.signal_id, self.expires_ns, spent=True)


def target_fraction(weights: Mapping[str, float], signals: Mapping[str, LatestSignal], now_ns: int) -> float | None:
    """Blend each strategy's latest signal by ``weights`` of the plan; a strategy that is no longer in it has none.

    None where no strategy has a say: then a position is somebody else's business and is left alone. A strategy whose
    signal has expired does have a say: it wants nothing any more.
    """
    total, has_say = 0.0, False
    for name, weight in weights.items():  # always in the plan's order: float sums depend on it
        signal = signals.get(name)
        if signal is None or signal.spent or weight <= 0:
            continue
        has_say = True
        if not signal.expires_ns or now_ns <= signal.expires_ns:
            total += weight * signal.strength
    return min(1.0, max(0.0, total)) if has_say else None


class Exposure(Struct, frozen=True):
    """What is held of a pair and on its way, base units.

    position: held.
    buying, selling: approved or proposed, and not filled yet.
    """

    position: Decimal = ZERO
    buying: Decimal = ZERO
    selling: Decimal = ZERO


class TargetOrder(Struct, frozen=True):
    """An order worth proposing; or none, and why.

    quantity: base units; 0 for no order.
    stop_price: USDT per unit, of a buy.
    reason: why there is no order, in a word.
    """

    side: Side = "buy"
    quantity: Decimal = ZERO
    stop_price: Decimal | None = None
    reason: str = ""


def target_order(
    fraction: float, size: Size, exposure: Exposure, listed: PairListed | None, band: float
) -> TargetOrder:
    """The order that brings position plus what is in flight to ``fraction`` of the full size, if it is worth one.

    band: differences below this fraction of the full size are left alone, except that a target of 0 is always reached.
    An unknown size never changes a position; only a target of 0 needs no size.
    """
    if listed is None or listed.status != "trading":
        return TargetOrder(reason="pair")
    if fraction <= 0:
        return _sell(exposure.position - exposure.selling, exposure, listed, price=size.price)
    if not size.is_known or not size.quantity:
        return TargetOrder(reason=size.binding)
    target = round_down(Decimal(fraction) * size.quantity, listed.quantity_step)
    difference = target - (exposure.position + exposure.buying - exposure.selling)
    if not difference or abs(float(difference)) < band * float(size.quantity):
        return TargetOrder(reason="within the band")
    if difference < 0:
        return _sell(-difference, exposure, listed, price=size.price)
    if exposure.selling:
        return TargetOrder(reason="a sale is in flight")  # somebody wants out: buying back meanwhile helps nobody
    return _buy(difference, size, listed)


def _buy(quantity: Decimal, size: Size, listed: PairListed) -> TargetOrder:
    lots = lots_of(listed, "market", None, size.price)
    quantity = _orderable(quantity, lots)
    if short := shortfall(quantity, lots, listed):
        return TargetOrder(reason=SHORT_OF[short.filter])
    stop_price = stop_below(size.price, size.stop_distance, listed.price_step)
    if stop_price is None:
        return TargetOrder(reason="price_step")
    return TargetOrder("buy", quantity, stop_price)


def _sell(quantity: Decimal, exposure: Exposure, listed: PairListed, *, price: float) -> TargetOrder:
    """Never more than is held and not being sold already; and no dust, which the exchange would refuse on every bar."""
    lots = lots_of(listed, "market", None, price)
    wanted = min(quantity, exposure.position - exposure.selling)
    if wanted <= 0:
        return TargetOrder(reason="nothing to sell")
    quantity = _orderable(wanted, lots)
    if short := shortfall(quantity, lots, listed):
        return TargetOrder(reason=SHORT_OF[short.filter])
    return TargetOrder("sell", quantity)


def _orderable(quantity: Decimal, lots: Lots) -> Decimal:
    """Down to the largest order at the market that the exchange takes, in whole lots."""
    return cut_to_step(cut_to_most(quantity, lots).quantity, lots).quantity
