"""A new market waits for its readers, so that it begins where it was asked to, and nobody misses its first hours."""

import asyncio
from datetime import UTC, datetime

from services.wiring import MARKET_DATA, SERVICES
from shared.domain.timeframes import SECOND_NS
from shared.ports.clock import ClockOrigin
from shared.runtime.health import is_alive
from shared.runtime.market_clock import NOTICE_SECONDS, POLL_SECONDS
from shared.runtime.service import Context

READERS = frozenset({MARKET_DATA, *(row.name for row in SERVICES if row.machine)})


async def begun_with_readers(context: Context, wait_seconds: float) -> ClockOrigin:
    """Wait until all are ready, at most so long; then let market time run, and return the clock."""
    loop = asyncio.get_running_loop()
    until = loop.time() + wait_seconds
    while (missing := await _missing(context)) and loop.time() < until:
        await asyncio.sleep(POLL_SECONDS)
    origin = await context.bus.begin_clock(context.clock.wall_ns() + int(NOTICE_SECONDS * SECOND_NS))
    at = datetime.fromtimestamp(origin.origin_market_ns // SECOND_NS, UTC).isoformat()
    if missing:
        context.log.warning("market_begins", market_time=at, without=sorted(missing), waited_seconds=wait_seconds)
    else:
        context.log.info("market_begins", market_time=at)
    return origin


async def _missing(context: Context) -> set[str]:
    """The readers that are not ready."""
    beats, wall_ns = await context.bus.heartbeats(), context.clock.wall_ns()
    return {
        name
        for name in READERS
        if (beat := beats.get(name)) is None or beat.state != "ready" or not is_alive(beat, wall_ns)
    }
