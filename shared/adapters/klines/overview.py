"""What a store has, by its manifest alone: of each symbol and timeframe from when to when, and what is missing."""

from itertools import groupby
from typing import NamedTuple

from shared.adapters.klines.store import KlineStore


class Series(NamedTuple):
    """All bars of one symbol in one timeframe.

    first_ms, last_ms: open times of the first and the last bar. bars: how many there are.
    holes: how many times some are missing in between. missing: how many bars that are. longest: the longest of the
        holes, as the time at which it begins and its bars.
    unknown_quote_volume: bars whose quote volume no source knew: it is taken as close x volume.
    sources: how many files or addresses they came from.
    """

    timeframe: str
    symbol: str
    first_ms: int
    last_ms: int
    bars: int
    holes: int
    missing: int
    longest: tuple[int, int] | None
    unknown_quote_volume: int
    sources: int

    @property
    def coverage(self) -> float:
        """The share of its bars that is there, between the first and the last one."""
        return self.bars / (self.bars + self.missing)


def series_of(store: KlineStore) -> list[Series]:
    """Everything in the store, by timeframe, then by symbol."""
    found = []
    for timeframe in store.timeframes:
        holes = store.holes(timeframe)
        for symbol, group in groupby(store.files(timeframe), key=lambda row: row[0]):
            files = [file for _, _, file in group]
            missing = holes.get(symbol, [])
            found.append(
                Series(
                    timeframe=timeframe,
                    symbol=symbol,
                    first_ms=files[0].first_ms,
                    last_ms=files[-1].last_ms,
                    bars=sum(file.rows for file in files),
                    holes=len(missing),
                    missing=sum(bars for _, bars in missing),
                    longest=max(missing, key=lambda hole: hole[1], default=None),
                    unknown_quote_volume=sum(file.unknown_quote_volume for file in files),
                    sources=len({source.name for file in files for source in file.sources}),
                )
            )
    return found
