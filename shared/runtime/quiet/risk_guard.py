"""When risk must see a bar: it may be a gap, it is under a stop, or a breaker follows the pair closely.

What is held is marked with every bar, in the order of the pairs: totals are kept by difference, so that their last bits
depend on the order in which prices come. Of the rest one pair is marked: that shows that the market goes on.
"""

from collections.abc import Sequence

import numpy as np

from shared.domain.risk.machine import RiskMachine
from shared.domain.timeframes import DAILY, MS_NS
from shared.messages.base import Message
from shared.messages.market import MarkChanged
from shared.runtime.columns import Floats, Prices, seen
from shared.runtime.quiet.guard import Guard
from shared.runtime.quiet.market import Flags, Track

SLACK = 1e-9  # more than what the breaker itself allows for rounding


class RiskGuard(Guard[RiskMachine]):
    """Shows it daily bars, the first bar of a pair in each block and behind a hole, and where a price has jumped."""

    def prepare(self) -> None:
        tracks, pairs = self.market.tracks, len(self.market.symbols)
        self._jumps = {timeframe: _jumps(tracks[timeframe]) for timeframe in self._reads if timeframe != DAILY}
        self._limits = np.full(pairs, np.nan)  # of a jump, USDT per unit; NaN where none is known
        self._stops = np.full(pairs, -np.inf)
        self._followed = np.zeros(pairs, dtype=np.bool_)
        self._marked_by_others = np.zeros(pairs, dtype=np.bool_)
        self._marked = [0] * pairs  # the last move of the bars that the pair was marked after
        self._marked_with_bars: set[int] = set()
        self._held: Flags = np.zeros(pairs, dtype=np.bool_)

    def look(self, column: int) -> None:
        machine, symbol = self.machine, self.market.symbols[column]
        pair, history = machine.state.heat.pair(symbol), machine.state.daily.get(symbol)
        atr = history.latest.atr if history is not None else None
        self._limits[column] = np.nan if atr is None else machine.state.plan.breakers.gap_atr * atr * (1.0 - SLACK)
        is_held = pair is not None and pair.quantity != 0.0
        self._held[column] = is_held
        (self._marked_with_bars.add if is_held else self._marked_with_bars.discard)(column)
        self._stops[column] = pair.stop if pair is not None and is_held and pair.stop is not None else -np.inf
        self._followed[column] = machine.breakers.must_see(symbol)

    def take(self, timeframe: str, row: int) -> Sequence[Message]:
        if timeframe not in self._at:
            return ()
        self.look_again()
        track, state, symbols = self.market.tracks[timeframe], self.machine.state, self.market.symbols
        here = track.here[row]
        asks = here if timeframe == DAILY else self._asks(timeframe, row) & here
        columns = np.flatnonzero(asks | (self._held & here)).tolist() or track.columns(row)[:1]
        must_see, closes, close_ns = (
            asks[columns].tolist(),
            track.grid.close[row, columns].tolist(),
            track.close_ns(row),
        )
        made: list[Message] = []
        for column, sees, close in zip(columns, must_see, closes, strict=True):
            if sees:
                made += self.show(timeframe, row, column)
            else:
                state.revalue(symbols[column], close, close_ns)
        self.move(timeframe, row)
        return made

    def see(self, prices: Prices) -> Sequence[Message]:
        """As with bars: what is held is marked, and shown is what may halt a pair."""
        self.look_again()
        limit = self.machine.state.plan.breakers.mark_jump * (1.0 - SLACK)
        moved = ~(np.abs(prices.prices / self._prices() - 1.0) <= limit)  # also where no price was known in this block
        here = ~np.isnan(prices.prices)
        asks = (moved | (prices.prices < self._stops) | self._followed | self._marked_by_others) & here
        self._marked_by_others[here] = False
        columns = np.flatnonzero(asks | (self._held & here)).tolist() or seen(prices)[:1]
        made: list[Message] = []
        for column, sees in zip(columns, asks[columns].tolist(), strict=True):
            if sees:
                made += self.show_mark(prices, column)
            else:
                self.machine.state.revalue(self.market.symbols[column], prices.prices.item(column), prices.time_ns)
        self.pass_prices(prices)
        return made

    def show_mark(self, prices: Prices, column: int) -> Sequence[Message]:
        """A jump is judged by the mark before it."""
        self._mark(column)
        return super().show_mark(prices, column)

    def _prices(self) -> Floats:
        """The last price of each pair, by bars or between them; NaN before the first."""
        prices, times_ns = self._price.copy(), self._price_ns.copy()
        for timeframe, at in self._at.items():
            if at < 0:
                continue
            track = self.market.tracks[timeframe]
            rows = np.maximum(track.newest[at], 0)
            closes_ns = track.grid.open_ms[rows] * MS_NS + track.length_ns - MS_NS
            is_newer = (track.newest[at] >= 0) & (closes_ns > times_ns)
            columns = np.flatnonzero(is_newer)
            prices[columns] = track.grid.close[rows[columns], columns]
            times_ns[columns] = closes_ns[columns]
        return prices

    def _asks(self, timeframe: str, row: int) -> Flags:
        asks: Flags = self._jumps[timeframe][row] > self._limits
        asks |= self.market.tracks[timeframe].grid.open[row] < self._stops
        asks |= self._jumps[timeframe][row] == np.inf
        return asks | self._followed

    def hear(self, message: Message) -> Sequence[Message]:
        """Of the market only marks matter to what is no bar."""
        columns = self.columns_of(message)
        if columns:
            self._changed.update(columns)
            for column in columns:
                self._mark(column)
            if type(message) is MarkChanged:
                self._marked_by_others[list(columns)] = True
        return self.machine.handle(message)

    def _mark(self, column: int) -> None:
        """Mark a pair with the last bar that closed; of several, the longest comes first."""
        if self._marked[column] == self._moves or column in self._marked_with_bars:
            return
        self._marked[column] = self._moves
        closes = [
            (track.close_ns(row), track.length_ns, float(track.grid.close[row, column]))
            for timeframe, at in self._at.items()
            if at >= 0 and (row := int((track := self.market.tracks[timeframe]).newest[at, column])) >= 0
        ]
        if (passed_ns := self._price_ns.item(column)) > 0:
            closes.append((passed_ns, 0, self._price.item(column)))
        if closes:
            close_ns, _, close = max(closes)
            self.machine.state.revalue(self.market.symbols[column], close, close_ns)

    def show(self, timeframe: str, row: int, column: int) -> Sequence[Message]:
        """A gap is judged by the close of the bar before. Of bars that close together the longest is the mark."""
        self.catch_up(column)
        self._mark(column)
        return super().show(timeframe, row, column)

    def refresh(self, column: int) -> None:
        self._mark(column)

    def end(self) -> None:
        super().end()
        for column in self.market.every_column:
            self._mark(column)


def _jumps(track: Track) -> Floats:
    """How far each bar opened from the close before it; infinitely where no bar stands right before it."""
    grid, newest = track.grid, track.newest
    if not len(grid.open_ms):
        return np.empty_like(grid.open)
    before = np.vstack((np.full((1, newest.shape[1]), -1, dtype=np.int32), newest[:-1]))
    closes = np.take_along_axis(grid.close, np.maximum(before, 0), axis=0)
    jumps: Floats = np.abs(grid.open - closes)
    is_next = grid.open_ms[:, None] - grid.open_ms[np.maximum(before, 0)] == track.length_ns // 1_000_000
    jumps[(before < 0) | ~is_next] = np.inf
    return jumps
