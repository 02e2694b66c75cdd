"""Bid, ask and the book around the last price: the more a pair trades in a day, the tighter and deeper."""

from math import ceil, floor, sqrt
from typing import NamedTuple
from zlib import crc32

import numpy as np

from services.exchange_sim.market.source import Instrument

SPREAD = 0.00015  # of the price, at a daily volume of SPREAD_VOLUME_USDT; it shrinks with the root of the volume
SPREAD_VOLUME_USDT = 50e6
LEVEL_GAP = 0.0001  # of the price, between neighbouring levels
LEVEL_SHARE = 6e-5  # of the daily volume that rests on one level


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


def book_around(instrument: Instrument, price: float, time_ms: int, depth: int) -> Book:
    """``depth`` levels a side; the same for the same symbol, price and time."""
    places = instrument.price_places
    tick = 10.0**-places
    half_spread = price * SPREAD * sqrt(SPREAD_VOLUME_USDT / max(instrument.daily_volume_usdt, 1.0)) / 2.0
    bid_ticks = max(1, floor((price - half_spread) / tick + 1e-6))
    ask_ticks = max(bid_ticks + 1, ceil((price + half_spread) / tick - 1e-6))
    gap_ticks = max(1, round(price * LEVEL_GAP / tick))
    random = np.random.default_rng([crc32(instrument.symbol.encode()), time_ms])
    step = 10.0**-instrument.quantity_places
    usdt = (
        instrument.daily_volume_usdt * LEVEL_SHARE * (1.0 + 0.1 * np.arange(depth)) * (random.random((2, depth)) + 0.5)
    )
    quantities = np.maximum(np.round(usdt / price, instrument.quantity_places), step).tolist()
    bids = (round((bid_ticks - rank * gap_ticks) * tick, places) for rank in range(depth))
    asks = (round((ask_ticks + rank * gap_ticks) * tick, places) for rank in range(depth))
    return Book(
        {price: quantity for price, quantity in zip(bids, quantities[0], strict=True) if price > 0},
        dict(zip(asks, quantities[1], strict=True)),
    )
