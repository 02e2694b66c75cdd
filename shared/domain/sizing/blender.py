"""The Portfolio Blender: what all strategies together want of one pair, and the one order that leads there.

    target fraction = sum of weight x strength over the plan's strategies, at least 0 and at most 1
    target quantity = fraction x full size
    order           = target - (position + what is in flight), if that is worth an order

All quantities and prices here are in the units of the pair's present name. Pure functions: the machine keeps the state.
"""

from collections.abc import Mapping
from decimal import Decimal

from msgspec import Struct

from shared.domain.numbers import round_down, round_up, to_decimal
from shared.domain.sizing.size import ZERO, Size
from shared.messages.market import PairListed
from shared.messages.orders import Side

EXPIRED = "expired"


class Wanted(Struct, frozen=True):
    """A strategy's latest signal for a pair. spent: what it asked for was had and was ended by somebody else (its stop,
    an operator): it counts for nothing until the strategy raises its next signal.
    """

    strength: float
    time_ns: int
    signal_id: str = ""
    expires_ns: int = 0
    spent: bool = False

    def used_up(self) -> "Wanted":
        return Wanted(self.strength, self.time_ns, self.signal_id, self.expires_ns, spent=True)


class Share(Struct, frozen=True):
    """One strategy's part in the blend; ``reason`` says why it is 0 although the signal is not."""

    strategy: str
    weight: float
    strength: float
    reason: str = ""


class Blend(Struct, frozen=True):
    """fraction: of the full size, 0 to 1; None where no strategy has a say. shares: where it comes from."""

    fraction: float | None
    shares: tuple[Share, ...]


def blend(
    weights: Mapping[str, float], wanted: Mapping[str, Wanted], now_ns: int, *, outside_weight: float = 0.0
) -> Blend:
    """The blend with its reasons, in the plan's order, outsiders last."""
    shares = []
    for name in _in_order(weights, wanted):
        weight = weights.get(name, outside_weight)
        shares.append(Share(name, weight, wanted[name].strength, _why_not(weight, wanted[name], now_ns)))
    return Blend(target_fraction(weights, wanted, now_ns, outside_weight=outside_weight), tuple(shares))


def target_fraction(
    weights: Mapping[str, float], wanted: Mapping[str, Wanted], now_ns: int, *, outside_weight: float = 0.0
) -> float | None:
    """Blend each strategy's latest signal. ``weights``: of the plan; a strategy not in it has ``outside_weight``.

    None where no strategy has a say: then a position is somebody else's business and is left alone. A strategy whose
    wish has expired does have one: it wants nothing any more.
    """
    total, is_heard = 0.0, False
    for name in _in_order(weights, wanted):
        weight, signal = weights.get(name, outside_weight), wanted[name]
        reason = _why_not(weight, signal, now_ns)
        if not reason:
            total += weight * signal.strength
        is_heard = is_heard or reason in ("", EXPIRED)
    return min(1.0, max(0.0, total)) if is_heard else None


def _in_order(weights: Mapping[str, float], wanted: Mapping[str, Wanted]) -> list[str]:
    """Always the same order, for float sums depend on it."""
    names = [name for name in weights if name in wanted]
    if len(names) < len(wanted):
        names += sorted(name for name in wanted if name not in weights)
    return names


def _why_not(weight: float, wanted: Wanted, now_ns: int) -> str:
    """Why a signal counts for nothing; empty when it counts."""
    if weight <= 0:
        return "not in the plan: weight 0"
    if wanted.spent:
        return "spent: the position was ended by its stop or by somebody else"
    return EXPIRED if wanted.expires_ns and now_ns > wanted.expires_ns else ""


class Exposure(Struct, frozen=True):
    """Base units. position: held. buying, selling: approved or proposed, and not yet filled."""

    position: Decimal = ZERO
    buying: Decimal = ZERO
    selling: Decimal = ZERO


class Wish(Struct, frozen=True):
    """An order worth proposing; or none, and why. stop_price: USDT per unit, of a buy."""

    side: Side = "buy"
    quantity: Decimal = ZERO
    stop_price: Decimal | None = None
    reason: str = ""


def wish_for(fraction: float, size: Size, exposure: Exposure, listed: PairListed | None, band: float) -> Wish:
    """The order that brings position plus what is in flight to ``fraction`` of the full size, if it is worth one.

    band: differences below this fraction of the full size are left alone, except that a target of 0 is always reached.
    An unknown size never changes a position; only a target of 0 needs no size.
    """
    if listed is None or listed.status != "trading":
        return Wish(reason="pair")
    if fraction <= 0:
        return _sell(exposure.position - exposure.selling, exposure, listed, to_zero=True)
    if not size.is_known or not size.quantity:
        return Wish(reason=size.binding)
    target = round_down(Decimal(fraction) * size.quantity, listed.quantity_step)
    difference = target - (exposure.position + exposure.buying - exposure.selling)
    if not difference or abs(float(difference)) < band * float(size.quantity):
        return Wish(reason="within the band")
    if difference < 0:
        return _sell(-difference, exposure, listed, price=size.price)
    if exposure.selling:
        return Wish(reason="a sale is in flight")  # somebody wants out: buying back under their hands helps nobody
    return _buy(difference, size, listed)


def _buy(quantity: Decimal, size: Size, listed: PairListed) -> Wish:
    quantity = _orderable(quantity, listed)
    if (reason := _too_small(quantity, size.price, listed)) is not None:
        return Wish(reason=reason)
    stop_price = stop_below(size.price, size.stop_distance, listed.price_step)
    if stop_price is None:
        return Wish(reason="price_step")
    return Wish("buy", quantity, stop_price)


def _sell(
    quantity: Decimal, exposure: Exposure, listed: PairListed, *, price: float = 0.0, to_zero: bool = False
) -> Wish:
    """Never more than is held and not being sold already. The way to zero is not held to the exchange's minima here."""
    quantity = _orderable(min(quantity, exposure.position - exposure.selling), listed)
    if quantity <= 0:
        return Wish(reason="nothing to sell")
    if not to_zero and (reason := _too_small(quantity, price, listed)) is not None:
        return Wish(reason=reason)
    return Wish("sell", quantity)


def _orderable(quantity: Decimal, listed: PairListed) -> Decimal:
    """Down to the lot step, and to the largest order that the exchange takes."""
    if listed.max_quantity and quantity > listed.max_quantity:
        quantity = listed.max_quantity
    return round_down(quantity, listed.quantity_step)


def _too_small(quantity: Decimal, price: float, listed: PairListed) -> str | None:
    if quantity <= 0 or quantity < listed.min_quantity:
        return "min_quantity"
    return "min_notional" if float(quantity) * price < listed.min_notional else None


def stop_below(price: float, distance: float, step: Decimal) -> Decimal | None:
    """The stop that belongs ``distance`` below ``price``, both USDT per unit, rounded up to the price step (less risk)
    and yet strictly below the price; None when the step is too coarse for any.
    """
    step = max(step, ZERO)
    stop = max(round_up(to_decimal(max(0.0, price - distance)), step), step)
    if stop >= price:
        stop = round_down(to_decimal(price), step)
        if stop >= price:
            stop -= step
    return stop if 0 < stop < price else None
