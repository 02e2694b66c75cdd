"""Ticks and lots come from bars near the start, wherever those are; whatever changes a result changes a digest."""

from dataclasses import replace

import msgspec
import numpy as np

from services.backtest.digests import config_digest
from services.backtest.run import BacktestRun
from shared.adapters.klines.columns import Columns
from shared.config.model import MarketDataSettings
from shared.domain.timeframes import DAY_MS
from tests.backtest.random_market import START_MS, RandomReader, random_options, random_reader

DAYS = 4
HOUR_MS = 3_600_000


def played(reader: RandomReader, **changes: object) -> BacktestRun:
    run = BacktestRun(random_options(days=DAYS, **changes), reader)
    for _ in run.instants():
        pass
    return run


def without(columns: Columns, begin_ms: int, end_ms: int) -> Columns:
    """The bars outside of a hole."""
    kept = (columns.open_ms < begin_ms) | (columns.open_ms >= end_ms)
    return Columns(**{name: getattr(columns, name)[kept] for name in Columns.__dataclass_fields__})


def test_a_pair_without_bars_for_long_before_the_start_is_traded_once_it_has_some() -> None:
    reader = random_reader(5, days=DAYS)
    for hole_days in (11, 45):
        columns = without(reader.columns["SOLUSDT"], START_MS - hole_days * DAY_MS, START_MS + HOUR_MS)
        run = played(RandomReader(reader.columns | {"SOLUSDT": columns}))
        assert run.filters["SOL/USDT"] == played(reader).filters["SOL/USDT"]
        assert run.risk.state.listings["SOL/USDT"].status == "trading"


def test_bars_that_tell_ticks_and_lots_are_among_those_of_the_digest() -> None:
    reader = random_reader(5, days=DAYS)
    settings = msgspec.structs.replace(random_options().settings, market_data=MarketDataSettings(warmup_bars=1))
    columns = reader.columns["SOLUSDT"]
    at = int(np.flatnonzero(columns.open_ms < START_MS - 9 * DAY_MS)[-1])
    high = columns.high.copy()
    high[at] += 0.00001
    other = RandomReader(reader.columns | {"SOLUSDT": replace(columns, high=high)})
    first, second = (played(each, settings=settings) for each in (reader, other))
    assert first.filters["SOL/USDT"] != second.filters["SOL/USDT"]
    assert first.result().setup.digests.data != second.result().setup.digests.data


def test_the_size_that_a_modelled_book_is_told_for_is_part_of_the_configuration() -> None:
    small = msgspec.structs.replace(random_options().settings, market_data=MarketDataSettings(book_size_usdt=100.0))
    assert config_digest(random_options()) != config_digest(random_options(settings=small))
