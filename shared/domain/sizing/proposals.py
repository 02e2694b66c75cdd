"""From what strategies want to the order that is proposed: when one is due.

How large it is stands in ``blender.py`` and ``size.py``.
"""

from collections.abc import Sequence

from msgspec.structs import replace

from shared.domain.sizing import held as holding
from shared.domain.sizing.blender import Wanted, target_fraction, wish_for
from shared.domain.sizing.outputs import order_proposed
from shared.domain.sizing.pairs import PairState
from shared.domain.sizing.size import Size
from shared.domain.sizing.state import SizingState
from shared.messages.base import Message
from shared.messages.orders import OrderProposed
from shared.messages.signals import SignalRaised

NOTHING: tuple[OrderProposed, ...] = ()


class Proposals:
    """Asked on every current bar, on signals, and when NAV becomes known."""

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

    def of_all(self, cause: Message) -> Sequence[OrderProposed]:
        return [order for pair in self._state.pairs.all() for order in self.of(pair, cause)]

    def of(self, pair: PairState, cause: Message, size: Size | None = None) -> Sequence[OrderProposed]:
        """At most one order, on the pair's newest bar, if that is current and none of ours is in flight.

        size: of that bar, where it is known already.
        """
        state, held, bar, named = self._state, pair.held, pair.bar, pair.named
        if not pair.wanted or bar is None or named is None or held.rejected or held.has_own_order:
            return NOTHING
        fraction = target_fraction(self._weights, pair.wanted, state.now_ns)
        if fraction is None or not (fraction or held.quantity) or not state.is_current(bar):
            return NOTHING
        if size is None:
            size = state.size(pair, named, bar)
        exposure = holding.exposure_of(held, named.ratio)
        wish = wish_for(fraction, size, exposure, state.listed.get(bar.symbol), state.plan.sizing.rebalance_band)
        if not wish.quantity:
            return NOTHING
        expires_ns = max(state.now_ns, cause.time_ns) + state.lengths_ns[bar.timeframe]
        order = order_proposed(wish, bar.symbol, state.portfolio, cause, expires_ns)
        state.pairs.proposed(order)
        return (order,)
