"""The stack's clock as processes have it: the wall's on Binance, that of ``hs:clock`` on the simulated exchange.

A simulated market may wait for its readers: then all know the clock, and it stands still until the exchange lets it
begin, a moment later than it says so. So everybody hears of it before the first tick.
"""

import asyncio
from typing import Any, Literal

from shared.adapters.clocks import RealClock, ScaledClock
from shared.ports.bus import StackFacts
from shared.ports.clock import Clock

POLL_SECONDS = 0.1
NOTICE_SECONDS = 0.5  # of wall time between the word that a market begins, and its first moment


async def stack_clock(bus: StackFacts, exchange: Literal["sim", "binance"], log: Any) -> Clock:
    """Wall time on Binance; on the simulated exchange its own time, once it has said what that is."""
    if exchange == "binance":
        return RealClock()
    is_waiting = False
    while (origin := await bus.clock_origin()) is None:
        if not is_waiting:
            log.info("waiting_for_clock", reason="the simulated exchange sets hs:clock")
            is_waiting = True
        await asyncio.sleep(POLL_SECONDS)
    return ScaledClock(origin)


async def follow_beginning(bus: StackFacts, clock: Clock) -> None:
    """Hear when a market begins that waits for its readers."""
    while isinstance(clock, ScaledClock) and clock.origin.is_waiting:
        await asyncio.sleep(POLL_SECONDS)
        clock.origin = await bus.clock_origin() or clock.origin
