"""Quantiles of sorted and of weighted values, and the loss that quantile regression makes least."""

from collections.abc import Iterable, Sequence
from math import ceil, fsum, isfinite

BP = 10_000.0


def quantile(ordered: Sequence[float], share: float) -> float:
    """The least of the sorted values with at least ``share`` of them at or below it."""
    return ordered[max(0, ceil(share * len(ordered)) - 1)]


def in_bp(value: float) -> float | None:
    """A fraction in basis points, to a ten thousandth of one; None for one that is infinite."""
    return round(value * BP, 4) if isfinite(value) else None


def weighted_quantile(values: Iterable[tuple[float, float]], share: float) -> float | None:
    """The least value with at least ``share`` of all weight at or below it; None without any weight.

    values: (value, weight).
    """
    ordered = sorted(values)
    wanted = share * fsum(weight for _, weight in ordered)
    if wanted <= 0.0:
        return None
    found = 0.0
    for value, weight in ordered:
        found += weight
        if found >= wanted * (1.0 - 1e-12):
            return value
    return ordered[-1][0]


def pinball_loss(over: float, share: float) -> float:
    """What it counts when a prediction of the ``share`` quantile is ``over`` what came; below 0: under it."""
    return over * (1.0 - share) if over >= 0.0 else -over * share
