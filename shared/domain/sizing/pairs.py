"""One pair as sizing sees it, and the records that outlive the process."""

from collections.abc import Callable
from decimal import Decimal
from typing import TypeVar

from msgspec import Struct

from shared.domain.bars.series import DailyHistory, NamedPair, PairNames
from shared.domain.machine import Records
from shared.domain.plan import SizingPlan
from shared.domain.sizing import held as holding
from shared.domain.sizing.blender import Wanted
from shared.domain.sizing.held import Held
from shared.messages.market import BarClosed, PairListed
from shared.messages.orders import OrderClosed, OrderDecided, OrderFilled, OrderProposed, StopPlaced

M = TypeVar("M", OrderProposed, OrderDecided, OrderClosed, StopPlaced)

HELD, WANTED, LISTED = "held", "wanted", "pair"
PAIR_RECORDS: dict[str, type[Struct]] = {HELD: Held, WANTED: Wanted, LISTED: PairListed}


class PairState:
    """bar: the newest of any strategy's timeframe. named: the name it came under. Both None before the first."""

    __slots__ = ("bar", "held", "history", "named", "seen_ns", "symbol", "wanted")

    def __init__(self, symbol: str, plan: SizingPlan) -> None:
        self.symbol = symbol
        self.history = DailyHistory(atr_days=plan.atr_days, adv_days=plan.adv_days)
        self.bar: BarClosed | None = None
        self.named: NamedPair | None = None
        self.seen_ns: dict[str, int] = {}
        self.held = Held()
        self.wanted: dict[str, Wanted] = {}

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
    """Every pair of the universe by any of its names, with position and wishes mirrored into the records."""

    def __init__(self, records: Records, names: PairNames, plan: SizingPlan) -> None:
        self._records = records
        self._names = names
        self._states = {pair: PairState(pair, plan) for pair in names.pairs}

    def find(self, symbol: str) -> tuple[PairState, NamedPair] | None:
        named = self._names.get(symbol)
        return None if named is None else (self._states[named.pair], named)

    def all(self) -> tuple[PairState, ...]:
        return tuple(self._states.values())

    def restore(self) -> None:
        for state in self._states.values():
            state.held, state.wanted = Held(), {}
        for symbol, held in self._records.rows(HELD, Held):
            if symbol in self._states:
                self._states[symbol].held = held
        for name, wanted in self._records.rows(WANTED, Wanted):
            strategy, _, symbol = name.rpartition("|")
            if symbol in self._states:
                self._states[symbol].wanted[strategy] = wanted

    def want(self, pair: PairState, strategy: str, wanted: Wanted) -> None:
        pair.wanted[strategy] = wanted
        self._records.put(WANTED, f"{strategy}|{pair.symbol}", wanted)

    def hold(self, pair: PairState, held: Held) -> None:
        if held is not pair.held:
            pair.held = held
            self._records.put(HELD, pair.symbol, held)

    # --- what the messages about orders do to the position --------------------------------------------------------

    def take_fill(self, fill: OrderFilled) -> None:
        """A position that somebody else ended (its stop, an operator) is not bought back on the same signals."""
        if (found := self.find(fill.symbol)) is None:
            return
        pair, named = found
        known = pair.held.order(fill.order_id)
        before = pair.held.quantity
        self.hold(pair, holding.after_fill(pair.held, fill, named.ratio))
        if before and not pair.held.quantity and not (known is not None and known.own):
            for strategy, wanted in list(pair.wanted.items()):
                if wanted.strength and not wanted.spent:
                    self.want(pair, strategy, wanted.as_spent())

    def change(self, after: Callable[[Held, M, Decimal], Held], message: M) -> None:
        """What ``after`` makes of the pair's position and orders."""
        if (found := self.find(message.symbol)) is not None:
            pair, named = found
            self.hold(pair, after(pair.held, message, named.ratio))
