"""Market shock: the leading pair moves far in little time, or many pairs gap at once. The portfolio only reduces."""

import math
from collections import deque
from collections.abc import Sequence
from typing import ClassVar

from msgspec import Struct

from shared.domain.risk.breakers.base import Breaker, exceeds
from shared.domain.risk.halt_actions import HaltActions
from shared.domain.risk.state.halts import NewHalt
from shared.domain.risk.state.state import RiskState
from shared.domain.timeframes import MINUTE_NS, timeframe_ns
from shared.domain.words import counted
from shared.messages.base import Message
from shared.messages.halts import Halted, Resumed
from shared.messages.market import BarClosed, MarkChanged

SHOCK_RESUMED = "shock_resumed"


class Window:
    """How far each new price is from the lowest and the highest of the last ``length_ns``, in constant time on average.

    Two monotonic deques: a price that a later one undercuts can never be the lowest again, and leaves at once.
    """

    def __init__(self, length_ns: int) -> None:
        self._length_ns = length_ns
        self.clear()

    def clear(self) -> None:
        self._last_ns = -1
        self._lows: deque[tuple[int, float]] = deque()  # rising prices
        self._highs: deque[tuple[int, float]] = deque()  # falling prices

    def step_back(self, now_ns: int) -> None:
        """The clock stepped back: prices that were seen at times to come count as seen just now."""
        for prices in (self._lows, self._highs):
            seen = [(min(time_ns, now_ns), price) for time_ns, price in prices]
            prices.clear()
            prices.extend(seen)
        self._last_ns = min(self._last_ns, now_ns)

    def move(self, time_ns: int, price: float) -> float:
        """Take a price in; how far it is from the window's low (above 0) or high (below 0), whichever is farther."""
        if time_ns < self._last_ns:
            return 0.0
        self._last_ns = time_ns
        lows, highs, since_ns = self._lows, self._highs, time_ns - self._length_ns
        while lows and lows[-1][1] >= price:
            lows.pop()
        while highs and highs[-1][1] <= price:
            highs.pop()
        lows.append((time_ns, price))
        highs.append((time_ns, price))
        while lows[0][0] <= since_ns:
            lows.popleft()
        while highs[0][0] <= since_ns:
            highs.popleft()
        up, down = price / lows[0][1] - 1.0, price / highs[0][1] - 1.0
        return up if up > -down else down


class ShockResumed(Struct, frozen=True, kw_only=True):
    """An operator resumed at ``at_ns`` (market time): what moved the market before that does not count again."""

    at_ns: int


class MarketShock(Breaker):
    """The halt ends by an operator in two steps. From then on only later moves count, also after a restart."""

    name = "market_shock"
    records: ClassVar[dict[str, type[Struct]]] = {SHOCK_RESUMED: ShockResumed}

    def __init__(self, state: RiskState, halt_actions: HaltActions) -> None:
        super().__init__(state, halt_actions)
        self._names = frozenset(state.universe.names_of(self.plan.shock_pair))
        self._window_ns = int(self.plan.shock_minutes * MINUTE_NS)
        self._gaps_ns = int(self.plan.shock_gap_minutes * MINUTE_NS)
        self._window = Window(self._window_ns)

    def on_mark(self, mark: MarkChanged, price_before: float, time_before_ns: int) -> Sequence[Message]:
        if mark.symbol not in self._names:
            return ()
        move = self._move(mark.time_ns, mark.price)
        return self._judge(mark, mark.symbol, move) if self.is_fresh(mark.time_ns) else ()

    def on_bar(self, bar: BarClosed) -> Sequence[Message]:
        if bar.symbol not in self._names:
            return ()
        move = self._take(bar)
        return self._judge(bar, bar.symbol, move) if self.is_current(bar) else ()

    def must_see(self, symbol: str) -> bool:
        """Every price of the leading pair counts."""
        return symbol in self._names

    def warm(self, bar: BarClosed) -> None:
        if bar.symbol in self._names:
            self._take(bar)

    def _take(self, bar: BarClosed) -> float:
        """The farthest move within a bar, its high taken before its low.

        Of a bar that is longer than the window only open and close count. Of one that was open at the last resume only
        its close counts, for nobody knows what came before that.
        """
        moves = [self._move(bar.open_time_ns, bar.open)]
        is_short = timeframe_ns(bar.timeframe) <= self._window_ns and bar.open_time_ns >= self._counts_from_ns
        inside = (bar.high, bar.low) if is_short else ()
        moves += [self._move(bar.close_time_ns, price) for price in (*inside, bar.close)]
        return max(moves, key=abs)

    def _move(self, time_ns: int, price: float) -> float:
        if time_ns < self._counts_from_ns or self._state.is_in_the_future(time_ns) or not 0.0 < price < math.inf:
            return 0.0
        return self._window.move(time_ns, price)

    def _judge(self, cause: Message, symbol: str, move: float) -> Sequence[Message]:
        if not exceeds(abs(move), self.plan.shock_move):
            return ()
        limit = f"limit {self.plan.shock_move:.2%} in {self.plan.shock_minutes:g} min"
        return self._halt(cause, f"{symbol} moved {move:+.2%}", limit)

    def on_halted(self, halt: Halted) -> Sequence[Message]:
        """A pair gapped. Many that do so within minutes are a shock too."""
        if halt.trigger != "gap":
            return ()
        since_ns = max(halt.time_ns - self._gaps_ns, self._counts_from_ns)
        gapped = sorted(
            {each.symbol for each in self._state.halts.all() if each.trigger == "gap" and each.time_ns >= since_ns}
        )
        if len(gapped) < self.plan.shock_gaps:
            return ()
        names = ", ".join(gapped)
        limit = f"limit {self.plan.shock_gaps} in {self.plan.shock_gap_minutes:g} min"
        return self._halt(halt, f"{counted(len(gapped), 'pair')} gapped within minutes", f"{names}; {limit}")

    def on_clock_stepped_back(self, now_ns: int) -> None:
        self._window.step_back(now_ns)
        if self._counts_from_ns > now_ns:
            self._count_from(now_ns)

    def on_resumed(self, resumed: Resumed) -> None:
        """A further move counts from here."""
        if resumed.trigger == "market_shock":
            self._window.clear()
            self._count_from((self._state.now_ns or resumed.time_ns) + 1)

    @property
    def _counts_from_ns(self) -> int:
        known = self._state.records.get(SHOCK_RESUMED, "", ShockResumed)
        return known.at_ns if known is not None else -1

    def _count_from(self, at_ns: int) -> None:
        self._state.records.put(SHOCK_RESUMED, "", ShockResumed(at_ns=at_ns))

    def _halt(self, cause: Message, reason: str, evidence: str) -> Sequence[Message]:
        return self._begin(
            cause, NewHalt(symbol="", trigger="market_shock", reason=reason, evidence=evidence, cleared_by="two_steps")
        )
