"""The market data lease in memory: the twin of ``adapters.redis.market_lease``, held to the same contract tests."""

import asyncio

from shared.adapters.memory_server import MemoryServer
from shared.adapters.redis.market_lease import LEASE_MS, LOOK_SECONDS, PATIENCE_SECONDS
from shared.ports.errors import FencedError, MarketTakenError
from shared.ports.market_lease import MarketLease


class MemoryMarketLease(MarketLease):
    """See ``ports.market_lease.MarketLease``. service: what the holder is called. epoch: 0 until it is acquired."""

    def __init__(self, server: MemoryServer, service: str) -> None:
        self._market, self._service = server.market, service
        self._owner = f"{service}@{id(self):x}"
        self.epoch = 0

    async def acquire(self) -> int:
        market, loop = self._market, asyncio.get_running_loop()
        deadline = loop.time() + PATIENCE_SECONDS
        while not market.is_free_for(self._owner):
            if loop.time() >= deadline:
                raise MarketTakenError(market.holder)
            await asyncio.sleep(LOOK_SECONDS)
        self.epoch = market.take(self._owner, LEASE_MS / 1000)
        return self.epoch

    async def renew(self) -> None:
        self.check()
        self._market.hold(self._owner, LEASE_MS / 1000)

    def check(self) -> None:
        """Raise ``FencedError`` when another one took over. A lease that was never acquired checks nothing."""
        if self.epoch and self.epoch != self._market.epoch:
            raise FencedError(
                f"{self._service}: another one took over the market of this server after epoch {self.epoch}"
            )

    async def release(self) -> None:
        self._market.give_back(self._owner)
