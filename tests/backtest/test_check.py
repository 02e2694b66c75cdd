"""The proofs of ``heatsink backtest check``: they pass what is sound, and find and name each fault that was planted."""

from dataclasses import replace
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from services.backtest.check import CutReader, Finding, check, look_ahead, played, warm_up
from services.backtest.market.aggregation import aggregated
from services.backtest.market.reader import KlineReader, Spans
from services.backtest.options import BacktestOptions
from shared.adapters.klines.columns import Columns
from shared.domain.plan import StrategyPlan
from shared.domain.timeframes import DAY_MS
from tests.backtest.future import FromTheFuture
from tests.backtest.random_market import PLAN, START_MS, random_options, random_reader
from tests.examples import examples

pytestmark = pytest.mark.long

HOUR_MS = 3_600_000
PEEKS = """
from tests.backtest.future import CLOSES

class Mine:
    warmup_bars = 1

    def on_bar(self, bar):
        following = CLOSES.get((bar.symbol.replace("/", ""), bar.open_time_ns + 3_600_000_000_000))
        return 1.0 if following is not None and following > bar.close else 0.0
"""
COUNTS = """
class Mine:
    warmup_bars = 1

    def __init__(self):
        self.bars = 0

    def on_bar(self, bar):
        self.bars += 1
        return 1.0 if self.bars % 11 < 5 else 0.0
"""
REMEMBERS = """
class Mine:
    warmup_bars = 2

    def __init__(self):
        self.before = None

    def on_bar(self, bar):
        before, self.before = self.before, bar.close
        return None if before is None else 1.0 if bar.close > before else 0.0
"""


def running(source: str) -> BacktestOptions:
    """Options with one strategy, of this text."""
    mine = StrategyPlan(
        name="mine", kind="file", timeframe="1h", weight=1.0, file="mine.py", class_name="Mine", source=source
    )
    return random_options(plan=structs.replace(PLAN, strategies=(mine,)))


class NextDay:
    """Hours as they are; of each day, the bar of the day that follows, as far as that one is known."""

    def __init__(self, reader: KlineReader) -> None:
        self._reader = reader
        self.timeframes = ("1h", "1d")

    def spans(self, timeframe: str) -> Spans:
        return self._reader.spans("1h")

    def read(self, timeframe: str, symbols: set[str], start_ms: int, end_ms: int) -> dict[str, Columns]:
        if timeframe == "1h":
            return self._reader.read("1h", symbols, start_ms, end_ms)
        hours = self._reader.read("1h", symbols, start_ms, end_ms + DAY_MS)
        days = {symbol: aggregated(each, HOUR_MS, DAY_MS) for symbol, each in hours.items()}
        return {symbol: _a_day_earlier(each, start_ms, end_ms) for symbol, each in days.items()}


def _a_day_earlier(days: Columns, start_ms: int, end_ms: int) -> Columns:
    open_ms = days.open_ms - DAY_MS
    rows = np.flatnonzero((open_ms >= start_ms) & (open_ms < end_ms))
    moved = replace(days, open_ms=open_ms)
    return Columns(**{name: getattr(moved, name)[rows] for name in Columns.__dataclass_fields__})


@pytest.mark.wide
@examples(3)
@given(st.integers(0, 10_000), st.sampled_from(["smooth", "jumping"]), st.sampled_from(["close", "next_open"]))
def test_what_is_sound_passes_whatever_the_market_and_the_cuts(seed: int, market: str, fill: str) -> None:
    options = random_options(market=market, fill=fill)
    *proofs, order = check(options, seed=seed, reader=random_reader(seed))
    assert [each.name.partition(" at ")[0] for each in proofs] == ["data cut"] * 3 + ["twice the history"]
    assert all(each.passed for each in proofs), [each.detail for each in proofs if not each.passed]
    assert proofs[-1].compared > 20
    assert order.name == "order within a bar"


def test_a_strategy_of_a_file_that_is_sound_passes() -> None:
    *proofs, _ = check(running(REMEMBERS), reader=random_reader(3))
    assert all(each.passed for each in proofs), [each.detail for each in proofs if not each.passed]
    assert proofs[-1].compared > 100


def test_a_strategy_that_looks_at_the_next_close_is_found_and_named() -> None:
    """It sees the future where data are whole, and the end of the data where they are cut."""
    options, reader = running(PEEKS), random_reader(3)
    whole, filters = played(options, FromTheFuture(reader))
    findings = []
    for hours in range(40, 120, 10):
        cut_ms = START_MS + hours * HOUR_MS
        cut = FromTheFuture(CutReader(reader, cut_ms))
        findings.append(look_ahead(options, whole, filters, cut, cut_ms))
    found = [each for each in findings if not each.passed]
    assert found
    assert "SignalRaised" in found[0].detail
    assert "strategy='mine'" in found[0].detail
    assert found[0].compared > 0


def test_a_strategy_that_hangs_on_where_its_history_begins_is_found_and_named() -> None:
    options, reader = running(COUNTS), random_reader(3)
    whole, filters = played(options, reader)
    found = warm_up(options, whole, filters, reader)
    assert (found.name, found.passed) == ("twice the history", False)
    assert "with the usual history: mine wants " in found.detail
    assert "with twice of it: mine wants " in found.detail
    assert "--set market_data.warmup_bars=400" in found.detail  # what to do
    assert look_ahead(options, whole, filters, CutReader(reader, START_MS + DAY_MS), START_MS + DAY_MS).passed


def test_daily_bars_that_know_the_next_day_are_found_and_named() -> None:
    options, reader = random_options(), random_reader(3)

    def cut_at(see: type[NextDay] | None) -> list[Finding]:
        whole, filters = played(options, see(reader) if see else reader)
        cuts = [START_MS + hours * HOUR_MS for hours in range(20, 140, 24)]
        views = [(see(CutReader(reader, cut)) if see else CutReader(reader, cut), cut) for cut in cuts]
        return [look_ahead(options, whole, filters, view, cut) for view, cut in views]

    assert all(each.passed for each in cut_at(None))
    found = [each for each in cut_at(NextDay) if not each.passed]
    assert found
    assert "with all data: OrderDecided" in found[0].detail
    assert "with the data cut: " in found[0].detail


def test_no_cut_falls_on_the_end_of_a_pair_which_whoever_trades_is_told_of_before() -> None:
    """OLD ends two days before the end: at hour 96. Seeds are tried until a cut would have fallen there."""
    reader, seeds = random_reader(3), [seed for seed in range(400) if Random(seed).randrange(1, 144) == 96]
    assert seeds
    first = next(iter(check(random_options(fill="next_open"), seed=seeds[0], cuts=1, reader=reader)))
    assert (first.name, first.passed) == ("data cut at 2024-01-05 01:00", True)


@pytest.mark.parametrize("hours", [1, 24, 31, 143])
def test_a_cut_market_ends_where_it_was_cut_and_is_the_same_before(hours: int) -> None:
    reader, cut_ms = random_reader(5), START_MS + hours * HOUR_MS
    cut = CutReader(reader, cut_ms)
    symbols = set(reader.columns)
    for symbol, columns in reader.read("1h", symbols, 0, cut_ms + DAY_MS).items():
        known = cut.read("1h", {symbol}, 0, cut_ms + DAY_MS).get(symbol)
        expected = columns.open_ms[columns.open_ms + HOUR_MS <= cut_ms]
        assert (known.open_ms.tolist() if known is not None else []) == expected.tolist()
    assert all(last <= cut_ms - HOUR_MS for _, last in cut.spans("1h").values())


def test_a_market_in_which_nothing_happens_proves_nothing() -> None:
    options, reader = random_options(days=2), random_reader(3, days=2)
    for symbol, columns in reader.columns.items():
        prices = {name: np.full(len(columns.open_ms), 100.0) for name in ("open", "high", "low", "close")}
        reader.columns[symbol] = replace(columns, **prices)
    cuts = [each for each in check(options, cuts=2, reader=reader) if each.name != "order within a bar"]
    assert len(cuts) == 3
    assert not any(each.passed for each in cuts)
    assert all("nothing is proved" in each.detail for each in cuts)


def test_data_are_cut_where_there_is_something_to_compare_before() -> None:
    findings = list(check(random_options(days=3), cuts=12, reader=random_reader(3, days=3)))
    assert all(each.passed and each.compared for each in findings[:13])
