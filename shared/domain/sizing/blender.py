"""The Portfolio Blender: what all strategies together want of one pair, and the one order that leads there.

    target fraction = sum of weight x strength over the plan's strategies, at least 0 and at most 1
    target quantity = fraction x full size
    order           = target - (position + what is in flight), if that is worth an order

All quantities and prices here are in the units of the pair's present name. Pure functions: the machine keeps the state.
"""

from collections.abc import Mapping
from decimal import Decimal

from msgspec import Struct

from shared.domain.numbers import ZERO, round_down
from shared.domain.sizing.size import Size
from shared.domain.stops import stop_below
from shared.messages.market import PairListed
from shared.messages.orders import Side


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
        return _sell(exposure.position - exposure.selling, exposure, listed, to_zero=True)
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
    quantity = _orderable(quantity, listed)
    if (reason := _too_small(quantity, size.price, listed)) is not None:
        return TargetOrder(reason=reason)
    stop_price = stop_below(size.price, size.stop_distance, listed.price_step)
    if stop_price is None:
        return TargetOrder(reason="price_step")
    return TargetOrder("buy", quantity, stop_price)


def _sell(
    quantity: Decimal, exposure: Exposure, listed: PairListed, *, price: float = 0.0, to_zero: bool = False
) -> TargetOrder:
    """Never more than is held and not being sold already. The way to zero is not held to the exchange's minima here."""
    quantity = _orderable(min(quantity, exposure.position - exposure.selling), listed)
    if quantity <= 0:
        return TargetOrder(reason="nothing to sell")
    if not to_zero and (reason := _too_small(quantity, price, listed)) is not None:
        return TargetOrder(reason=reason)
    return TargetOrder("sell", quantity)


def _orderable(quantity: Decimal, listed: PairListed) -> Decimal:
    """Down to the lot step, and to the largest order that the exchange takes."""
    if listed.max_quantity and quantity > listed.max_quantity:
        quantity = listed.max_quantity
    return round_down(quantity, listed.quantity_step)


def _too_small(quantity: Decimal, price: float, listed: PairListed) -> str | None:
    if quantity <= 0 or quantity < listed.min_quantity:
        return "min_quantity"
    return "min_notional" if float(quantity) * price < listed.min_notional else None
