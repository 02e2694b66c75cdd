"""The machine behind the sizing service: a size for every pair on every bar, proposed orders, raised stops."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from shared.domain.bars.series import NamedPair, PairNames
from shared.domain.machine import Records
from shared.domain.plan import Plan
from shared.domain.risk.in_force import LimitsInForce, limits_in_force, with_changes
from shared.domain.sizing import held as holding
from shared.domain.sizing.blender import Blend, Wanted, blend, stop_below, target_fraction, wish_for
from shared.domain.sizing.outputs import order_proposed, position_sized, stop_raised
from shared.domain.sizing.pairs import ACCOUNT, KINDS, LIMITS, LISTED, AccountKnown, Pairs, PairState
from shared.domain.sizing.size import Account, Size, size_of
from shared.domain.timeframes import timeframe_ns
from shared.domain.universe import Universe
from shared.messages.base import Message, TimePassed
from shared.messages.market import BarClosed, PairListed
from shared.messages.orders import OrderClosed, OrderDecided, OrderFilled, StopPlaced
from shared.messages.portfolio import LimitsChanged, PhaseChanged, PortfolioMarked
from shared.messages.signals import SignalRaised

DAILY = "1d"
OUTSIDERS = 32  # strategies from outside the plan that are listened to, a pair, when they have a weight at all
NOTHING: Sequence[Message] = ()


class SizingMachine:
    """Bars, signals and the portfolio in; ``PositionSized``, ``OrderProposed`` and ``StopRaised`` out.

    Every bar of a strategy's timeframe gives a size, also when it is 0. Orders and raised stops follow only from a
    current bar: one that closed no longer than its timeframe ago (or ``bar_age_limit_ns``, market time, if that is
    more). Bars from before the first current one are history and only warm.

    outside_weight: the share in the blend of a strategy that is not in the plan; 0 ignores it.
    """

    def __init__(
        self,
        plan: Plan,
        universe: Universe,
        portfolio: str = "main",
        *,
        bar_age_limit_ns: int = 0,
        outside_weight: float = 0.0,
    ) -> None:
        self.records = Records(KINDS)
        self._plan = plan
        self._portfolio = portfolio
        self._outside_weight = outside_weight
        self._weights = {strategy.name: strategy.weight for strategy in plan.strategies}
        self._scales = {phase.name: phase.scale for phase in plan.phases}
        self._lengths_ns = {strategy.timeframe: timeframe_ns(strategy.timeframe) for strategy in plan.strategies}
        self._age_limits_ns = {name: max(length, bar_age_limit_ns) for name, length in self._lengths_ns.items()}
        self._pairs = Pairs(self.records, PairNames(universe), plan.sizing)
        self._listed: dict[str, PairListed] = {}
        self._now_ns = 0
        self._known = AccountKnown()
        self._account = Account(None, plan.scale)
        self._limits = plan.limits
        self._handlers: dict[type[Message], Callable[[Any], Sequence[Message]]] = {
            BarClosed: self._bar,
            TimePassed: self._time,
            SignalRaised: self._signal,
            PairListed: self._pair_listed,
            PortfolioMarked: self._portfolio_marked,
            PhaseChanged: self._phase_changed,
            LimitsChanged: self._limits_changed,
            OrderDecided: _silently(self._pairs.decided),
            OrderFilled: _silently(self._pairs.filled),
            OrderClosed: _silently(self._pairs.closed),
            StopPlaced: _silently(self._pairs.stopped),
        }

    def handle(self, message: Message) -> Sequence[Message]:
        handler = self._handlers.get(type(message))
        return NOTHING if handler is None else handler(message)

    def warm(self, message: Message) -> None:
        if isinstance(message, BarClosed) and (found := self._pairs.find(message.symbol)) is not None:
            self._remember(*found, message)

    def restored(self) -> None:
        self._pairs.restore()
        self._listed = dict(self.records.rows(LISTED, PairListed))
        self._limits = limits_in_force(self.records.get(LIMITS, "", LimitsInForce), self._plan.limits)
        self._take_account(self.records.get(ACCOUNT, "last", AccountKnown) or AccountKnown())

    def blend_of(self, symbol: str) -> Blend | None:
        """What the strategies want of a pair just now, and why some of them do not count; None outside the universe."""
        found = self._pairs.find(symbol)
        if found is None:
            return None
        return blend(self._weights, found[0].wanted, self._now_ns, outside_weight=self._outside_weight)

    # --- bars -----------------------------------------------------------------------------------------------------

    def _time(self, passed: TimePassed) -> Sequence[Message]:
        self._now_ns = max(self._now_ns, passed.time_ns)
        return NOTHING

    def _remember(self, pair: PairState, named: NamedPair, bar: BarClosed) -> bool:
        is_priced = bar.timeframe in self._lengths_ns
        return pair.add(bar, named, is_daily=bar.timeframe == DAILY, is_priced=is_priced) and is_priced

    def _bar(self, bar: BarClosed) -> Sequence[Message]:
        found = self._pairs.find(bar.symbol)
        if found is None or not self._remember(*found, bar):
            return NOTHING
        pair, named = found
        is_current = self._is_current(bar)
        if not self._is_sized(bar, is_current=is_current):
            return NOTHING
        size = self._size(pair, named, bar)
        sized = position_sized(size, bar, self._portfolio, self._account.scale)
        if not is_current:
            return (sized,)
        if pair.held.rejected:
            self._pairs.hold(pair, msgspec.structs.replace(pair.held, rejected=False))
        return (
            sized,
            *self._trail(pair, named, size, bar),
            *self._propose(pair, bar, size if bar is pair.bar else None),
        )

    def _is_current(self, bar: BarClosed) -> bool:
        return self._now_ns - bar.close_time_ns <= self._age_limits_ns[bar.timeframe]

    def _is_sized(self, bar: BarClosed, *, is_current: bool) -> bool:
        """History is not sized; everything since the first current bar is, even when it comes late."""
        if self._known.live_from_ns:
            return is_current or bar.close_time_ns >= self._known.live_from_ns
        if is_current:
            self._know(msgspec.structs.replace(self._known, live_from_ns=bar.close_time_ns))
        return is_current

    def _size(self, pair: PairState, named: NamedPair, bar: BarClosed) -> Size:
        return size_of(
            price=bar.close,
            time_ns=bar.close_time_ns,
            account=self._account,
            history=pair.history,
            listed=self._listed.get(bar.symbol),
            limits=self._limits,
            sizing=self._plan.sizing,
            price_ratio=named.price_ratio,
        )

    def _trail(self, pair: PairState, named: NamedPair, size: Size, bar: BarClosed) -> Sequence[Message]:
        """The stop follows the price up, at the distance of a new entry, in whole price steps."""
        held, listed = pair.held, self._listed.get(bar.symbol)
        if not held.quantity or not size.stop_distance or listed is None:
            return NOTHING
        if held.stop is not None and size.stop_price <= float(held.stop) * named.price_ratio:
            return NOTHING  # the common case, without the rounding
        stop_price = stop_below(size.price, size.stop_distance, listed.price_step)
        if stop_price is None:
            return NOTHING
        if held.stop is not None and stop_price < held.stop * named.ratio + listed.price_step:
            return NOTHING
        return (stop_raised(stop_price, bar, self._portfolio),)

    # --- wishes, and the orders that follow from them -------------------------------------------------------------

    def _signal(self, signal: SignalRaised) -> Sequence[Message]:
        if (found := self._pairs.find(signal.symbol)) is None:
            return NOTHING
        if 0 < self._now_ns < signal.time_ns:  # somebody's clock is ahead: no later signal may count as older than this
            signal = msgspec.structs.replace(signal, time_ns=self._now_ns)
        pair = found[0]
        last = pair.wanted.get(signal.strategy)
        if last is None and not self._is_heard(signal.strategy, pair):
            return NOTHING
        if last is not None and (signal.id == last.signal_id or signal.time_ns < last.time_ns):
            return NOTHING
        wanted = Wanted(signal.strength, signal.time_ns, signal.id, signal.expires_ns)
        self._pairs.want(pair, signal.strategy, wanted)
        return self._propose(pair, signal)

    def _is_heard(self, strategy: str, pair: PairState) -> bool:
        """Strategies of the plan always; others when they have a weight, and only so many of them."""
        if strategy in self._weights:
            return True
        return self._outside_weight > 0 and len(pair.wanted) < len(self._weights) + OUTSIDERS

    def _propose(self, pair: PairState, cause: Message, size: Size | None = None) -> Sequence[Message]:
        """At most one order, on the pair's newest bar, if that is current and none of ours is in flight.

        size: of that bar, where it is known already.
        """
        held, bar, named = pair.held, pair.bar, pair.named
        if not pair.wanted or bar is None or named is None or held.rejected or held.has_own_order:
            return NOTHING
        fraction = target_fraction(self._weights, pair.wanted, self._now_ns, outside_weight=self._outside_weight)
        if fraction is None or not (fraction or held.quantity) or not self._is_current(bar):
            return NOTHING
        if size is None:
            size = self._size(pair, named, bar)
        exposure = holding.exposure_of(held, named.ratio)
        wish = wish_for(fraction, size, exposure, self._listed.get(bar.symbol), self._plan.sizing.rebalance_band)
        if not wish.quantity:
            return NOTHING
        expires_ns = max(self._now_ns, cause.time_ns) + self._lengths_ns[bar.timeframe]
        order = order_proposed(wish, bar.symbol, self._portfolio, cause, expires_ns)
        self._pairs.proposed(order)
        return (order,)

    # --- pairs and the account ------------------------------------------------------------------------------------

    def _pair_listed(self, listed: PairListed) -> Sequence[Message]:
        if self._pairs.find(listed.symbol) is not None:
            self._listed[listed.symbol] = listed
            self.records.put(LISTED, listed.symbol, listed)
        return NOTHING

    def _portfolio_marked(self, marked: PortfolioMarked) -> Sequence[Message]:
        known = self._known
        if marked.time_ns < known.time_ns:
            return NOTHING
        is_first = known.nav_usdt is None
        phase = marked.phase if marked.time_ns > known.changed_ns else known.phase  # not from before the change
        if is_first or marked.nav != known.nav_usdt or phase != known.phase:
            self._know(msgspec.structs.replace(known, nav_usdt=marked.nav, phase=phase, time_ns=marked.time_ns))
        if not is_first:
            return NOTHING
        return [order for pair in self._pairs.all() for order in self._propose(pair, marked)]

    def _phase_changed(self, changed: PhaseChanged) -> Sequence[Message]:
        """Another phase is in force: the next size follows its scale."""
        if changed.time_ns >= self._known.changed_ns:
            self._know(msgspec.structs.replace(self._known, phase=changed.phase, changed_ns=changed.time_ns))
        return NOTHING

    def _limits_changed(self, changed: LimitsChanged) -> Sequence[Message]:
        """Sizes keep to the limits that the gate holds orders to."""
        self._limits = with_changes(self._limits, changed.new)
        self.records.put(LIMITS, "", LimitsInForce(limits=self._limits, file_limits=self._plan.limits))
        return NOTHING

    def _know(self, known: AccountKnown) -> None:
        self.records.put(ACCOUNT, "last", known)
        self._take_account(known)

    def _take_account(self, known: AccountKnown) -> None:
        self._known = known
        self._account = Account(known.nav_usdt, self._scales.get(known.phase, self._plan.scale))


def _silently(change: Callable[[Any], None]) -> Callable[[Any], Sequence[Message]]:
    """A handler for messages that change what is known and lead to nothing by themselves."""

    def handler(message: Message) -> Sequence[Message]:
        change(message)
        return NOTHING

    return handler
