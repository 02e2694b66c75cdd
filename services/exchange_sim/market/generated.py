"""A generated market. It is a function of its seed and of time alone, so it is the same whenever it is started."""

from collections import OrderedDict

import numpy as np

from services.exchange_sim.market.bars import Bars, Floats, joined, no_bars
from services.exchange_sim.market.factors import FIRST_DAY, DailyFactors, Day, Exposures, fat_tailed
from services.exchange_sim.market.levels import LEVELS, UNKNOWN, Level
from services.exchange_sim.market.source import Instrument
from shared.domain.timeframes import DAY_MS, MINUTE_MS, MS_NS
from shared.domain.universe import Pair, Universe

BASE_MS = 15 * MINUTE_MS
STEPS = DAY_MS // BASE_MS
HISTORY_DAYS = 120  # listed so long before the start
KEPT_DAYS = 400  # of all pairs, about 0.2 MB a day
_HOURS = np.arange(STEPS) * 24.0 / STEPS
_DAILY_SHAPE = 1.0 + 0.35 * np.cos(2.0 * np.pi * (_HOURS - 15.0) / 24.0)  # livelier when Europe and America are awake
_CLUSTER = 0.9 ** np.arange(32)


class GeneratedMarket:
    """Base bars of 15 minutes for every pair of ``universe``, listed ``HISTORY_DAYS`` before ``start_ms``.

    A day is made at once for all pairs and thrown away again when it was not used for long.
    """

    base_ms = BASE_MS

    def __init__(self, universe: Universe, seed: int, start_ms: int) -> None:
        self._seed = seed
        self._first_ms = max(start_ms // DAY_MS - HISTORY_DAYS, FIRST_DAY) * DAY_MS
        self._levels = tuple(_level_of(universe, pair) for pair in universe.pairs)
        sectors = sorted({pair.sector for pair in universe.pairs})
        self._exposures = Exposures(
            np.array([level.beta for level in self._levels]),
            np.array([sectors.index(pair.sector) for pair in universe.pairs]),
            np.array([level.own_volatility for level in self._levels]),
        )
        self._daily = DailyFactors(seed, self._exposures)
        self._days: OrderedDict[int, tuple[Bars, ...]] = OrderedDict()
        self._rows: dict[str, tuple[int, float, Instrument]] = {}  # symbol: row, price ratio
        self.instruments = tuple(
            instrument for row, pair in enumerate(universe.pairs) for instrument in self._names(universe, pair, row)
        )

    def bars(self, symbol: str, start_ms: int, end_ms: int) -> Bars:
        row, price_ratio, instrument = self._rows[symbol]
        start_ms = max(start_ms, instrument.first_ms)
        end_ms = min(end_ms, instrument.end_ms or end_ms)
        if end_ms <= start_ms:
            return no_bars()
        days = range(start_ms // DAY_MS, (end_ms - 1) // DAY_MS + 1)
        bars = joined([self._day(day)[row] for day in days]).between(start_ms, end_ms)
        return bars.scaled(price_ratio, instrument.price_places)

    def _names(self, universe: Universe, pair: Pair, row: int) -> list[Instrument]:
        """The pair under each name that it has in its time."""
        level, rename = self._levels[row], universe.rename_of(pair.symbol)
        first = Instrument(
            symbol=f"{pair.base}{pair.quote}",
            base=pair.base,
            quote=pair.quote,
            price_places=level.price_places,
            quantity_places=level.quantity_places,
            min_notional_usdt=level.min_notional_usdt,
            daily_volume_usdt=level.daily_volume_usdt,
            first_ms=self._first_ms,
        )
        if rename is None:
            names = [(first, 1.0)]
        else:
            cutover_ms, price_ratio = rename.cutover_ns // MS_NS, 1.0 / float(rename.ratio)
            old = first.renamed(rename.old, 1.0)._replace(end_ms=cutover_ms)
            new = first.renamed(rename.new, price_ratio)._replace(first_ms=max(cutover_ms, self._first_ms))
            names = [(old, 1.0), (new, price_ratio)] if cutover_ms > self._first_ms else [(new, price_ratio)]
        self._rows.update({instrument.symbol: (row, price_ratio, instrument) for instrument, price_ratio in names})
        return [instrument for instrument, _ in names]

    def _day(self, day: int) -> tuple[Bars, ...]:
        if day in self._days:
            self._days.move_to_end(day)
            return self._days[day]
        made = self._made(day)
        self._days[day] = made
        if len(self._days) > KEPT_DAYS:
            self._days.popitem(last=False)
        return made

    def _made(self, day: int) -> tuple[Bars, ...]:
        daily = self._daily.day(day)
        random = np.random.default_rng([self._seed, 2, day])
        steps, volatility = self._steps(daily, random)
        places = np.array([level.price_places for level in self._levels])
        base = np.log([level.price_usdt for level in self._levels])
        close = _rounded(np.exp(base + daily.before + np.cumsum(steps, axis=0)), places)
        open_ = np.vstack((_rounded(np.exp(base + daily.before)[None, :], places), close[:-1]))
        reach = volatility * np.abs(random.standard_normal((2, *steps.shape))) * 0.6
        high = _rounded(np.maximum(open_, close) * np.exp(reach[0]), places)
        low = np.maximum(_rounded(np.minimum(open_, close) * np.exp(-reach[1]), places), 10.0**-places)
        high, low = np.maximum(high, np.maximum(open_, close)), np.minimum(low, np.minimum(open_, close))
        mean = (open_ + high + low + close) / 4.0
        volume = self._volumes(random, steps / volatility, mean, daily.variance)
        times = day * DAY_MS + np.arange(STEPS, dtype=np.int64) * BASE_MS
        columns = (open_, high, low, close, volume, np.round(volume * mean, 8))
        return tuple(Bars(times, *(column[:, row].copy() for column in columns)) for row in range(len(self._levels)))

    def _steps(self, daily: Day, random: np.random.Generator) -> tuple[Floats, Floats]:
        """Log moves of the day's bars, which add up to the day's move; and the volatility of each."""
        pairs, sectors = len(self._levels), int(self._exposures.sector.max()) + 1
        loudness = np.convolve(random.standard_normal(STEPS + len(_CLUSTER) - 1), _CLUSTER, "valid")
        loudness = np.exp(0.3 * loudness / np.sqrt((_CLUSTER**2).sum())) * _DAILY_SHAPE / np.sqrt(STEPS)
        shocks = fat_tailed(random, (STEPS, 1 + sectors + pairs)) * np.sqrt(daily.variance) * loudness[:, None]
        steps = self._exposures.moves(shocks[:, 0], shocks[:, 1 : 1 + sectors], shocks[:, 1 + sectors :])
        missing = daily.after - daily.before - daily.jump - steps.sum(axis=0)
        weights = loudness**2 / (loudness**2).sum()
        steps += weights[:, None] * missing
        steps[random.integers(STEPS, size=pairs), np.arange(pairs)] += daily.jump
        spread = np.sqrt(self._exposures.own_volatility**2 + (0.026 * self._exposures.beta) ** 2)
        return steps, loudness[:, None] * spread

    def _volumes(self, random: np.random.Generator, moves: Floats, prices: Floats, variance: Floats) -> Floats:
        """Base units. More is traded when the price moves, and on restless days."""
        mean_usdt = np.array([level.daily_volume_usdt for level in self._levels]) / STEPS
        noise = np.exp(0.45 * random.standard_normal(moves.shape) - 0.1)
        liveliness = np.sqrt(variance[0]) * _DAILY_SHAPE[:, None] * (0.8 + 0.6 * np.minimum(np.abs(moves), 8.0))
        places = np.array([level.quantity_places for level in self._levels])
        return np.maximum(_rounded(mean_usdt * noise * liveliness / prices, places), 10.0**-places)


def _level_of(universe: Universe, pair: Pair) -> Level:
    bases = (name.partition("/")[0] for name in universe.names_of(pair.symbol))
    return next((LEVELS[base] for base in bases if base in LEVELS), UNKNOWN)


def _rounded(values: Floats, places: np.typing.NDArray[np.int64]) -> Floats:
    """Each column to its own number of decimals; through ``numpy.round`` so that the floats are the shortest ones."""
    rounded = np.empty_like(values)
    for count in np.unique(places):
        columns = places == count
        rounded[:, columns] = np.round(values[:, columns], int(count))
    return rounded
