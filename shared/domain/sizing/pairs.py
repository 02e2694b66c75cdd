"""One pair as sizing sees it, and the records that outlive the process."""

from collections.abc import Callable
from decimal import Decimal
from typing import TypeVar

from msgspec import Struct, structs

from shared.domain.bars.series import DailyHistory
from shared.domain.machine import Records
from shared.domain.numbers import ZERO
from shared.domain.plan import SizingPlan
from shared.domain.sizing.blender import LatestSignal
from shared.domain.sizing.position import PairPosition, after_fill
from shared.domain.universe import NamedPair, PairNames
from shared.messages.market import BarClosed, PairListed
from shared.messages.orders import (
    ImportDecided,
    OrderClosed,
    OrderDecided,
    OrderFilled,
    OrderProposed,
    StopPlaced,
    WriteOffDecided,
)
from shared.messages.portfolio import PortfolioMarked

M = TypeVar("M", OrderProposed, OrderDecided, OrderClosed, StopPlaced, WriteOffDecided, ImportDecided)

POSITION, SIGNAL, LISTED = "held", "wanted", "pair"  # their names in the store
PAIR_RECORDS: dict[str, type[Struct]] = {POSITION: PairPosition, SIGNAL: LatestSignal, LISTED: PairListed}


class PairState:
    """What is known of one pair.

    symbol: its newest name.
    history: its daily figures.
    bar: the newest one of any strategy's timeframe, None before the first.
    named: the name under which that bar came, None before the first.
    seen_ns: open time of the last bar of each timeframe.
    position: what is held and on its way.
    signals: the latest one of each strategy.
    """

    __slots__ = ("bar", "history", "named", "position", "seen_ns", "signals", "symbol")

    def __init__(self, symbol: str, plan: SizingPlan) -> None:
        self.symbol = symbol
        self.history = DailyHistory(atr_days=plan.atr_days, adv_days=plan.adv_days)
        self.bar: BarClosed | None = None
        self.named: NamedPair | None = None
        self.seen_ns: dict[str, int] = {}
        self.position = PairPosition()
        self.signals: dict[str, LatestSignal] = {}

    def add(self, bar: BarClosed, named: NamedPair, *, is_daily: bool, is_priced: bool) -> bool:
        """Take a bar in; False for one that is not newer than the last of its timeframe, which changes nothing."""
        if bar.open_time_ns <= self.seen_ns.get(bar.timeframe, -1):
            return False
        self.seen_ns[bar.timeframe] = bar.open_time_ns
        if is_daily:
            self.history.add(bar, named.price_ratio)
        if is_priced and (self.bar is None or bar.close_time_ns >= self.bar.close_time_ns):
            self.bar, self.named = bar, named
        return True


class Pairs:
    """Every pair of the universe by any of its names. Positions and signals are mirrored into the records."""

    def __init__(self, records: Records, names: PairNames, plan: SizingPlan) -> None:
        self._records = records
        self._names = names
        self._states = {pair: PairState(pair, plan) for pair in names.pairs}

    def find(self, symbol: str) -> tuple[PairState, NamedPair] | None:
        """The pair and the name it was asked for by; None for a pair that is not in the universe."""
        named = self._names.get(symbol)
        return None if named is None else (self._states[named.pair], named)

    def all(self) -> tuple[PairState, ...]:
        """Every pair of the universe."""
        return tuple(self._states.values())

    def restore(self) -> None:
        """Begin from the records."""
        for state in self._states.values():
            state.position, state.signals = PairPosition(), {}
        for symbol, position in self._records.rows(POSITION, PairPosition):
            if symbol in self._states:
                self._states[symbol].position = position
        for name, signal in self._records.rows(SIGNAL, LatestSignal):
            strategy, _, symbol = name.rpartition("|")
            if symbol in self._states:
                self._states[symbol].signals[strategy] = signal

    def put_signal(self, pair: PairState, strategy: str, signal: LatestSignal) -> None:
        """Keep a strategy's latest signal for a pair."""
        pair.signals[strategy] = signal
        self._records.put(SIGNAL, f"{strategy}|{pair.symbol}", signal)

    def put_position(self, pair: PairState, position: PairPosition) -> None:
        """Keep what is held of a pair and on its way."""
        if position is not pair.position:
            pair.position = position
            self._records.put(POSITION, pair.symbol, position)

    # --- what the messages about orders do to the position --------------------------------------------------------

    def take_fill(self, fill: OrderFilled) -> None:
        """A position that somebody else ended (its stop, an operator) is not bought back on the same signals."""
        if (found := self.find(fill.symbol)) is None:
            return
        pair, named = found
        known = pair.position.order(fill.order_id)
        before = pair.position.quantity
        self.put_position(pair, after_fill(pair.position, fill, named.ratio))
        if before and not pair.position.quantity and not (known is not None and known.own):
            for strategy, signal in list(pair.signals.items()):
                if signal.strength and not signal.spent:
                    self.put_signal(pair, strategy, signal.as_spent())

    def follow_books(self, pair: str, marked: PortfolioMarked) -> None:
        """Take what is held of a pair from the books of risk, where risk does not believe what execution said of it."""
        state, quantity, stop = self._states[pair], ZERO, None
        for held in marked.positions:
            named = self._names.get(held.symbol)
            if named is not None and named.pair == pair:
                quantity = held.quantity * named.ratio
                stop = None if held.stop is None else held.stop / named.ratio
        if (quantity, stop) != (state.position.quantity, state.position.stop):
            self.put_position(state, structs.replace(state.position, quantity=quantity, stop=stop))

    def change(self, after: Callable[[PairPosition, M, Decimal], PairPosition], message: M) -> None:
        """Put in place what ``after`` makes of the pair's position, the message and the ratio of its name."""
        if (found := self.find(message.symbol)) is not None:
            pair, named = found
            self.put_position(pair, after(pair.position, message, named.ratio))
