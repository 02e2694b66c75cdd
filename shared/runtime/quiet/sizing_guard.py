"""When sizing must see a bar: a stop may be raised, or the target is off by the band, and nothing known holds it back.

The arithmetic is that of ``size.py`` and ``blender.py`` in floats, with room for what rounding to lots may change.
"""

from collections.abc import Sequence

import numpy as np

from shared.domain.sizing.machine import SizingMachine
from shared.domain.sizing.pairs import PairState
from shared.domain.sizing.retry_policy import wait_ns
from shared.domain.timeframes import DAILY
from shared.domain.universe import NamedPair
from shared.messages.base import Message
from shared.messages.halts import Resumed
from shared.messages.portfolio import PortfolioMarked
from shared.messages.signals import SignalRaised
from shared.runtime.columns import Floats
from shared.runtime.quiet.guard import Guard
from shared.runtime.quiet.market import Flags

LOTS = 3.0  # by how many lots a target in whole lots may differ from one that is not rounded
SLACK = 1e-9


class SizingGuard(Guard[SizingMachine]):
    """Shows it daily bars, and of the others those after which it may propose an order or raise a stop."""

    def __init__(self, machine: SizingMachine, timeframes: Sequence[str]) -> None:
        machine.tells_sizes = False  # there would be one of some bars and none of others
        super().__init__(machine, timeframes)

    def prepare(self) -> None:
        pairs = len(self.market.symbols)
        self._fractions = np.full(pairs, np.nan)  # of a full position that the strategies want; NaN for no say
        self._held = np.zeros(pairs)
        self._stops = np.full(pairs, np.inf)
        self._always = np.zeros(pairs, dtype=np.bool_)
        self._halted = np.zeros(pairs, dtype=np.bool_)
        self._wait_until_ns = np.zeros(pairs, dtype=np.int64)
        self._refused = np.zeros(pairs)  # the target that was refused, for which it waits
        self._atrs, self._advs = np.full(pairs, np.nan), np.full(pairs, np.nan)
        self._slack = np.zeros(pairs)

    def columns_of(self, message: Message) -> Sequence[int]:
        """Snapshots of the portfolio come often; only the first, and those in doubt, lead to anything in a pair."""
        state = self.machine.state
        if (
            type(message) is PortfolioMarked
            and state.account.current.nav_usdt is not None
            and not state.halts.doubted()
        ):
            return ()
        return super().columns_of(message)

    def needs_market(self, message: Message) -> bool:
        """These lead to orders by themselves; the rest is taken down, and the next bar follows from it."""
        return isinstance(message, SignalRaised | Resumed | PortfolioMarked)

    def look(self, column: int) -> None:
        symbol, state = self.market.symbols[column], self.machine.state
        if (found := state.pairs.find(symbol)) is None:
            return
        pair, named = found
        daily, listed = pair.history.latest, state.listed.get(symbol)
        is_known = daily.atr is not None and daily.days >= state.plan.sizing.min_history_days
        self._atrs[column] = daily.atr * named.price_ratio if is_known and daily.atr is not None else np.nan
        self._advs[column] = daily.adv_usdt or np.nan
        self._slack[column] = LOTS * float(listed.quantity_step) if listed is not None else 0.0
        self._look_at_position(column, pair, named)

    def _look_at_position(self, column: int, pair: PairState, named: NamedPair) -> None:
        state, position, attempt = self.machine.state, pair.position, pair.position.attempt
        fraction = self.machine.proposals.fraction(pair) if pair.signals else None
        held = float(position.quantity / named.ratio)
        self._fractions[column] = np.nan if fraction is None else fraction
        self._held[column] = held
        stop = -np.inf if position.stop is None else float(position.stop) * named.price_ratio
        self._stops[column] = stop if held else np.inf
        self._always[column] = (
            bool(position.orders)
            or any(signal.expires_ns for signal in pair.signals.values())
            or (not fraction and attempt is not None)
            or (fraction is not None and fraction <= 0.0 and held > 0.0)
        )
        self._halted[column] = state.halts.is_halted(pair.symbol)
        self._wait_until_ns[column] = 0
        if attempt is None or not attempt.fell_short or named.price_ratio != 1.0:
            return
        if position.exposure == attempt.exposure + attempt.approved:
            self._wait_until_ns[column] = attempt.bar_ns + wait_ns(attempt.refusals, state.step_ns)
            self._refused[column] = attempt.target

    def asked(self, timeframe: str, row: int) -> Sequence[int]:
        track = self.market.tracks[timeframe]
        if timeframe == DAILY or not self.machine.state.account.live_from_ns:
            return track.columns(row)
        with np.errstate(all="ignore"):
            asks = self._asks(track.grid.close[row], track.close_ns(row))
        return np.flatnonzero(asks & track.here[row]).tolist()

    def _asks(self, price: Floats, close_ns: int) -> Flags:
        account, sizing = self.machine.state.account, self.machine.state.plan.sizing
        limits, scale = account.limits, account.current.scale
        nav = account.current.nav_usdt or np.nan
        distance = sizing.stop_atr * np.maximum(self._atrs, limits.atr_floor * price)
        most_usdt = np.minimum(nav * limits.pair_cap_nav, self._advs * limits.pair_cap_adv)
        full = np.minimum(nav * limits.equity_at_risk * scale / distance, most_usdt / price)
        target, band, slack = self._fractions * full, sizing.rebalance_band * full, self._slack + SLACK * full
        difference = target - self._held
        moves: Flags = np.abs(difference) >= band - slack
        is_same = np.abs(target - self._refused) <= band - slack
        waits = (difference > slack) & (self._halted | (is_same & (close_ns < self._wait_until_ns)))
        asks: Flags = (moves & ~waits) | (price - distance > self._stops) | self._always
        return asks
