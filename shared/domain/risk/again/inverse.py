"""Floats turned around: which number made this one. Rounding lets several, and any of them makes the same figure."""

from collections.abc import Callable, Iterator
from math import isfinite, ulp

STEPS = 64


def around(near: float, step: float = 0.0) -> Iterator[float]:
    """Numbers around one, the nearest first. step: between two of them; the least that there is unless it is given."""
    step = step or ulp(near)
    yield near
    for count in range(1, STEPS + 1):
        yield near + count * step
        yield near - count * step


def solved(makes: Callable[[float], bool], near: float, step: float = 0.0) -> float:
    """The number near this one that makes what it has to; this one where none does, or it is none."""
    if not isfinite(near):
        return 0.0
    return next((number for number in around(near, step) if number and makes(number)), near)


def factor_of(product: float, other: float) -> float:
    """What was multiplied by ``other``; 1 where any number would do."""
    return solved(lambda number: other * number == product, product / other) if other else 1.0


def summand_of(total: float, other: float) -> float:
    """What was added to ``other``."""
    return solved(lambda number: other + number == total, total - other, ulp(total - other) / 2)
