"""Made-up markets as blocks of columns, month by month, and a stack that plays them."""

import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal
from time import process_time
from typing import Literal

import numpy as np

from services.wiring import EXECUTION, RISK, machine_specs
from shared.adapters.clocks import ManualClock
from shared.config.model import Settings
from shared.domain.plan import BreakerPlan, Limits, PhasePlan, Plan, StrategyPlan
from shared.domain.timeframes import DAY_MS, HOUR_MS, MS_NS, timeframe_ns
from shared.domain.universe import Pair, Universe
from shared.messages.base import Message
from shared.messages.catalogue import BARS
from shared.messages.control import Resume
from shared.messages.halts import Halted, ResumeAsked
from shared.messages.market import PairListed
from shared.runtime.columns import PRICES, Block, Floats, Grid, instants
from shared.runtime.quiet import QuietReplay
from shared.runtime.replay import Replay

START_MS = 1_704_067_200_000  # 2024-01-01
HISTORY_DAYS, SPEED = 62, 3600.0
VOLUME = 1e4  # base units an hour
Walk = tuple[Floats, Floats, Floats, Floats]


def walk(pairs: int, bars: int, seed: int = 7, *, scale: float = 1.0) -> Walk:
    """Open, high, low, close: the random walk of ``nautilus_backtest.py``, to the last digit."""
    rng = np.random.default_rng(seed)
    together = rng.normal(0, 0.004 * scale, bars)
    columns = []
    for _ in range(pairs):
        close = 100 * np.exp(np.cumsum(0.8 * together + rng.normal(0, 0.005 * scale, bars)))
        open_ = np.concatenate([[100.0], close[:-1]])
        wicks = np.abs(rng.normal(0, 0.003 * scale, (2, bars)))
        columns.append(
            (open_, np.maximum(open_, close) * (1 + wicks[0]), np.minimum(open_, close) * (1 - wicks[1]), close)
        )
    opens, highs, lows, closes = (np.array(each).T.round(4) for each in zip(*columns, strict=True))
    return opens, highs, lows, closes


def joined(walked: Walk, each: int, volume: float, since_ms: int, length_ms: int) -> Grid:
    """Longer bars of ``each`` short ones."""
    open_, high, low, close = (
        column[: len(column) // each * each].reshape(-1, each, column.shape[1]) for column in walked
    )
    open_ms = since_ms + np.arange(len(open_), dtype=np.int64) * length_ms
    volumes = np.full(close[:, -1].shape, volume * each)
    return Grid(
        open_ms, open_[:, 0], high.max(axis=1), low.min(axis=1), close[:, -1], volumes, (close * volume).sum(axis=1)
    )


def symbols_of(pairs: int) -> tuple[str, ...]:
    return tuple(f"C{number:04d}/USDT" for number in range(pairs))


def history(pairs: int) -> Block:
    """Days that end at the price at which the market begins."""
    before = walk(pairs, HISTORY_DAYS * 24, seed=8)
    factor = 100.0 / before[3][-1]
    open_, high, low, close = (column * factor for column in before)
    days = joined((open_, high, low, close), 24, VOLUME, START_MS - HISTORY_DAYS * DAY_MS, DAY_MS)
    return Block(symbols_of(pairs), {"1d": days}, START_MS)


def hours(pairs: int, bars: int, months: int = 12) -> Iterator[Block]:
    """``bars`` hours of every pair, and its days, in months."""
    walked = walk(pairs, bars)
    grids = {"1h": joined(walked, 1, VOLUME, START_MS, HOUR_MS), "1d": joined(walked, 24, VOLUME, START_MS, DAY_MS)}
    edges = [START_MS + bars * month // months * HOUR_MS for month in range(months + 1)]
    for since_ms, until_ms in itertools.pairwise(edges):
        yield Block(
            symbols_of(pairs), {name: _cut(grid, name, since_ms, until_ms) for name, grid in grids.items()}, START_MS
        )


def minutes(pairs: int, months: int) -> Iterator[Block]:
    """Months of 30 days in minutes, with hours and days made of them. Each begins where the one before ended."""
    last = np.full(pairs, 100.0)
    for month in range(months):
        since_ms = START_MS + month * 30 * DAY_MS
        walked = walk(pairs, 30 * 24 * 60, seed=100 + month, scale=60**-0.5)
        open_, high, low, close = (column * last / 100.0 for column in walked)
        last, volume = close[-1].copy(), VOLUME / 60
        parts = {"1m": (1, 60_000), "1h": (60, HOUR_MS), "1d": (1440, DAY_MS)}
        grids = {
            name: joined((open_, high, low, close), each, volume, since_ms, length)
            for name, (each, length) in parts.items()
        }
        yield Block(symbols_of(pairs), grids, START_MS)


def _cut(grid: Grid, timeframe: str, since_ms: int, until_ms: int) -> Grid:
    closes = grid.open_ms + timeframe_ns(timeframe) // MS_NS
    rows = (closes > since_ms) & (closes <= until_ms)
    return Grid(grid.open_ms[rows], *(getattr(grid, name)[rows] for name in PRICES))


# --- a stack ----------------------------------------------------------------------------------------------------------


@dataclass
class Played:
    """What playing a market took (CPU seconds, the market itself aside), and how many messages of each type came."""

    seconds: float = 0.0
    bars: int = 0
    messages: Counter[str] = field(default_factory=Counter)

    @property
    def bars_per_second(self) -> float:
        return self.bars / self.seconds


def plan() -> Plan:
    """Donchian on hours, every limit and breaker on; there are no books, so the rules that need one are off."""
    donchian = StrategyPlan(
        name="donchian", kind="donchian", timeframe="1h", weight=1.0, parameters={"entry": 20, "exit": 20}
    )
    return Plan(
        strategies=(donchian,),
        limits=Limits(book_age_seconds=0.0),
        breakers=BreakerPlan(min_adv_usdt=1e6, shock_pair=symbols_of(1)[0]),
        phases=(PhasePlan(name="live", scale=1.0, paper=True),),
        phase="live",
    )


def stack(pairs: int, host: Literal["quiet", "full"], base: str = "") -> Replay:
    """base: a timeframe that execution and risk read beside those of the strategies."""
    universe = Universe(
        pairs=tuple(
            Pair(base=symbol.partition("/")[0], quote="USDT", sector=f"Sector {number % 7}")
            for number, symbol in enumerate(symbols_of(pairs))
        )
    )
    settings = Settings(universe=universe, plan=plan())
    specs = machine_specs(settings, ManualClock(speed=SPEED))
    if base:
        key = settings.keys.of(BARS, base)
        specs = [
            replace(spec, inputs=(*spec.inputs, key)) if spec.service in (EXECUTION, RISK) else spec for spec in specs
        ]
    replay = QuietReplay(specs, settings.keys, universe) if host == "quiet" else Replay(specs, settings.keys)
    replay.feed(
        [
            PairListed(
                id=f"listed-{symbol}", time_ns=0, symbol=symbol, status="trading", price_step=Decimal("0.0001"),
                quantity_step=Decimal("0.0001"), min_notional=Decimal(5),
            )
            for symbol in symbols_of(pairs)
        ]
    )  # fmt: skip
    for _ in replay.play(history(pairs)):
        pass
    return replay


def played(replay: Replay, blocks: Iterator[Block]) -> Played:
    """A halt that waits for an operator is resumed a day later."""
    result, waiting = Played(), list[Halted]()
    for block in blocks:
        since = process_time()
        replay.enter(block)
        for instant in instants(block):
            made = replay.meet(instant)
            waiting += [each for each in made if isinstance(each, Halted) and not each.symbol and _waits(each)]
            if waiting and instant.close_ns - waiting[0].time_ns >= DAY_MS * MS_NS:
                waiting.clear()
                made += resumed(replay, instant.close_ns)
            result.messages.update(type(each).__name__ for each in made)
        replay.leave()
        result.seconds += process_time() - since
        result.bars += sum(int((~np.isnan(grid.close)).sum()) for name, grid in block.grids.items() if name != "1d")
    return result


def _waits(halt: Halted) -> bool:
    return halt.cleared_by not in ("time", "condition")


def resumed(replay: Replay, now_ns: int) -> list[Message]:
    made = replay.feed([Resume(id=f"resume-{now_ns}", time_ns=now_ns, who="operator", reason="a day later")])
    for asked in [each for each in made if isinstance(each, ResumeAsked)]:
        again = Resume(id=f"again-{now_ns}", time_ns=now_ns, who="operator", reason="again", confirm=asked.confirm)
        made += replay.feed([again])
    return made
