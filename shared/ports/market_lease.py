"""The market data lease: of all processes that could write a server's market, one does.

Bars, marks, books, pairs and feeds of two markets that alternate are worse than none: stops fire at the other one's
prices. So a market_data acquires this lease before it writes anything. Like a writer lease (``writer_lease``) it runs
out by itself when its holder is gone, and comes with an *epoch* that grows with every holder. From ``acquire`` on,
whatever the bus that made the lease writes of the market carries that epoch, and the store refuses it once a later one
has written there. It is the store that compares, in the same call as it writes bars, marks and books; before pairs and
feeds, which are few, the lease is renewed instead.

There is no standby: who finds the market taken waits as long as a dead holder's lease can last, then is refused by the
holder's name (docs/decisions/0014).
"""

from typing import Protocol


class MarketLease(Protocol):
    """The right to write the market of a server."""

    async def acquire(self) -> int:
        """Become the one writer, and return the epoch.

        Waits until the lease of a holder that is gone has run out. Raises ``MarketTakenError`` when it does not.
        """
        ...

    async def renew(self) -> None:
        """Say that this writer is alive.

        Raises ``FencedError`` when another one took over, ``StateGoneError`` when the store knows of no epoch at all.
        """
        ...

    async def release(self) -> None:
        """Give the lease back, so that a successor need not wait until it runs out."""
        ...
