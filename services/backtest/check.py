"""Three proofs that a backtest knows nothing of the future, each by playing the same market another way.

- cut: the store ends at some time, taken at random. Until then every signal, verdict and fill has to be the same.
- warm-up: with twice the history before the start, every signal has to be the same.
- order: how many trades hang on the order of prices within a bar, and what the two markets make of it.

Whatever differs is named: the first message that is not the same.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from random import Random
from typing import TypeVar

from services.backtest.market.aggregation import between
from services.backtest.market.listings import Filters
from services.backtest.market.reader import KlineReader, Spans, reader_of
from services.backtest.options import BacktestOptions
from services.backtest.run import BacktestRun
from shared.adapters.klines.columns import Columns
from shared.domain.timeframes import MS_NS, timeframe_ns
from shared.domain.universe import exchange_symbol
from shared.messages.orders import OrderDecided, OrderFilled
from shared.messages.signals import SignalRaised

Compared = SignalRaised | OrderDecided | OrderFilled
T = TypeVar("T")


@dataclass(frozen=True)
class Finding:
    """What one proof showed. passed: nothing differs of what there was. compared: messages that were."""

    name: str
    passed: bool
    compared: int
    detail: str


class CutReader:
    """The store as it was at a time: of what closed later it has nothing."""

    def __init__(self, reader: KlineReader, cut_ms: int) -> None:
        self._reader, self._cut_ms = reader, cut_ms
        self.timeframes = reader.timeframes

    def spans(self, timeframe: str) -> Spans:
        last_ms = self._cut_ms - timeframe_ns(timeframe) // MS_NS
        known = self._reader.spans(timeframe).items()
        return {symbol: (first, min(last, last_ms)) for symbol, (first, last) in known if first <= last_ms}

    def read(self, timeframe: str, symbols: set[str], start_ms: int, end_ms: int) -> dict[str, Columns]:
        until_ms = self._cut_ms - timeframe_ns(timeframe) // MS_NS + 1
        found = self._reader.read(timeframe, symbols, start_ms, min(end_ms, until_ms))
        return {symbol: between(columns, start_ms, until_ms) for symbol, columns in found.items()}


def check(
    options: BacktestOptions, *, cuts: int = 3, seed: int = 1, reader: KlineReader | None = None
) -> Iterator[Finding]:
    """All proofs, one after the other. seed: of the times at which the data are cut. reader: in place of the store."""
    reader = reader or reader_of(options.store, options.start_ms)
    whole, filters = played(options, reader)
    bar_ms = timeframe_ns(options.market_bars) // MS_NS
    random = Random(seed)  # noqa: S311 - no secret
    ends = list(_ends(options, reader))
    bars = (options.end_ms - options.start_ms) // bar_ms
    quiet_bars = (
        (whole[0].time_ns // MS_NS - options.start_ms) // bar_ms + 1 if whole else 1
    )  # a cut there proves nothing
    for _ in range(cuts):
        cut_ms = options.start_ms + random.randrange(quiet_bars, max(quiet_bars + 1, bars)) * bar_ms
        while any(first <= cut_ms <= last for first, last in ends):
            cut_ms += bar_ms
        yield look_ahead(options, whole, filters, CutReader(reader, cut_ms), cut_ms)
    yield warm_up(options, whole, filters, reader)
    yield order_within_a_bar(options, reader)


def _ends(options: BacktestOptions, reader: KlineReader) -> Iterator[tuple[int, int]]:
    """Between which times, in milliseconds, a name has ended and the next one has not begun.

    Whoever trades is told of that before; data that are cut there cannot tell it from a cut.
    """
    for timeframe in reader.timeframes:
        spans, bar_ms = reader.spans(timeframe), timeframe_ns(timeframe) // MS_NS
        for pair in options.universe.pairs:
            names = [exchange_symbol(name) for name in reversed(options.universe.names_of(pair.symbol))]
            known = [spans[name] for name in names if name in spans]
            for number, (_, last_ms) in enumerate(known, start=1):
                closed_ms = last_ms + bar_ms
                yield closed_ms, max(closed_ms, known[number][0]) if number < len(known) else closed_ms


def played(
    options: BacktestOptions, reader: KlineReader, filters: dict[str, Filters] | None = None
) -> tuple[list[Compared], dict[str, Filters]]:
    """Signals, verdicts and fills of a run, and the ticks and lots that it was played with."""
    run = BacktestRun(options, reader, filters or {})
    made = [each for messages in run.instants() for each in messages if isinstance(each, Compared)]
    return made, run.filters


def look_ahead(
    options: BacktestOptions, whole: Sequence[Compared], filters: dict[str, Filters], cut: KlineReader, cut_ms: int
) -> Finding:
    """The same messages until the cut, those that follow from the last bar within: it is there that a strategy misses
    the bar that comes next.

    cut: the market of which nothing is known that closed after ``cut_ms``, where no pair ends just then.
    """
    shorter, _ = played(options, cut, filters)
    until_ns = cut_ms * MS_NS
    before = [each for each in whole if each.time_ns < until_ns]
    after_cut = [each for each in shorter if each.time_ns < until_ns]
    return _finding(f"data cut at {_when(cut_ms)}", before, after_cut, "with all data", "with the data cut")


def warm_up(
    options: BacktestOptions, whole: Sequence[Compared], filters: dict[str, Filters], reader: KlineReader
) -> Finding:
    """The same signals with twice the history before the start."""
    longer, _ = played(replace(options, history_factor=2 * options.history_factor), reader, filters)
    return _finding(
        "twice the history",
        [_told(each) for each in whole if isinstance(each, SignalRaised)],
        [_told(each) for each in longer if isinstance(each, SignalRaised)],
        "with the usual history",
        "with twice of it",
    )


def order_within_a_bar(options: BacktestOptions, reader: KlineReader) -> Finding:
    """A stop moves at the close of a bar only, so none may be both raised and hit within one."""
    trades = BacktestRun(options, reader).play().trades
    hanging = [trade for trade in trades if trade.hangs_on_order]
    detail = f"{len(hanging)} of {len(trades)} trades were opened and stopped within one bar"
    return Finding("order within a bar", not hanging, len(trades), detail)


def _finding(name: str, first: Sequence[T], second: Sequence[T], one: str, other: str) -> Finding:
    for number, (a, b) in enumerate(zip(first, second, strict=False)):
        if a != b:
            return Finding(name, False, number, f"number {number + 1} differs. {one}: {a}; {other}: {b}")
    if not first and not second:
        return Finding(
            name, False, 0, "there is nothing to compare, so nothing is proved: play more days, or more pairs"
        )
    if len(first) != len(second):
        return Finding(name, False, min(len(first), len(second)), f"{one} {len(first)}, {other} {len(second)}")
    return Finding(name, True, len(first), f"{len(first)} are the same")


def _told(signal: SignalRaised) -> tuple[int, str, str, float]:
    return signal.time_ns, signal.strategy, signal.symbol, signal.strength


def _when(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, tz=UTC).strftime("%Y-%m-%d %H:%M")
