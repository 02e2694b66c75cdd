"""Which quantities the exchange takes: whole lots, not too few, not too many, and worth enough."""

from decimal import Decimal
from math import gcd
from typing import NamedTuple

from shared.domain.numbers import CENT8, TRILLIONTH, ZERO, is_multiple, plain, product, quotient, round_down, round_up
from shared.messages.base import AMOUNT_BELOW, AMOUNT_DIGITS
from shared.messages.market import PairListed
from shared.messages.orders import OrderType, Shortfall

MOST = Decimal(10) ** AMOUNT_BELOW
SLACK = 1e-9  # of a float, relative: nearer to a limit of worth than this, it is looked at exactly


def surely_takes(quantity: Decimal, units: float, price: float, listed: PairListed) -> bool:
    """Whether an order passes all filters at once, at the market or not: nearly all do, and this is quick.

    False is no answer: then each filter has to be asked. units, price: quantity and price as floats.
    """
    if quantity < listed.min_quantity or quantity < listed.market_min_quantity:
        return False
    most, market_most = listed.max_quantity, listed.market_max_quantity
    if (most and quantity > most) or (market_most and quantity > market_most):
        return False
    if not is_multiple(quantity, listed.quantity_step) or not is_multiple(quantity, listed.market_quantity_step):
        return False
    worth, most_worth = units * price, listed.max_notional
    if most_worth and worth >= float(most_worth) * (1.0 - SLACK):
        return False
    return worth > float(listed.min_notional) * (1.0 + SLACK)


class Lots(NamedTuple):
    """What the filters of a pair ask of one order's quantity. All 0 of them ask nothing.

    step, least, most: base units.
    most_filter: which filter has the most, for the words.
    price: at which the order's worth is counted, USDT per unit; 0 where it is not known.
    least_worth, most_worth: USDT.
    """

    step: Decimal
    least: Decimal
    most: Decimal
    most_filter: str
    price: Decimal | float
    least_worth: Decimal
    most_worth: Decimal


class Cut(NamedTuple):
    """What the filters leave of a quantity. rule: which of them cut it; empty for none. reason: in words."""

    quantity: Decimal
    rule: str
    reason: str


def lots_of(listed: PairListed, order_type: OrderType, limit_price: Decimal | None, mark: float) -> Lots:
    """LOT_SIZE and NOTIONAL for an order with a limit; MARKET_LOT_SIZE beside them for one at the market.

    An order with a limit is worth what it is at its own price, one at the market what it is at the mark.
    """
    if order_type == "limit" and limit_price is not None:
        return Lots(
            step=listed.quantity_step,
            least=listed.min_quantity,
            most=listed.max_quantity,
            most_filter="LOT_SIZE",
            price=limit_price,
            least_worth=listed.min_notional,
            most_worth=listed.max_notional,
        )
    most, most_filter, market_most = listed.max_quantity, "LOT_SIZE", listed.market_max_quantity
    if market_most and not 0 < most <= market_most:
        most, most_filter = market_most, "MARKET_LOT_SIZE"
    return Lots(
        step=common_step(listed.quantity_step, listed.market_quantity_step),
        least=max(listed.min_quantity, listed.market_min_quantity),
        most=most,
        most_filter=most_filter,
        price=mark,
        least_worth=listed.min_notional if listed.min_notional_at_market else ZERO,
        most_worth=listed.max_notional if listed.max_notional_at_market else ZERO,
    )


def common_step(one: Decimal, other: Decimal) -> Decimal:
    """The least step of which all multiples are multiples of both; a step of 0 asks nothing."""
    if other <= 0 or one == other:
        return one
    if one <= 0:
        return other
    places = max(0, *(-int(step.as_tuple().exponent) for step in (one, other)))
    first, second = int(one.scaleb(places)), int(other.scaleb(places))
    return Decimal(first * second // gcd(first, second)).scaleb(-places)


def least_of(lots: Lots) -> Decimal:
    """The least quantity that passes every filter."""
    least, price = max(lots.least, lots.step), _price(lots)
    if price > 0:
        least = max(least, quotient(lots.least_worth, price))
    return round_up(least, max(lots.step, CENT8))


def _least_that_passes(lots: Lots) -> Decimal:
    """The least quantity; 0 where none passes, because whole lots of enough worth are too many or worth too much."""
    least = least_of(lots)
    is_over = 0 < lots.most < least or 0 < lots.most_worth < _worth(least, lots)
    return ZERO if is_over else least


def _if_writable(amount: Decimal) -> Decimal:
    """The amount where a message can carry it, else 0."""
    return amount if amount < MOST and len(amount.as_tuple().digits) <= AMOUNT_DIGITS else ZERO


def cut_to_most(quantity: Decimal, lots: Lots) -> Cut:
    """Down to the largest order, by units (LOT_SIZE, MARKET_LOT_SIZE) and by worth (NOTIONAL)."""
    cut = Cut(quantity, "", "")
    if 0 < lots.most < quantity:
        cut = Cut(lots.most, "max_quantity", f"one order holds at most {plain(lots.most)} ({lots.most_filter})")
    if 0 < lots.most_worth < _worth(cut.quantity, lots):
        most = round_down(quotient(lots.most_worth, _price(lots)), max(lots.step, TRILLIONTH))
        cut = Cut(most, "max_notional", f"one order is worth at most {plain(lots.most_worth)} USDT (NOTIONAL)")
    return cut


def cut_to_step(quantity: Decimal, lots: Lots) -> Cut:
    """Down to whole lots (LOT_SIZE, MARKET_LOT_SIZE)."""
    if is_multiple(quantity, lots.step):
        return Cut(quantity, "", "")
    whole = round_down(quantity, lots.step)
    off = f"{plain(quantity)} is no multiple of the lot step of {plain(lots.step)} (LOT_SIZE): {plain(whole)} is"
    return Cut(whole, "lot_step", off)


def shortfall(quantity: Decimal, lots: Lots, listed: PairListed) -> Shortfall | None:
    """What a quantity misses of the least that the exchange takes; None when it is enough."""
    worth = _worth(quantity, lots)
    if quantity < lots.least or quantity < lots.step:
        missed, worth = "LOT_SIZE", ZERO
    elif worth and worth < lots.least_worth:
        missed = "NOTIONAL"
    else:
        return None
    return Shortfall(
        quantity,
        listed.min_quantity,
        listed.min_notional,
        filter=missed,
        least=_if_writable(_least_that_passes(lots)),
        worth_usdt=round_down(worth, CENT8),
    )


def shortfall_words(short: Shortfall) -> str:
    """``0.04, worth 0.8 USDT, is below the exchange's minimum of 5 USDT (NOTIONAL): the least is 0.25``."""
    quantity, lot, worth = plain(short.quantity), plain(short.min_quantity), plain(short.min_notional_usdt)
    if short.filter == "NOTIONAL":
        below = f"{quantity}, worth {plain(short.worth_usdt)} USDT, is below the exchange's minimum of {worth} USDT"
    elif short.filter:
        below = f"{quantity} is below the smallest order that the exchange takes"
    else:  # from before the filter was kept
        return f"{quantity} is below the exchange's minimum of {lot} base units and {worth} USDT"
    least = f": the least is {plain(short.least)}" if short.least else ""
    return f"{below} ({short.filter}){least}"


def _price(lots: Lots) -> Decimal:
    return lots.price if isinstance(lots.price, Decimal) else Decimal(repr(lots.price))


def _worth(quantity: Decimal, lots: Lots) -> Decimal:
    return product(quantity, _price(lots))
