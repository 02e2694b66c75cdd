"""The machine behind the sizing service: a size for every pair on every bar, proposed orders, raised stops.

This file says who handles what. The parts share one ``SizingState``.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from msgspec import ValidationError

from shared.domain.plan import Plan
from shared.domain.sizing.outputs import position_sized, stop_raised
from shared.domain.sizing.pairs import PairState
from shared.domain.sizing.position import after_close, after_decision, after_import, after_stop, after_write_off
from shared.domain.sizing.proposals import Proposals
from shared.domain.sizing.size import Size
from shared.domain.sizing.state import SizingState
from shared.domain.stops import stop_below
from shared.domain.timeframes import DAILY
from shared.domain.universe import NamedPair, Universe
from shared.messages.base import Message, TimePassed
from shared.messages.dead_letter import EntrySetAside, UnreadableReceived, message_refused
from shared.messages.halts import Halted, Resumed
from shared.messages.market import BarClosed, PairListed
from shared.messages.orders import ImportDecided, OrderClosed, OrderDecided, OrderFilled, StopPlaced, WriteOffDecided
from shared.messages.portfolio import LimitsChanged, PhaseChanged, PortfolioMarked
from shared.messages.signals import SignalRaised


class SizingMachine:
    """Bars, signals, halts and the portfolio in; ``PositionSized``, ``OrderProposed`` and ``StopRaised`` out.

    Every bar of a strategy's timeframe gives a size, also when it is 0. Orders and raised stops follow only from a
    current bar: one that closed no longer than its timeframe ago (or ``bar_age_limit_ns``, market time, if that is
    more). Bars from before the first current one are history and only warm.

    speed: market seconds in a wall second.
    tells_sizes: whether ``PositionSized`` is given out; off where nobody reads it.
    """

    def __init__(
        self, plan: Plan, universe: Universe, portfolio: str, *, bar_age_limit_ns: int = 0, speed: float = 1.0
    ) -> None:
        self.tells_sizes = True
        self.state = state = SizingState(plan, universe, portfolio, bar_age_limit_ns, speed)
        self.proposals = Proposals(state)
        self.records = state.records
        self._handlers: dict[type[Message], Callable[[Any], Sequence[Message]]] = {
            BarClosed: self._bar,
            SignalRaised: self.proposals.on_signal,
            UnreadableReceived: self.proposals.on_unreadable,
            EntrySetAside: self.proposals.on_set_aside,
            Resumed: self.proposals.on_resumption,
            PortfolioMarked: self._portfolio_marked,
            LimitsChanged: self._limits_changed,
            TimePassed: _silently(state.follow_clock),
            PairListed: _silently(state.list_pair),
            Halted: _silently(state.halts.begin),
            PhaseChanged: _silently(state.account.change_phase),
            OrderDecided: _silently(partial(state.pairs.change, after_decision)),
            OrderFilled: _silently(state.pairs.take_fill),
            OrderClosed: _silently(partial(state.pairs.change, after_close)),
            StopPlaced: _silently(partial(state.pairs.change, after_stop)),
            ImportDecided: _silently(partial(state.pairs.change, after_import)),
            WriteOffDecided: _silently(partial(state.pairs.change, after_write_off)),
        }

    def handle(self, message: Message) -> Sequence[Message]:
        handler = self._handlers.get(type(message))
        return () if handler is None else handler(message)

    def warm(self, message: Message) -> None:
        if isinstance(message, BarClosed) and (found := self.state.pairs.find(message.symbol)) is not None:
            self._remember(*found, message)

    def restored(self) -> None:
        self.state.restore()

    # --- bars -----------------------------------------------------------------------------------------------------

    def _remember(self, pair: PairState, named: NamedPair, bar: BarClosed) -> bool:
        is_priced = bar.timeframe in self.state.lengths_ns
        return pair.add(bar, named, is_daily=bar.timeframe == DAILY, is_priced=is_priced) and is_priced

    def _bar(self, bar: BarClosed) -> Sequence[Message]:
        state = self.state
        found = state.pairs.find(bar.symbol)
        if found is None or not self._remember(*found, bar):
            return ()
        pair, named = found
        is_current = state.is_current(bar)
        if not self._is_sized(bar, is_current=is_current):
            return ()
        size = state.size(pair, named, bar)
        sized = self._told(size, bar)
        if not is_current:
            return sized
        return (
            *sized,
            *self._trail(pair, named, size, bar),
            *self.proposals.of(pair, bar, size if bar is pair.bar else None),
        )

    def _told(self, size: Size, bar: BarClosed) -> Sequence[Message]:
        if not self.tells_sizes:
            return ()
        state = self.state
        listed, scale = state.listed.get(bar.symbol), state.account.current.scale
        return (position_sized(size, bar, listed, state.portfolio, scale),)

    def _is_sized(self, bar: BarClosed, *, is_current: bool) -> bool:
        """Whether a bar gives a size.

        History does not; everything since the first current bar does, even when it comes late.
        """
        account = self.state.account
        if account.live_from_ns:
            return is_current or bar.close_time_ns >= account.live_from_ns
        if is_current:
            account.go_live(bar.close_time_ns)
        return is_current

    def _trail(self, pair: PairState, named: NamedPair, size: Size, bar: BarClosed) -> Sequence[Message]:
        """The stop follows the price up, at the distance of a new entry, in whole price steps."""
        position, listed = pair.position, self.state.listed.get(bar.symbol)
        if not position.quantity or not size.stop_distance or listed is None:
            return ()
        if position.stop is not None and size.stop_price <= float(position.stop) * named.price_ratio:
            return ()  # the common case, without the rounding
        stop_price = stop_below(size.price, size.stop_distance, listed.price_step)
        if stop_price is None:
            return ()
        if position.stop is not None and stop_price < position.stop * named.ratio + listed.price_step:
            return ()
        return (stop_raised(stop_price, bar, self.state.portfolio),)

    # --- the account ----------------------------------------------------------------------------------------------

    def _portfolio_marked(self, marked: PortfolioMarked) -> Sequence[Message]:
        """Without NAV nothing could be proposed. Once it is known, all pairs are looked at."""
        for pair in self.state.halts.doubted():
            self.state.pairs.follow_books(pair, marked)
        return self.proposals.of_all(marked) if self.state.account.take_snapshot(marked) else ()

    def _limits_changed(self, changed: LimitsChanged) -> Sequence[Message]:
        try:
            self.state.account.change_limits(changed)
        except ValidationError as error:
            return [message_refused(changed, time_ns=changed.time_ns, field="new", reason=f"no limits: {error}")]
        self.proposals.on_new_limits()
        return ()


def _silently(change: Callable[[Any], None]) -> Callable[[Any], Sequence[Message]]:
    """A handler for messages that change what is known and lead to nothing by themselves."""

    def handler(message: Message) -> Sequence[Message]:
        change(message)
        return ()

    return handler
