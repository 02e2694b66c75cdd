"""Exchange status: a pair that the exchange does not trade halts until it does."""

from collections.abc import Sequence

from shared.domain.risk.breakers.base import Breaker
from shared.domain.risk.state.halts import NewHalt
from shared.messages.base import Message
from shared.messages.market import PairListed

# A name that was given up, or never listed, has nothing to halt.
STOPPED = ("halted", "delisted")


class ExchangeStatus(Breaker):
    """The halt ends when the exchange lists the pair as trading again."""

    name = "exchange_status"

    def on_listing(self, listing: PairListed) -> Sequence[Message]:
        if listing.status not in STOPPED:
            return self._state.halts.end(
                listing, listing.symbol, "exchange_status", reason=f"the pair is {listing.status}"
            )
        return self._begin(
            listing,
            NewHalt(
                symbol=listing.symbol,
                trigger="exchange_status",
                reason=f"the exchange does not trade it: {listing.status}",
                mode="halted",
                evidence=listing.reason,
                cleared_by="condition",
            ),
        )
