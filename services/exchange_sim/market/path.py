"""The way the price takes inside one bar: always the same for the same symbol and open time.

It starts at the open, touches the high and the low, ends at the close and never leaves [low, high]. Between two knots
it is straight, so a cut anywhere gives a bar that fits its neighbours.
"""

from typing import NamedTuple
from zlib import crc32

import numpy as np

from services.exchange_sim.market.bars import VOLUME_PLACES, Bar, Bars, Floats, Integers

KNOTS = 240  # a multiple of the minutes in 15 minutes and in an hour, so that cuts to minutes fall on knots
ROUGHNESS = 0.35  # how far the path strays from its skeleton, as a share of the bar's range


class Path(NamedTuple):
    """``KNOTS`` + 1 prices, and the shares of the bar's volume that were traded until each of them."""

    open_ms: int
    length_ms: int
    places: int
    low: float
    high: float
    volume: float
    quote_volume: float
    volume_places: int
    prices: Floats
    volume_shares: Floats
    quote_shares: Floats

    def price_at(self, time_ms: float) -> float:
        """The last traded price at a time inside the bar."""
        knot = (time_ms - self.open_ms) * KNOTS / self.length_ms
        return float(self._rounded(np.interp([knot], np.arange(KNOTS + 1), self.prices))[0])

    def cut(self, edges_ms: Integers) -> Bars:
        """The bars between neighbouring edges; all edges lie inside this bar."""
        grid = np.arange(KNOTS + 1)
        edges = (edges_ms - self.open_ms) * (KNOTS / self.length_ms)
        points = np.union1d(grid, edges)
        prices = self._rounded(np.interp(points, grid, self.prices))
        prices[np.searchsorted(points, grid)] = self.prices  # the bar's own high and low survive to the last digit
        at = np.searchsorted(points, edges)
        highs = np.maximum(np.maximum.reduceat(prices, at)[:-1], prices[at[1:]])
        lows = np.minimum(np.minimum.reduceat(prices, at)[:-1], prices[at[1:]])
        # Rounding what was traded so far, not each part, makes the parts add up to the whole.
        traded = np.round(np.interp(edges, grid, self.volume_shares) * self.volume, self.volume_places)
        quote = np.round(np.interp(edges, grid, self.quote_shares) * self.quote_volume, VOLUME_PLACES)
        return Bars(
            open_ms=edges_ms[:-1],
            open=prices[at[:-1]],
            high=highs,
            low=lows,
            close=prices[at[1:]],
            volume=np.round(np.diff(traded), VOLUME_PLACES),
            quote_volume=np.round(np.diff(quote), VOLUME_PLACES),
        )

    def _rounded(self, prices: Floats) -> Floats:
        """To the tick, but never beyond the bar, whose own ends may lie off the tick in recorded data."""
        rounded: Floats = np.clip(np.round(prices, self.places), self.low, self.high)
        return rounded


def path_through(symbol: str, bar: Bar, length_ms: int, *, places: int, volume_places: int) -> Path:
    """The path through ``bar``. ``places``: decimals of a price; ``volume_places``: of a quantity."""
    open_ms, open_, high, low, close, volume, quote_volume = bar
    random = np.random.default_rng([crc32(symbol.encode()), open_ms])
    first, second = np.sort(random.choice(np.arange(1, KNOTS), size=2, replace=False))
    chance_of_low_first = 0.75 if close >= open_ else 0.25  # a rise tends to dip before, a fall to rise before
    low_first = random.random() < chance_of_low_first
    corners = [0, int(first), int(second), KNOTS]
    at_corners = [open_, *((low, high) if low_first else (high, low)), close]
    grid = np.arange(KNOTS + 1)
    walk = np.concatenate(([0.0], np.cumsum(random.standard_normal(KNOTS)))) / np.sqrt(KNOTS)
    noise = walk - np.interp(grid, corners, walk[corners])
    prices = np.interp(grid, corners, at_corners) + noise * ROUGHNESS * (high - low)
    prices = high - np.abs(high - (low + np.abs(prices - low)))  # what strays beyond an end is mirrored back
    prices = np.clip(np.round(prices, places), low, high)
    prices[corners] = at_corners
    weights = random.random(KNOTS) + 0.25
    return Path(
        open_ms=open_ms,
        length_ms=length_ms,
        places=places,
        low=low,
        high=high,
        volume=volume,
        quote_volume=quote_volume,
        volume_places=volume_places,
        prices=prices,
        volume_shares=_shares(weights),
        quote_shares=_shares(weights * (prices[1:] + prices[:-1])),
    )


def _shares(weights: Floats) -> Floats:
    until = np.concatenate(([0.0], np.cumsum(weights)))
    shares: Floats = until / until[-1]
    return shares
