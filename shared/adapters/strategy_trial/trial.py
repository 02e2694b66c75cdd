"""What a strategy file is tried for: that it loads, answers on every bar of every pair, and answers the same again."""

from collections.abc import Iterator

from msgspec import Struct

from shared.adapters.strategy_trial.market import bars
from shared.domain.plan import StrategyPlan
from shared.domain.strategies.base import ParameterError
from shared.domain.strategies.from_file import build_from_file
from shared.messages.market import BarClosed

AFTER_WARMUP = 400  # bars: long enough for a standstill and some of each rhythm
CORRECT = "correct the file: this was a trial on made-up bars, some without volume or any movement"
ANSWER = "return what it wants now, 0.0 to 1.0, on every bar once it is warm, unchanged or not"
REMEMBER = "keep all it knows in self: no class or module variables, random numbers or clock"


class Trial(Struct, frozen=True, kw_only=True):
    """What is tried: a strategy of kind ``file``. symbols: the pairs that it will be asked about."""

    strategy: StrategyPlan
    symbols: tuple[str, ...]


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


def try_strategy(trial: Trial) -> TrialResult:
    """Try a strategy in this process, which has to be one that may be lost."""
    try:
        warmup = build_from_file(trial.strategy).warmup_bars
        found = next(_findings(trial, warmup), None)
    except ParameterError as error:
        return TrialResult(
            findings=tuple(
                Finding(key=each.name, value=str(each.value), problem=each.problem, remedy=each.remedy)
                for each in error.faults
            )
        )
    return TrialResult(findings=(found,) if found is not None else (), warmup_bars=warmup)


def _findings(trial: Trial, warmup: int) -> Iterator[Finding]:
    """What is wrong, the first thing first. The second pair is asked about between the bars of the first one."""
    first, other = (*trial.symbols, *trial.symbols)[:2]
    series = _bars(trial, first, warmup + AFTER_WARMUP)
    said, failure = _answers(trial, series)
    if failure:
        yield _finding(trial, failure, CORRECT)
    silent = next((number for number in range(warmup, len(said)) if said[number] is None), None)
    if silent is not None:
        yield _finding(trial, f"on_bar returns None on bar {silent + 1}, with warmup_bars = {warmup}", ANSWER)
    again, failure = _answers(trial, series, between=_bars(trial, other, len(series), price=0.02, tempo=1.7))
    if failure:
        yield _finding(trial, failure, CORRECT)
    for number, (once, twice) in enumerate(zip(said, again, strict=True)):
        if once != twice:
            yield _finding(trial, f"the same bars give {once} and then {twice}, on bar {number + 1}", REMEMBER)
    for symbol in trial.symbols:
        _, failure = _answers(trial, _bars(trial, symbol, 1))
        if failure:
            yield _finding(trial, failure, CORRECT)


def _bars(trial: Trial, symbol: str, count: int, *, price: float = 100.0, tempo: float = 1.0) -> list[BarClosed]:
    return list(bars(symbol, trial.strategy.timeframe, count, price=price, tempo=tempo))


def _answers(
    trial: Trial, series: list[BarClosed], *, between: list[BarClosed] | None = None
) -> tuple[list[float | None], str]:
    """What a fresh strategy says to the bars, and why it was stopped. between: what another one is shown meanwhile."""
    tried, other = build_from_file(trial.strategy), build_from_file(trial.strategy)
    said = []
    for number, bar in enumerate(series):
        if between is not None:
            other.on_bar(between[number])
        said.append(tried.on_bar(bar))
    return said, (tried.failure or other.failure).partition("; correct the file")[0]


def _finding(trial: Trial, problem: str, remedy: str) -> Finding:
    return Finding(key="class_name", value=trial.strategy.class_name, problem=problem, remedy=remedy)
