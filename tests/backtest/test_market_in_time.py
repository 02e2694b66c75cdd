"""The market goes forward only: no bar is shown before it closed, no order meets a price of before it was made."""

import numpy as np
import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from services.backtest.market.aggregation import aggregated, between
from services.backtest.market.market import Market, NoMarketError
from services.backtest.market.reader import Spans
from services.backtest.run import BacktestRun
from shared.adapters.klines.columns import Columns
from shared.domain.plan import StrategyPlan
from shared.domain.timeframes import DAY_MS, MS_NS, timeframe_ns
from shared.messages.orders import OrderDecided, OrderFilled
from shared.runtime.columns import bars_at, instants
from tests.backtest.random_market import PLAN, START_MS, UNIVERSE, RandomReader, random_options, random_reader
from tests.examples import examples

HOUR_MS = 3_600_000


class Readers:
    """A store that has several timeframes."""

    def __init__(self, *readers: RandomReader) -> None:
        self._readers = {each.timeframe: each for each in readers}
        self.timeframes = tuple(self._readers)

    def spans(self, timeframe: str) -> Spans:
        return self._readers[timeframe].spans(timeframe)

    def read(self, timeframe: str, symbols: set[str], start_ms: int, end_ms: int) -> dict[str, Columns]:
        return self._readers[timeframe].read(timeframe, symbols, start_ms, end_ms)


def hours(days: int) -> RandomReader:
    """A pair without holes, from 40 days before the start."""
    opens = np.arange(START_MS - 40 * DAY_MS, START_MS + days * DAY_MS, HOUR_MS)
    return RandomReader({"BTCUSDT": Columns(opens, *(np.full(len(opens), 1.0) for _ in range(6)))})


def longer(reader: RandomReader, timeframe: str) -> RandomReader:
    length_ms = timeframe_ns(timeframe) // MS_NS
    return RandomReader(
        {name: aggregated(each, HOUR_MS, length_ms) for name, each in reader.columns.items()}, timeframe
    )


@examples(30)
@given(
    timeframe=st.sampled_from(["1h", "4h", "12h", "1d", "3d"]),
    is_stored=st.booleans(),
    first_day=st.integers(0, 40),
    days=st.integers(1, 70),
)
def test_every_bar_is_shown_once_it_closed_and_never_before(
    timeframe: str, is_stored: bool, first_day: int, days: int
) -> None:
    reader = hours(first_day + days)
    start_ms = START_MS + first_day * DAY_MS
    end_ms = start_ms + days * DAY_MS
    market = Market(
        Readers(reader, longer(reader, timeframe)) if is_stored and timeframe != "1h" else reader,
        UNIVERSE,
        bars="1h",
        timeframes=tuple({timeframe: None, "1d": None, "1h": None}),
        start_ms=start_ms,
        end_ms=end_ms,
        history_days=20,
        history_bars=4,
    )
    history = market.history()
    assert all(each.close_ns < start_ms * MS_NS for each in instants(history))
    assert all(bar.backfilled for each in instants(history) for bar in bars_at(history, each))
    closes, shown = [], []
    for block in market.months():
        for instant in instants(block):
            closes.append(instant.close_ns)
            bars = bars_at(block, instant)
            assert not any(bar.backfilled for bar in bars)
            shown += [bar.close_time_ns // MS_NS + 1 for bar in bars if bar.timeframe == timeframe]
    assert closes == sorted(set(closes))
    length_ms = timeframe_ns(timeframe) // MS_NS
    assert shown == [at for at in range(start_ms + HOUR_MS, end_ms + 1, HOUR_MS) if at % length_ms == 0]


@pytest.mark.parametrize(("bars", "within"), [("4h", "1h"), ("8h", "1h"), ("1d", "1h"), ("3d", "1h")])
def test_bars_within_which_those_of_a_strategy_close_are_refused(bars: str, within: str) -> None:
    with pytest.raises(
        NoMarketError, match=rf"bars {bars}: bars of \d+[hd] are needed too, .* for the market one of .*{within}$"
    ):
        BacktestRun(random_options(bars=bars, fill="next_open"), random_reader(1))


def test_orders_of_days_meet_days_where_strategies_have_longer_bars() -> None:
    plan = StrategyPlan(name="slow", kind="momentum", timeframe="3d", weight=1.0, parameters={"fast": 3, "slow": 9})
    assert random_options(plan=PLAN.__class__(strategies=(plan,))).market_bars == "1d"


def test_a_pair_that_ends_within_a_bar_is_sold_with_its_last_whole_one() -> None:
    quarters = random_reader(6, bar="15m", days=8)
    columns = quarters.columns["OLDUSDT"]
    for minutes in (0, 15, 30, 45):
        ends_ms = START_MS + 3 * DAY_MS + HOUR_MS + minutes * 60_000
        quarters.columns["OLDUSDT"] = between(columns, 0, ends_ms)
        run = BacktestRun(random_options(days=8), quarters)
        for _ in run.instants():
            pass
        (last,) = (
            trade for trade in run.result().trades if trade.symbol == "OLD/USDT" and trade.exit_reason != "signal"
        )
        assert last.exit_reason == "delisted"
        assert last.closed_ns // MS_NS == START_MS + 3 * DAY_MS + HOUR_MS - 1
        (pair,) = (each for each in run.result().coverage if each.symbol == "OLD/USDT")
        assert (pair.last_ns // MS_NS, pair.ended) == (START_MS + 3 * DAY_MS, True)


@settings(examples(6), phases=(Phase.explicit, Phase.reuse, Phase.generate))  # a seed has no smaller one
@example(seed=4996, market="jumping", fill="next_open", bar="1h")  # a halt ends within a bar, where a signal waits
@given(
    seed=st.integers(0, 10_000),
    market=st.sampled_from(["smooth", "jumping"]),
    fill=st.sampled_from(["close", "next_open"]),
    bar=st.sampled_from(["15m", "30m", "1h"]),
)
def test_no_order_fills_before_it_was_decided_and_the_curve_goes_forward(
    seed: int, market: str, fill: str, bar: str
) -> None:
    run = BacktestRun(random_options(days=3, market=market, fill=fill, bars=bar), random_reader(seed, days=3, bar=bar))
    decided: dict[str, int] = {}
    now_ns = 0
    for messages in run.instants():
        for message in messages:
            if isinstance(message, OrderDecided):
                decided[message.order_id] = message.time_ns
            if isinstance(message, OrderFilled):
                is_later = fill == "next_open" and not message.order_id.startswith(
                    ("stop", "flatten")
                )  # nothing follows
                assert message.time_ns >= decided.get(message.order_id, 0) + is_later
                assert message.time_ns >= now_ns
                now_ns = message.time_ns
    times = run.result().curve.time_ns
    assert times == sorted(set(times))
