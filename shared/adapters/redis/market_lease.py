"""The market data lease on a Redis-protocol server; ``ports.market_lease`` says what it is for.

What stands on the server: ``{hs:market}:lease``, who holds it, which expires by itself; ``{hs:market}:meta``, a hash
with the epoch; and beside each key of the market one that ends in ``:epoch``, in the same slot of a Redis Cluster: the
epoch of whoever wrote there last.
"""

import asyncio
import os
import socket

from shared.adapters.redis.client import Client, bus_errors
from shared.ports.errors import FencedError, MarketTakenError, StateGoneError
from shared.ports.market_lease import MarketLease

LEASE_MS = 3_000
PATIENCE_SECONDS = 1.5 * LEASE_MS / 1000  # by then the lease of a holder that is gone has run out
LOOK_SECONDS = 0.25
NEVER_ENDS = -1  # what the server calls the time that is left of a key that stays
LEASE_KEY, META_KEY = "{hs:market}:lease", "{hs:market}:meta"


async def holder_of_market(client: Client) -> str:
    """Who writes the market of this server and is alive, which shows in a lease that is renewed; empty for nobody.

    The lease of a holder that is gone is waited for until it has run out. Nothing is changed on the server.
    """
    left_ms = LEASE_MS
    while True:
        async with bus_errors():
            holder, now_left_ms = await client.get(LEASE_KEY), int(await client.pttl(LEASE_KEY))
        if holder is None:
            return ""
        if now_left_ms > left_ms or now_left_ms == NEVER_ENDS:
            return str(holder.decode(errors="replace"))
        left_ms = now_left_ms
        await asyncio.sleep(LOOK_SECONDS)


class RedisMarketLease(MarketLease):
    """See ``ports.market_lease.MarketLease``. service: what the holder is called. epoch: 0 until it is acquired."""

    def __init__(self, client: Client, service: str) -> None:
        self._client, self._service = client, service
        self._owner = f"{service}@{socket.gethostname()}:{os.getpid()}:{id(self):x}"
        self.epoch = 0

    async def acquire(self) -> int:
        loop = asyncio.get_running_loop()
        until = loop.time() + PATIENCE_SECONDS
        while holder := await self._try_acquire():
            if loop.time() >= until:
                raise MarketTakenError(holder)
            await asyncio.sleep(LOOK_SECONDS)
        return self.epoch

    async def _try_acquire(self) -> str:
        """Take the lease if nobody else has it; otherwise, who has."""
        async with bus_errors():
            epoch, holder = await self._client.fcall("hs_acquire", 2, LEASE_KEY, META_KEY, self._owner, LEASE_MS)
        self.epoch = int(epoch)
        return str(holder.decode(errors="replace"))

    async def renew(self) -> None:
        async with bus_errors():
            alive = await self._client.fcall("hs_renew", 2, LEASE_KEY, META_KEY, self._owner, LEASE_MS, self.epoch)
        if alive < 0:
            raise StateGoneError(
                f"{self._service}: the server has forgotten epoch {self.epoch} and all that came before"
            )
        if not alive:
            raise self.fenced()

    def fenced(self) -> FencedError:
        """Another writer took over."""
        return FencedError(f"{self._service}: another one took over the market of this server after epoch {self.epoch}")

    async def release(self) -> None:
        async with bus_errors():
            await self._client.fcall("hs_release", 1, LEASE_KEY, self._owner)
