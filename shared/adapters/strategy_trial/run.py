"""Starts the process of a trial, waits for it within bounds, and turns what it found into faults."""

import subprocess
import sys
from functools import lru_cache
from pathlib import Path

import msgspec

from shared.adapters.strategy_trial.trial import Finding, Trial, TrialResult
from shared.config.faults import Fault
from shared.config.load import process_environment
from shared.config.model import MarketDataSettings, Settings
from shared.domain.plan import StrategyPlan
from shared.domain.strategies.from_file import FILE
from shared.domain.timeframes import DAILY

TRIAL_SECONDS = 30.0  # wall time; a good one needs less than a second, and its imports
ROOT = Path(__file__).parents[3]
LOOPS = "remove the loop, the wait or the network access that holds it up"
ENDS = "remove what ends the process; only on_bar is called, with one closed bar each time"


def trial_faults(settings: Settings, *, seconds: float = TRIAL_SECONDS) -> list[Fault]:
    """Try all strategy files of the plan on its pairs. Asked again, it costs nothing."""
    faults, symbols = [], settings.universe.symbols
    for index, strategy in enumerate(settings.plan.strategies):
        if strategy.kind != FILE:
            continue
        result = _tried(msgspec.json.encode(Trial(strategy=strategy, symbols=symbols)), seconds)
        findings = result.findings or tuple(_too_long(strategy, result.warmup_bars, settings.market_data))
        faults += [_fault(f"strategies[{index}]", strategy, finding) for finding in findings]
    return faults


def _too_long(strategy: StrategyPlan, warmup: int, market_data: MarketDataSettings) -> list[Finding]:
    name = "warmup_days" if strategy.timeframe == DAILY else "warmup_bars"
    loaded = getattr(market_data, name)
    if loaded >= warmup:
        return []
    problem = f"strategy {strategy.name!r} needs {warmup} bars, market_data.{name} = {loaded} are loaded at start"
    remedy = f"raise market_data.{name} in stack.toml to {warmup}, or shorten the strategy's windows"
    return [Finding(key="warmup_bars", value=str(warmup), problem=problem, remedy=remedy)]


def _fault(place: str, strategy: StrategyPlan, finding: Finding) -> Fault:
    key = f"{place}.{finding.key}"
    problem = finding.problem if strategy.file in finding.problem else f"{strategy.file}: {finding.problem}"
    remedy = f"{finding.remedy[:1].upper()}{finding.remedy[1:]}."
    return Fault("strategies.toml", key, finding.value, problem, remedy)


@lru_cache(maxsize=64)
def _tried(trial: bytes, seconds: float) -> TrialResult:
    """What the process found, or what became of it. trial: as JSON."""
    inherited = process_environment()
    path = ":".join(filter(None, (str(ROOT), inherited.get("PYTHONPATH"))))
    try:
        done = subprocess.run(
            [sys.executable, "-m", "shared.adapters.strategy_trial"],
            input=trial,
            capture_output=True,
            timeout=seconds,
            check=False,
            env={**inherited, "PYTHONPATH": path},
        )
    except subprocess.TimeoutExpired:
        return _lost(trial, f"it was not done within {seconds:g} seconds", LOOPS)
    try:
        return msgspec.json.decode(done.stdout, type=TrialResult)
    except msgspec.DecodeError:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        last = f": {lines[-1][:200]}" if lines else ""
        return _lost(trial, f"it ended the process that tried it (exit code {done.returncode}){last}", ENDS)


def _lost(trial: bytes, problem: str, remedy: str) -> TrialResult:
    plan = msgspec.json.decode(trial, type=Trial).strategy
    what = f"class {plan.class_name} of {plan.file}: {problem}"
    return TrialResult(findings=(Finding(key="file", value=plan.file, problem=what, remedy=remedy),))
