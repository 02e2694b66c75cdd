"""Where klines come from: a generated market or a recording."""

from math import log10
from typing import NamedTuple, Protocol

from services.exchange_sim.market.bars import Bars
from shared.adapters.klines.believable import MOST_PLACES


class Instrument(NamedTuple):
    """A symbol of the exchange.

    price_places: decimals of a price, which give the tick.
    quantity_places: decimals of a quantity, which give the lot step.
    first_ms: from when on it trades.
    end_ms: until when it trades; None for ever.
    """

    symbol: str
    base: str
    quote: str
    price_places: int
    quantity_places: int
    min_notional_usdt: float
    daily_volume_usdt: float
    first_ms: int
    end_ms: int | None = None

    def renamed(self, base: str, price_ratio: float) -> "Instrument":
        """The same instrument under another name, with the decimals that fit ``price_ratio`` times its price."""
        shift = round(-log10(price_ratio))
        return self._replace(
            symbol=f"{base}{self.quote}",
            base=base,
            price_places=min(max(self.price_places + shift, 0), MOST_PLACES),
            quantity_places=min(max(self.quantity_places - shift, 0), MOST_PLACES),
        )


class KlineSource(Protocol):
    """Base klines of every symbol. The same question always has the same answer, about the future as well."""

    @property
    def base_ms(self) -> int:
        """Length of a base bar."""
        ...

    @property
    def instruments(self) -> tuple[Instrument, ...]: ...

    def bars(self, symbol: str, start_ms: int, end_ms: int) -> Bars:
        """The base bars with start_ms <= open time < end_ms."""
        ...
