"""The machine that runs the strategies, built in or of files: closed bars in, signals out."""

from collections.abc import Sequence

import msgspec
from msgspec import Struct

from shared.domain.machine import Records
from shared.domain.plan import Plan, StrategyPlan
from shared.domain.strategies.base import Strategy
from shared.domain.strategies.guarded import GuardedStrategy
from shared.domain.strategies.registry import build_strategy
from shared.domain.timeframes import timeframe_ns
from shared.domain.universe import PairNames, Universe
from shared.messages.base import Message, TimePassed, derived_id
from shared.messages.catalogue import BARS
from shared.messages.dead_letter import EntrySetAside, message_refused
from shared.messages.market import BarClosed
from shared.messages.signals import SignalRaised

RAISED = "raised"


class Raised(Struct, frozen=True):
    """The strength last raised by one strategy for one pair. The record's name is ``<strategy>|<pair>``."""

    strength: float


class _PairStrategy:
    """One strategy on one pair, and the name of the record that says what it raised last.

    guard: the strategy, where it is one of a file; None for one that is built in.
    told: it was said that the guard stopped it.
    """

    __slots__ = ("guard", "key", "name", "strategy", "told")

    def __init__(self, plan: StrategyPlan, pair: str) -> None:
        self.name = plan.name
        self.key = f"{plan.name}|{pair}"
        self.strategy: Strategy = build_strategy(plan)
        self.guard = self.strategy if isinstance(self.strategy, GuardedStrategy) else None
        self.told = False


class _PairGroup:
    """All strategies on one pair and timeframe, through all the names the pair has had."""

    __slots__ = ("open_time_ns", "strategies")

    def __init__(self, plans: Sequence[StrategyPlan], pair: str) -> None:
        self.open_time_ns = -1
        self.strategies = tuple(_PairStrategy(plan, pair) for plan in plans)


class SignalsMachine:
    """Raises a signal when a strategy's strength for a pair differs from the one it raised last (0 before the first).

    Only a current bar raises one: a bar that closed no longer than its timeframe ago (or ``bar_age_limit_ns``, market
    time, if that is more). Older bars are history and only warm the strategies. So a strategy that is long when the
    service first starts says so on the first current bar. What was raised last is kept over restarts.

    A strategy of a file that fails on a bar is out for that pair, and all others go on. The first current bar tells of
    it: the bar goes to ``hs:dead``, and the gate halts the pair, for the strategy's last wish stands and may be wrong.

    service: whose machine it is.
    """

    def __init__(self, plan: Plan, universe: Universe, *, service: str, bar_age_limit_ns: int = 0) -> None:
        self.plan, self.universe = plan, universe
        self.records = Records({RAISED: Raised})
        self._names, self._service = PairNames(universe), service
        self._plans: dict[str, tuple[StrategyPlan, ...]] = {
            timeframe: tuple(strategy for strategy in plan.strategies if strategy.timeframe == timeframe)
            for timeframe in dict.fromkeys(strategy.timeframe for strategy in plan.strategies)
        }
        self._age_limits_ns = {timeframe: max(timeframe_ns(timeframe), bar_age_limit_ns) for timeframe in self._plans}
        self._groups: dict[tuple[str, str], _PairGroup] = {}
        self._raised: dict[str, float] = {}
        self._now_ns = 0
        for strategy in plan.strategies:
            build_strategy(strategy)  # a plan that cannot run is refused at the start, not at the first bar

    def handle(self, message: Message) -> Sequence[Message]:
        if type(message) is BarClosed:
            return self._bar(message)
        if type(message) is TimePassed:
            self._now_ns = message.time_ns  # back too, where the clock was set back: bars of now are current then
        return ()

    def warm(self, message: Message) -> None:
        if isinstance(message, BarClosed):
            self._run(message)

    def restored(self) -> None:
        self._raised = {key: row.strength for key, row in self.records.rows(RAISED, Raised)}

    def _bar(self, bar: BarClosed) -> Sequence[Message]:
        strengths = self._run(bar)
        if not strengths or not self._is_current(bar):
            return ()
        signals: list[Message] = []
        for running, strength in strengths:
            if strength is None:
                signals += _failed(running, bar, self._service)
            elif strength != self._raised.get(running.key, 0.0):
                signals.append(self._raise(running.name, running.key, strength, bar))
        return signals

    def ask_for(self, bar: BarClosed, strengths: Sequence[tuple[str, float]]) -> Sequence[Message]:
        """The signals of strategies that ask for this after a bar. For whoever runs them elsewhere, over many bars.

        strengths: by the strategy's name, in the order of the plan.
        """
        named = self._names.get(bar.symbol)
        if named is None or not self._is_current(bar):
            return ()
        return [
            self._raise(strategy, f"{strategy}|{named.pair}", strength, bar)
            for strategy, strength in strengths
            if strength != self.raised(strategy, named.pair)
        ]

    def raised(self, strategy: str, pair: str) -> float:
        """What a strategy raised last for a pair, by its newest name; 0 before the first."""
        return self._raised.get(f"{strategy}|{pair}", 0.0)

    def _is_current(self, bar: BarClosed) -> bool:
        return self._now_ns - bar.close_time_ns <= self._age_limits_ns[bar.timeframe]

    def _raise(self, strategy: str, key: str, strength: float, bar: BarClosed) -> Message:
        self._raised[key] = strength
        self.records.put(RAISED, key, Raised(strength))
        return _signal(strategy, strength, bar)

    def _run(self, bar: BarClosed) -> Sequence[tuple[_PairStrategy, float | None]]:
        """What every strategy asks for after the bar, and None for one that failed; nothing for a bar that is not newer
        than the last.
        """
        group = self._groups.get((bar.symbol, bar.timeframe)) or self._begin_group(bar)
        if group is None or bar.open_time_ns <= group.open_time_ns:
            return ()
        group.open_time_ns = bar.open_time_ns
        named = self._names.get(bar.symbol)
        if named is not None and named.price_ratio != 1.0:
            bar = _in_newest_units(bar, named.price_ratio)
        strengths: list[tuple[_PairStrategy, float | None]] = []
        for running in group.strategies:
            strength = running.strategy.on_bar(bar)
            if strength is not None or (running.guard is not None and running.guard.failure):
                strengths.append((running, strength))
        return strengths

    def _begin_group(self, bar: BarClosed) -> _PairGroup | None:
        """The strategies for a pair and timeframe that is seen for the first time; None when there are none."""
        named, plans = self._names.get(bar.symbol), self._plans.get(bar.timeframe)
        if named is None or not plans:
            return None
        group = self._groups.get((named.pair, bar.timeframe)) or _PairGroup(plans, named.pair)
        self._groups[named.pair, bar.timeframe] = self._groups[bar.symbol, bar.timeframe] = group
        return group


def _signal(strategy: str, strength: float, bar: BarClosed) -> SignalRaised:
    return SignalRaised(
        id=derived_id("signal", strategy, bar.id),
        time_ns=bar.time_ns,
        cause=bar.id,
        trace=bar.trace_id,
        strategy=strategy,
        symbol=bar.symbol,
        strength=strength,
        timeframe=bar.timeframe,
    )


def _failed(running: _PairStrategy, bar: BarClosed, service: str) -> Sequence[Message]:
    """Tell once that a strategy of a file failed: a letter for ``hs:dead``, and word to the gate."""
    if running.told or running.guard is None:
        return ()
    running.told, reason = True, running.guard.failure
    return (
        message_refused(bar, time_ns=bar.time_ns, field=f"strategies.{running.name}", reason=reason),
        EntrySetAside(
            id=derived_id("aside", service, running.key, bar.id),
            time_ns=bar.time_ns,
            cause=bar.id,
            trace=bar.trace_id,
            service=service,
            source=BARS.key.replace("<timeframe>", bar.timeframe),
            entry=bar.id[:64],
            message=type(bar).__name__,
            symbol=bar.symbol,
            reason=reason,
        ),
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
