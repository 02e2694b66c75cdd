"""One log line where many pairs meet the same thing at once: after an outage all of them have gaps to fill."""

from collections import defaultdict
from typing import Any

GAP_FILLED = "gap_filled"  # bars that the stream lacked came by REST
HOLE_FOUND = "hole_found"  # bars that the exchange itself does not have


class LogDigest:
    """Counts by event and timeframe; ``flush`` writes one line for each."""

    def __init__(self, log: Any) -> None:
        self._log = log
        self._counts: dict[tuple[str, str], dict[str, int]] = defaultdict(dict)

    def add(self, event: str, *, symbol: str, timeframe: str, bars: int) -> None:
        of_pairs = self._counts[event, timeframe]
        of_pairs[symbol] = of_pairs.get(symbol, 0) + bars

    def flush(self) -> None:
        for (event, timeframe), bars in self._counts.items():
            whom: dict[str, object] = {"symbol": next(iter(bars))} if len(bars) == 1 else {"pairs": len(bars)}
            write = self._log.warning if event == HOLE_FOUND else self._log.info
            write(event, **whom, timeframe=timeframe, bars=sum(bars.values()))
        self._counts.clear()
