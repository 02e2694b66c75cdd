"""What the parts of market_data share."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from services.market_data.bar_tracks import BarTrack, BarTracks
from services.market_data.exchange_time import SETTLE_NS, ExchangeTime
from services.market_data.feeds import MARKS
from services.market_data.odd_rows import OddRows
from services.market_data.outbox import Outbox
from shared.config.model import MarketDataSettings
from shared.domain.plan import Plan
from shared.domain.universe import Universe
from shared.ports.bus import Bus
from shared.ports.clock import Clock
from shared.ports.exchange import BestPrice, Exchange, Feed, Kline, OddRowError


@dataclass(frozen=True, slots=True)
class MarketDataContext:
    """Settings, the outside world, and the tracks. Built once in ``service.run``."""

    settings: MarketDataSettings
    universe: Universe
    plan: Plan
    clock: Clock
    bus: Bus
    exchange: Exchange
    feed: Feed
    time: ExchangeTime
    tracks: BarTracks
    outbox: Outbox
    odd: OddRows
    log: Any

    def late_ns(self) -> int:
        """Market time by which a close may be late before it is asked for."""
        return max(self.time.market_ns(self.settings.late_seconds), SETTLE_NS)

    async def klines(self, track: BarTrack, since_ns: int, limit: int) -> Sequence[Kline]:
        """Bars of a track, by REST. Raises the port's errors; an odd row is noted."""
        try:
            rows = await self.exchange.klines(track.symbol, track.timeframe, since_ns, limit)
        except OddRowError as error:
            self.odd.note(track.feed, track.symbol, str(error))
            raise
        self.odd.good(track.feed, track.symbol)
        return rows

    async def best_prices(self, symbols: Iterable[str]) -> Sequence[BestPrice]:
        """Best prices by REST, those that can be. Raises the port's errors; odd rows are noted."""
        found = await self.exchange.best_prices(symbols)
        for symbol, reason in found.odd.items():
            self.odd.note(MARKS, symbol, reason)
        for price in found.prices:
            self.odd.good(MARKS, price.symbol)
        return found.prices
