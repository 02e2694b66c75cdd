"""Filters that a recording does not tell: the decimals that its numbers have, as far as an exchange would have them.

Prices and volumes were decimals once, in ticks and lots. But a file may have been computed (eight decimals everywhere)
or rounded (whole coins), and then its decimals say nothing of either.
"""

from math import ceil, floor, log10

import numpy as np

from shared.adapters.klines.columns import Floats

MOST_PLACES = 8  # decimals that Binance writes
LARGEST_LOT_USDT = 5.0  # the least that Binance lets anybody trade: a lot is no larger
FINER_LOT = 2  # decimals that a lot may have beyond those of about one USDT
LARGEST_TICK = 0.01  # of the price
FINER_TICK = 2  # decimals that a tick may have beyond five digits of the price
TICK_DIGITS = 5


def quantity_places(volumes: Floats, price: float) -> int:
    """Decimals of a quantity: those of the volumes where such a lot is worth what lots are, else about one USDT."""
    usual = min(max(0, ceil(log10(price))), MOST_PLACES)
    found = decimals(volumes)
    return found if price / 10**found <= LARGEST_LOT_USDT and found <= usual + FINER_LOT else usual


def price_places(prices: Floats, price: float) -> int:
    """Decimals of a price: those of the prices where a tick of so many is no large part of one, and no dust."""
    usual = min(max(2, TICK_DIGITS - 1 - floor(log10(price))), MOST_PLACES)
    found = decimals(prices)
    return found if 10**-found <= LARGEST_TICK * price and found <= usual + FINER_TICK else usual


def decimals(values: Floats) -> int:
    """How many decimals the values have."""
    for places in range(MOST_PLACES):
        if np.array_equal(np.round(values, places), values):
            return places
    return MOST_PLACES
