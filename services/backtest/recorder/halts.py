"""Halts from their beginning to their end, and what each saved or cost.

While a halt is over a pair, sizing proposes no purchase in it, so there is no refused order to judge. What is judged is
what strategies newly asked for meanwhile: of every pair the first signal, at the size that it would have had, from the
close at which it came to the close at which the halt ended, or the strategy wanted it no longer. Costs are left out,
and so are limits that might have trimmed it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from msgspec import structs

from services.backtest.result import HaltSpan
from shared.domain.numbers import ONE
from shared.domain.plan import Plan
from shared.domain.risk.state.pair_aliases import trading_name
from shared.domain.risk.state.state import RiskState
from shared.domain.sizing.size import Account, size_of
from shared.domain.universe import PairNames
from shared.messages.halts import Halted, Resumed
from shared.messages.orders import OrderDecided
from shared.messages.signals import SignalRaised


@dataclass(frozen=True)
class Withheld:
    """A purchase that a halt kept from being made. notional: USDT at that price.

    price: USDT per unit of the pair's newest name.
    """

    strategy: str
    notional: float
    price: float


@dataclass
class OpenHalt:
    """A halt that stands. withheld, seen: by the pair's newest name."""

    halted: Halted
    refused: int = 0
    kept_out: float = 0.0
    saved: float = 0.0
    withheld: dict[str, Withheld] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)


class HaltRecorder:
    """Follows halts by scope and trigger; one that is prolonged stays the same halt.

    mark_of: the last price of a name, USDT per unit; 0 for none. The state may not know it where nothing is held.
    """

    def __init__(self, state: RiskState, plan: Plan, mark_of: Callable[[str], float]) -> None:
        self._state, self._plan, self._mark_of = state, plan, mark_of
        self._names = PairNames(state.universe)
        self._weights = {strategy.name: strategy.weight for strategy in plan.strategies}
        self._open: dict[tuple[str, str], OpenHalt] = {}
        self.spans: list[HaltSpan] = []

    def halted(self, halted: Halted) -> None:
        halt = self._open.setdefault((halted.symbol, halted.trigger), OpenHalt(halted))
        halt.halted = structs.replace(halt.halted, mode=halted.mode)  # a renewed one may be stricter, never milder

    def resumed(self, resumed: Resumed) -> None:
        if (halt := self._open.pop((resumed.symbol, resumed.trigger), None)) is not None:
            self._end(halt, resumed.time_ns, f"{resumed.who}: {resumed.reason}")

    def decided(self, order: OrderDecided) -> None:
        """A purchase that a halt refused counts; what it would have made follows from the signal that led to it."""
        if order.side == "buy" and order.code == "halted":
            for halt in self._over(order.symbol):
                halt.refused += 1

    def signal(self, raised: SignalRaised) -> None:
        for halt in self._over(raised.symbol):
            if raised.strength <= 0.0:
                self._settle(halt, self._newest(raised.symbol), raised.strategy)
            elif self._newest(raised.symbol) not in halt.seen:
                self._withhold(halt, raised)

    def finish(self) -> None:
        """The run is over; what still stands has no end."""
        for halt in list(self._open.values()):
            self._end(halt, 0, "")
        self.spans.sort(key=_by_begin)

    def _over(self, symbol: str) -> list[OpenHalt]:
        newest = self._newest(symbol)
        return [halt for halt in self._open.values() if self._newest(halt.halted.symbol) in ("", newest)]

    def _newest(self, symbol: str) -> str:
        """A pair is one pair, whatever its name was."""
        named = self._names.get(symbol)
        return named.pair if named is not None else symbol

    def _price(self, pair: str) -> float:
        """The last price of a pair, by the name that trades now, in USDT per unit of its newest name."""
        for name in dict.fromkeys([trading_name(self._state, pair), *self._state.universe.names_of(pair)]):
            if mark := self._mark_of(name):
                named = self._names.get(name)
                return mark / (named.price_ratio if named is not None else 1.0)
        return 0.0

    def _withhold(self, halt: OpenHalt, raised: SignalRaised) -> None:
        pair, mark = self._state.heat.pair(raised.symbol), self._mark_of(raised.symbol)
        if pair is None or not mark or pair.quantity:
            return  # unknown, or held already: nothing new was kept out
        size = size_of(
            price=mark,
            time_ns=raised.time_ns,
            account=Account(self._state.nav, self._state.phase.scale),
            daily=self._state.history(raised.symbol).as_of(raised.time_ns),
            listed=self._state.listings.get(raised.symbol),
            limits=self._state.limits,
            sizing=self._plan.sizing,
            price_ratio=self._names.named(raised.symbol).price_ratio,
        )
        notional = float(size.quantity) * mark * raised.strength * self._weights.get(raised.strategy, float(ONE))
        if notional > 0.0:
            newest = self._newest(raised.symbol)
            halt.seen.add(newest)
            halt.kept_out += notional
            halt.withheld[newest] = Withheld(raised.strategy, notional, self._price(newest))

    def _settle(self, halt: OpenHalt, pair: str, strategy: str) -> None:
        """The strategy wants it no longer: so far the halt saved, or cost, as much as the price fell, or rose."""
        withheld = halt.withheld.get(pair)
        if withheld is None or strategy not in ("", withheld.strategy):
            return
        del halt.withheld[pair]
        price = self._price(pair) or withheld.price
        halt.saved += withheld.notional * (1.0 - price / withheld.price)

    def _end(self, halt: OpenHalt, end_ns: int, ended_by: str) -> None:
        for pair in sorted(halt.withheld):
            self._settle(halt, pair, "")
        begun = halt.halted
        self.spans.append(
            HaltSpan(
                trigger=begun.trigger,
                symbol=begun.symbol,
                mode=begun.mode,
                begin_ns=begun.since_ns or begun.time_ns,
                end_ns=end_ns,
                reason=begun.reason,
                evidence=begun.evidence,
                ended_by=ended_by,
                refused=halt.refused,
                kept_out=halt.kept_out,
                saved=halt.saved,
            )
        )


def _by_begin(span: HaltSpan) -> tuple[int, str, str]:
    return span.begin_ns, span.trigger, span.symbol
