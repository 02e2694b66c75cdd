"""From what strategies want to the order that is proposed: when one is due, and what holds it back.

How large it is stands in ``blender.py`` and ``size.py``; how long a refused one waits, in ``retry_policy.py``.
"""

from collections.abc import Sequence

from msgspec.structs import replace

from shared.domain.sizing import retry_policy
from shared.domain.sizing.blender import LatestSignal, target_fraction, target_order
from shared.domain.sizing.outputs import order_proposed
from shared.domain.sizing.pairs import PairState
from shared.domain.sizing.position import after_proposal, exposure_of
from shared.domain.sizing.refused_signals import (
    RefusedSignals,
    SignalFault,
    fault_of_order,
    fault_of_times,
    unknown_pair,
    unknown_strategy,
)
from shared.domain.sizing.retry_policy import Attempt, Purchase
from shared.domain.sizing.size import Size
from shared.domain.sizing.state import SizingState
from shared.messages.base import LAST_NS, Message
from shared.messages.dead_letter import EntrySetAside, UnreadableReceived
from shared.messages.halts import Resumed
from shared.messages.market import BarClosed
from shared.messages.orders import OrderProposed
from shared.messages.signals import SignalRaised, SignalRefused


class Proposals:
    """Proposes orders on every current bar, on signals, when a halt ends, and when NAV becomes known."""

    def __init__(self, state: SizingState) -> None:
        self._state = state
        self._weights = {strategy.name: strategy.weight for strategy in state.plan.strategies}
        self._refused = RefusedSignals(state.portfolio, state.ns_per_second)

    def on_signal(self, signal: SignalRaised) -> Sequence[Message]:
        """Only strategies of the plan count; those of other processes stand there as ``external``."""
        state = self._state
        if (found := state.pairs.find(signal.symbol)) is None:
            return self._refuse(signal, unknown_pair(signal))
        if signal.strategy not in self._weights:
            return self._refuse(signal, unknown_strategy(signal, self._weights))
        pair = found[0]
        last = pair.signals.get(signal.strategy)
        if last is not None and signal.id == last.signal_id:
            return ()
        if fault := self._fault_of_times(signal, last):
            return self._refuse(signal, fault)
        if state.is_in_the_future(signal.time_ns):  # somebody's clock is ahead: later signals must not count as older
            signal = replace(signal, time_ns=state.now_ns)
        time_ns = signal.time_ns or (last.time_ns if last is not None else 0)  # without one, it comes after the last
        latest = LatestSignal(signal.strength, time_ns, signal.id, signal.expires_ns)
        state.pairs.put_signal(pair, signal.strategy, latest)
        return self.of(pair, signal)

    def _fault_of_times(self, signal: SignalRaised, last: LatestSignal | None) -> SignalFault | None:
        if last is not None and self._state.is_in_the_future(last.time_ns):
            last = None  # it was dated by a clock that has been set back since: nothing has to come after it
        return fault_of_times(signal, self._state.now_ns) or fault_of_order(signal, last)

    def _refuse(self, signal: SignalRaised, fault: SignalFault) -> Sequence[SignalRefused]:
        return self._refused.of(signal, fault, self._state.now_ns)

    def on_unreadable(self, received: UnreadableReceived) -> Sequence[SignalRefused]:
        """Something on the stream of signals was none."""
        return self._refused.unreadable(received, self._state.now_ns)

    def on_set_aside(self, passed_over: EntrySetAside) -> Sequence[SignalRefused]:
        """Our own host passed something over that we failed at."""
        return self._refused.failed(passed_over, self._state.now_ns)

    def on_resumption(self, resumed: Resumed) -> Sequence[OrderProposed]:
        """Propose what the strategies still want, once the last halt over a pair is gone."""
        halts, pairs = self._state.halts, self._state.pairs
        if not halts.end(resumed):
            return ()
        scope = halts.scope_of(resumed.symbol)
        orders: list[OrderProposed] = []
        for pair in pairs.all():
            if scope in ("", pair.symbol):  # under another halt it goes on waiting
                self._remember(pair, retry_policy.after_resumption(pair.position.attempt))
                orders += self.of(pair, resumed)
        return orders

    def on_new_limits(self) -> None:
        """The next bar may propose what the old limits refused, without the wait after a refusal."""
        for pair in self._state.pairs.all():
            self._remember(pair, retry_policy.after_new_limits(pair.position.attempt))

    def of_all(self, cause: Message) -> Sequence[OrderProposed]:
        """The orders that are due in all pairs."""
        return [order for pair in self._state.pairs.all() for order in self.of(pair, cause)]

    def of(self, pair: PairState, cause: Message, size: Size | None = None) -> Sequence[OrderProposed]:
        """At most one order, on the pair's newest bar, if that is current and none of ours is in flight.

        size: of that bar, where it is known already.
        """
        state, position, bar, named = self._state, pair.position, pair.bar, pair.named
        if not pair.signals or bar is None or named is None:
            return ()
        fraction = self.fraction(pair)
        if not fraction:
            self._remember(pair, None)  # whoever wants it again after this begins anew
        if fraction is None or not (fraction or position.quantity):
            return ()
        if position.has_own_order or not state.is_current(bar):
            return ()
        if size is None:
            size = state.size(pair, named, bar)
        band = state.plan.sizing.rebalance_band
        exposure = exposure_of(position, named.ratio)
        target = target_order(fraction, size, exposure, state.listed.get(bar.symbol), band)
        if not target.quantity:
            return ()
        expires_ns = min(LAST_NS, max(state.now_ns, cause.time_ns) + state.lengths_ns[bar.timeframe])
        order = order_proposed(target, bar.symbol, state.portfolio, cause, expires_ns)
        if target.side == "sell":
            self._remember(pair, None)
        elif not self._may_buy(pair, order.id, bar, fraction, float(size.quantity * named.ratio)):
            return ()
        state.pairs.change(after_proposal, order)
        return (order,)

    def fraction(self, pair: PairState) -> float | None:
        """How much of a full position the strategies want of the pair now; None where none of them has a say."""
        return target_fraction(self._weights, pair.signals, self._state.now_ns)

    def _may_buy(self, pair: PairState, order_id: str, bar: BarClosed, fraction: float, full: float) -> bool:
        """Whether a purchase may be proposed: not while a halt is in force, nor too soon after a refusal.

        full: the full size, in units of the pair's newest name.
        """
        state, attempt = self._state, pair.position.attempt
        if state.halts.is_halted(pair.symbol):
            return False
        band = state.plan.sizing.rebalance_band * full
        purchase = Purchase(bar.close_time_ns, fraction * full, band, pair.position.exposure)
        if attempt is not None and attempt.has_to_wait(purchase, state.step_ns):
            return False
        self._remember(pair, purchase.to_attempt(order_id, attempt))
        return True

    def _remember(self, pair: PairState, attempt: Attempt | None) -> None:
        if attempt != pair.position.attempt:
            self._state.pairs.put_position(pair, replace(pair.position, attempt=attempt))
