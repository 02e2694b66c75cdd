"""Markets made up at random, with all that may happen in between, for both replays."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from random import Random

import numpy as np
from msgspec import structs

from services.wiring import machine_specs
from shared.adapters.clocks import ManualClock
from shared.config.model import Settings
from shared.domain.plan import BreakerPlan, Limits, PhasePlan, Plan, RampPlan, SizingPlan, StrategyPlan
from shared.domain.risk.machine import RiskMachine
from shared.domain.timeframes import DAY_MS, MS_NS, timeframe_ns
from shared.domain.universe import Pair, Rename, Universe
from shared.messages.ask import RoomAsked
from shared.messages.base import Message
from shared.messages.catalogue import BARS
from shared.messages.control import Flatten, Halt, Resume, SetLimits, WriteOff
from shared.messages.halts import Halted, ResumeAsked
from shared.messages.market import FeedLost, FeedRestored, MarkChanged, PairListed
from shared.messages.orders import OrderProposed
from shared.messages.signals import PositionSized, SignalRaised
from shared.runtime.columns import PRICES, Block, Grid, Instant, Prices, instants
from shared.runtime.machine_spec import MachineSpec
from shared.runtime.quiet import QuietReplay
from shared.runtime.replay import Replay

START_MS = 1_660_003_200_000  # a UTC day begins, in August 2022
RENAMED_MS = START_MS + 9 * DAY_MS
BASES = ("AAA", "BTC", "CCC", "DDD", "NEW")
UNIVERSE = Universe(
    pairs=tuple(Pair(base=base, quote="USDT", sector=f"S{number % 2}") for number, base in enumerate(BASES)),
    renames=(Rename(old="OLD", new="NEW", cutover=datetime.fromtimestamp(RENAMED_MS // 1000, UTC).date(),
                    ratio=Decimal(10)),),
)  # fmt: skip
SYMBOLS = tuple(sorted(f"{base}/USDT" for base in (*BASES, "OLD", "ZZZ")))  # the last one is nobody's
SPEED = 3600.0


@dataclass(frozen=True)
class Scene:
    """What may be drawn.

    strategies: of the plan. base: a timeframe that only execution and risk read, empty for none.
    holes, jumps: how often a bar is missing, or opens far away.
    events: how often something is fed between two moments.
    blocks: in how many the market is played.
    is_jumping: prices within an hour are seen as marks.
    is_late: the clock is a day further when the bars begin, so that the first of them are history.
    """

    seed: int
    strategies: tuple[StrategyPlan, ...]
    base: str = ""
    days: int = 8
    holes: float = 0.0
    jumps: float = 0.0
    events: float = 0.0
    blocks: int = 1
    is_late: bool = False
    is_jumping: bool = False
    plan: Plan = field(default_factory=Plan)


def strategy(kind: str, timeframe: str, **parameters: float) -> StrategyPlan:
    return StrategyPlan(name=f"{kind}-{timeframe}", kind=kind, timeframe=timeframe, weight=0.5, parameters=parameters)


def plan_of(scene: Scene) -> Plan:
    """Figures stand after a few days, so that a scene is short."""
    sizing = SizingPlan(atr_days=3, adv_days=4, min_history_days=5)
    return structs.replace(scene.plan, strategies=scene.strategies, sizing=sizing)


# --- the market -------------------------------------------------------------------------------------------------------


def market(scene: Scene) -> list[Block]:
    """Days of history, then ``days`` of everything; the coin ``OLD`` becomes ``NEW`` in the middle."""
    rng = np.random.default_rng(scene.seed)
    used = {strategy.timeframe for strategy in scene.strategies} | {"1d"} | ({scene.base} if scene.base else set())
    step_ms = min(timeframe_ns(timeframe) for timeframe in used) // MS_NS
    until_ms, history_ms = START_MS + (8 + scene.days) * DAY_MS, START_MS + 6 * DAY_MS
    finest = _finest(rng, scene, (until_ms - START_MS) // step_ms, step_ms)
    grids = {}
    for timeframe in used:
        since_ms = START_MS if timeframe == "1d" else history_ms
        grids[timeframe] = _joined(finest, step_ms, timeframe, since_ms, rng, scene.holes)
    cuts = sorted(rng.choice(np.arange(history_ms, until_ms, DAY_MS // 4), scene.blocks - 1, replace=False).tolist())
    return [
        _between(grids, since_ms, end_ms)
        for since_ms, end_ms in zip([0, *cuts], [*cuts, until_ms + DAY_MS], strict=True)
    ]


def _finest(rng: np.random.Generator, scene: Scene, steps: int, step_ms: int) -> dict[str, np.ndarray]:
    pairs, root = len(SYMBOLS), (step_ms / DAY_MS) ** 0.5
    moves = rng.normal(0.0, 0.04 * root, (steps, pairs)) + rng.normal(0.0, 0.02 * root, (steps, 1))
    far = rng.random((steps, pairs)) < scene.jumps
    gaps = np.where(far, rng.normal(0.0, 0.08, (steps, pairs)), 0.0)
    close = np.round(100.0 * np.exp(np.cumsum(moves + gaps, axis=0)), 6)
    open_ = np.round(np.vstack((np.full((1, pairs), 100.0), close[:-1])) * np.exp(gaps), 6)
    wicks = np.abs(rng.normal(0.0, 0.02 * root, (2, steps, pairs)))
    high, low = np.maximum(open_, close) * (1.0 + wicks[0]), np.minimum(open_, close) * (1.0 - wicks[1])
    volume = rng.uniform(1e3, 3e3, (steps, pairs))
    return {"open": open_, "high": high, "low": low, "close": close, "volume": volume, "quote_volume": volume * 1e5}


def _joined(
    finest: dict[str, np.ndarray], step_ms: int, timeframe: str, since_ms: int, rng: np.random.Generator, holes: float
) -> Grid:
    """Longer bars of the shortest ones; some are missing, and pairs begin, end and are renamed."""
    each = timeframe_ns(timeframe) // MS_NS // step_ms
    skip = (since_ms - START_MS) // step_ms
    parts = {name: values[skip:].reshape(-1, each, values.shape[1]) for name, values in finest.items()}
    columns = {
        "open": parts["open"][:, 0], "high": parts["high"].max(axis=1), "low": parts["low"].min(axis=1),
        "close": parts["close"][:, -1], "volume": parts["volume"].sum(axis=1),
        "quote_volume": parts["quote_volume"].sum(axis=1),
    }  # fmt: skip
    open_ms = since_ms + np.arange(len(columns["open"]), dtype=np.int64) * each * step_ms
    gone = rng.random(columns["open"].shape) < holes
    away = rng.integers(0, len(open_ms), 2)
    gone[min(away) : max(away), SYMBOLS.index("DDD/USDT")] |= holes > 0.0
    gone[open_ms < START_MS + 7 * DAY_MS, SYMBOLS.index("CCC/USDT")] = True  # listed late
    gone[open_ms >= RENAMED_MS, SYMBOLS.index("OLD/USDT")] = True
    gone[open_ms < RENAMED_MS, SYMBOLS.index("NEW/USDT")] = True
    for name in PRICES:
        columns[name] = np.where(gone, np.nan, columns[name])
    for name in ("open", "high", "low", "close"):
        columns[name][:, SYMBOLS.index("NEW/USDT")] /= 10.0
    rows = ~gone.all(axis=1)
    return Grid(open_ms[rows], **{name: values[rows] for name, values in columns.items()})


def _between(grids: dict[str, Grid], since_ms: int, until_ms: int) -> Block:
    parts = {}
    for timeframe, grid in grids.items():
        closes = grid.open_ms + timeframe_ns(timeframe) // MS_NS
        rows = (closes > since_ms) & (closes <= until_ms)
        parts[timeframe] = Grid(grid.open_ms[rows], **{name: getattr(grid, name)[rows] for name in PRICES})
    return Block(SYMBOLS, parts)


# --- what happens besides ---------------------------------------------------------------------------------------------

Event = Callable[[Random, int, str], Message]


def _listed(random: Random, now_ns: int, symbol: str) -> Message:
    status = random.choice(("trading", "trading", "halted"))
    return listing(symbol, now_ns, status=status)


def listing(symbol: str, now_ns: int, **changes: object) -> PairListed:
    whole = {"status": "trading", "price_step": Decimal("0.001"), "quantity_step": Decimal("0.01"), **changes}
    return PairListed(id=f"listed-{symbol}-{now_ns}", time_ns=now_ns, symbol=symbol, min_notional=Decimal(5), **whole)


def _order(random: Random, now_ns: int, symbol: str) -> Message:
    limit = Decimal(random.randint(60, 140)) if random.random() < 0.5 else None
    side = random.choice(("buy", "buy", "sell"))
    return OrderProposed(
        id=f"client-{now_ns}-{random.randint(0, 999)}", time_ns=now_ns, symbol=symbol, side=side,
        quantity=Decimal(random.randint(1, 900)) / 100, strategy="client", limit_price=limit,
        order_type="market" if limit is None else "limit", stop_price=Decimal(50) if side == "buy" else None,
        expires_ns=now_ns + random.choice((0, 5, 40)) * 3_600_000_000_000 if random.random() < 0.7 else 0,
    )  # fmt: skip


def _signal(random: Random, now_ns: int, symbol: str) -> Message:
    return SignalRaised(
        id=f"s-{now_ns}-{random.randint(0, 999)}", time_ns=now_ns, strategy="external-1h", symbol=symbol,
        strength=random.choice((0.0, 0.5, 1.0)), expires_ns=now_ns + 7_200_000_000_000 if random.random() < 0.5 else 0,
    )  # fmt: skip


def _mark(random: Random, now_ns: int, symbol: str) -> Message:
    return MarkChanged(id=f"m-{now_ns}", time_ns=now_ns, symbol=symbol, price=random.uniform(70, 130))


def _set_limits(random: Random, now_ns: int, _: str) -> Message:
    limits = {random.choice(("heat", "pair_cap_nav", "equity_at_risk")): random.choice((0.01, 0.04, 0.08))}
    return SetLimits(id=f"limits-{now_ns}", time_ns=now_ns, who="o", reason="r", limits=limits)


EVENTS: tuple[Event, ...] = (
    _listed,
    _order,
    _order,
    _signal,
    _signal,
    _mark,
    _mark,
    _set_limits,
    lambda _, ns, symbol: Halt(id=f"halt-{ns}", time_ns=ns, who="o", reason="r", symbol=symbol, mode="reducing"),
    lambda _, ns, symbol: Halt(
        id=f"h-{ns}", time_ns=ns, who="o", reason="r", symbol="" if ns % 2 else symbol, until_ns=ns + 9 * 10**12
    ),
    lambda _, ns, symbol: Resume(id=f"resume-{ns}", time_ns=ns, who="o", reason="r", symbol=symbol),
    lambda _, ns, symbol: Flatten(id=f"flat-{ns}", time_ns=ns, who="o", reason="r", symbol="" if ns % 3 else symbol),
    lambda _, ns, symbol: FeedLost(id=f"lost-{ns}", time_ns=ns, feed="marks", symbol=symbol, last_seen_ns=ns),
    lambda _, ns, symbol: FeedRestored(id=f"back-{ns}", time_ns=ns, feed="marks", symbol=symbol),
    lambda _, ns, symbol: RoomAsked(id=f"room-{ns}", time_ns=ns, reply_to="hs:mine", symbol="" if ns % 2 else symbol),
    lambda _, ns, symbol: WriteOff(id=f"off-{ns}", time_ns=ns, who="o", reason="r", symbol=symbol, price=Decimal(1)),
)


class World:
    """Feeds the same replay the same things: whatever is drawn depends on the scene and the moment alone."""

    def __init__(self, scene: Scene, replay: Replay) -> None:
        self._scene, self._replay, self._random = scene, replay, Random(scene.seed)
        self._renamed = False
        self._halts: list[Halted] = []

    def after(self, close_ns: int, made: Sequence[Message]) -> list[Message]:
        outputs: list[Message] = []
        if not self._renamed and close_ns >= RENAMED_MS * MS_NS:
            self._renamed = True
            gone = listing("OLD/USDT", close_ns, status="renamed")
            outputs += self._replay.feed([gone, listing("NEW/USDT", close_ns, formerly="OLD/USDT", ratio=Decimal(10))])
        while self._random.random() < self._scene.events:
            event, symbol = self._random.choice(EVENTS), self._random.choice(SYMBOLS[:-1])
            outputs += self._replay.feed([event(self._random, close_ns + self._random.choice((0, 60 * 10**9)), symbol)])
        self._halts += [each for each in (*made, *outputs) if isinstance(each, Halted) and not each.symbol]
        if self._halts and close_ns - self._halts[0].time_ns >= 9 * 3_600_000_000_000:
            self._halts.clear()
            outputs += self._resumed(close_ns)
        return outputs

    def _resumed(self, now_ns: int) -> Iterator[Message]:
        first = self._replay.feed([Resume(id=f"first-{now_ns}", time_ns=now_ns, who="o", reason="r")])
        yield from first
        for asked in first:
            if isinstance(asked, ResumeAsked):
                again = Resume(id=f"again-{now_ns}", time_ns=now_ns, who="o", reason="r", confirm=asked.confirm)
                yield from self._replay.feed([again])


# --- both replays -----------------------------------------------------------------------------------------------------


@dataclass
class Course:
    """What came of a scene: messages, and the figures of the portfolio after every moment."""

    messages: list[Message]
    figures: list[tuple[int, float, float, float, float]]

    @property
    def without_sizes(self) -> list[Message]:
        return [each for each in self.messages if not isinstance(each, PositionSized)]

    @property
    def sizes(self) -> dict[str, PositionSized]:
        return {each.id: each for each in self.messages if isinstance(each, PositionSized)}


def specs_of(scene: Scene, universe: Universe) -> tuple[list[MachineSpec], Settings]:
    settings = Settings(universe=universe, plan=plan_of(scene))
    specs = machine_specs(settings, ManualClock(speed=SPEED))
    if scene.base:
        base = settings.keys.of(BARS, scene.base)
        specs = [
            replace(spec, inputs=_beside_bars(spec.inputs, base)) if spec.service in ("execution", "risk") else spec
            for spec in specs
        ]
    return specs, settings


def _beside_bars(inputs: tuple[str, ...], base: str) -> tuple[str, ...]:
    if base in inputs:
        return inputs
    last = max(number for number, key in enumerate(inputs) if key.startswith("hs:bars:"))
    return (*inputs[: last + 1], base, *inputs[last + 1 :])


def course_of(scene: Scene, *, quiet: bool) -> Course:
    specs, settings = specs_of(scene, UNIVERSE)
    replay = QuietReplay(specs, settings.keys, UNIVERSE) if quiet else Replay(specs, settings.keys)
    world = World(scene, replay)
    (risk,) = (spec.machine for spec in specs if isinstance(spec.machine, RiskMachine))
    course = Course(replay.feed([listing(symbol, 0) for symbol in SYMBOLS]), [])
    if scene.is_late:
        replay.advance_clock((START_MS + 7 * DAY_MS) * MS_NS, course.messages)
    for block in market(scene):
        replay.enter(block)
        for instant in instants(block):
            for prices in within(block, instant) if scene.is_jumping else ():
                course.messages += replay.see(prices)
            made = replay.meet(instant)
            course.messages += made
            course.messages += world.after(instant.close_ns, made)
            heat, state = risk.state.heat, risk.state
            course.figures.append((instant.close_ns, state.nav, heat.risk, heat.holdings, state.ledger.cash))
        replay.leave()
    return course


def within(block: Block, instant: Instant) -> Iterator[Prices]:
    """The open, the low and the high of the hour that is about to close, one after the other."""
    for timeframe, row in instant.rows:
        grid, step_ns = block.grids[timeframe], timeframe_ns(timeframe) // 3
        for number, prices in enumerate((grid.open, grid.low, grid.high) if timeframe == "1h" else ()):
            time_ns = int(grid.open_ms[row]) * MS_NS + number * step_ns + MS_NS
            yield Prices(time_ns, prices[row], f"m-{row}-{number}-{time_ns}")


def plan_with(**changes: object) -> Plan:
    """Limits that let a scene trade, on a market that is known by its bars alone."""
    whole: dict[str, object] = {
        "limits": Limits(book_age_seconds=0.0), "breakers": BreakerPlan(min_adv_usdt=1e6, adv_floor_usdt=1e5),
        "phases": (PhasePlan(name="live", scale=1.0, paper=True),), "phase": "live",
    }  # fmt: skip
    return Plan(**(whole | changes))


BY_DATE = plan_with(
    phases=(
        PhasePlan(name="dry_run", scale=0.25, paper=True),
        PhasePlan(name="live", scale=1.0, paper=True, from_day=3, demote_over=0.02),
    ),
    phase="dry_run",
    ramp=RampPlan(by_date=True),
)
