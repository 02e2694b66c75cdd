"""The market as an exchange sees it: which symbols trade now, at what price, and their klines until now."""

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import numpy as np

from services.exchange_sim.market.bars import Bar, Bars, Interval, added_up, interval_of_length, joined, no_bars
from services.exchange_sim.market.path import Path, path_through
from services.exchange_sim.market.source import Instrument, KlineSource
from services.exchange_sim.market.volatility_ratio import VolatilityRatio
from shared.domain.timeframes import DAY_MS

Status = Literal["TRADING", "END_OF_DAY", "HALT", "BREAK", "CANCEL_ONLY"]
KEPT_PATHS = 1_024
FOREVER_MS = 1 << 62
PRICE_LOOKBACK_MS = 40 * DAY_MS  # how far back the last price is looked for


class Pause(NamedTuple):
    """No trade from ``start_ms`` until ``end_ms``."""

    start_ms: int
    end_ms: int


@dataclass(kw_only=True)
class Listing:
    """One symbol of the exchange.

    origin: the symbol of the source that its prices follow.
    price_ratio: its price divided by that of the origin.
    status: in place of the one that follows from time; None for that one.
    pauses: when it did not trade, for whatever reason.
    """

    instrument: Instrument
    origin: str
    price_ratio: float = 1.0
    status: Status | None = None
    pauses: list[Pause] = field(default_factory=list)


class Market:
    """All symbols, their prices and their klines.

    Every question carries ``now_ms``. The answer has nothing from after that moment, and the bar that holds it is still
    forming.
    """

    def __init__(self, source: KlineSource) -> None:
        self._source = source
        self._base = interval_of_length(source.base_ms)
        self._paths: OrderedDict[tuple[str, int], Path] = OrderedDict()
        self._volatility_ratio = VolatilityRatio(source, self._base)
        self._instruments = {one.symbol: one for one in source.instruments}
        self.listings = {symbol: Listing(instrument=one, origin=symbol) for symbol, one in self._instruments.items()}

    @property
    def end_ms(self) -> int | None:
        """When the last symbol ends; None where one goes on for ever."""
        ends = [one.end_ms for one in self._instruments.values()]
        return None if None in ends else max(end for end in ends if end is not None)

    def listed(self, now_ms: int) -> list[Listing]:
        """What exchangeInfo shows: everything that trades or did so since the simulation knows it."""
        return [one for one in self.listings.values() if one.instrument.first_ms <= now_ms]

    def find(self, symbol: str, now_ms: int) -> Listing | None:
        listing = self.listings.get(symbol)
        return listing if listing is not None and listing.instrument.first_ms <= now_ms else None

    def status(self, symbol: str, now_ms: int) -> Status:
        listing = self.listings[symbol]
        if listing.status is not None:
            return listing.status
        end_ms = listing.instrument.end_ms
        return "TRADING" if end_ms is None or now_ms < end_ms else "BREAK"

    def is_trading(self, symbol: str, time_ms: int) -> bool:
        """Whether there are trades at the moment: the symbol is open, and not in a hole of a recording."""
        base_open_ms = self._base.open_of(time_ms)
        is_open = self.status(symbol, time_ms) == "TRADING"
        return is_open and self._source.bars(self.listings[symbol].origin, base_open_ms, base_open_ms + 1).count > 0

    def price_at(self, symbol: str, time_ns: int) -> float | None:
        """The last traded price at a market time; None when there was no trade for long."""
        listing = self.listings[symbol]
        price = self._origin_price(listing, time_ns / 1e6)
        if price is None or listing.price_ratio == 1.0:
            return price
        return round(price * listing.price_ratio, listing.instrument.price_places)

    def volatility_ratio(self, symbol: str, price: float, time_ms: int) -> float:
        """How much more than usual the symbol moves, at its ``price`` of this time; 1 is a usual moment."""
        listing = self.listings[symbol]
        return self._volatility_ratio.of(listing.origin, price / listing.price_ratio, time_ms)

    def _origin_price(self, listing: Listing, time_ms: float) -> float | None:
        for pause in reversed(listing.pauses):
            if pause.start_ms <= time_ms < pause.end_ms:
                time_ms = pause.start_ms
        base_open_ms = self._base.open_of(int(time_ms))
        now_bar = self._source.bars(listing.origin, base_open_ms, base_open_ms + 1)
        if now_bar.count and time_ms > base_open_ms:
            return self._path(listing, next(iter(now_bar))).price_at(time_ms)
        earlier = self._source.bars(listing.origin, base_open_ms - PRICE_LOOKBACK_MS, base_open_ms)
        if earlier.count:
            return float(earlier.close[-1])
        return float(now_bar.open[0]) if now_bar.count else None

    def klines(
        self,
        symbol: str,
        interval: Interval,
        *,
        now_ms: int,
        start_ms: int | None = None,
        end_ms: int | None = None,
        limit: int = 500,
    ) -> Bars:
        """Binance's rule: the first ``limit`` bars that opened from ``start_ms`` on, or else the last ``limit`` until
        ``end_ms``; oldest first. The range grows until it holds so many, because there are holes.
        """
        instrument = self.listings[symbol].instrument
        floor_ms = interval.open_of(instrument.first_ms)
        ceiling_ms = min(now_ms, end_ms if end_ms is not None else now_ms, instrument.end_ms or FOREVER_MS) + 1
        lower_ms = max(start_ms, floor_ms) if start_ms is not None else floor_ms
        span_ms = (limit + 1) * interval.length_ms
        while True:
            if start_ms is None:
                bars = self._opened(symbol, interval, max(ceiling_ms - span_ms, lower_ms), ceiling_ms, now_ms)
            else:
                bars = self._opened(symbol, interval, lower_ms, min(lower_ms + span_ms, ceiling_ms), now_ms)
            if bars.count >= limit or lower_ms + span_ms >= ceiling_ms:
                return bars.at(slice(-limit, None) if start_ms is None else slice(limit))
            span_ms *= 2

    def closed_between(self, symbol: str, interval: Interval, after_ms: int, until_ms: int) -> Bars:
        """The bars that ended after ``after_ms`` and not after ``until_ms``."""
        return self._opened(symbol, interval, interval.open_of(after_ms), interval.open_of(until_ms), until_ms)

    def forming(self, symbol: str, interval: Interval, now_ms: int) -> Bars:
        """The bar that holds ``now_ms`` as far as it has come; none while nothing trades."""
        open_ms = interval.open_of(now_ms)
        return self._opened(symbol, interval, open_ms, open_ms + 1, now_ms)

    def traded_between(self, symbol: str, start_ms: int, end_ms: int) -> Bars:
        """All trades of a time as one bar (none without a trade), for the 24 hour tickers."""
        listing = self.listings[symbol]
        outside = (Pause(0, start_ms), Pause(end_ms, FOREVER_MS))
        bars = self._source.bars(listing.origin, self._base.open_of(start_ms), end_ms)
        bars = self._traded(listing, bars, outside, self._base.length_ms)
        if bars.count == 0:
            return bars
        return Bars(
            open_ms=bars.open_ms[:1],
            open=bars.open[:1],
            high=bars.high.max(keepdims=True),
            low=bars.low.min(keepdims=True),
            close=bars.close[-1:],
            volume=bars.volume.sum(keepdims=True),
            quote_volume=bars.quote_volume.sum(keepdims=True),
        )

    def _opened(self, symbol: str, interval: Interval, start_ms: int, end_ms: int, now_ms: int) -> Bars:
        """Bars with start_ms <= open time < end_ms, as far as they have come at ``now_ms``."""
        listing = self.listings[symbol]
        start_ms = interval.first_open_from(start_ms)
        if end_ms <= start_ms:
            return no_bars()
        until_ms = min(interval.end_of(interval.open_of(end_ms - 1)), now_ms)
        bars = self._source.bars(listing.origin, self._base.open_of(start_ms), until_ms)
        if interval.length_ms < self._base.length_ms:
            bars = self._finer(listing, bars, interval).between(start_ms, until_ms)
        length_ms = min(interval.length_ms, self._base.length_ms)
        return added_up(self._traded(listing, bars, (Pause(now_ms, FOREVER_MS),), length_ms), interval)

    def _finer(self, listing: Listing, bars: Bars, interval: Interval) -> Bars:
        parts = []
        for bar in bars:
            path = self._path(listing, bar)
            edges = np.arange(path.open_ms, path.open_ms + path.length_ms + 1, interval.length_ms, dtype=np.int64)
            parts.append(path.cut(edges))
        return joined(parts)

    def _traded(self, listing: Listing, bars: Bars, unseen: tuple[Pause, ...], length_ms: int) -> Bars:
        """What of the bars was traded outside the pauses: whole bars, and pieces of those that a pause touches."""
        starts, ends, rows = bars.open_ms, bars.open_ms + length_ms, np.arange(bars.count)
        for pause in (*listing.pauses, *unseen):
            starts = np.concatenate((starts, np.maximum(starts, pause.end_ms)))
            ends = np.concatenate((np.minimum(ends, pause.start_ms), ends))
            rows = np.tile(rows, 2)
            left = ends > starts
            starts, ends, rows = starts[left], ends[left], rows[left]
        whole = ends - starts == length_ms
        parts = [bars.at(rows[whole])]
        parts += [self._piece(listing, int(starts[one]), int(ends[one])) for one in np.flatnonzero(~whole)]
        pieces = joined(parts)
        in_order = pieces.at(np.argsort(pieces.open_ms, kind="stable"))
        return in_order.scaled(listing.price_ratio, listing.instrument.price_places)

    def _piece(self, listing: Listing, start_ms: int, end_ms: int) -> Bars:
        """The trades between two times inside one base bar."""
        open_ms = self._base.open_of(start_ms)
        path = self._path(listing, next(iter(self._source.bars(listing.origin, open_ms, open_ms + 1))))
        return path.cut(np.array([start_ms, end_ms], dtype=np.int64))

    def _path(self, listing: Listing, bar: Bar) -> Path:
        key = (listing.origin, bar.open_ms)
        path = self._paths.get(key)
        if path is None:
            origin = self._instruments[listing.origin]
            path = path_through(
                origin.symbol,
                bar,
                self._base.length_ms,
                places=origin.price_places,
                volume_places=origin.quantity_places,
            )
            self._paths[key] = path
            if len(self._paths) > KEPT_PATHS:
                self._paths.popitem(last=False)
        return path
