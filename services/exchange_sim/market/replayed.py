"""A replayed market: recorded klines from a parquet file or a store, with the holes that they have."""

from pathlib import Path

import numpy as np

from services.exchange_sim.market.bars import Bars, interval_of_length, joined, no_bars
from services.exchange_sim.market.levels import LEVELS, UNKNOWN
from services.exchange_sim.market.source import Instrument
from shared.adapters.klines.believable import price_places, quantity_places
from shared.adapters.klines.kline_file import QUOTE
from shared.adapters.klines.recordings import open_recording, spans_at
from shared.domain.timeframes import DAY_MS

HISTORY_DAYS = 120  # loaded before the start
CHUNK_BARS = 10_000  # loaded at a time from the start on: more than a year of hourly bars
LONGEST_HOLE_MS = 2 * DAY_MS  # a symbol without data for longer is not listed at the start
SAMPLE_BARS = 240  # that tell what is usual for a symbol


class ReplayedMarket:
    """The symbols of ``path`` that have klines at ``start_ms`` or later. Before ``start_ms`` there is some history;
    what comes after is loaded when the time gets there.
    """

    def __init__(self, path: Path, start_ms: int) -> None:
        self._recording = open_recording(path, near_ms=start_ms)
        self.base_ms = interval_of_length(self._recording.bar_ms).length_ms
        spans = spans_at(self._recording, start_ms)
        self._spans = {symbol: span for symbol, span in spans.items() if span[1] >= start_ms}
        self._end_ms = max(last for _, last in spans.values()) + self.base_ms
        self._start_ms = start_ms // DAY_MS * DAY_MS - HISTORY_DAYS * DAY_MS
        self._loaded_until_ms = self._start_ms
        self._bars: dict[str, Bars] = {}
        self._load(start_ms)
        self.instruments = tuple(self._instrument(symbol, start_ms) for symbol in self._spans)

    def bars(self, symbol: str, start_ms: int, end_ms: int) -> Bars:
        if end_ms > self._loaded_until_ms and start_ms < self._end_ms:
            self._load(end_ms)
        return self._bars[symbol].between(start_ms, end_ms) if symbol in self._bars else no_bars()

    def _load(self, until_ms: int) -> None:
        """Go on at least to ``until_ms``."""
        upper_ms = until_ms + CHUNK_BARS * self.base_ms
        for symbol, new in self._recording.read(set(self._spans), self._loaded_until_ms, upper_ms).items():
            bars = Bars(
                open_ms=new.open_ms,
                open=new.open,
                high=new.high,
                low=new.low,
                close=new.close,
                volume=new.volume,
                quote_volume=new.quote_volume,
            )
            self._bars[symbol] = joined([self._bars[symbol], bars]) if symbol in self._bars else bars
        self._loaded_until_ms = upper_ms

    def _instrument(self, symbol: str, start_ms: int) -> Instrument:
        """The filters, which a recording does not tell, follow from the decimals that are in it: see ``believable``."""
        bars = self._bars.get(symbol, no_bars())
        first_ms = self._listed_from(symbol, bars, start_ms)
        end_ms = self._spans[symbol][1] + self.base_ms
        base = symbol.removesuffix(QUOTE)
        level = LEVELS.get(base, UNKNOWN)
        before = bars.between(0, max(start_ms, first_ms + SAMPLE_BARS * self.base_ms)).at(slice(-SAMPLE_BARS, None))
        if before.count == 0:
            places, volume_places, volume_usdt = level.price_places, level.quantity_places, level.daily_volume_usdt
        else:
            prices, price = np.concatenate(before.values[:4]), float(np.median(before.close))
            places, volume_places = price_places(prices, price), quantity_places(before.volume, price)
            volume_usdt = float(before.quote_volume.mean()) * DAY_MS / self.base_ms
        return Instrument(
            symbol=symbol,
            base=base,
            quote=QUOTE,
            price_places=places,
            quantity_places=volume_places,
            min_notional_usdt=level.min_notional_usdt,
            daily_volume_usdt=volume_usdt,
            first_ms=first_ms,
            end_ms=end_ms,
        )

    def _listed_from(self, symbol: str, bars: Bars, start_ms: int) -> int:
        """The first bar; after a long hole around the start, the first one behind it."""
        before, after = bars.between(0, start_ms + 1), bars.between(start_ms + 1, self._loaded_until_ms)
        if before.count and start_ms - before.open_ms[-1] <= LONGEST_HOLE_MS:
            return int(before.open_ms[0])
        return int(after.open_ms[0]) if after.count else max(self._spans[symbol][0], self._loaded_until_ms)
