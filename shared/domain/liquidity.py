"""What an order costs beyond the best price: walking a book's sides, its spread at a size, and the square-root law.

Levels are (price, base units), best first; sizes are in USDT. Whatever cannot be told is None, never a guess.
"""

import math
from collections import deque
from collections.abc import Iterable, Sequence

Level = tuple[float, float]


def walk(levels: Iterable[Level], size_usdt: float) -> float | None:
    """The volume-weighted average price of trading ``size_usdt`` into one side; None when the side is too thin."""
    left_usdt, quantity = size_usdt, 0.0
    for price, amount in levels:
        worth_usdt = price * amount
        if worth_usdt >= left_usdt:
            return size_usdt / (quantity + left_usdt / price)
        left_usdt -= worth_usdt
        quantity += amount
    return None


def spread_at_size(bids: Sequence[Level], asks: Sequence[Level], size_usdt: float) -> float | None:
    """(ask VWAP - bid VWAP) / mid for ``size_usdt`` a side: what it costs to get in and out, as a fraction.

    None when a side is too thin for it, or the book is crossed: nobody trades on that.
    """
    bid, ask = walk(bids, size_usdt), walk(asks, size_usdt)
    if bid is None or ask is None or bids[0][0] > asks[0][0]:
        return None
    return max(0.0, ask - bid) / ((bids[0][0] + asks[0][0]) / 2.0)


def summed_up(levels: Sequence[Level], exactly: int, sums: int) -> tuple[Level, ...]:
    """Keep the first ``exactly`` levels as they are, and sum the others up in at most ``sums`` sums at their worst
    price.

    Walking the result never looks better than walking the levels.
    """
    near, far = levels[:exactly], levels[exactly:]
    run = max(1, math.ceil(len(far) / sums))
    outer = (far[start : start + run] for start in range(0, len(far), run))
    return (*near, *((part[-1][0], sum(amount for _, amount in part)) for part in outer))


def square_root_slippage(notional_usdt: float, *, factor: float, sigma_day: float, adv_usdt: float) -> float:
    """What an order's own size costs beyond the touch, as a fraction of the price: Y x sigma_day x sqrt(order / ADV).

    This is the square-root law of market impact (Torre, *BARRA Market Impact Model Handbook*, 1997). On bitcoin it
    holds over four decades of size: Donier & Bonart, arXiv 1412.4503.

    factor: Y. sigma_day: standard deviation of daily log returns. adv_usdt: average daily volume, above 0.
    """
    return factor * sigma_day * math.sqrt(notional_usdt / adv_usdt)


class SpreadStatistics:
    """The median spread of the last ``most`` samples. A book that was too thin counts as an infinite spread."""

    def __init__(self, most: int) -> None:
        self._samples: deque[float] = deque(maxlen=most)

    def add(self, spread: float | None) -> None:
        """Take in the spread of a sample; None for a book that was too thin."""
        self._samples.append(math.inf if spread is None else spread)

    @property
    def count(self) -> int:
        """How many samples there are."""
        return len(self._samples)

    @property
    def median(self) -> float | None:
        """None without samples, and while half of the books or more were too thin."""
        if not self._samples:
            return None
        ordered, middle = sorted(self._samples), len(self._samples) // 2
        found = ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2.0
        return found if math.isfinite(found) else None
