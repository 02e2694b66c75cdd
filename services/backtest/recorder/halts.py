"""Halts from their beginning to their end, and what each saved or cost.

While a halt is over a pair, sizing proposes no purchase in it, so there is no refused order to judge. What is judged is
what strategies newly asked for meanwhile: of every pair the first signal, at the size that it would have had, from the
close at which it came to the close at which the halt ended, or the strategy wanted it no longer. Costs are left out,
and so are limits that might have trimmed it.
"""

from dataclasses import dataclass, field

from services.backtest.result import HaltSpan
from shared.domain.numbers import ONE
from shared.domain.plan import Plan
from shared.domain.risk.state.state import RiskState
from shared.domain.sizing.size import Account, size_of
from shared.domain.universe import PairNames
from shared.messages.halts import Halted, Resumed
from shared.messages.orders import OrderDecided
from shared.messages.signals import SignalRaised


@dataclass(frozen=True)
class Withheld:
    """A purchase that a halt kept from being made. notional: USDT at that price; price: USDT per unit."""

    strategy: str
    notional: float
    price: float


@dataclass
class OpenHalt:
    """A halt that stands."""

    halted: Halted
    refused: int = 0
    kept_out: float = 0.0
    saved: float = 0.0
    withheld: dict[str, Withheld] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)

    def is_over(self, symbol: str) -> bool:
        return self.halted.symbol in ("", symbol)


class HaltRecorder:
    """Follows halts by scope and trigger; one that is prolonged stays the same halt."""

    def __init__(self, state: RiskState, plan: Plan) -> None:
        self._state, self._plan = state, plan
        self._names = PairNames(state.universe)
        self._weights = {strategy.name: strategy.weight for strategy in plan.strategies}
        self._open: dict[tuple[str, str], OpenHalt] = {}
        self.spans: list[HaltSpan] = []

    def halted(self, halted: Halted) -> None:
        key = halted.symbol, halted.trigger
        if key not in self._open:
            self._open[key] = OpenHalt(halted)

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
                self._settle(halt, raised.symbol, raised.strategy)
            elif raised.symbol not in halt.seen:
                self._withhold(halt, raised)

    def finish(self) -> None:
        """The run is over; what still stands has no end."""
        for halt in list(self._open.values()):
            self._end(halt, 0, "")
        self.spans.sort(key=_by_begin)

    def _over(self, symbol: str) -> list[OpenHalt]:
        return [halt for halt in self._open.values() if halt.is_over(symbol)]

    def _withhold(self, halt: OpenHalt, raised: SignalRaised) -> None:
        pair = self._state.heat.pair(raised.symbol)
        if pair is None or not pair.mark or pair.quantity:
            return  # unknown, or held already: nothing new was kept out
        size = size_of(
            price=pair.mark,
            time_ns=raised.time_ns,
            account=Account(self._state.nav, self._state.phase.scale),
            daily=self._state.history(raised.symbol).as_of(raised.time_ns),
            listed=self._state.listings.get(raised.symbol),
            limits=self._state.limits,
            sizing=self._plan.sizing,
            price_ratio=self._names.named(raised.symbol).price_ratio,
        )
        notional = float(size.quantity) * pair.mark * raised.strength * self._weights.get(raised.strategy, float(ONE))
        if notional > 0.0:
            halt.seen.add(raised.symbol)
            halt.kept_out += notional
            halt.withheld[raised.symbol] = Withheld(raised.strategy, notional, pair.mark)

    def _settle(self, halt: OpenHalt, symbol: str, strategy: str) -> None:
        """The strategy wants it no longer: so far the halt saved, or cost, as much as the price fell, or rose."""
        withheld = halt.withheld.get(symbol)
        pair = self._state.heat.pair(symbol)
        if withheld is None or strategy not in ("", withheld.strategy) or pair is None:
            return
        del halt.withheld[symbol]
        price = pair.mark or withheld.price
        halt.saved += withheld.notional * (1.0 - price / withheld.price)

    def _end(self, halt: OpenHalt, end_ns: int, ended_by: str) -> None:
        for symbol in sorted(halt.withheld):
            self._settle(halt, symbol, "")
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
