"""How much a symbol moves right now against what is usual for it: a function of its prices and the time alone.

Makers stand back when prices jump, so the book follows: 1 is a usual moment, 3 is three times the usual movement.
"""

from collections import OrderedDict
from math import log, sqrt
from typing import NamedTuple

import numpy as np

from services.exchange_sim.market.bars import Interval
from services.exchange_sim.market.source import KlineSource
from shared.domain.timeframes import DAY_MS, HOUR_MS

USUAL_MS = 3 * DAY_MS
LONGEST_HOLE_MS = DAY_MS  # of a recording, over which the last word stands
LEAST_BARS = 20  # to know what is usual
CALMEST, WILDEST = 0.7, 10.0
KEPT = 1_024


class Ranges(NamedTuple):
    """What closed bars say of a symbol.

    usual: median log range of a bar.
    recent: root mean square of the last hour's ranges.
    close: of the last bar.
    """

    usual: float
    recent: float
    close: float


class VolatilityRatio:
    """Looks at the bars once a bar and symbol; in between only the way from the last close is added."""

    def __init__(self, source: KlineSource, base: Interval) -> None:
        self._source, self._base = source, base
        self._ranges: OrderedDict[tuple[str, int], Ranges | None] = OrderedDict()

    def of(self, symbol: str, price: float, time_ms: int) -> float:
        """The factor at ``price``, the symbol's price at this time."""
        ranges = self._ranges_of(symbol, self._base.open_of(time_ms))
        if ranges is None:
            return 1.0
        move = abs(log(price / ranges.close))
        return min(WILDEST, max(CALMEST, ranges.recent / ranges.usual, move / ranges.usual))

    def _ranges_of(self, symbol: str, open_ms: int) -> Ranges | None:
        key = (symbol, open_ms)
        if key not in self._ranges:
            self._ranges[key] = self._measure(symbol, open_ms)
            if len(self._ranges) > KEPT:
                self._ranges.popitem(last=False)
        return self._ranges[key]

    def _measure(self, symbol: str, open_ms: int) -> Ranges | None:
        """From the bars before the newest that has begun: in a hole of a recording nothing changes. None while too
        little is known.
        """
        begun = self._source.bars(symbol, open_ms - USUAL_MS - LONGEST_HOLE_MS, open_ms + 1)
        if begun.count <= LEAST_BARS:
            return None
        newest_ms = int(begun.open_ms[-1])
        closed = begun.between(newest_ms - USUAL_MS, newest_ms)
        logs = np.log(closed.high / closed.low)
        usual = float(np.median(logs)) if closed.count >= LEAST_BARS else 0.0
        if not usual > 0:
            return None
        last_hour = logs[closed.open_ms >= newest_ms - max(HOUR_MS, self._base.length_ms)]
        recent = sqrt(float(np.mean(last_hour**2))) if len(last_hour) else usual
        return Ranges(usual, recent, float(closed.close[-1]))
