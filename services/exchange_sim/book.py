"""Bid, ask and the book around the last price: the more a pair trades in a day, the tighter and deeper.

When prices move more than usual, the spread widens and the depth shrinks by the same factor.
"""

from math import ceil, floor, sqrt
from typing import NamedTuple
from zlib import crc32

import numpy as np

from services.exchange_sim.market.source import Instrument

USUAL_VOLUME_USDT = 50e6  # of a day
SPREAD = 0.00015  # of the price, at the usual volume; it shrinks with the root of the volume
LEVEL_GAP = 0.0001  # of the price, between neighbouring levels; at least a tick
DEPTH_USDT = 20_000.0  # that rests in LEVEL_GAP at the usual volume
DEPTH_POWER = 0.75  # of the volume, that the depth grows with


class Quote(NamedTuple):
    """The best bid and ask; prices in quote units, quantities in base units."""

    bid: float
    bid_quantity: float
    ask: float
    ask_quantity: float


class Book(NamedTuple):
    """Price to quantity, best first."""

    bids: dict[float, float]
    asks: dict[float, float]

    @property
    def quote(self) -> Quote:
        bid, bid_quantity = next(iter(self.bids.items()))
        ask, ask_quantity = next(iter(self.asks.items()))
        return Quote(bid, bid_quantity, ask, ask_quantity)


def book_around(
    instrument: Instrument, price: float, time_ms: int, depth: int, *, volatility_ratio: float = 1.0
) -> Book:
    """``depth`` levels a side; the same for the same symbol, price, time and volatility_ratio."""
    volume = max(instrument.daily_volume_usdt, 1.0) / USUAL_VOLUME_USDT
    places = instrument.price_places
    tick = 10.0**-places
    half_spread = price * SPREAD / sqrt(volume) * volatility_ratio / 2.0
    bid_ticks = max(1, floor((price - half_spread) / tick + 1e-6))
    ask_ticks = max(bid_ticks + 1, ceil((price + half_spread) / tick - 1e-6))
    gap_ticks = max(1, round(price * LEVEL_GAP / tick))
    random = np.random.default_rng([crc32(instrument.symbol.encode()), time_ms])
    step = 10.0**-instrument.quantity_places
    gap = gap_ticks * tick / price / LEVEL_GAP
    level_usdt = DEPTH_USDT * volume**DEPTH_POWER * gap / volatility_ratio
    usdt = level_usdt * (1.0 + 0.1 * np.arange(depth)) * (random.random((2, depth)) + 0.5)
    quantities = np.maximum(np.round(usdt / price, instrument.quantity_places), step).tolist()
    bids = (round((bid_ticks - rank * gap_ticks) * tick, places) for rank in range(depth))
    asks = (round((ask_ticks + rank * gap_ticks) * tick, places) for rank in range(depth))
    return Book(
        {price: quantity for price, quantity in zip(bids, quantities[0], strict=True) if price > 0},
        dict(zip(asks, quantities[1], strict=True)),
    )
