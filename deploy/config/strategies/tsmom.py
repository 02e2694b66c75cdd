"""An example of a strategy file: time series momentum, long only.

Long while a pair stands higher than ``lookback`` bars ago, flat otherwise (Moskowitz, Ooi and Pedersen, *Time Series
Momentum*, Journal of Financial Economics, 2012, without its scaling by volatility: sizes are heatsink's business).

It takes part with a table in strategies.toml; docs/strategies.md tells what a file may do.

    [[strategies]]
    name = "tsmom"
    kind = "file"
    file = "strategies/tsmom.py"
    class_name = "TimeSeriesMomentum"
    timeframe = "1h"
    weight = 0.2
    parameters = { lookback = 168 }
"""

from collections import deque


class TimeSeriesMomentum:
    """One of these is built for each pair. It sees closed bars only, each once and in order.

    lookback: bars between the two closes that are compared.
    """

    def __init__(self, lookback: int = 168) -> None:
        if lookback < 1:
            raise ValueError(f"lookback = {lookback}: set 1 bar or more")
        self.warmup_bars = lookback + 1  # the bars that it needs before it answers
        self._closes: deque[float] = deque(maxlen=lookback + 1)

    def on_bar(self, bar) -> float | None:
        """What it wants now: 0.0 (nothing) to 1.0 (a full position); None while there is too little history."""
        self._closes.append(bar.close)
        if len(self._closes) < self.warmup_bars:
            return None
        return 1.0 if bar.close > self._closes[0] else 0.0
