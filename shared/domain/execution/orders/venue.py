"""What order management asks of a venue, as plain data: the exchange of the paper portfolio, or a real one."""

from decimal import Decimal
from typing import Literal, NamedTuple, Protocol

from shared.messages.market import PairListed
from shared.messages.orders import Side


class VenueOrder(NamedTuple):
    """An order as a venue sees it.

    order_id: the id that the proposer gave it, or that of a protective stop.
    listed: what the exchange says of its pair.
    quantity: base units, in whole lots (except for the last of a position).
    limit_price: USDT per unit, None for an order at the market.
    """

    order_id: str
    listed: PairListed
    side: Side
    quantity: Decimal
    limit_price: Decimal | None = None

    @property
    def symbol(self) -> str:
        return self.listed.symbol


class Trade(NamedTuple):
    """One execution at the venue.

    trade_id: unique at the venue.
    quantity: base units.
    price: USDT per unit, slippage included.
    fee_usdt: USDT, paid from cash.
    liquidity: whether the order waited in the book (maker) or took what stood there (taker).
    touch: the price from which it began, USDT per unit; None where the venue does not say.
    """

    trade_id: str
    quantity: Decimal
    price: Decimal
    fee_usdt: Decimal
    liquidity: Literal["maker", "taker"] = "taker"
    touch: Decimal | None = None


class Placed(NamedTuple):
    """The venue has an order. trade: what became of it at once; None while it waits."""

    venue_order_id: str
    trade: Trade | None


class Venue(Protocol):
    """The place where orders go."""

    def fault(self, symbol: str, now_ns: int) -> str:
        """Why the venue takes no order in the pair now; empty when it does."""
        ...

    def place(self, order: VenueOrder, now_ns: int) -> Placed:
        """Give an order to the venue. One at the market trades at once; one with a limit may wait."""
        ...
