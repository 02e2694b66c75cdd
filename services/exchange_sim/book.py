"""Bid, ask and the book around the last price, after ``shared/domain/book_model.py``.

When prices move more than usual, the spread widens and the depth shrinks by the same factor.
"""

from math import ceil, floor
from typing import NamedTuple
from zlib import crc32

import numpy as np

from services.exchange_sim.market.source import Instrument
from shared.domain.book_model import DEEPENING, LEVEL_GAP, half_spread, level_usdt


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
    places = instrument.price_places
    tick = 10.0**-places
    half = price * half_spread(instrument.daily_volume_usdt) * volatility_ratio
    bid_ticks = max(1, floor((price - half) / tick + 1e-6))
    ask_ticks = max(bid_ticks + 1, ceil((price + half) / tick - 1e-6))
    gap_ticks = max(1, round(price * LEVEL_GAP / tick))
    random = np.random.default_rng([crc32(instrument.symbol.encode()), time_ms])
    step = 10.0**-instrument.quantity_places
    gap = gap_ticks * tick / price / LEVEL_GAP
    first_usdt = level_usdt(instrument.daily_volume_usdt) * gap / volatility_ratio
    usdt = first_usdt * (1.0 + DEEPENING * np.arange(depth)) * (random.random((2, depth)) + 0.5)
    quantities = np.maximum(np.round(usdt / price, instrument.quantity_places), step).tolist()
    bids = (round((bid_ticks - rank * gap_ticks) * tick, places) for rank in range(depth))
    asks = (round((ask_ticks + rank * gap_ticks) * tick, places) for rank in range(depth))
    return Book(
        {price: quantity for price, quantity in zip(bids, quantities[0], strict=True) if price > 0},
        dict(zip(asks, quantities[1], strict=True)),
    )
