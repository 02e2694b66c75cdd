"""Every built-in kind of strategy, in one tuple, and how a row of the configuration becomes a strategy."""

from shared.domain.plan import StrategyPlan
from shared.domain.strategies.base import Fault, ParameterError, Strategy, StrategyKind
from shared.domain.strategies.bollinger import BOLLINGER
from shared.domain.strategies.donchian import DONCHIAN
from shared.domain.strategies.external import EXTERNAL
from shared.domain.strategies.from_file import FILE, build_from_file, file_faults
from shared.domain.strategies.momentum import MOMENTUM
from shared.domain.strategies.rsi import RSI
from shared.domain.timeframes import timeframe_ns

STRATEGIES: tuple[StrategyKind, ...] = (DONCHIAN, MOMENTUM, RSI, BOLLINGER, EXTERNAL)
KINDS = (*(kind.name for kind in STRATEGIES), FILE)


def kind_named(name: str) -> StrategyKind | None:
    """The built-in kind of that name; None without one."""
    return next((kind for kind in STRATEGIES if kind.name == name), None)


def faults_of(plan: StrategyPlan) -> tuple[Fault, ...]:
    """Everything that keeps the plan's row from becoming a strategy; empty when it is sound."""
    faults: list[Fault] = []
    try:
        timeframe_ns(plan.timeframe)
    except ValueError:
        faults.append(Fault("timeframe", plan.timeframe, "set a number and one of s, m, h, d, such as 15m or 1h"))
    kind = kind_named(plan.kind)
    if plan.kind == FILE:
        return (*faults, *file_faults(plan))
    if kind is None:
        return (*faults, Fault("kind", plan.kind, f"set one of {', '.join(KINDS)}"))
    return (*faults, *kind.faults(plan.parameters))


def build_strategy(plan: StrategyPlan) -> Strategy:
    """A fresh strategy for one pair. Raises ``ParameterError`` that names every fault, its value and the remedy."""
    faults = faults_of(plan)
    kind = kind_named(plan.kind)
    if faults:
        raise ParameterError(plan.name, faults)
    if kind is None:
        return build_from_file(plan)
    return kind.build(kind.completed(plan.parameters))
