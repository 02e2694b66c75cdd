"""What a strategy file is tried for: that it loads, answers on every bar, and answers the same again."""

from msgspec import Struct

from shared.adapters.strategy_trial.market import bars
from shared.domain.plan import StrategyPlan
from shared.domain.strategies.base import ParameterError
from shared.domain.strategies.from_file import build_from_file

AFTER_WARMUP = 400  # bars: long enough for a standstill and some of each rhythm


class Finding(Struct, frozen=True, kw_only=True):
    """One thing that is wrong. Fields as in ``shared.config.faults.Fault``; key: of the strategy's table."""

    key: str
    value: str
    problem: str
    remedy: str


class TrialResult(Struct, frozen=True, kw_only=True):
    """What came of a trial. warmup_bars: as the strategy says; 0 where it could not be built."""

    findings: tuple[Finding, ...] = ()
    warmup_bars: int = 0


def try_strategy(plan: StrategyPlan) -> TrialResult:
    """Try a strategy of kind ``file`` in this process, which has to be one that may be lost."""
    try:
        first, alone, other = build_from_file(plan), build_from_file(plan), build_from_file(plan)
    except ParameterError as error:
        return TrialResult(
            findings=tuple(
                Finding(key=each.name, value=str(each.value), problem=each.problem, remedy=each.remedy)
                for each in error.faults
            )
        )
    warmup = first.warmup_bars
    count = warmup + AFTER_WARMUP
    said = [first.on_bar(bar) for bar in bars("AAA/USDT", plan.timeframe, count)]
    if first.failure:
        return _result(warmup, "class_name", plan.class_name, first.failure.partition("; correct")[0], _CORRECT)
    silent = next((number for number in range(warmup, count) if said[number] is None), None)
    if silent is not None:
        problem = f"on_bar returns None on bar {silent + 1}, with warmup_bars = {warmup}"
        remedy = "return what it wants now, 0.0 to 1.0, on every bar once it is warm, unchanged or not"
        return _result(warmup, "class_name", plan.class_name, problem, remedy)
    again = []
    for bar, foreign in zip(
        bars("AAA/USDT", plan.timeframe, count),
        bars("BBB/USDT", plan.timeframe, count, price=0.02, tempo=1.7),
        strict=True,
    ):
        other.on_bar(foreign)
        again.append(alone.on_bar(bar))
    if again != said:
        number = next(number for number in range(count) if again[number] != said[number])
        problem = f"the same bars give {said[number]} and then {again[number]}, on bar {number + 1}"
        remedy = "keep all it knows in self: no class or module variables, random numbers or clock"
        return _result(warmup, "class_name", plan.class_name, problem, remedy)
    return TrialResult(warmup_bars=warmup)


_CORRECT = "correct the file: this was a trial on made-up bars, some without volume or any movement"


def _result(warmup: int, key: str, value: str, problem: str, remedy: str) -> TrialResult:
    return TrialResult(
        findings=(Finding(key=key, value=value, problem=problem, remedy=remedy),),
        warmup_bars=warmup,
    )
