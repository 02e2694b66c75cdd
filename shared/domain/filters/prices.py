"""Which prices the exchange takes: on the tick, within the filter's bounds, and not too far from the market.

Binance measures PERCENT_PRICE from its average price of the last minutes. Nobody here knows that average, so the mark
stands for it; the bands are so wide that the difference is nothing.
"""

from decimal import Decimal
from typing import NamedTuple

from shared.domain.numbers import ZERO, is_multiple, nearest, plain, product, round_down, round_up
from shared.domain.words import figure
from shared.messages.market import PairListed
from shared.messages.orders import Finding, Side

SLACK = 1e-9  # of a float, relative: nearer to an end of the band than this, it is looked at exactly


class PriceFault(NamedTuple):
    """Why the exchange would refuse a price. code: the filter, in a word. reason: in words."""

    code: Finding
    reason: str


class _Ends(NamedTuple):
    """The lowest and the highest price that pass; no highest is None."""

    low: Decimal
    high: Decimal | None


def price_fault(name: str, price: Decimal, side: Side, listed: PairListed, mark: float) -> PriceFault | None:
    """The first filter that an order's price would not pass; None when it passes.

    name: of the field, for the words. mark: USDT per unit; 0 where it is not known or too old to go by.
    """
    code: Finding = "price_filter"
    why = price_filter(price, listed)
    if not why:
        code, why = "percent_price", percent_price(price, side, listed, mark)
        if not why:
            return None
    best = nearest_price(price, side, listed, mark)
    found = "no price passes now" if best is None else f"the nearest that passes is {plain(best)}"
    return PriceFault(code, f"{name} {plain(price)} {why}: {found}")


def price_filter(price: Decimal, listed: PairListed) -> str:
    """PRICE_FILTER: whole ticks between a lowest and a highest price; empty when the price passes."""
    if not is_multiple(price, listed.price_step):
        return f"is off the tick of {plain(listed.price_step)} (PRICE_FILTER)"
    if price < listed.min_price:
        return f"is below the lowest price of {plain(listed.min_price)} (PRICE_FILTER)"
    if ZERO < listed.max_price < price:
        return f"is above the highest price of {plain(listed.max_price)} (PRICE_FILTER)"
    return ""


def percent_price(price: Decimal, side: Side, listed: PairListed, mark: float) -> str:
    """PERCENT_PRICE and PERCENT_PRICE_BY_SIDE: not too many times the market's price, nor too small a part of it."""
    down, up = _multipliers(side, listed)
    if not mark > 0.0 or not (up or down) or _is_well_within(float(price), mark, float(down), float(up)):
        return ""
    market = Decimal(repr(mark))
    if up and price > product(market, up):
        return f"is above {plain(up)} times the price of {figure(mark)} (PERCENT_PRICE)"
    if price < product(market, down):
        return f"is below {plain(down)} times the price of {figure(mark)} (PERCENT_PRICE)"
    return ""


def nearest_price(price: Decimal, side: Side, listed: PairListed, mark: float, *, up: bool = False) -> Decimal | None:
    """The price next to ``price`` that passes; None when none does. up: the next one above it, where there is one."""
    step = max(listed.price_step, ZERO)
    ends = _ends(side, listed, mark)
    best = max(round_up(price, step) if up else nearest(price, step), ends.low)
    if ends.high is not None:
        best = min(best, ends.high)
    return best if best >= ends.low and best > 0 else None


def _ends(side: Side, listed: PairListed, mark: float) -> _Ends:
    step = max(listed.price_step, ZERO)
    low, high = max(listed.min_price, step), listed.max_price or None
    down, up = _multipliers(side, listed)
    if mark > 0.0:
        market = Decimal(repr(mark))
        low = max(low, product(market, down))
        if up:
            highest = product(market, up)
            high = highest if high is None else min(high, highest)
    return _Ends(round_up(low, step), None if high is None else round_down(high, step))


def _multipliers(side: Side, listed: PairListed) -> tuple[Decimal, Decimal]:
    if side == "buy":
        return listed.bid_multiplier_down, listed.bid_multiplier_up
    return listed.ask_multiplier_down, listed.ask_multiplier_up


def _is_well_within(price: float, mark: float, down: float, up: float) -> bool:
    is_over = up > 0.0 and price > mark * up * (1.0 - SLACK)
    return not is_over and price > mark * down * (1.0 + SLACK)
