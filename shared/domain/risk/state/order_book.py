"""A sampled order book, as rules look at it: how much is on offer up to a price."""

from bisect import bisect_right
from itertools import accumulate, chain, pairwise
from math import isfinite

from shared.messages.market import BookSampled


class OrderBook:
    """One sample, with its asks summed up once.

    sample: the message.
    fault: why nobody can trade on it; empty when one can.
    mid: halfway between best bid and ask, USDT; 0 where the book has a fault.
    """

    __slots__ = ("_prices", "_sums", "fault", "mid", "sample")

    def __init__(self, sample: BookSampled) -> None:
        self.sample = sample
        self._prices = [price for price, _ in sample.asks]
        self._sums = [0.0, *accumulate(amount for _, amount in sample.asks)]
        self.fault = _fault_of(sample, self._prices)
        self.mid = 0.5 * (sample.asks[0][0] + sample.bids[0][0]) if not self.fault else 0.0

    def quantity_up_to(self, price: float) -> float:
        """Base units on offer at ``price`` or less."""
        return self._sums[bisect_right(self._prices, price)]


def _fault_of(sample: BookSampled, prices: list[float]) -> str:
    if not sample.asks or not sample.bids:
        return "is empty"
    figures = chain(*sample.asks, *sample.bids)
    if not all(figure > 0.0 and isfinite(figure) for figure in figures) or any(a > b for a, b in pairwise(prices)):
        return "is no book"
    return ""
