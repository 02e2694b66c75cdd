"""A server on which some messages were published, for the verbs that look at a stack."""

from collections.abc import Callable, Sequence

from click.testing import Result

from shared.adapters.clocks import RealClock
from shared.adapters.redis.bus import RedisBus
from shared.messages.base import Message
from shared.messages.market import MarkChanged
from shared.ports.bus import Heartbeat
from shared.ports.clock import ClockOrigin
from tests.keys import MAIN
from tests.samples import HOUR, T0

Heatsink = Callable[..., Result]


async def publish(url: str, messages: Sequence[Message]) -> None:
    """Onto an empty server whose market time begins at T0 + 1 h, 60 times as fast as the wall's; with one heartbeat."""
    async with RedisBus.open(url, MAIN) as bus:
        await bus.client.flushdb()
        wall_ns = RealClock().wall_ns()
        await bus.agree_on_clock(ClockOrigin(origin_market_ns=T0 + HOUR, origin_wall_ns=wall_ns, speed=60.0))
        await bus.publish([message for message in messages if not isinstance(message, MarkChanged)])
        await bus.set_marks([message for message in messages if isinstance(message, MarkChanged)])
        beat = Heartbeat(
            service="risk", pid=1, state="ready", started_wall_ns=wall_ns, beat_wall_ns=wall_ns, facts={"epoch": 3}
        )
        await bus.set_heartbeat(beat, "portfolio")
