"""What a report says of the bars that there were."""

from datetime import date
from decimal import Decimal

import numpy as np

from services.backtest.recorder.coverage import CoverageRecorder
from shared.domain.timeframes import DAY_MS, MS_NS
from shared.domain.universe import Pair, Rename, Universe
from shared.runtime.columns import Block, Grid
from tests.backtest.random_market import START_MS

UNIVERSE = Universe(
    pairs=(Pair(base="POL", quote="USDT", sector="Layer 2"),),
    renames=(Rename(old="MATIC", new="POL", cutover=date(2024, 1, 3), ratio=Decimal(1)),),
)
NAMES = ("MATIC/USDT", "POL/USDT")
HOUR_MS = DAY_MS // 24


def days(count: int) -> Block:
    """Both names trade on every day."""
    opens = np.arange(START_MS, START_MS + count * DAY_MS, DAY_MS)
    return Block(NAMES, {"1d": Grid(opens, *(np.full((count, 2), 1.0) for _ in range(6)))}, live_from_ms=START_MS)


def test_a_day_on_which_both_names_of_a_pair_traded_counts_once() -> None:
    recorder = CoverageRecorder(UNIVERSE, 4, START_MS)
    recorder.take(days(6))
    span = START_MS, START_MS + 6 * DAY_MS - HOUR_MS
    (pair,) = recorder.result(dict.fromkeys(NAMES, span), dict.fromkeys(NAMES, 144), HOUR_MS, START_MS + 6 * DAY_MS)
    assert pair.tradable_ns == (START_MS + 4 * DAY_MS) * MS_NS


def test_a_pair_with_days_but_no_shorter_bars_yet_is_not_told_to_be_tradable_before_them() -> None:
    recorder = CoverageRecorder(UNIVERSE, 2, START_MS)
    recorder.take(days(6))
    first_ms, end_ms = START_MS + 5 * DAY_MS, START_MS + 6 * DAY_MS
    spans = {"POL/USDT": (first_ms, end_ms - HOUR_MS)}
    (pair,) = recorder.result(spans, {"POL/USDT": 24}, HOUR_MS, end_ms)
    assert pair.tradable_ns == first_ms * MS_NS
    (pair,) = recorder.result({}, {}, HOUR_MS, end_ms)
    assert pair.tradable_ns == 0


def test_the_basket_has_a_return_for_every_day_also_where_no_pair_has_a_close() -> None:
    opens = START_MS + np.array([0, 1, 4]) * DAY_MS
    closes = np.array([[1.0], [1.1], [2.2]])
    grid = Grid(opens, *(closes for _ in range(6)))
    recorder = CoverageRecorder(UNIVERSE, 4, START_MS)
    recorder.take(Block(("POL/USDT",), {"1d": grid}, live_from_ms=START_MS))
    assert np.allclose(recorder.market_returns(), [0.0, 0.1, 0.0, 0.0, 1.0])
