"""The machine that runs the built-in strategies: closed bars in, changes of mind out."""

from collections.abc import Sequence

import msgspec
from msgspec import Struct

from shared.domain.bars.series import PairNames
from shared.domain.machine import Records
from shared.domain.plan import Plan, StrategyPlan
from shared.domain.strategies.base import Strategy
from shared.domain.strategies.registry import build_strategy
from shared.domain.timeframes import timeframe_ns
from shared.domain.universe import Universe
from shared.messages.base import Message, TimePassed, derived_id
from shared.messages.market import BarClosed
from shared.messages.signals import SignalRaised

RAISED = "raised"


class Raised(Struct, frozen=True):
    """The strength last raised by one strategy for one pair. The record's name is ``<strategy>|<pair>``."""

    strength: float


class _Voice:
    """One strategy on one pair, and the name of the record that says what it raised last."""

    __slots__ = ("key", "name", "strategy")

    def __init__(self, plan: StrategyPlan, pair: str) -> None:
        self.name = plan.name
        self.key = f"{plan.name}|{pair}"
        self.strategy: Strategy = build_strategy(plan)


class _Lane:
    """All strategies on one pair and timeframe, through all the names the pair has had."""

    __slots__ = ("open_time_ns", "voices")

    def __init__(self, plans: Sequence[StrategyPlan], pair: str) -> None:
        self.open_time_ns = -1
        self.voices = tuple(_Voice(plan, pair) for plan in plans)


class SignalsMachine:
    """Raises a signal when a strategy's strength for a pair differs from the one it raised last (0 before the first).

    Only a current bar raises one: a bar that closed no longer than its timeframe ago (or ``bar_age_limit_ns``, market
    time, if that is more). Older bars are history and only warm the strategies; so a strategy that is long when
    the service first starts says so on the first current bar. What was raised last is durable.
    """

    def __init__(self, plan: Plan, universe: Universe, *, bar_age_limit_ns: int = 0) -> None:
        self.records = Records({RAISED: Raised})
        self._names = PairNames(universe)
        self._plans: dict[str, tuple[StrategyPlan, ...]] = {
            timeframe: tuple(strategy for strategy in plan.strategies if strategy.timeframe == timeframe)
            for timeframe in dict.fromkeys(strategy.timeframe for strategy in plan.strategies)
        }
        self._age_limits_ns = {timeframe: max(timeframe_ns(timeframe), bar_age_limit_ns) for timeframe in self._plans}
        self._lanes: dict[tuple[str, str], _Lane] = {}
        self._raised: dict[str, float] = {}
        self._now_ns = 0
        for strategy in plan.strategies:
            build_strategy(strategy)  # a plan that cannot run is refused at the start, not at the first bar

    def handle(self, message: Message) -> Sequence[Message]:
        if type(message) is BarClosed:
            return self._bar(message)
        if type(message) is TimePassed:
            self._now_ns = max(self._now_ns, message.time_ns)
        return ()

    def warm(self, message: Message) -> None:
        if isinstance(message, BarClosed):
            self._think(message)

    def restored(self) -> None:
        self._raised = {key: row.strength for key, row in self.records.rows(RAISED, Raised)}

    def _bar(self, bar: BarClosed) -> Sequence[Message]:
        wishes = self._think(bar)
        if not wishes or self._now_ns - bar.close_time_ns > self._age_limits_ns[bar.timeframe]:
            return ()
        signals: list[Message] = []
        for voice, strength in wishes:
            if strength != self._raised.get(voice.key, 0.0):
                self._raised[voice.key] = strength
                self.records.put(RAISED, voice.key, Raised(strength))
                signals.append(_signal(voice, strength, bar))
        return signals

    def _think(self, bar: BarClosed) -> Sequence[tuple[_Voice, float]]:
        """Every strategy's wish after the bar; nothing for a bar that is not newer than the last."""
        lane = self._lanes.get((bar.symbol, bar.timeframe)) or self._lane(bar)
        if lane is None or bar.open_time_ns <= lane.open_time_ns:
            return ()
        lane.open_time_ns = bar.open_time_ns
        named = self._names.get(bar.symbol)
        if named is not None and named.price_ratio != 1.0:
            bar = _in_newest_units(bar, named.price_ratio)
        wishes = []
        for voice in lane.voices:
            strength = voice.strategy.on_bar(bar)
            if strength is not None:
                wishes.append((voice, strength))
        return wishes

    def _lane(self, bar: BarClosed) -> _Lane | None:
        """The lane of a bar seen for the first time; None when no strategy listens there."""
        named, plans = self._names.get(bar.symbol), self._plans.get(bar.timeframe)
        if named is None or not plans:
            return None
        lane = self._lanes.get((named.pair, bar.timeframe)) or _Lane(plans, named.pair)
        self._lanes[named.pair, bar.timeframe] = self._lanes[bar.symbol, bar.timeframe] = lane
        return lane


def _signal(voice: _Voice, strength: float, bar: BarClosed) -> SignalRaised:
    return SignalRaised(
        id=derived_id("signal", voice.name, bar.id),
        time_ns=bar.time_ns,
        cause=bar.id,
        trace=bar.trace_id,
        strategy=voice.name,
        symbol=bar.symbol,
        strength=strength,
        timeframe=bar.timeframe,
    )


def _in_newest_units(bar: BarClosed, price_ratio: float) -> BarClosed:
    """Prices as they would read under the pair's newest name."""
    return msgspec.structs.replace(
        bar,
        open=bar.open / price_ratio,
        high=bar.high / price_ratio,
        low=bar.low / price_ratio,
        close=bar.close / price_ratio,
    )
