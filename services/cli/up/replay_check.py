"""Checks the recording of a replay before anything is started: can it be read, has it that date, how long is it?

The rows themselves are looked at where they are read: ``shared/adapters/klines/checks.py``.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from shared.application.wording.formats import base, clock, count, duration
from shared.config.faults import ConfigError, Fault
from shared.config.model import Settings
from shared.domain.timeframes import DAY_MS, MS_NS
from shared.domain.universe import Pair, Universe, exchange_symbol

NAMED = 6
REMEDY = "Name a store or a parquet file of klines, or mend this one: docs/replay.md says what it has to hold."
KEYS = "simulator.replay", "simulator.start"
Spans = Mapping[str, tuple[int, int]]
Holes = Mapping[str, Sequence[tuple[int, int]]]


@dataclass(frozen=True, slots=True)
class Recording:
    """What is worth knowing of a recording that can be replayed.

    end_ns: market time of its end.
    short_history: what it has too little of before the start, in words; empty when it has enough.
    holes: what is missing after the start, in words; empty when nothing is.
    """

    end_ns: int
    short_history: str = ""
    holes: str = ""


def check_replay(settings: Settings, file: str, keys: tuple[str, str] = KEYS, *, until_ns: int = 0) -> Recording:
    """What the recording of these settings is like. Raises ``ConfigError`` for one that cannot be replayed.

    file: where people named the recording, for the error.
    keys: by which keys or options they named the recording and the date.
    until_ns: when the run ends, if that may be before the recording does.
    """
    from shared.adapters.klines.columns import NoKlinesThenError, RecordingError
    from shared.adapters.klines.recordings import open_recording, spans_at

    simulator = settings.simulator
    start_ms = simulator.start_ns(0) // MS_NS
    try:
        recording = open_recording(Path(simulator.replay), near_ms=start_ms)
        spans = spans_at(recording, start_ms)
    except ValueError as error:
        dated = isinstance(error, NoKlinesThenError)
        key, value = (keys[1], simulator.start) if dated else (keys[0], simulator.replay)
        remedy = "Choose a date that it has." if dated else REMEDY
        problem = error.problem if isinstance(error, RecordingError) else str(error)
        raise ConfigError([Fault(file, key, value, problem, remedy)]) from None
    traded = {key: pair.symbol for pair in settings.universe.pairs for key in _keys(settings.universe, pair)}
    if not traded.keys() & spans.keys():
        problem = f"it has {' '.join(list(spans)[:NAMED])}, and none of them is a pair of universe.toml"
        raise ConfigError([Fault(file, keys[0], simulator.replay, problem, "Add the pairs, or name another file.")])
    found = {key: symbol for key, symbol in traded.items() if key in spans}
    end_ns = (max(spans[key][1] for key in found) + recording.bar_ms) * MS_NS
    end_ms = min(until_ns or end_ns, end_ns) // MS_NS
    holes = {symbol: recording.holes[key] for key, symbol in found.items()}
    return Recording(
        end_ns=end_ns,
        short_history=short_history(spans, settings.universe, start_ms, settings.plan.sizing.min_history_days),
        holes=holes_in_words(holes, start_ms, end_ms, recording.bar_ms),
    )


def holes_in_words(holes: Holes, start_ms: int, end_ms: int, bar_ms: int) -> str:
    """``the recording lacks 12 bars of 3 pairs, the longest time 2 d 3 h of GMX from 2023-12-30 20:00:00 on``"""
    after = {symbol: [hole for hole in found if start_ms <= hole[0] < end_ms] for symbol, found in holes.items()}
    all_of_them = [(bars, open_ms, symbol) for symbol, found in after.items() for open_ms, bars in found]
    if not all_of_them:
        return ""
    bars, open_ms, symbol = max(all_of_them)
    lacks = f"{count(sum(hole[0] for hole in all_of_them), 'bar')} of {count(sum(map(bool, after.values())), 'pair')}"
    longest = f"{duration(bars * bar_ms / 1000)} of {base(symbol)} from {clock(open_ms * MS_NS)} on"
    return f"the recording lacks {lacks}, the longest time {longest}"


def _keys(universe: Universe, pair: Pair) -> list[str]:
    """How an exchange writes the names of a pair."""
    return [exchange_symbol(name) for name in universe.names_of(pair.symbol)]


def short_history(spans: Spans, universe: Universe, start_ms: int, needed_days: int) -> str:
    """``sizes are 0 until there are 60 days of history; before the start there are 12 days of BTC, ETH``"""
    short: dict[int, list[str]] = defaultdict(list)
    known = 0
    for pair in universe.pairs:
        found = [
            spans[key][0]
            for key in _keys(universe, pair)
            if key in spans and spans[key][0] <= start_ms <= spans[key][1]
        ]
        if found:  # a pair that comes later begins with nothing on the exchange itself too
            known += 1
            days = max(0, start_ms // DAY_MS - -(-min(found) // DAY_MS))
            if days < needed_days:
                short[days].append(pair.base)
    if not short:
        return ""
    parts = [f"{count(days, 'day')} of {_names(short[days], known)}" for days in sorted(short)]
    return f"sizes are 0 until there are {needed_days} days of history; before the start there are {', '.join(parts)}"


def _names(bases: list[str], known: int) -> str:
    if len(bases) == known:
        return f"all {known} pairs" if known > 1 else bases[0]
    more = f" and {len(bases) - NAMED} more" if len(bases) > NAMED else ""
    return " ".join(bases[:NAMED]) + more
