"""Makes sure that the simulated exchange which answers is this stack's own: the one that set ``hs:clock``.

Another one's market has other prices and another time, and nothing in its protocol tells. It may answer where ours did:
on a port that ours lost, or never got.
"""

import asyncio
from typing import Any

from shared.adapters.clocks import ScaledClock
from shared.adapters.http import HttpError, HttpLateError, HttpUnreachableError, get_json
from shared.config.faults import ConfigError, Fault
from shared.ports.clock import Clock, ClockOrigin

ASK_SECONDS = 1.0
ANSWER_SECONDS = 2.0
PROBLEM = "what answers there is another program or another stack's exchange: it does not keep the time at hs:clock"
REMEDY = (
    "End it, or give this stack another port: HEATSINK_SIMULATOR__PORT, and the same one in HEATSINK_EXCHANGE__URL."
)


class ExchangeIdentity:
    """Asks the simulated exchange who it is. Binance is not asked: its time is everybody's.

    url: of the simulated exchange.
    """

    def __init__(self, url: str, clock: Clock, log: Any) -> None:
        self._url, self._log = url, log
        self._origin = clock.origin if isinstance(clock, ScaledClock) else None

    async def wait(self) -> None:
        """Wait until the exchange answers. Raises ``ConfigError`` when somebody else does."""
        is_logged = False
        while not await self._answers():
            if not is_logged:
                self._log.info("waiting_for_exchange", url=self._url)
                is_logged = True
            await asyncio.sleep(ASK_SECONDS)

    async def watch(self) -> None:
        """Look again and again: who answers may change. Raises ``ConfigError``; silence is for others to notice."""
        while True:
            await asyncio.sleep(ASK_SECONDS)
            await self._answers()

    async def _answers(self) -> bool:
        """False when nobody answers. Raises ``ConfigError`` for an answer that only a stranger gives."""
        if self._origin is None:
            return True
        try:
            answer = await get_json(f"{self._url}/sim/clock", timeout_seconds=ANSWER_SECONDS, proxies=False)
        except (HttpLateError, HttpUnreachableError):
            return False
        except HttpError:
            answer = None
        if not self._is_ours(answer):
            raise ConfigError([Fault("stack.toml", "exchange.url", self._url, PROBLEM, REMEDY)])
        return True

    def _is_ours(self, answer: Any) -> bool:
        """The origin has the wall clock's nanosecond at which the market began: no two stacks share it."""
        ours: ClockOrigin | None = self._origin
        return (
            isinstance(answer, dict)
            and ours is not None
            and (answer.get("origin_market_ns"), answer.get("origin_wall_ns"), answer.get("speed"))
            == (ours.origin_market_ns, ours.origin_wall_ns, ours.speed)
        )
