"""What a pair's daily bars come to: ATR, ADV, volatility, and when they say nothing."""

import math
import statistics
from datetime import date
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.bars.atr import WilderAtr
from shared.domain.bars.series import DAYS_REMEMBERED, MAX_HOLE_DAYS, NO_DAYS, DailyHistory, _after
from shared.domain.universe import Pair, PairNames, Rename, Universe
from tests.domain.market_scripts import DAY, T0, days, ohlc


def history(atr_days: int = 10, adv_days: int = 20) -> DailyHistory:
    return DailyHistory(atr_days=atr_days, adv_days=adv_days)


def day(number: int, close: float, quote_volume: float = 1e6):
    return ohlc(24 * number, close, close * 1.02, close * 0.98, close, timeframe="1d", quote_volume=quote_volume)


def test_each_figure_stands_once_there_are_enough_days() -> None:
    daily = history(atr_days=3, adv_days=4)
    known = []
    for number in range(6):
        daily.add(day(number, 100.0 + number))
        known.append(
            (daily.latest.atr is not None, daily.latest.adv_usdt is not None, daily.latest.sigma_day is not None)
        )
    assert [row[0] for row in known] == [False, False, False, True, True, True]
    assert [row[1] for row in known] == [False, False, False, True, True, True]
    assert [row[2] for row in known] == [False, False, False, False, True, True]
    assert daily.latest.days == 6


def test_adv_is_the_mean_quote_volume_of_the_last_days() -> None:
    daily = history(adv_days=3)
    for number, volume in enumerate([9e9, 1e6, 2e6, 6e6]):
        daily.add(day(number, 100.0, volume))
    assert daily.latest.adv_usdt == pytest.approx(3e6)


def test_sigma_is_the_sample_deviation_of_the_last_daily_log_returns() -> None:
    closes = [100.0, 104.0, 99.0, 101.0, 97.0, 103.0]
    daily = history(adv_days=4)
    for number, close in enumerate(closes):
        daily.add(day(number, close))
    returns = [math.log(after / before) for before, after in pairwise(closes)]
    assert daily.latest.sigma_day == pytest.approx(statistics.stdev(returns[-4:]))


def test_a_bar_that_is_not_newer_than_the_last_changes_nothing() -> None:
    daily = history(atr_days=2, adv_days=2)
    for number in range(5):
        assert daily.add(day(number, 100.0 + number))
    before = (daily.latest.atr, daily.latest.adv_usdt, daily.latest.sigma_day, daily.latest.days)
    assert not daily.add(day(4, 900.0))
    assert not daily.add(day(2, 900.0))
    assert (daily.latest.atr, daily.latest.adv_usdt, daily.latest.sigma_day, daily.latest.days) == before


def test_a_short_hole_is_bridged_and_its_gap_counts_as_range() -> None:
    daily = history(atr_days=2, adv_days=2)
    for number in (0, 1, 2):
        daily.add(day(number, 100.0))
    daily.add(day(3 + MAX_HOLE_DAYS, 200.0))
    assert daily.latest.days == 4
    assert daily.latest.atr == pytest.approx((4.0 + 104.0) / 2)


def test_figures_as_of_a_moment_are_those_of_the_days_that_had_closed_by_then() -> None:
    daily, known = history(atr_days=2, adv_days=2), []
    for number in range(DAYS_REMEMBERED + 5):
        daily.add(day(number, 100.0 + number))
        known.append(daily.latest)
    for number, figures in enumerate(known[5:], 5):
        assert daily.as_of(figures.close_time_ns) == daily.as_of(figures.close_time_ns + DAY - 1) == figures
        assert daily.as_of(figures.close_time_ns - 1) == (known[number - 1] if number > 5 else NO_DAYS)
    assert daily.as_of(known[4].close_time_ns) == NO_DAYS  # too long ago: nothing is known, so nothing is bought


def test_after_a_long_hole_the_history_begins_anew() -> None:
    daily = history(atr_days=2, adv_days=2)
    for number in (0, 1, 2):
        daily.add(day(number, 100.0))
    daily.add(day(4 + MAX_HOLE_DAYS, 200.0))
    assert (daily.latest.days, daily.latest.atr, daily.latest.adv_usdt, daily.latest.sigma_day) == (1, None, None, None)


def test_a_history_whose_last_day_is_long_gone_is_not_fresh() -> None:
    daily = history()
    for bar in days(30):
        daily.add(bar)
    assert daily.latest.is_fresh(T0)
    assert daily.latest.is_fresh(T0 + 2 * DAY)
    assert not daily.latest.is_fresh(T0 + 4 * DAY)


def test_figures_carry_on_in_new_units_through_a_rename() -> None:
    plain, renamed = history(atr_days=3, adv_days=3), history(atr_days=3, adv_days=3)
    for number in range(8):
        close = 100.0 + number
        plain.add(day(number, close))
        renamed.add(day(number, close * 10 if number < 5 else close), price_ratio=10.0 if number < 5 else 1.0)
    assert renamed.latest.atr == pytest.approx(plain.latest.atr)
    assert renamed.latest.sigma_day == pytest.approx(plain.latest.sigma_day)
    assert renamed.latest.adv_usdt == plain.latest.adv_usdt


def test_every_name_of_a_pair_leads_to_its_newest_name() -> None:
    universe = Universe(
        pairs=(Pair(base="MATIC", quote="USDT", sector="L2"), Pair(base="BTC", quote="USDT", sector="Majors")),
        renames=(Rename(old="MATIC", new="POL", cutover=date(2024, 9, 13), ratio=Decimal(2)),),
    )
    names = PairNames(universe)
    assert names.pairs == ("POL/USDT", "BTC/USDT")
    old, new = names.get("MATIC/USDT"), names.get("POL/USDT")
    assert old is not None
    assert new is not None
    assert (old.pair, old.ratio, old.price_ratio) == ("POL/USDT", 2, 2.0)
    assert (new.pair, new.ratio) == ("POL/USDT", 1)
    assert names.get("DOGE/USDT") is None


@given(st.lists(st.tuples(st.floats(0.01, 1e5), st.floats(0, 1e10)), min_size=1, max_size=80), st.integers(1, 15))
def test_figures_equal_those_of_the_last_window_alone(rows: list[tuple[float, float]], adv_days: int) -> None:
    daily = history(atr_days=5, adv_days=adv_days)
    for number, (close, volume) in enumerate(rows):
        daily.add(day(number, close, volume))
    if len(rows) >= adv_days:
        assert daily.latest.adv_usdt == pytest.approx(statistics.fmean(volume for _, volume in rows[-adv_days:]))
    else:
        assert daily.latest.adv_usdt is None
    assert (daily.latest.sigma_day is not None) == (len(rows) > adv_days > 1)


def test_the_real_history_of_a_pair_gives_figures_a_trader_would_know(data_dir: Path) -> None:
    table = pq.read_table(data_dir / "daily.parquet")
    rows = table.filter(pc.equal(table["symbol"], "BTCUSDT")).sort_by("open_time").to_pylist()
    daily, atr = history(), WilderAtr(10)
    for row in rows:
        opened = row["open_time"] if isinstance(row["open_time"], int) else int(row["open_time"].timestamp() * 1000)
        hour = (opened * 1_000_000 - T0) / 3.6e12
        bar = ohlc(hour, row["open"], row["high"], row["low"], row["close"], timeframe="1d",
                   quote_volume=row["quote_volume"])  # fmt: skip
        daily.add(bar)
        atr.update(row["high"], row["low"], row["close"])
    assert daily.latest.days == len(rows) == 2924
    assert daily.latest.atr == atr.value
    assert 0.005 < daily.latest.atr / rows[-1]["close"] < 0.06
    assert daily.latest.adv_usdt is not None
    assert 5e8 < daily.latest.adv_usdt < 1e10
    assert daily.latest.sigma_day is not None
    assert 0.005 < daily.latest.sigma_day < 0.06


@given(seed=st.integers(0, 10_000), order=st.lists(st.sampled_from((0, 1, 2)), max_size=120))
def test_machines_that_see_the_same_days_at_different_times_have_the_same_figures_as_one_alone(
    seed: int, order: list[int]
) -> None:
    """What one has computed the others take over; nobody can tell."""
    script = [day(number, 90.0 + seed * number % 17, 1e6 + seed) for number in (*range(25), *range(40, 60))]
    machines, shown = [history(3, 4) for _ in range(3)], [0, 0, 0]
    for machine in order:
        if shown[machine] < len(script):
            machines[machine].add(script[shown[machine]])
            shown[machine] += 1
    for machine, until in zip(machines, shown, strict=True):
        _after.cache_clear()
        alone = history(3, 4)
        for each in script[:until]:
            alone.add(each)
        assert machine.latest == alone.latest
