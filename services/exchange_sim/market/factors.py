"""Daily moves of the generated market: one market factor, sector factors, and each pair's own.

Each shock has fat tails (Student's t) and a variance that remembers (GARCH(1,1)); now and then there is a jump. The
prices are pulled back to their level with a half-life, so that they stay believable however long the market runs.
"""

from typing import NamedTuple

import numpy as np

from services.exchange_sim.market.bars import Floats, Integers

FIRST_DAY = 17_167  # 2017-01-01, in days since 1970: the market is a function of the days since then
BLOCK_DAYS = 365
MARKET_VOLATILITY = 0.024
SECTOR_VOLATILITY = 0.011
HALF_LIFE_DAYS = 75.0
TAIL_DEGREES = 4.0
LARGEST_SHOCK = 7.0
GARCH_BASE, GARCH_SHOCK, GARCH_MEMORY = 0.04, 0.16, 0.80  # add up to 1, so the mean variance is 1
LARGEST_VARIANCE = 9.0
OWN_JUMPS_A_DAY, MARKET_JUMPS_A_DAY = 0.012, 0.01
MEAN_JUMP = 0.05


class Exposures(NamedTuple):
    """What moves each pair, an entry for each.

    beta: its move for a move of 1 of the whole market.
    sector: the index of its sector.
    own_volatility: daily, beside market and sector.
    """

    beta: Floats
    sector: Integers
    own_volatility: Floats

    def moves(self, market: Floats, sectors: Floats, own: Floats) -> Floats:
        """Log moves of the pairs out of standard shocks; the last axis runs over factors, then over pairs."""
        shared: Floats = MARKET_VOLATILITY * market[..., None] * self.beta
        by_sector: Floats = SECTOR_VOLATILITY * sectors[..., self.sector]
        return shared + by_sector + self.own_volatility * own


def fat_tailed(random: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    """Student's t with unit variance, cut off at ``LARGEST_SHOCK``."""
    draws = random.standard_t(TAIL_DEGREES, shape) / np.sqrt(TAIL_DEGREES / (TAIL_DEGREES - 2.0))
    cut: Floats = np.clip(draws, -LARGEST_SHOCK, LARGEST_SHOCK)
    return cut


class Day(NamedTuple):
    """One day of all pairs.

    before, after: the log distance of each price to its level, at the start and at the end of the day.
    jump: the part of each move that happens at once.
    variance: of the market, the sectors and the pairs, around 1.
    """

    before: Floats
    after: Floats
    jump: Floats
    variance: Floats


class DailyFactors:
    """The days in order, computed in blocks as far as they are asked for."""

    def __init__(self, seed: int, exposures: Exposures) -> None:
        self._seed = seed
        self._exposures = exposures
        self._sectors = int(exposures.sector.max()) + 1
        pairs = len(exposures.beta)
        self._days: list[Day] = []
        self._distance = np.zeros(pairs)
        self._variance = np.ones(1 + self._sectors + pairs)

    def day(self, day: int) -> Day:
        """``day``: days since 1970."""
        if day < FIRST_DAY:
            raise ValueError(f"the generated market begins at day {FIRST_DAY}, before day {day} there is none")
        while day - FIRST_DAY >= len(self._days):
            self._append_block()
        return self._days[day - FIRST_DAY]

    def _append_block(self) -> None:
        random = np.random.default_rng([self._seed, 1, len(self._days)])
        pairs = len(self._exposures.beta)
        draws = fat_tailed(random, (BLOCK_DAYS, len(self._variance)))
        own_jumps = _jumps(random, (BLOCK_DAYS, pairs), OWN_JUMPS_A_DAY)
        market_jumps = _jumps(random, (BLOCK_DAYS, 1), MARKET_JUMPS_A_DAY) * self._exposures.beta
        pull = 0.5 ** (1.0 / HALF_LIFE_DAYS)
        for draw, jump in zip(draws, own_jumps + market_jumps, strict=True):
            variance = self._variance
            shocks = np.sqrt(variance) * draw
            moves = self._exposures.moves(shocks[0], shocks[1 : 1 + self._sectors], shocks[1 + self._sectors :])
            after = pull * self._distance + moves + jump
            self._days.append(Day(self._distance, after, jump, variance))
            self._distance = after
            remembered = GARCH_BASE + GARCH_SHOCK * shocks * shocks + GARCH_MEMORY * variance
            self._variance = np.minimum(remembered, LARGEST_VARIANCE)


def _jumps(random: np.random.Generator, shape: tuple[int, int], a_day: float) -> Floats:
    size = random.exponential(MEAN_JUMP, shape) * random.choice((-1.0, -1.0, 1.0), shape)  # down more often than up
    return np.where(random.random(shape) < a_day, np.clip(size, -0.35, 0.35), 0.0)
