"""Books where none were recorded: one is made, of the pair's mark and volume, whenever the gate looks at it.

It stands in the place of the risk machine's samples, so the rules that need a book ask it. Nothing is spent on bars
that lead to no order. The liquidity breaker judges a pair by its volume then, for a model has no thin moments.
"""

from shared.domain.book_model import modelled_levels
from shared.domain.liquidity import spread_at_size
from shared.domain.risk.state.order_book import OrderBook
from shared.domain.risk.state.state import RiskState
from shared.messages.market import BookSampled

LEVELS = 20  # a side


class ModelledBooks(dict[str, OrderBook]):
    """Order books by symbol. size_usdt: that their spread is told for."""

    def __init__(self, state: RiskState, size_usdt: float) -> None:
        super().__init__()
        self._state, self._size_usdt = state, size_usdt

    def get(self, symbol: str, default: OrderBook | None = None) -> OrderBook | None:  # type: ignore[override]
        """The book of now; ``default`` for a pair of which neither price nor volume is known."""
        pair, daily = self._state.heat.pair(symbol), self._state.daily.get(symbol)
        adv = daily.latest.adv_usdt if daily is not None else None
        if pair is None or not pair.mark or not adv:
            return default
        bids, asks = modelled_levels(pair.mark, adv, LEVELS)
        spread = spread_at_size(bids, asks, self._size_usdt)
        now_ns = self._state.now_ns
        return OrderBook(
            BookSampled(
                id=f"modelled-{symbol.replace('/', '')}-{now_ns}",
                time_ns=now_ns,
                symbol=symbol,
                bids=bids,
                asks=asks,
                size_usdt=self._size_usdt,
                spread=spread,
                median_spread=spread,
            )
        )
