"""All samples of one pair from one source, in arrays; and which of them are kept."""

from array import array
from collections import Counter
from collections.abc import Iterator
from itertools import compress
from math import isfinite, nan

from services.backtest.slippage.observations import Observation
from services.backtest.slippage.results import Refused
from services.backtest.slippage.stuck import amid, of_few_values, repeated


class PairSeries:
    """Takes observations in the order in which they were told. Some 100 bytes a sample.

    What is refused by itself (a crossed book, a time before the last one) is counted at once; what is stuck shows only
    when all is there, see ``sift``.
    """

    def __init__(self, symbol: str, source: str, sizes: int) -> None:
        self.symbol, self.source = symbol, source
        self.times_ns, self.mids = array("q"), array("d")
        self.walked = [array("d") for _ in range(sizes)]
        self.advs, self.sigmas, self.touches = array("d"), array("d"), array("d")
        self.seen = self.first_ns = self.last_ns = 0
        self._prints: dict[str, array[int]] = {}
        self._refused: dict[tuple[str, str], list[int]] = {}  # kind and place, to the times
        self._notes: dict[tuple[str, str], str] = {}

    def add(self, one: Observation) -> None:
        """Take the next one."""
        self.seen += 1
        self.first_ns = min(self.first_ns or one.time_ns, one.time_ns)
        self.last_ns = max(self.last_ns, one.time_ns)
        fault = one.fault
        if self.times_ns and one.time_ns <= self.times_ns[-1]:
            fault = "time_back"
        if fault:
            self._refused.setdefault((fault, ""), []).append(one.time_ns)
            return
        for place in one.prints:
            if place not in self._prints:  # it was missing until now
                self._prints[place] = array("q", [0]) * len(self.times_ns)
        for place, prints in self._prints.items():
            prints.append(one.prints.get(place, 0))
        self.times_ns.append(one.time_ns)
        self.mids.append(one.mid)
        for costs, walked in zip(self.walked, one.walked, strict=True):
            costs.append(walked)
        self.advs.append(nan if one.adv_usdt is None else one.adv_usdt)
        self.sigmas.append(nan if one.sigma_day is None else one.sigma_day)
        self.touches.append(one.touch)

    def sift(self) -> None:
        """Refuse what is stuck, what lies amid it, and what cannot be judged; each sample for the first reason."""
        kept = [True] * len(self.times_ns)
        for place, prints in self._prints.items():
            note = _most_frequent(prints)
            self._drop(kept, repeated(prints, self.times_ns), "repeated", place, note)
        for place, prints in self._prints.items():
            self._drop(kept, of_few_values(prints), "few_values", place)
        self._drop(kept, amid([not keep for keep in kept], self.times_ns), "amid_stuck")
        self._drop(kept, [mid <= 0.0 for mid in self.mids], "no_price")
        known = [
            isfinite(adv) and adv > 0 and isfinite(sigma) for adv, sigma in zip(self.advs, self.sigmas, strict=True)
        ]
        self._drop(kept, [not each for each in known], "no_figures")
        self.times_ns = array("q", compress(self.times_ns, kept))
        self.mids, self.advs, self.sigmas, self.touches = (
            array("d", compress(values, kept)) for values in (self.mids, self.advs, self.sigmas, self.touches)
        )
        self.walked = [array("d", compress(costs, kept)) for costs in self.walked]
        self._prints.clear()

    def _drop(self, kept: list[bool], flags: list[bool], kind: str, place: str = "", note: str = "") -> None:
        for number, (keep, flag) in enumerate(zip(kept, flags, strict=True)):
            if keep and flag:
                kept[number] = False
                self._refused.setdefault((kind, place), []).append(self.times_ns[number])
                self._notes[kind, place] = note

    def refused(self) -> Iterator[Refused]:
        """What was refused, and why."""
        for (kind, place), times_ns in self._refused.items():
            yield Refused(
                source=self.source,
                symbol=self.symbol,
                kind=kind,
                place=place,
                samples=len(times_ns),
                of=self.seen,
                first_ns=min(times_ns),
                last_ns=max(times_ns),
                note=self._notes.get((kind, place), ""),
            )


def _most_frequent(prints: "array[int]") -> str:
    counts = Counter(prints).most_common(2)
    return f"the most frequent value comes {counts[0][1]:,} times" if counts and counts[0][1] > 1 else ""
