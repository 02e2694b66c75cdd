"""Where a protective stop belongs: sizing sets it there, and answers to what-if questions show it."""

from decimal import Decimal

from shared.domain.numbers import ZERO, round_down, round_up, to_decimal


def stop_below(price: float, distance: float, step: Decimal) -> Decimal | None:
    """The stop that belongs ``distance`` below ``price``, all in USDT per unit; None when the step is too coarse for
    any.

    It is rounded up to the price step, which is less risk, and yet stays strictly below the price.
    """
    step = max(step, ZERO)
    stop = max(round_up(to_decimal(max(0.0, price - distance)), step), step)
    if stop >= price:
        stop = round_down(to_decimal(price), step)
        if stop >= price:
            stop -= step
    return stop if 0 < stop < price else None
