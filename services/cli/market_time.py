"""The stack's clock as a visitor reads it."""

from shared.adapters.clocks import RealClock, ScaledClock
from shared.adapters.redis.bus import RedisBus
from shared.ports.clock import Clock


async def market_clock(bus: RedisBus, exchange: str) -> Clock:
    """The simulated exchange's time where it has set one; wall time otherwise."""
    origin = None if exchange == "binance" else await bus.clock_origin()
    return RealClock() if origin is None else ScaledClock(origin)
