"""An order book where nobody recorded one: the more a pair trades in a day, the tighter and deeper it is.

Spreads shrink with the square root of the daily volume, and depth grows a little slower than it. The constants are set
so that a pair of 50M USDT a day has a spread of 1.5 bp and carries 25,000 USDT at some 2 bp, as BTC, ETH and the larger
coins have on Binance. It is a model: ``heatsink slippage`` holds it against recorded books.
"""

from math import sqrt

from shared.domain.liquidity import Level

USUAL_VOLUME_USDT = 50e6  # of a day
SPREAD = 0.00015  # of the price, at the usual volume; it shrinks with the root of the volume
LEVEL_GAP = 0.0001  # of the price, between neighbouring levels
DEPTH_USDT = 20_000.0  # that rests in LEVEL_GAP at the usual volume
DEPTH_POWER = 0.75  # of the volume, that the depth grows with
DEEPENING = 0.1  # by how much each level holds more than the one before, as a fraction of the first


def half_spread(daily_volume_usdt: float) -> float:
    """From the middle of the book to its best price, as a fraction of the price."""
    return SPREAD / sqrt(_volume(daily_volume_usdt)) / 2.0


def level_usdt(daily_volume_usdt: float) -> float:
    """What rests at the best price, USDT, where levels are ``LEVEL_GAP`` apart."""
    return DEPTH_USDT * float(_volume(daily_volume_usdt) ** DEPTH_POWER)


def modelled_levels(mid: float, daily_volume_usdt: float, levels: int) -> tuple[tuple[Level, ...], tuple[Level, ...]]:
    """Bids and asks around ``mid`` (USDT per unit), best first, as (price, base units)."""
    half, first = half_spread(daily_volume_usdt), level_usdt(daily_volume_usdt)
    sides = []
    for sign in (-1, 1):
        prices = [mid * (1.0 + sign * (half + rank * LEVEL_GAP)) for rank in range(levels)]
        sides.append(tuple((price, first * (1.0 + DEEPENING * rank) / price) for rank, price in enumerate(prices)))
    return sides[0], sides[1]


def _volume(daily_volume_usdt: float) -> float:
    """In units of the usual one."""
    return max(daily_volume_usdt, 1.0) / USUAL_VOLUME_USDT
