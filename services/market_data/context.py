"""What the parts of market_data share."""

from dataclasses import dataclass
from typing import Any

from services.market_data.bar_tracks import BarTracks
from services.market_data.exchange_time import SETTLE_NS, ExchangeTime
from services.market_data.outbox import Outbox
from shared.config.model import MarketDataSettings
from shared.domain.plan import Plan
from shared.domain.universe import Universe
from shared.ports.bus import Bus
from shared.ports.clock import Clock
from shared.ports.exchange import Exchange, Feed


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
    log: Any

    def late_ns(self) -> int:
        """Market time by which a close may be late before it is asked for."""
        return max(self.time.market_ns(self.settings.late_seconds), SETTLE_NS)
