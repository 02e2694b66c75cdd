"""Real Binance history from ``../shared/data`` as messages."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path

from shared.adapters.klines.columns import Columns
from shared.adapters.klines.kline_file import KlineFile
from shared.domain.timeframes import timeframe_ns
from shared.domain.universe import Universe
from shared.messages.market import BarClosed

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


def ms_of(day: str) -> int:
    return int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()) * 1000


def exchange_symbols(universe: Universe) -> dict[str, str]:
    """``BTCUSDT`` to ``BTC/USDT``, former names included."""
    names = (name for symbol in universe.symbols for name in universe.names_of(symbol))
    return {name.replace("/", ""): name for name in names}


def hourly(data: Path, universe: Universe, start: str, days: float, *, before_days: int = 0) -> dict[str, Columns]:
    """Hourly spot klines by exchange symbol, from ``before_days`` before ``start``."""
    start_ms = ms_of(start)
    file = KlineFile(data / "hourly_spot.parquet", start_ms)
    wanted = set(exchange_symbols(universe))
    return file.read(wanted, start_ms - before_days * DAY_MS, start_ms + int(days * DAY_MS))


def bar_of(symbol: str, timeframe: str, open_ms: int, ohlcvq: tuple[float, ...], *, backfilled: bool) -> BarClosed:
    opened, closed = open_ms * 1_000_000, open_ms * 1_000_000 + timeframe_ns(timeframe) - 1_000_000
    name = f"{symbol.replace('/', '')}-{timeframe}-{open_ms}"
    open_, high, low, close, volume, quote = ohlcvq
    return BarClosed(
        id=name, trace=name, time_ns=closed, symbol=symbol, timeframe=timeframe, open_time_ns=opened,
        close_time_ns=closed, open=open_, high=high, low=low, close=close, volume=volume, quote_volume=quote,
        backfilled=backfilled,
    )  # fmt: skip


def rows_of(columns: Columns) -> Iterator[tuple[int, tuple[float, ...]]]:
    values = (columns.open, columns.high, columns.low, columns.close, columns.volume, columns.quote_volume)
    yield from zip(columns.open_ms.tolist(), zip(*(column.tolist() for column in values), strict=True), strict=True)


def hourly_bars(symbol: str, columns: Columns, live_from_ms: int) -> list[BarClosed]:
    return [bar_of(symbol, "1h", open_ms, row, backfilled=open_ms < live_from_ms) for open_ms, row in rows_of(columns)]


def daily_bars(symbol: str, columns: Columns, live_from_ms: int) -> list[BarClosed]:
    """Whole UTC days out of hours; a last day that is not over is left out."""
    bars = []
    for day_ms, rows in groupby(rows_of(columns), key=lambda row: row[0] // DAY_MS * DAY_MS):
        hours = list(rows)
        if hours[-1][0] != day_ms + 23 * HOUR_MS:
            continue
        values = [row for _, row in hours]
        ohlc = (values[0][0], max(row[1] for row in values), min(row[2] for row in values), values[-1][3])
        sums = (sum(row[4] for row in values), sum(row[5] for row in values))
        bars.append(bar_of(symbol, "1d", day_ms, (*ohlc, *sums), backfilled=day_ms < live_from_ms))
    return bars


def by_close(bars: list[BarClosed]) -> Iterator[list[BarClosed]]:
    """All bars that close at the same time, in order of time."""
    ordered = sorted(bars, key=lambda bar: (bar.close_time_ns, bar.timeframe, bar.symbol))
    for _, group in groupby(ordered, key=lambda bar: bar.close_time_ns):
        yield list(group)
