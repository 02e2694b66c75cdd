"""What orders of some sizes would have cost in a book: the dearer of both sides, from the middle, as a fraction."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from math import inf

from msgspec import Struct

from shared.adapters.books.bookdepth import DepthSample
from shared.adapters.books.files import HeardBook
from shared.domain.liquidity import Level, walk

SIZES_USDT = (1_000.0, 5_000.0, 25_000.0, 100_000.0)
Figures = tuple[float | None, float | None]


class Observation(Struct, frozen=True):
    """One sample of a pair.

    mid: the middle of bid and ask, USDT per unit; 0 where there is none.
    walked: what an order of each size would have cost, as a fraction of the middle; infinite where the book was too
        thin for it.
    touch: half the distance of bid and ask, as a fraction of the middle; 0 where the source does not tell it.
    adv_usdt, sigma_day: the pair's figures as they were known then; None when unknown.
    prints: what must change from sample to sample, by the name of its place: two samples that are alike have the same.
    fault: the kind of what is wrong with the sample by itself; empty when nothing is.
    """

    symbol: str
    time_ns: int
    mid: float
    walked: tuple[float, ...]
    adv_usdt: float | None
    sigma_day: float | None
    prints: dict[str, int]
    fault: str = ""
    touch: float = 0.0


# --- books of levels --------------------------------------------------------------------------------------------------


def of_book(heard: HeardBook, sizes_usdt: Sequence[float] = SIZES_USDT) -> Observation:
    """A recorded book, walked."""
    book = heard.book
    prints = {"bids": hash(book.bids), "asks": hash(book.asks)}
    fault = _fault_of(book.bids, book.asks)
    mid = 0.0 if fault else (book.bids[0][0] + book.asks[0][0]) / 2.0
    walked = tuple(_dearer(book.bids, book.asks, mid, size) if mid else inf for size in sizes_usdt)
    touch = 0.0 if fault else (book.asks[0][0] - book.bids[0][0]) / 2.0 / mid
    return Observation(book.symbol, book.time_ns, mid, walked, heard.adv_usdt, heard.sigma_day, prints, fault, touch)


def _fault_of(bids: Sequence[Level], asks: Sequence[Level]) -> str:
    if not bids or not asks:
        return "one_sided"
    if bids[0][0] >= asks[0][0]:
        return "crossed"
    ordered = all(better[0] > worse[0] for better, worse in pairwise(bids)) and all(
        better[0] < worse[0] for better, worse in pairwise(asks)
    )
    return "" if ordered else "impossible"


def _dearer(bids: Iterable[Level], asks: Iterable[Level], mid: float, size_usdt: float) -> float:
    sold, bought = walk(bids, size_usdt), walk(asks, size_usdt)
    return inf if sold is None or bought is None else max(bought / mid - 1.0, 1.0 - sold / mid)


# --- depth in buckets -------------------------------------------------------------------------------------------------


def of_depth(depth: DepthSample, figures: Figures, sizes_usdt: Sequence[float] = SIZES_USDT) -> Observation:
    """Depth in buckets of percents, as if each bucket were filled evenly: the file does not say how it is.

    The spread is not in the file, so it counts as nothing here.
    """
    sides = [_side(depth, -1), _side(depth, 1)]
    prints = {f"{percent:+g} %": hash(amounts) for percent, amounts in _nearest_first(depth)}
    fault = "one_sided" if not all(sides) else "impossible" if any(map(_shrinks, sides)) else ""
    walked = tuple(
        max(_cost_in_even_buckets(side, size) for side in sides) if not fault else inf for size in sizes_usdt
    )
    return Observation(depth.symbol, depth.time_ns, _middle(depth), walked, *figures, prints, fault)


def _nearest_first(depth: DepthSample) -> Iterator[tuple[float, tuple[float, float]]]:
    yield from sorted(depth.buckets.items(), key=lambda bucket: (abs(bucket[0]), bucket[0]))


def _side(depth: DepthSample, sign: int) -> list[Level]:
    """(distance as a fraction, USDT up to there), nearest first."""
    return [
        (abs(percent) / 100.0, usdt) for percent, (_, usdt) in _nearest_first(depth) if percent * sign > 0 and usdt > 0
    ]


def _shrinks(side: Sequence[Level]) -> bool:
    """Whether less rests up to a distance than up to a nearer one."""
    return any(farther[1] < nearer[1] for nearer, farther in pairwise(side))


def _cost_in_even_buckets(side: Iterable[Level], size_usdt: float) -> float:
    """The mean distance of ``size_usdt`` taken from the inside out."""
    lost, taken, begins = 0.0, 0.0, 0.0
    for ends, usdt in side:
        inside = usdt - taken
        part = min(inside, size_usdt - taken)
        if part > 0.0:
            lost += part * (begins + (ends - begins) * part / inside / 2.0)
        if size_usdt <= usdt:
            return lost / size_usdt
        taken, begins = usdt, ends
    return inf


def _middle(depth: DepthSample) -> float:
    """Between the mean prices of the two nearest buckets; 0 where one is empty."""
    nearest = {percent > 0: amounts for percent, amounts in reversed(list(_nearest_first(depth)))}
    prices = [usdt / base for base, usdt in nearest.values() if base > 0]
    return sum(prices) / 2.0 if len(prices) == 2 else 0.0
