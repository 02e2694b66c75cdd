"""What a backtest is asked for, checked before anything is read."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from msgspec import structs

from services.backtest.result import BookOrigin, FillMoment, MarketKind
from shared.config.model import Settings
from shared.domain.plan import Costs, Plan
from shared.domain.timeframes import DAILY, DAY_MS, timeframe_ns
from shared.domain.universe import Universe

HISTORY_DAYS = 120  # before the start: twice what a size needs, so that the seed of the ATR has faded
RESUME_AFTER_HOURS = 24.0


@dataclass(frozen=True, kw_only=True)
class BacktestOptions:
    """One run.

    store: a folder of a store, or a single recording.
    start_ms, end_ms: whole days, milliseconds since 1970; the end is not traded any more.
    pairs: only these of the universe; empty for all.
    bars: timeframe of the market that orders and stops meet, of which all others are multiples; empty for the shortest
        that a strategy has, and for days where that is longer.
    by_evidence: phases follow what the portfolio has shown, in place of the calendar.
    books: where the books come from that rules look at; without any, those rules are off.
    books_path: the folder of recorded ones.
    every_bar: show every bar to every machine, in place of those from which something may follow. The result is the
        same; it takes longer, and every size is among the messages.
    history_factor: multiplies how much history comes before the start.
    """

    settings: Settings
    store: Path
    start_ms: int
    end_ms: int
    pairs: tuple[str, ...] = ()
    bars: str = ""
    market: MarketKind = "smooth"
    fill: FillMoment = "close"
    resume_after_hours: float | None = RESUME_AFTER_HOURS
    by_evidence: bool = False
    cost_factor: float = 1.0
    books: BookOrigin = "modelled"
    books_path: Path | None = None
    history_factor: int = 1
    every_bar: bool = False
    command: str = ""

    @property
    def market_bars(self) -> str:
        """The timeframe of the market."""
        used = [strategy.timeframe for strategy in self.settings.plan.strategies]
        return self.bars or min([*used, DAILY], key=timeframe_ns)

    @property
    def timeframes(self) -> tuple[str, ...]:
        """All that bars are needed of, the longest first."""
        names = dict.fromkeys([*self.settings.plan.timeframes, self.market_bars])
        return tuple(sorted(names, key=timeframe_ns, reverse=True))

    @property
    def speed(self) -> float:
        """Market seconds in a second of the limits that count wall time: a bar is a second."""
        return timeframe_ns(self.market_bars) / 1e9

    @property
    def universe(self) -> Universe:
        """The pairs that are traded."""
        universe = self.settings.universe
        if not self.pairs:
            return universe
        return structs.replace(universe, pairs=tuple(pair for pair in universe.pairs if pair.symbol in self.pairs))

    @property
    def plan(self) -> Plan:
        """The plan as it is run: with these costs, phases and books."""
        plan = self.settings.plan
        costs = Costs(
            fee=plan.costs.fee * self.cost_factor,
            slippage_factor=plan.costs.slippage_factor * self.cost_factor,
            half_spread=plan.costs.half_spread * self.cost_factor,
        )
        ramp = structs.replace(
            plan.ramp, by_date=not self.by_evidence, automatic=True, start=plan.ramp.start or self._ramp_start
        )
        limits = plan.limits if self.books != "none" else structs.replace(plan.limits, book_age_seconds=0.0)
        return structs.replace(plan, costs=costs, ramp=ramp, limits=limits)

    @property
    def _ramp_start(self) -> str:
        """The day on which the calendar of phases began, for the phase of the settings to begin with the run.

        Empty for the first snapshot, and where phases follow the evidence.
        """
        plan = self.settings.plan
        phase = plan.phase_named(plan.phase)
        if self.by_evidence or phase is None or phase.from_day <= 1:
            return ""
        began_ms = self.start_ms - (phase.from_day - 1) * DAY_MS
        return datetime.fromtimestamp(began_ms / 1000, tz=UTC).strftime("%Y-%m-%d")

    @property
    def run_settings(self) -> Settings:
        """The settings of the machines. A backtest trades on paper, whoever executes in the stack."""
        exchange = structs.replace(self.settings.exchange, orders="paper")
        return structs.replace(self.settings, universe=self.universe, plan=self.plan, exchange=exchange)
