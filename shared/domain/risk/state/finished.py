"""What is over in a pair: its latest trades and orders, so that what comes twice is not taken for false."""

from msgspec import Struct

from shared.domain.machine import Records
from shared.domain.universe import Universe

FINISHED = "finished"
REMEMBERED = 64  # trades and orders of a pair


class FinishedIds(Struct, frozen=True, gc=False):
    """Of one pair, the latest ones last.

    trades: ids of trades that were booked.
    orders: ids of approved orders that have ended.
    """

    trades: tuple[str, ...] = ()
    orders: tuple[str, ...] = ()


FINISHED_RECORDS: dict[str, type[Struct]] = {FINISHED: FinishedIds}


class Finished:
    """The ids by pair, over a machine's records; a pair is one under all its names."""

    def __init__(self, records: Records, universe: Universe) -> None:
        self._records, self._universe = records, universe

    def of(self, symbol: str) -> FinishedIds:
        """What is over in a pair."""
        return self._records.get(FINISHED, self._pair(symbol), FinishedIds) or FinishedIds()

    def add_trade(self, symbol: str, trade_id: str) -> None:
        """A trade was booked."""
        ids = self.of(symbol)
        self._put(symbol, FinishedIds((*ids.trades, trade_id)[-REMEMBERED:], ids.orders))

    def add_order(self, symbol: str, order_id: str) -> None:
        """An order has ended."""
        ids = self.of(symbol)
        self._put(symbol, FinishedIds(ids.trades, (*ids.orders, order_id)[-REMEMBERED:]))

    def _put(self, symbol: str, ids: FinishedIds) -> None:
        self._records.put(FINISHED, self._pair(symbol), ids)

    def _pair(self, symbol: str) -> str:
        return self._universe.names_of(symbol)[0]
