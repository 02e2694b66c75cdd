"""What a trade can have cost: who tells of one is held against the prices that it has to do with."""

from collections.abc import Sequence
from decimal import Decimal

from shared.domain.words import figure

REACH = 2.0  # a price is within reach from half the lowest to twice the highest of the prices that the order has seen
MOST_FEE = Decimal("0.1")  # of the trade


def is_within_reach(price: float, prices: Sequence[float]) -> bool:
    """Whether a trade can have had this price. Where no price is known, it can have had any."""
    return not prices or min(prices) / REACH <= price <= max(prices) * REACH


def range_in_words(prices: Sequence[float]) -> str:
    """``the price is 1500``, ``prices are 1500 to 1520``."""
    low, high = min(prices), max(prices)
    return f"the price is {figure(low)}" if low == high else f"prices are {figure(low)} to {figure(high)}"
