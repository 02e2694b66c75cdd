"""Goes through a store as if it trusted nothing: files against their hashes, every bar again, and what is missing."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from shared.adapters.klines.checks import time_text
from shared.adapters.klines.columns import Columns, RecordingError
from shared.adapters.klines.manifest import YearFile, parts_of, place_of
from shared.adapters.klines.store import KlineStore
from shared.adapters.klines.store_writer import check_bars, describe
from shared.adapters.klines.timeframes import bar_ms_of
from shared.adapters.klines.year_file import read_whole_file, years_of
from shared.adapters.whole_files import NEW
from shared.domain.timeframes import DAY_MS

LEAST_SYMBOLS = 3  # that must lack the same bars before it was the exchange that had none
LONGEST_HALT_MS = DAY_MS  # of an exchange; longer, nobody brought the bars
QUOTE_SLACK = 0.01  # by which a quote volume may be outside of volume x (low to high), for rounded volumes
LEAST_QUOTE = 1.0
OnFile = Callable[[int, int, Path], None]


class Finding(NamedTuple):
    """Something about a store. wrong: it has to be mended, or is only worth knowing. is_gap: bars are missing."""

    what: str
    problem: str
    wrong: bool
    is_gap: bool = False


def verify(store: KlineStore, on_file: OnFile = lambda *_: None) -> list[Finding]:
    """Everything that is wrong or worth knowing, by file first, then what is missing, then what does not belong there.

    on_file: hears how many files are done, of how many, and which one is next.
    """
    findings: list[Finding] = []
    for number, (name, entry) in enumerate(sorted(store.manifest.files.items())):
        on_file(number, len(store.manifest.files), Path(name))
        findings += [Finding(name, problem, wrong=True) for problem in _problems_of(store, name, entry)]
    on_file(len(store.manifest.files), len(store.manifest.files), Path())
    for timeframe in store.timeframes:
        findings += gaps_of(timeframe, store.holes(timeframe), store.spans(timeframe))
    return [*findings, *_strangers(store)]


def _problems_of(store: KlineStore, name: str, entry: YearFile) -> Iterator[str]:
    path = place_of(store.path, name, entry.sha256)
    is_its_own = path is not None
    if path is None:
        path = store.path / name
        if not path.is_file():
            yield "the manifest names it, and it is gone; import or download it again"
            return
        yield "its hash is not the one in the manifest: it was changed, or is damaged; import or download it again"
    timeframe, symbol, year = parts_of(name)
    try:
        columns = read_whole_file(path)
        check_bars(timeframe, symbol, columns)
    except RecordingError as error:
        yield error.problem
        return
    if (years_of(columns.open_ms) != year).any():
        yield "it has bars of another year"
    found = describe(entry.sha256, columns, bar_ms_of(timeframe), entry.sources)
    differ = [field for field in entry.__struct_fields__ if getattr(found, field) != getattr(entry, field)]
    if differ and is_its_own:
        yield f"the manifest is wrong about its {', '.join(differ)}"
    if problem := _odd_quote_volume(columns):
        yield problem


def _odd_quote_volume(columns: Columns) -> str:
    """What was paid for a volume lies between its lowest and its highest price. In words where it does not."""
    quote, volume = columns.quote_volume, columns.volume
    least, most = columns.low * volume * (1 - QUOTE_SLACK), columns.high * volume * (1 + QUOTE_SLACK)
    odd = ((quote < least) | (quote > most)) & (quote + most > LEAST_QUOTE)  # an unknown one is neither
    if not odd.any():
        return ""
    at = int(np.argmax(odd))
    bar = f"quote volume {quote[at]:g} of {volume[at]:g} at {columns.low[at]:g} to {columns.high[at]:g}"
    return f"{bar} at {time_text(columns.open_ms[at])} cannot be (the first of {int(odd.sum()):,} bars)"


def gaps_of(
    timeframe: str, holes: Mapping[str, Sequence[tuple[int, int]]], spans: Mapping[str, tuple[int, int]]
) -> Iterator[Finding]:
    """What is missing. A hole that every symbol has was the exchange's, and is no fault of the store."""
    bar_ms = bar_ms_of(timeframe)
    of_all: dict[tuple[int, int], int] = {}
    own: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for symbol, found in holes.items():
        for hole in found:
            if lacking := _lacked_by_all(hole, bar_ms, holes, spans):
                of_all[hole] = lacking
            else:
                own[symbol].append(hole)
    for (open_ms, bars), symbols in sorted(of_all.items()):
        halted = bars * bar_ms <= LONGEST_HALT_MS
        why = "the exchange stood still" if halted else "too long for an exchange that stands still, so import them"
        problem = f"no bar of any of {symbols} symbols from {time_text(open_ms)} on, {_bars(bars)}: {why}"
        yield Finding(timeframe, problem, wrong=not halted, is_gap=True)
    for symbol, found in own.items():
        open_ms, longest = max(found, key=lambda hole: hole[1])
        where = f"{_bars(longest)} from {time_text(open_ms)} on"
        total = sum(bars for _, bars in found)
        more = f"; {_bars(total)} in {len(found)} places, this is the longest" if len(found) > 1 else ""
        yield Finding(f"{symbol} {timeframe}", f"lacks {where}{more}", wrong=True, is_gap=True)


def _lacked_by_all(
    hole: tuple[int, int],
    bar_ms: int,
    holes: Mapping[str, Sequence[tuple[int, int]]],
    spans: Mapping[str, tuple[int, int]],
) -> int:
    """How many symbols traded around a hole, if all of them have it, and they are enough to say so; otherwise 0."""
    first_ms, last_ms = hole[0], hole[0] + (hole[1] - 1) * bar_ms
    around = [symbol for symbol, span in spans.items() if span[0] < first_ms and span[1] > last_ms]
    for symbol in around:
        known = holes.get(symbol, [])
        place = bisect_right(known, (first_ms, 1 << 62)) - 1
        if place < 0 or known[place][0] + (known[place][1] - 1) * bar_ms < last_ms:
            return 0
    return len(around) if len(around) >= LEAST_SYMBOLS else 0


def _strangers(store: KlineStore) -> Iterator[Finding]:
    """Files that nobody reads, because the manifest does not name them."""
    for path in sorted(store.path.glob("timeframe=*/symbol=*/*")):
        name = path.relative_to(store.path).as_posix()
        if name.endswith(NEW):
            yield Finding(
                name, "left by a writer that was killed; the next import or download clears it up", wrong=False
            )
        elif name not in store.manifest.files:
            yield Finding(name, "not in the manifest, so nobody reads it; remove it, or import it", wrong=True)


def _bars(count: int) -> str:
    return f"{count:,} bar{'s' * (count != 1)}"
