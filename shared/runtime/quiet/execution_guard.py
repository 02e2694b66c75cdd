"""When execution must see a bar: a stop may be reached, or an order waits."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np

from shared.domain.machine import Machine
from shared.domain.timeframes import DAILY
from shared.messages.base import Message
from shared.messages.orders import CancelDecided, StopApproved
from shared.runtime.columns import Floats, Prices
from shared.runtime.quiet.guard import Guard


@runtime_checkable
class Exchange(Machine, Protocol):
    """A machine at which stops and orders rest, or one that stands before it."""

    def resting(self, symbol: str) -> tuple[float | None, bool]:
        """What of a pair the market may reach: its stop (USDT per unit, None without one), and whether orders wait."""
        ...


class ExecutionGuard(Guard[Exchange]):
    """Shows it daily bars, from which it learns how deep a pair is, and those that reach what rests at the exchange."""

    def prepare(self) -> None:
        tracks, pairs = self.market.tracks, len(self.market.symbols)
        self._lowest: dict[str, Floats] = {
            timeframe: np.minimum(np.minimum(grid.low, grid.open), grid.close)
            for timeframe in self._reads
            if (grid := tracks[timeframe].grid)
        }
        self._stops = np.full(pairs, -np.inf)  # above anything where an order waits: it must see every bar
        self._resting: set[int] = set()

    def look(self, column: int) -> None:
        stop, waits = self.machine.resting(self.market.symbols[column])
        self._stops[column] = np.inf if waits else -np.inf if stop is None else stop
        (self._resting.add if waits or stop is not None else self._resting.discard)(column)

    def see(self, prices: Prices) -> Sequence[Message]:
        self.look_again()
        made: list[Message] = []
        for column in np.flatnonzero(prices.prices <= self._stops).tolist():
            made += self.show_mark(prices, column)
        self.pass_prices(prices)
        return made

    def needs_market(self, message: Message) -> bool:
        """An order that is placed needs a price; a stop is put where it was approved."""
        return not isinstance(message, StopApproved | CancelDecided)

    def asked(self, timeframe: str, row: int) -> Sequence[int]:
        if timeframe == DAILY:
            return self.market.tracks[timeframe].columns(row)
        if not self._resting:
            return ()
        return np.flatnonzero(self._lowest[timeframe][row] <= self._stops).tolist()
