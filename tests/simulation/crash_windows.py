"""Real crash windows as backtests: ``make crash-windows`` prints a table for each of them.

Hourly klines of every pair that was listed then, hourly strategies, the phase ``live``, NAV 200,000 USDT. Each window
is played on the smooth and on the jumping market, which bound the truth (docs/backtest.md), and on each with breakers
and without; the limits on orders hold always. The liquidity breaker is off, for the pairs of those years traded less.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

from services.backtest.market.reader import KlineReader, OneFile, Spans
from services.backtest.options import BacktestOptions
from services.backtest.result import Fill, HaltSpan, MarketKind, Run
from services.backtest.run import BacktestRun
from shared.adapters.klines.columns import Columns
from shared.config.model import Settings
from shared.domain.plan import BreakerName, BreakerPlan, PhasePlan, Plan, StrategyPlan
from tests.history import DAY_MS, ms_of
from tests.shipped import shipped_universe

STRATEGIES = (
    StrategyPlan(name="donchian", kind="donchian", timeframe="1h", weight=0.5, parameters={"entry": 20, "exit": 10}),
    StrategyPlan(name="momentum", kind="momentum", timeframe="1h", weight=0.5, parameters={"fast": 10, "slow": 40}),
)
ALL_ON, ALL_OFF = BreakerPlan(off=("liquidity",)), BreakerPlan(off=get_args(BreakerName))
PER_1000 = {"SHIBUSDT"}  # the futures file has the contract on a thousand
FUTURES = "hourly_um_futures.parquet"


@dataclass(frozen=True)
class Window:
    """``days`` from ``start`` on are traded; what comes before is history."""

    title: str
    start: str
    days: int
    file: str = "hourly_spot.parquet"


WINDOWS = (
    Window("May 2022: Terra and LUNA", "2022-04-28", 16),
    Window("November 2022: FTX", "2022-10-28", 14),
    Window("August 2024: the yen carry trade", "2024-07-24", 14),
    Window("October 2025: the liquidation cascade", "2025-10-01", 12, FUTURES),
)


class PerUnit:
    """A recording of futures, of which some are contracts on a thousand units, as prices of one unit."""

    def __init__(self, reader: KlineReader) -> None:
        self._reader, self.timeframes = reader, reader.timeframes

    def spans(self, timeframe: str) -> Spans:
        return self._reader.spans(timeframe)

    def read(self, timeframe: str, symbols: set[str], start_ms: int, end_ms: int) -> dict[str, Columns]:
        found = self._reader.read(timeframe, symbols, start_ms, end_ms)
        return {symbol: _per_unit(each) if symbol in PER_1000 else each for symbol, each in found.items()}


def _per_unit(c: Columns) -> Columns:
    prices = {name: getattr(c, name) / 1e3 for name in ("open", "high", "low", "close")}
    return replace(c, volume=c.volume * 1e3, **prices)


def started(
    data: Path, window: Window, breakers: BreakerPlan, market: MarketKind, *, every_bar: bool = False
) -> BacktestRun:
    """The window as a backtest that has not been played yet."""
    plan = Plan(
        strategies=STRATEGIES,
        breakers=breakers,
        phases=(PhasePlan(name="live", scale=1.0, paper=True),),
        phase="live",
    )
    start_ms = ms_of(window.start)
    options = BacktestOptions(
        settings=Settings(universe=shipped_universe(), plan=plan),
        store=data / window.file,
        start_ms=start_ms,
        end_ms=start_ms + window.days * DAY_MS,
        market=market,
        every_bar=every_bar,
    )
    reader: KlineReader = OneFile(options.store, start_ms)
    return BacktestRun(options, PerUnit(reader) if window.file == FUTURES else reader)


def replayed(data: Path, window: Window, breakers: BreakerPlan, market: MarketKind) -> Run:
    return started(data, window, breakers, market).play()


# --- the table --------------------------------------------------------------------------------------------------------


def stop_fills(run: Run) -> list[Fill]:
    """The fills of stops."""
    return [fill for fill in run.fills if fill.stop is not None]


def slipped(fill: Fill) -> float:
    """How far below its stop it filled, as a fraction."""
    assert fill.stop is not None
    return 1.0 - float(fill.price / fill.stop)


def lost_below(run: Run) -> float:
    """What stops lost because they filled below their price, USDT."""
    return sum(float((fill.stop - fill.price) * fill.quantity) for fill in stop_fills(run) if fill.stop is not None)


def table(title: str, runs: list[Run]) -> Iterator[str]:
    """``runs``: smooth with breakers and without, jumping with and without."""
    pairs = sum(each.bars > 0 for each in runs[0].coverage)
    yield f"{title}  ({pairs} pairs)"
    yield f"  {'':34}{'smooth market':>24}{'jumping market':>28}"
    yield f"  {'':34}" + f"{'breakers':>14}{'none':>14}" * 2
    for name, figure in ROWS:
        yield f"  {name:34}" + "".join(f"{figure(run):>14}" for run in runs)
    for market_name, on in (("smooth", runs[0]), ("jumping", runs[2])):
        yield from fired(market_name, on)
    worst = max(stop_fills(runs[3]), key=slipped, default=None)
    if worst is not None and worst.stop is not None:
        figures = f"stop {worst.stop:.6g}, filled {worst.price:.6g} ({slipped(worst):.2%} below)"
        yield f"  worst stop, jumping, no breakers: {worst.symbol} {_when(worst.time_ns)}: {figures}"


def fired(market_name: str, on: Run) -> Iterator[str]:
    """Which breakers fired and when, the first of each kind in its own words."""
    groups: dict[tuple[str, str], list[HaltSpan]] = {}
    for halt in on.halts:
        groups.setdefault((halt.trigger, "pairs" if halt.symbol else "portfolio"), []).append(halt)
    for (trigger, where), halts in groups.items():
        first, last = _when(halts[0].begin_ns), _when(halts[-1].begin_ns)
        span = first if len(halts) == 1 else f"{first} to {last}"
        words = f"{halts[0].symbol} {halts[0].reason}".strip()
        yield f"  {market_name:8} {trigger:13} {where:9} {len(halts):>4} x  {span:37} {words}"
    if not on.halts:
        yield f"  {market_name:8} no breaker fired"


def _when(time_ns: int) -> str:
    return datetime.fromtimestamp(time_ns // 1_000_000_000, tz=UTC).strftime("%Y-%m-%d %H:%M")


ROWS = (
    ("heat, at most", lambda run: f"{max(run.curve.heat):.2%}"),
    ("utilisation, at most", lambda run: f"{max(run.curve.utilisation):.1%}"),
    ("drawdown, at most", lambda run: f"{max(run.curve.drawdown):.2%}"),
    ("NAV at the end, USDT", lambda run: f"{run.curve.nav[-1]:,.0f}"),
    ("buys approved", lambda run: str(run.verdicts.approve)),
    ("buys trimmed", lambda run: str(run.verdicts.trim)),
    ("buys rejected", lambda run: str(run.verdicts.reject)),
    ("halts", lambda run: str(len(run.halts))),
    ("stops hit", lambda run: str(len(stop_fills(run)))),
    ("  filled over 1 % below the stop", lambda run: str(sum(slipped(each) > 0.01 for each in stop_fills(run)))),
    ("  lost below the stops, USDT", lambda run: f"{lost_below(run):,.0f}"),
)


def main() -> None:
    data = Path(__file__).resolve().parents[3] / "shared" / "data"
    if not data.is_dir():
        sys.exit("no market history beside the repository (../shared/data)")
    for window in WINDOWS:
        markets: tuple[MarketKind, ...] = ("smooth", "jumping")
        runs = [replayed(data, window, breakers, market) for market in markets for breakers in (ALL_ON, ALL_OFF)]
        print("\n".join(table(window.title, runs)), end="\n\n", flush=True)


if __name__ == "__main__":
    main()
