"""The generated market: seeded, believable, and the same whenever and however often it is asked."""

from datetime import date
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.exchange_sim.market.bars import INTERVALS, Bars, added_up, joined
from services.exchange_sim.market.generated import BASE_MS, GeneratedMarket
from services.exchange_sim.market.levels import LEVELS
from services.exchange_sim.market.market import Market
from shared.domain.timeframes import DAY_MS
from shared.domain.universe import Pair, Rename, Universe
from tests.examples import examples
from tests.exchange_sim.sim_stage import HOUR_MS, MINUTE_MS, START_MS, ms, shipped_universe

SOURCE = GeneratedMarket(shipped_universe(), 7, START_MS)
MARKET = Market(SOURCE)
NOW_MS = START_MS + 7 * MINUTE_MS + 1_234


def same(one: Bars, other: Bars) -> bool:
    return list(one) == list(other)


def daily_returns(symbol: str) -> np.ndarray:
    days = added_up(SOURCE.bars(symbol, START_MS - 119 * DAY_MS, START_MS + 250 * DAY_MS), INTERVALS["1d"])
    return np.diff(np.log(days.close))


def test_all_38_pairs_of_the_plan_trade_under_the_names_of_their_time() -> None:
    before = [one for one in MARKET.listed(START_MS) if MARKET.status(one.instrument.symbol, START_MS) == "TRADING"]
    names = {one.instrument.symbol for one in before}
    assert len(names) == 38
    assert {"POLUSDT", "FTMUSDT"} <= names  # MATIC was renamed in 2024-09, FTM will be in 2025-01
    later_ms = START_MS + 30 * DAY_MS
    assert MARKET.status("FTMUSDT", later_ms) == "BREAK"
    assert MARKET.status("SUSDT", later_ms) == "TRADING"
    last, first = MARKET.price_at("FTMUSDT", later_ms * 10**6), MARKET.klines(
        "SUSDT", INTERVALS["15m"], now_ms=later_ms, start_ms=0, limit=1
    )  # fmt: skip
    assert first.open[0] == last


def test_a_rename_at_a_ratio_changes_price_and_tick_but_not_the_money_traded() -> None:
    pairs = (Pair(base="ABC", quote="USDT", sector="Layer 1"),)
    cutover = date(2025, 1, 10)
    renames = (Rename(old="ABC", new="XYZ", cutover=cutover, ratio=Decimal(1000)),)
    start_ms = ms("2025-01-01")
    plain = Market(GeneratedMarket(Universe(pairs=pairs), 7, start_ms))
    renamed = Market(GeneratedMarket(Universe(pairs=pairs, renames=renames), 7, start_ms))
    after_ms = ms("2025-01-10")
    (old,), (new,) = (
        market.klines(symbol, INTERVALS["15m"], now_ms=after_ms + DAY_MS, start_ms=after_ms, limit=1)
        for market, symbol in ((plain, "ABCUSDT"), (renamed, "XYZUSDT"))
    )
    assert new.close == pytest.approx(old.close / 1000)
    assert new.volume == pytest.approx(old.volume * 1000)
    assert new.quote_volume == old.quote_volume
    assert new.close == round(new.close, renamed.listings["XYZUSDT"].instrument.price_places)


def test_the_market_is_a_function_of_seed_and_time_not_of_the_start() -> None:
    span = (START_MS - 3 * DAY_MS, START_MS + DAY_MS)
    one, later, other = (
        GeneratedMarket(shipped_universe(), seed, start_ms).bars("SOLUSDT", *span)
        for seed, start_ms in ((7, START_MS), (7, START_MS + 60 * DAY_MS), (8, START_MS))
    )
    assert same(one, later)
    assert not same(one, other)


@pytest.mark.parametrize("symbol", [one.symbol for one in SOURCE.instruments if one.end_ms is None])
def test_every_pair_has_believable_bars(symbol: str) -> None:
    instrument = MARKET.listings[symbol].instrument
    start_ms = max(instrument.first_ms, START_MS - 60 * DAY_MS)
    bars = SOURCE.bars(symbol, start_ms, start_ms + 60 * DAY_MS)
    level = LEVELS[{"POL": "MATIC", "S": "FTM"}.get(instrument.base, instrument.base)]
    assert bars.count > 59 * DAY_MS // BASE_MS
    assert (bars.low <= np.minimum(bars.open, bars.close)).all()
    assert (bars.high >= np.maximum(bars.open, bars.close)).all()
    assert (bars.low > 0).all()
    assert (bars.volume > 0).all()
    for prices in (bars.open, bars.high, bars.low, bars.close):
        assert np.array_equal(prices, np.round(prices, instrument.price_places))
    assert np.array_equal(bars.open[1:], bars.close[:-1])
    assert level.price_usdt / 8 < bars.close.mean() < level.price_usdt * 8
    a_day = bars.quote_volume.sum() / bars.count * (DAY_MS / BASE_MS)
    assert level.daily_volume_usdt / 4 < a_day < level.daily_volume_usdt * 4


def test_returns_have_fat_tails_and_restless_days_come_together() -> None:
    tails, memory = [], []
    for symbol in ("BTCUSDT", "ETHUSDT", "SOLUSDT", "DOGEUSDT", "LINKUSDT", "UNIUSDT"):
        returns = daily_returns(symbol)
        scaled = (returns - returns.mean()) / returns.std()
        tails.append((scaled**4).mean())
        size = np.abs(returns)
        memory.append(np.mean([np.corrcoef(size[lag:], size[:-lag])[0, 1] for lag in range(1, 6)]))
        assert 0.01 < returns.std() < 0.10
    assert np.median(tails) > 4.0  # 3 is normal
    assert np.mean(memory) > 0.05  # 0 without clusters


def test_pairs_move_with_the_market_and_closer_with_their_sector() -> None:
    returns = {symbol: daily_returns(symbol) for symbol in ("BTCUSDT", "SANDUSDT", "AXSUSDT", "MANAUSDT", "XLMUSDT")}

    def together(one: str, other: str) -> float:
        return float(np.corrcoef(returns[one], returns[other])[0, 1])

    assert 0.2 < together("BTCUSDT", "SANDUSDT") < 0.9
    sector = [together("SANDUSDT", "AXSUSDT"), together("SANDUSDT", "MANAUSDT"), together("AXSUSDT", "MANAUSDT")]
    assert np.mean(sector) > together("SANDUSDT", "XLMUSDT")


def test_longer_bars_are_the_sum_of_the_base_bars() -> None:
    base = MARKET.klines("ETHUSDT", INTERVALS["15m"], now_ms=NOW_MS, limit=960)
    for name in ("30m", "1h", "4h", "1d"):
        longer = MARKET.klines("ETHUSDT", INTERVALS[name], now_ms=NOW_MS, limit=5)
        assert same(longer, added_up(base, INTERVALS[name]).at(slice(-5, None)))


@pytest.mark.parametrize("name", list(INTERVALS))
def test_the_forming_bar_ends_at_the_price_of_the_moment(name: str) -> None:
    (forming,) = MARKET.klines("BTCUSDT", INTERVALS[name], now_ms=NOW_MS, limit=1)
    assert forming.open_ms == INTERVALS[name].open_of(NOW_MS)
    assert forming.close == MARKET.price_at("BTCUSDT", NOW_MS * 10**6)
    assert forming.low <= forming.close <= forming.high


def test_history_reaches_back_at_least_100_days() -> None:
    days = MARKET.klines("BTCUSDT", INTERVALS["1d"], now_ms=NOW_MS, limit=1000)
    assert days.count > 100
    assert (np.diff(days.open_ms) == DAY_MS).all()


def test_a_month_and_a_week_open_where_binance_opens_them() -> None:
    months = MARKET.klines("BTCUSDT", INTERVALS["1M"], now_ms=NOW_MS, limit=2).open_ms.astype("datetime64[ms]")
    weeks = MARKET.klines("BTCUSDT", INTERVALS["1w"], now_ms=NOW_MS, limit=1).open_ms.astype("datetime64[ms]")
    assert [str(month)[:10] for month in months] == ["2024-12-01", "2025-01-01"]
    assert str(weeks[0])[:10] == "2024-12-30"  # a Monday


@examples(40)
@given(
    st.sampled_from(["1m", "15m", "1h", "1d"]),
    st.lists(st.integers(1, 9 * HOUR_MS), min_size=1, max_size=12),
    st.integers(0, 2 * HOUR_MS),
)
def test_however_time_is_sliced_every_closed_bar_comes_once_and_in_order(
    name: str, slices: list[int], offset: int
) -> None:
    interval, market = INTERVALS[name], MARKET
    start_ms = now_ms = START_MS + offset
    parts = []
    for length in slices:
        parts.append(market.closed_between("BTCUSDT", interval, now_ms, now_ms + length))
        now_ms += length
    seen = joined(parts)
    expected = market.closed_between("BTCUSDT", interval, start_ms, now_ms)
    assert same(seen, expected)
    assert (np.diff(seen.open_ms) == interval.length_ms).all()
    if seen.count:
        asked = market.klines("BTCUSDT", interval, now_ms=now_ms, start_ms=int(seen.open_ms[0]), limit=seen.count)
        assert same(asked, seen)


def test_klines_by_limit_start_and_end_follow_binance() -> None:
    hour = INTERVALS["1h"]
    last = MARKET.klines("BTCUSDT", hour, now_ms=NOW_MS, limit=10)
    assert last.open_ms[-1] == START_MS
    first = MARKET.klines("BTCUSDT", hour, now_ms=NOW_MS, start_ms=START_MS - 20 * HOUR_MS + 1, limit=3)
    assert first.open_ms.tolist() == [START_MS - hours * HOUR_MS for hours in (19, 18, 17)]
    until = MARKET.klines("BTCUSDT", hour, now_ms=NOW_MS, end_ms=START_MS - 5 * HOUR_MS, limit=2)
    assert until.open_ms.tolist() == [START_MS - 6 * HOUR_MS, START_MS - 5 * HOUR_MS]
    between = MARKET.klines(
        "BTCUSDT", hour, now_ms=NOW_MS, start_ms=START_MS - 3 * HOUR_MS, end_ms=START_MS - HOUR_MS, limit=500
    )
    assert between.count == 3
    assert MARKET.klines("BTCUSDT", hour, now_ms=NOW_MS, start_ms=NOW_MS + HOUR_MS).count == 0


def test_two_markets_of_one_source_do_not_share_their_halts() -> None:
    one, other = Market(SOURCE), Market(SOURCE)
    one.listings["BTCUSDT"].status = "HALT"
    assert other.status("BTCUSDT", START_MS) == "TRADING"
