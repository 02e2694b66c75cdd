"""From what strategies want to the order that is proposed: when one is due, and what holds it back.

How large it is stands in ``blender.py`` and ``size.py``; how long a refused one waits, in ``patience.py``.
"""

from collections.abc import Sequence

from msgspec.structs import replace

from shared.domain.sizing import held as holding
from shared.domain.sizing import patience
from shared.domain.sizing.blender import Wanted, target_fraction, wish_for
from shared.domain.sizing.outputs import order_proposed
from shared.domain.sizing.pairs import PairState
from shared.domain.sizing.patience import Asked, Question
from shared.domain.sizing.size import Size
from shared.domain.sizing.state import SizingState
from shared.messages.base import Message
from shared.messages.halts import Resumed
from shared.messages.market import BarClosed
from shared.messages.orders import OrderProposed
from shared.messages.signals import SignalRaised

NOTHING: tuple[OrderProposed, ...] = ()


class Proposals:
    """Asked on every current bar, on signals, when a halt ends, and when NAV becomes known."""

    def __init__(self, state: SizingState) -> None:
        self._state = state
        self._weights = {strategy.name: strategy.weight for strategy in state.plan.strategies}

    def on_signal(self, signal: SignalRaised) -> Sequence[OrderProposed]:
        """Only strategies of the plan are heard; those of other processes stand there as ``external``."""
        state = self._state
        if (found := state.pairs.find(signal.symbol)) is None or signal.strategy not in self._weights:
            return NOTHING
        if 0 < state.now_ns < signal.time_ns:  # somebody's clock is ahead: no later signal may count as older than this
            signal = replace(signal, time_ns=state.now_ns)
        pair = found[0]
        last = pair.wanted.get(signal.strategy)
        if last is not None and (signal.id == last.signal_id or signal.time_ns < last.time_ns):
            return NOTHING
        wanted = Wanted(signal.strength, signal.time_ns, signal.id, signal.expires_ns)
        state.pairs.want(pair, signal.strategy, wanted)
        return self.of(pair, signal)

    def on_resumption(self, resumed: Resumed) -> Sequence[OrderProposed]:
        """What was wanted all along is proposed once the last halt over a pair is gone."""
        halts, pairs = self._state.halts, self._state.pairs
        if not halts.end(resumed):
            return NOTHING
        scope = halts.scope_of(resumed.symbol)
        orders: list[OrderProposed] = []
        for pair in pairs.all():
            if scope in ("", pair.symbol):  # under another halt it goes on waiting
                self._remember(pair, patience.after_resumption(pair.held.asked))
                orders += self.of(pair, resumed)
        return orders

    def on_new_limits(self) -> None:
        """Nobody waits out what another limit refused."""
        for pair in self._state.pairs.all():
            self._remember(pair, patience.after_new_limits(pair.held.asked))

    def of_all(self, cause: Message) -> Sequence[OrderProposed]:
        return [order for pair in self._state.pairs.all() for order in self.of(pair, cause)]

    def of(self, pair: PairState, cause: Message, size: Size | None = None) -> Sequence[OrderProposed]:
        """At most one order, on the pair's newest bar, if that is current and none of ours is in flight.

        size: of that bar, where it is known already.
        """
        state, held, bar, named = self._state, pair.held, pair.bar, pair.named
        if not pair.wanted or bar is None or named is None:
            return NOTHING
        fraction = target_fraction(self._weights, pair.wanted, state.now_ns)
        if not fraction:
            self._remember(pair, None)  # whoever wants it again after this asks anew
        if held.has_own_order or fraction is None or not (fraction or held.quantity) or not state.is_current(bar):
            return NOTHING
        if size is None:
            size = state.size(pair, named, bar)
        exposure = holding.exposure_of(held, named.ratio)
        wish = wish_for(fraction, size, exposure, state.listed.get(bar.symbol), state.plan.sizing.rebalance_band)
        if not wish.quantity:
            return NOTHING
        expires_ns = max(state.now_ns, cause.time_ns) + state.lengths_ns[bar.timeframe]
        order = order_proposed(wish, bar.symbol, state.portfolio, cause, expires_ns)
        if wish.side == "sell":
            self._remember(pair, None)
        elif not self._may_buy(pair, order.id, bar, fraction, float(size.quantity * named.ratio)):
            return NOTHING
        state.pairs.change(holding.after_proposal, order)
        return (order,)

    def _may_buy(self, pair: PairState, order_id: str, bar: BarClosed, fraction: float, full: float) -> bool:
        """New risk waits for halts, and for its turn after a refusal. full: size in units of the pair's newest name."""
        state, asked = self._state, pair.held.asked
        if state.halts.is_halted(pair.symbol):
            return False
        band = state.plan.sizing.rebalance_band * full
        question = Question(bar.close_time_ns, fraction * full, band, pair.held.exposure)
        if asked is not None and asked.has_to_wait(question, state.step_ns):
            return False
        self._remember(pair, question.asked_as(order_id, asked))
        return True

    def _remember(self, pair: PairState, asked: Asked | None) -> None:
        if asked != pair.held.asked:
            self._state.pairs.hold(pair, replace(pair.held, asked=asked))
