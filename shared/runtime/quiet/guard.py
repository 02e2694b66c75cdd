"""Which bars of a block a machine was shown, and how it is shown those that it was not."""

from collections.abc import Sequence
from typing import Generic, TypeVar

import numpy as np

from shared.domain.machine import Machine
from shared.domain.timeframes import DAILY
from shared.domain.universe import Universe
from shared.messages.base import Message, TimePassed
from shared.runtime.columns import Block, Prices, mark_at, seen
from shared.runtime.quiet.market import Market

M = TypeVar("M", bound=Machine)
NO_MARKET = Market(Block((), {}), Universe(pairs=()))


class Guard(Generic[M]):
    """Stands before one machine. This one shows it every bar; those that know what the machine acts on override
    ``asked``, ``look`` and ``prepare``.

    timeframes: of the bars that the machine reads.
    """

    def __init__(self, machine: M, timeframes: Sequence[str]) -> None:
        self.machine = machine
        self.timeframes = tuple(timeframes)
        self.begin(NO_MARKET)

    # --- a block --------------------------------------------------------------------------------------------------

    def begin(self, market: Market) -> None:
        """The market goes on in this block."""
        self.market = market
        self._reads = tuple(timeframe for timeframe in self.timeframes if timeframe in market.tracks)
        self._others = {each: any(other not in (each, DAILY) for other in self._reads) for each in self._reads}
        self._at = dict.fromkeys(self._reads, -1)  # the row up to which bars have closed
        self._shown = {timeframe: [-1] * len(market.symbols) for timeframe in self._reads}
        self._moves = 0  # how often bars have closed
        self._caught_up = [0] * len(market.symbols)  # the last of these moves that the machine knows all bars up to
        self._price = np.full(len(market.symbols), np.nan)  # the last one that was passed over between bars
        self._price_ns = np.zeros(len(market.symbols), dtype=np.int64)
        self._changed = set(market.every_column)
        self.prepare()

    def end(self) -> None:
        """The block is over: nothing of it may be missing."""
        for column in self.market.every_column:
            self.catch_up(column)

    def catch_up(self, column: int) -> None:
        """Show the machine, as history, the newest bars of a pair that were passed over: older ones say no more."""
        if self._caught_up[column] == self._moves:
            return
        self._caught_up[column] = self._moves
        missed: list[tuple[int, int, str, int]] = []
        for timeframe in self._reads:
            at = self._at[timeframe]
            if at < 0 or self._shown[timeframe][column] == at:
                continue
            track = self.market.tracks[timeframe]
            newest = int(track.newest[at, column])
            if newest > self._shown[timeframe][column]:
                self._shown[timeframe][column] = newest
                missed.append((track.close_ns(newest), -track.length_ns, timeframe, newest))
        for _, _, timeframe, row in sorted(missed) if len(missed) > 1 else missed:
            self.machine.warm(self.market.bar(timeframe, row, column))
        if time_ns := self._price_ns.item(column):
            self.machine.warm(mark_at(self.market.block, Prices(time_ns, self._price, "passed"), column))

    def refresh(self, column: int) -> None:
        """Somebody looks at the machine's price of a pair; only some have one that is behind."""

    # --- turns ----------------------------------------------------------------------------------------------------

    def hear(self, message: Message) -> Sequence[Message]:
        """Let the machine take a message that is no bar, once it knows the market of the pair that it is about."""
        columns = self.columns_of(message)
        if columns:
            self._changed.update(columns)
            if self.needs_market(message):
                for column in columns:
                    self.catch_up(column)
        return self.machine.handle(message)

    def take(self, timeframe: str, row: int) -> Sequence[Message]:
        """The bars of a row have closed: show those from which something may follow."""
        made: list[Message] = []
        if timeframe in self._at:
            self.look_again()
            for column in self.asked(timeframe, row):
                made += self.show(timeframe, row, column)
            self.move(timeframe, row)
        return made

    def move(self, timeframe: str, row: int) -> None:
        """The bars of a row have closed; the machine was shown what it had to see of them."""
        self._at[timeframe] = row
        self._moves += 1

    def take_late(self, timeframe: str, row: int) -> Sequence[Message]:
        """The same of bars from before the present moment: show all of them."""
        made: list[Message] = []
        if timeframe in self._at:
            for column in self.market.tracks[timeframe].columns(row):
                made += self.show(timeframe, row, column)
            self.move(timeframe, row)
        return made

    def see(self, prices: Prices) -> Sequence[Message]:
        """Prices were seen between the closes of bars: show all of them."""
        made: list[Message] = []
        for column in seen(prices):
            made += self.show_mark(prices, column)
        return made

    def show_mark(self, prices: Prices, column: int) -> Sequence[Message]:
        """Show the machine one price, after the bars that it did not see before it."""
        self.catch_up(column)
        self._changed.update(self.market.same_pair[column])
        return self.machine.handle(mark_at(self.market.block, prices, column))

    def pass_prices(self, prices: Prices) -> None:
        """Keep prices that were passed over, for who asks later."""
        is_seen = ~np.isnan(prices.prices)
        self._price[is_seen] = prices.prices[is_seen]
        self._price_ns[is_seen] = prices.time_ns
        self._moves += 1

    def show(self, timeframe: str, row: int, column: int) -> Sequence[Message]:
        """Show the machine one bar, after those of other timeframes that it did not see before it."""
        if self._others[timeframe]:
            self.catch_up(column)
        self._shown[timeframe][column] = row
        self._changed.update(self.market.same_pair[column])
        return self.machine.handle(self.market.bar(timeframe, row, column))

    def look_again(self) -> None:
        """Look at the pairs of which the machine may know something else by now."""
        if self._changed:
            for column in self._changed:
                self.look(column)
            self._changed.clear()

    # --- what machines differ in ----------------------------------------------------------------------------------

    def columns_of(self, message: Message) -> Sequence[int]:
        """The pairs that a message is about; all of them where it names none."""
        if type(message) is TimePassed:
            return ()
        symbol = getattr(message, "symbol", "")
        return self.market.columns_of(symbol) if symbol else self.market.every_column

    def needs_market(self, message: Message) -> bool:
        """Whether what follows from a message depends on the last bars of the pairs that it is about."""
        return True

    def prepare(self) -> None:
        """A block has begun: make what the guard needs of it."""

    def look(self, column: int) -> None:
        """Take what the machine knows of a pair into the guard's arrays."""

    def asked(self, timeframe: str, row: int) -> Sequence[int]:
        """The pairs whose bar in this row the machine must see, in their order."""
        return self.market.tracks[timeframe].columns(row)
