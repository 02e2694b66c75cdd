"""Markets made up for tests, in memory: random walks with gaps, holes, listings in the middle, ends and a rename."""

from datetime import date
from decimal import Decimal

import numpy as np

from services.backtest.market.reader import Spans
from services.backtest.options import BacktestOptions
from shared.adapters.klines.columns import Columns
from shared.config.model import Settings
from shared.domain.plan import BreakerPlan, PhasePlan, Plan, StrategyPlan
from shared.domain.timeframes import DAY_MS, MS_NS, timeframe_ns
from shared.domain.universe import Pair, Rename, Universe
from tests.history import ms_of

START = "2024-01-01"
START_MS = ms_of(START)
HISTORY_DAYS = 90
UNIVERSE = Universe(
    pairs=(
        Pair(base="BTC", quote="USDT", sector="Majors"),
        Pair(base="ETH", quote="USDT", sector="Majors"),
        Pair(base="SOL", quote="USDT", sector="Layer 1"),
        Pair(base="NEW", quote="USDT", sector="Layer 1"),
        Pair(base="OLD", quote="USDT", sector="Meme"),
        Pair(base="POL", quote="USDT", sector="Layer 2"),
    ),
    renames=(Rename(old="MATIC", new="POL", cutover=date(2024, 1, 3), ratio=Decimal(2)),),
)
STRATEGIES = (
    StrategyPlan(name="donchian", kind="donchian", timeframe="1h", weight=0.6, parameters={"entry": 12, "exit": 6}),
    StrategyPlan(name="momentum", kind="momentum", timeframe="4h", weight=0.4, parameters={"fast": 3, "slow": 9}),
)
PLAN = Plan(
    strategies=STRATEGIES,
    breakers=BreakerPlan(min_adv_usdt=0.0, adv_floor_usdt=0.0),
    phases=(PhasePlan(name="live", scale=1.0, paper=True),),
    phase="live",
)


class RandomReader:
    """Klines of one timeframe, by the exchange's symbols."""

    def __init__(self, columns: dict[str, Columns], timeframe: str = "1h") -> None:
        self.columns, self.timeframe = columns, timeframe
        self.timeframes: tuple[str, ...] = (timeframe,)

    def spans(self, timeframe: str) -> Spans:
        return {symbol: (int(each.open_ms[0]), int(each.open_ms[-1])) for symbol, each in self.columns.items()}

    def read(self, timeframe: str, symbols: set[str], start_ms: int, end_ms: int) -> dict[str, Columns]:
        assert timeframe == self.timeframe
        found = {}
        for symbol in symbols & set(self.columns):
            columns = self.columns[symbol]
            lower, upper = np.searchsorted(columns.open_ms, [start_ms, end_ms])
            if upper > lower:
                found[symbol] = Columns(
                    **{name: getattr(columns, name)[lower:upper] for name in Columns.__dataclass_fields__}
                )
        return found


def random_reader(seed: int, *, days: float = 6.0, bar: str = "1h", wildness: float = 1.0) -> RandomReader:
    """``days`` from ``START`` on after the history. NEW is listed a day later, OLD ends two days before the end, MATIC
    becomes POL on the third day, at half the price and twice the units.
    """
    random = np.random.default_rng(seed)
    bar_ms = timeframe_ns(bar) // MS_NS
    begin_ms, end_ms = START_MS - HISTORY_DAYS * DAY_MS, START_MS + int(days * DAY_MS)
    opens = np.arange(begin_ms, end_ms, bar_ms)
    market = random.normal(0.0004, 0.006 * wildness, len(opens))
    found = {}
    for symbol in ("BTCUSDT", "ETHUSDT", "SOLUSDT", "NEWUSDT", "OLDUSDT", "MATICUSDT"):
        walk = _walk(random, market, wildness)
        kept = random.random(len(opens)) > 0.01  # holes
        if symbol == "NEWUSDT":
            kept &= opens >= START_MS + DAY_MS
        if symbol == "OLDUSDT":
            kept &= opens < end_ms - 2 * DAY_MS
        found[symbol] = _columns(opens, walk, kept)
    cutover_ms = ms_of("2024-01-03")
    before = found.pop("MATICUSDT")
    old, new = before.open_ms < cutover_ms, before.open_ms >= cutover_ms
    found["MATICUSDT"] = _part(before, old, 1.0)
    if new.any():
        found["POLUSDT"] = _part(before, new, 2.0)
    return RandomReader(found, bar)


def random_options(
    *, days: float = 6.0, plan: Plan = PLAN, settings: Settings | None = None, **changes: object
) -> BacktestOptions:
    """Options over such a market."""
    found = settings or Settings(universe=UNIVERSE, plan=plan)
    fields: dict[str, object] = {
        "settings": found,
        "store": None,
        "start_ms": START_MS,
        "end_ms": START_MS + int(days) * DAY_MS,
    }
    return BacktestOptions(**(fields | changes))  # type: ignore[arg-type]


def _walk(random: np.random.Generator, market: np.ndarray, wildness: float) -> np.ndarray:
    """Open, high, low and close of every bar; now and then a bar opens far from the last close."""
    count = len(market)
    closes = 100.0 * np.exp(np.cumsum(0.8 * market + random.normal(0.0, 0.006 * wildness, count)))
    gaps = np.where(random.random(count) < 0.01, random.normal(1.0, 0.06 * wildness, count), 1.0)
    opens = np.concatenate([[100.0], closes[:-1]]) * np.maximum(gaps, 0.5)
    wicks = np.abs(random.normal(0.0, 0.004 * wildness, (2, count)))
    highs = np.maximum(opens, closes) * (1.0 + wicks[0])
    lows = np.minimum(opens, closes) * np.maximum(1.0 - wicks[1], 0.5)
    return np.round(np.stack([opens, highs, lows, closes]), 4)


def _columns(opens: np.ndarray, walk: np.ndarray, kept: np.ndarray) -> Columns:
    volume = np.full(len(opens), 50_000.0)
    values = (*walk, volume, volume * walk[3])
    names = ("open", "high", "low", "close", "volume", "quote_volume")
    return Columns(opens[kept], **{name: value[kept] for name, value in zip(names, values, strict=True)})


def _part(columns: Columns, rows: np.ndarray, units: float) -> Columns:
    """Some rows, in ``units`` new units for each old one."""
    return Columns(
        columns.open_ms[rows],
        open=columns.open[rows] / units,
        high=columns.high[rows] / units,
        low=columns.low[rows] / units,
        close=columns.close[rows] / units,
        volume=columns.volume[rows] * units,
        quote_volume=columns.quote_volume[rows],
    )
