"""Checks the recording of a replay before anything is started: can it be read, has it that date, how long is it?"""

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from shared.config.faults import ConfigError, Fault
from shared.config.model import Settings
from shared.domain.timeframes import DAY_MS, MS_NS
from shared.domain.universe import Universe

NAMED = 6
Spans = Mapping[str, tuple[int, int]]


def check_replay(settings: Settings, file: str, keys: tuple[str, str] = ("simulator.replay", "simulator.start")) -> str:
    """Says in words what the recording has too little of; empty when it has enough. Raises ``ConfigError``.

    file: where people named the recording, for the error.
    keys: by which keys or options they named the recording and the date.
    """
    from shared.adapters.parquet_store import KlineFile, NoKlinesThenError, RecordingError

    simulator = settings.simulator
    start_ms = simulator.start_ns(0) // MS_NS
    try:
        spans = KlineFile(Path(simulator.replay), near_ms=start_ms).spans_at(start_ms)
    except ValueError as error:
        dated = isinstance(error, NoKlinesThenError)
        key, value = (keys[1], simulator.start) if dated else (keys[0], simulator.replay)
        remedy = "Choose a date that it has." if dated else "Name a parquet file of klines."
        problem = error.problem if isinstance(error, RecordingError) else str(error)
        raise ConfigError([Fault(file, key, value, problem, remedy)]) from None
    return short_history(spans, settings.universe, start_ms, settings.plan.sizing.min_history_days)


def short_history(spans: Spans, universe: Universe, start_ms: int, needed_days: int) -> str:
    """``sizes are 0 until there are 60 days of history; before the start there are 12 days of BTC, ETH``"""
    short: dict[int, list[str]] = defaultdict(list)
    known = 0
    for pair in universe.pairs:
        keys = [name.replace("/", "") for name in universe.names_of(pair.symbol)]
        found = [spans[key][0] for key in keys if key in spans and spans[key][0] <= start_ms <= spans[key][1]]
        if found:  # a pair that comes later begins with nothing on the exchange itself too
            known += 1
            days = max(0, start_ms // DAY_MS - -(-min(found) // DAY_MS))
            if days < needed_days:
                short[days].append(pair.base)
    if not short:
        return ""
    parts = [f"{days} day{'s' * (days != 1)} of {_names(short[days], known)}" for days in sorted(short)]
    return f"sizes are 0 until there are {needed_days} days of history; before the start there are {', '.join(parts)}"


def _names(bases: list[str], known: int) -> str:
    if len(bases) == known:
        return f"all {known} pairs" if known > 1 else bases[0]
    more = f" and {len(bases) - NAMED} more" if len(bases) > NAMED else ""
    return " ".join(bases[:NAMED]) + more
