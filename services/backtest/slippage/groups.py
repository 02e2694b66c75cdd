"""How pairs and moments are told apart: liquid, mid and thin pairs; calm and stress."""

from collections.abc import Sequence
from math import log, sqrt
from typing import Literal

from shared.domain.timeframes import DAY_NS, HOUR_NS

Liquidity = Literal["liquid", "mid", "thin"]
LIQUID_FROM_USDT = 200_000_000.0  # ADV
MID_FROM_USDT = 40_000_000.0  # what a pair needs for the universe, see BreakerPlan.min_adv_usdt
LOOK_BACK_NS = HOUR_NS
STRESS = 2.0  # times the move that the pair's sigma_day makes usual over the time looked back


def liquidity_of(adv_usdt: float) -> Liquidity:
    """The class of a pair by its average daily volume."""
    if adv_usdt >= LIQUID_FROM_USDT:
        return "liquid"
    return "mid" if adv_usdt >= MID_FROM_USDT else "thin"


def stress_flags(times_ns: Sequence[int], mids: Sequence[float], sigmas: Sequence[float]) -> list[bool]:
    """Moments after a move of at least ``STRESS`` times the usual within the last hour.

    Where samples are farther apart, the move since the last one counts, against what is usual over that time.
    """
    flags = []
    first = 0
    for place, time_ns in enumerate(times_ns):
        while first < place - 1 and time_ns - times_ns[first] > LOOK_BACK_NS:
            first += 1
        since_ns = time_ns - times_ns[first]
        usual = sigmas[place] * sqrt(since_ns / DAY_NS)
        flags.append(since_ns > 0 and abs(log(mids[place] / mids[first])) >= STRESS * usual)
    return flags
