"""Bars of one length under strategies of another: longer ones are made of shorter ones, and stops meet the shortest."""

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from msgspec import structs

from services.backtest.market.aggregation import aggregated, joined
from services.backtest.market.market import NoMarketError
from services.backtest.run import BacktestRun
from shared.adapters.klines.columns import Columns
from shared.domain.timeframes import DAY_MS, MS_NS, timeframe_ns
from shared.messages.base import Message
from shared.messages.signals import PositionSized, SignalRaised
from tests.backtest.random_market import PLAN, START_MS, RandomReader, random_options, random_reader
from tests.examples import examples
from tests.history import bar_of, rows_of

pytestmark = pytest.mark.long

SEEDS = st.integers(0, 10_000)
HOUR_MS = 3_600_000
FROM_NS = (START_MS + 12 * HOUR_MS) * MS_NS  # for how long history is current hangs on the bars


def longer(reader: RandomReader, timeframe: str) -> RandomReader:
    """The same market in longer bars."""
    bar_ms, length_ms = (timeframe_ns(each) // MS_NS for each in (reader.timeframe, timeframe))
    return RandomReader(
        {symbol: aggregated(each, bar_ms, length_ms) for symbol, each in reader.columns.items()}, timeframe
    )


def played(reader: RandomReader, **changes: object) -> tuple[BacktestRun, list[Message]]:
    run = BacktestRun(random_options(**changes), reader)
    return run, [message for messages in run.instants() for message in messages]


@settings(examples(6), phases=(Phase.explicit, Phase.reuse, Phase.generate))  # a seed has no smaller one
@given(SEEDS)
def test_strategies_say_the_same_whatever_bars_stops_meet(seed: int) -> None:
    quarters = random_reader(seed, bar="15m", days=4)
    fine, of_fine = played(quarters, bars="15m", days=4, every_bar=True)
    coarse, of_coarse = played(longer(quarters, "1h"), bars="1h", days=4)
    signals, others = (
        [told(each) for each in made if isinstance(each, SignalRaised) and each.time_ns > FROM_NS]
        for made in (of_fine, of_coarse)
    )
    assert signals == others
    assert signals
    assert {each.timeframe for each in of_fine if isinstance(each, PositionSized)} == {"1h", "4h"}
    assert fine.bars > 2 * coarse.bars
    assert fine.result().setup.bars == "15m"


def told(signal: SignalRaised) -> tuple[int, str, str, float]:
    return signal.time_ns, signal.strategy, signal.symbol, signal.strength


def test_a_stop_is_hit_at_the_quarter_of_an_hour_in_which_the_price_was_there() -> None:
    stopped = 0
    for seed in range(6):
        quarters = random_reader(seed, bar="15m", days=4, wildness=2.0)
        run, _ = played(quarters, bars="15m", days=4)
        for fill in run.result().fills:
            if fill.stop is not None:
                columns = quarters.columns[fill.symbol.replace("/", "")]
                place = int(columns.open_ms.searchsorted(fill.time_ns // MS_NS)) - 1
                assert fill.time_ns // MS_NS - columns.open_ms[place] < HOUR_MS // 4
                assert columns.low[place] <= float(fill.stop)
                stopped += 1
    assert stopped > 5


@examples(50)
@given(st.lists(st.booleans(), min_size=1, max_size=200), st.sampled_from(["1h", "4h", "1d"]), st.integers(0, 99))
def test_longer_bars_are_what_the_shorter_ones_come_to(kept: list[bool], timeframe: str, seed: int) -> None:
    random, length_ms = np.random.default_rng(seed), timeframe_ns(timeframe) // MS_NS
    opens = START_MS + np.flatnonzero(kept) * (HOUR_MS // 4)
    values = np.round(random.uniform(1, 2, (6, len(opens))), 4)
    columns = Columns(opens, *values)
    made = aggregated(columns, HOUR_MS // 4, length_ms)
    groups: dict[int, list[tuple[int, tuple[float, ...]]]] = {}
    for open_ms, row in rows_of(columns):
        groups.setdefault(open_ms // length_ms * length_ms, []).append((open_ms, row))
    expected = {
        start: (
            rows[0][1][0],
            max(row[1] for _, row in rows),
            min(row[2] for _, row in rows),
            rows[-1][1][3],
            sum(row[4] for _, row in rows),
            sum(row[5] for _, row in rows),
        )
        for start, rows in groups.items()
        if rows[-1][0] == start + length_ms - HOUR_MS // 4
    }
    assert dict(rows_of(made)) == {start: pytest.approx(row) for start, row in expected.items()}
    assert bar_of("BTC/USDT", timeframe, START_MS, (1.0,) * 6, backfilled=False).timeframe == timeframe


@examples(50)
@given(st.lists(st.sampled_from("abn"), max_size=40))
def test_columns_of_two_origins_are_joined_and_the_first_one_counts(origins: list[str]) -> None:
    opens = START_MS + np.arange(len(origins)) * HOUR_MS
    first = _constant(opens[[each in "ab" for each in origins]], 1.0)
    second = _constant(opens[[each in "bn" for each in origins]], 2.0)
    both = joined(first, second)
    assert both is not None
    assert both.open_ms.tolist() == opens.tolist()
    assert both.close.tolist() == [2.0 if each == "n" else 1.0 for each in origins]


def _constant(opens: np.ndarray, value: float) -> Columns:
    return Columns(opens, *(np.full(len(opens), value) for _ in range(6)))


def test_bars_that_the_store_does_not_have_are_told_with_those_that_it_has() -> None:
    reader = random_reader(1, days=2)
    with pytest.raises(NoMarketError, match=r"--bars 15m: the store has 1h; leave --bars out, or import 15m"):
        BacktestRun(random_options(bars="15m"), reader)
    with pytest.raises(NoMarketError, match=r"from 2025-01-01: the store has bars from 2023-10-03 to 2024-01-0"):
        BacktestRun(random_options(start_ms=START_MS + 366 * DAY_MS, end_ms=START_MS + 370 * DAY_MS), reader)


@pytest.mark.parametrize("bars", ["", "1h", "4h"])
def test_a_strategy_that_would_never_see_a_bar_is_named_with_what_to_type_instead(bars: str) -> None:
    quick = structs.replace(PLAN.strategies[0], timeframe="15m")
    options = random_options(plan=structs.replace(PLAN, strategies=(quick, PLAN.strategies[1])), bars=bars)
    with pytest.raises(NoMarketError) as caught:
        BacktestRun(options, random_reader(1, days=2))
    assert str(caught.value) == (
        "bars 15m: the store has 1h, and these strategies decide on others: donchian (15m). Import 15m, or try them on"
        " bars that are there: --set strategies.donchian.timeframe=1h"
    )


def test_bars_longer_than_those_of_a_strategy_are_refused_for_its_orders_would_fill_at_older_prices() -> None:
    with pytest.raises(NoMarketError, match=r"bars 4h: bars of 1h are needed too, and close within them"):
        BacktestRun(random_options(bars="4h"), random_reader(1, days=2))
