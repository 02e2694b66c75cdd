"""What an order over HTTP may leave to the moment: the price, the pair's steps, its full size, what is held of it."""

from decimal import Decimal

from services.ops.proposals.answers import RequestRefusedError
from shared.application.status import latest_portfolio
from shared.messages.catalogue import PAIRS, SIZES
from shared.messages.market import PairListed
from shared.messages.signals import PositionSized
from shared.ports.bus import Bus

LOOKED_BACK = 2_000  # of listings and sizes: enough for some of every pair


class MarketOfTheMoment:
    """Reads it from the bus when it is asked. Raises ``RequestRefusedError`` for what is not known: then the sender can
    write the quantity and the stop by himself.
    """

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def price(self, symbol: str) -> Decimal:
        """The mark, USDT per unit. How old it may be is the gate's rule."""
        mark = (await self._bus.marks()).get(symbol)
        if mark is None or not mark.price > 0:
            raise _unknown(f"there is no price of {symbol}", "quantity and stop_price")
        return Decimal(repr(mark.price))

    async def listing(self, symbol: str) -> PairListed:
        """What the exchange said last of the pair."""
        for listed in await self._bus.latest(self._bus.keys.of(PAIRS), LOOKED_BACK):
            if isinstance(listed, PairListed) and listed.symbol == symbol:
                return listed
        raise _unknown(f"{symbol} has not been seen on the exchange yet", "quantity and stop_price")

    async def full_size(self, symbol: str) -> PositionSized:
        """The newest size of a full position."""
        for sized in await self._bus.latest(self._bus.keys.of(SIZES), LOOKED_BACK):
            if isinstance(sized, PositionSized) and sized.symbol == symbol:
                if sized.quantity > 0:
                    return sized
                raise _unknown(f"the size of {symbol} is 0 now, by {sized.binding}", "quantity")
        raise _unknown(f"there is no size of {symbol} yet: one comes with every bar", "quantity")

    async def held(self, symbol: str) -> Decimal:
        """Base units, by the newest snapshot of the portfolio."""
        portfolio = await latest_portfolio(self._bus)
        if portfolio is None:
            raise _unknown("there is no snapshot of the portfolio yet", "quantity")
        return sum((row.quantity for row in portfolio.positions if row.symbol == symbol), Decimal(0))


def _unknown(what: str, instead: str) -> RequestRefusedError:
    return RequestRefusedError(503, "missing", what, f"Send it again under the same id, or write {instead}.")
