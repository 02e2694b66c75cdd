"""The plan's numbers as frozen structs. The shipped configuration holds the same defaults."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

Fraction = Annotated[float, Meta(gt=0, le=1)]
Positive = Annotated[float, Meta(gt=0)]
NonNegative = Annotated[float, Meta(ge=0)]
Count = Annotated[int, Meta(ge=1)]
Orders = Annotated[int, Meta(ge=1, le=1_000_000)]  # more is no limit, and no memory holds it
Minutes = Annotated[float, Meta(gt=0, le=525_600)]  # a year; more is no window, and no time stamp holds it
UpToADay = Annotated[float, Meta(gt=0, le=86_400)]  # seconds


class Limits(Struct, frozen=True, kw_only=True):
    """What the risk service holds every order to. Fractions are of NAV unless said otherwise.

    equity_at_risk: per trade, before the phase's scale. heat: open plus reserved risk. pair_cap_nav, sector_cap_nav:
    notional. pair_cap_adv: notional as a fraction of ADV. drawdown: from the high-water mark. mark_age_seconds: wall
    seconds after which a mark is stale; bar_age_seconds: after which a bar is history, if that is more than its
    timeframe; nav_age_seconds: after which the mark of something that is held makes NAV stale; ledger_age_seconds:
    after which execution's silence about an approved order makes the ledger unknown. atr_floor: smallest ATR / price
    that a size is computed with.
    max_order_usdt: notional of one order. price_collar: how far from the mark an order may trade, of the mark.
    book_age_seconds: wall seconds after which a book sample is stale; 0 switches the rules off that need a book.
    spread_median: largest median spread at size; spread_multiple: of that median, for the spread right now.
    gap_shock: a fall of every pair at once; gap_stress: the loss it may make. max_open_orders: unfinished at once.
    orders_per_second: approvals in a wall second; repeats_per_minute: of one strategy in one pair, in a wall minute.
    """

    equity_at_risk: Fraction = 0.005
    heat: Fraction = 0.08
    pair_cap_nav: Fraction = 0.05
    pair_cap_adv: Fraction = 0.20
    sector_cap_nav: Fraction = 0.25
    drawdown: Fraction = 0.15
    mark_age_seconds: Positive = 5.0
    bar_age_seconds: Positive = 10.0
    nav_age_seconds: Positive = 30.0
    ledger_age_seconds: Positive = 30.0
    atr_floor: NonNegative = 0.01
    max_order_usdt: Positive = 25_000.0
    price_collar: Fraction = 0.02
    book_age_seconds: NonNegative = 120.0
    spread_median: Positive = 0.002
    spread_multiple: Positive = 3.0
    gap_shock: Fraction = 0.20
    gap_stress: Fraction = 0.20
    max_open_orders: Orders = 40
    orders_per_second: Orders = 50
    repeats_per_minute: Orders = 20


Breaker = Literal["gap", "market_shock", "heat", "drawdown", "day_loss", "feed", "exchange_status", "liquidity"]


class BreakerPlan(Struct, frozen=True, kw_only=True):
    """When trading halts by itself. Fractions; minutes and days are market time.

    off: breakers that are switched off. cool_down_minutes: how long a pair halts after a gap. gap_atr: a bar opens
    further than so many daily ATRs from the last close. mark_jump: between two marks. stop_slip: a stop filled below
    its price by more than so many times the expected slippage was fallen through.
    shock_pair moves by more than shock_move within shock_minutes, or shock_gaps pairs gap within shock_gap_minutes: the
    whole portfolio only reduces. heat_clear: of the heat limit, at or under which a halt for heat ends. reduce_heat:
    sell the hottest positions until heat is under its limit again.
    drawdown_warning: from the high-water mark; the halt itself is at ``limits.drawdown``. day_loss: of NAV at UTC
    midnight. min_adv_usdt: a pair below it only reduces; so does one whose spread at size was over
    ``limits.spread_median`` for spread_samples samples on end.
    resume_seconds: wall seconds in which the second step of a resume must follow the first.
    """

    off: tuple[Breaker, ...] = ()
    cool_down_minutes: Minutes = 60.0
    gap_atr: Positive = 1.0
    mark_jump: Positive = 0.08
    stop_slip: Positive = 2.0
    shock_pair: str = "BTC/USDT"
    shock_move: Positive = 0.06
    shock_minutes: Minutes = 15.0
    shock_gaps: Count = 5
    shock_gap_minutes: Minutes = 10.0
    heat_clear: Fraction = 0.98
    reduce_heat: bool = False
    drawdown_warning: Fraction = 0.10
    day_loss: Fraction = 0.05
    min_adv_usdt: NonNegative = 40_000_000.0
    spread_samples: Count = 5
    resume_seconds: UpToADay = 60.0


class Costs(Struct, frozen=True, kw_only=True):
    """What a trade costs: fee as a fraction of notional; slippage by half spread plus the square-root law.

    slippage_factor: Y in half_spread + Y x sigma_day x sqrt(order / ADV). half_spread: used where there is no book.
    """

    fee: NonNegative = 0.001
    slippage_factor: NonNegative = 1.0
    half_spread: NonNegative = 0.0005


class SizingPlan(Struct, frozen=True, kw_only=True):
    """ATR sizing. atr_days: completed UTC days; stop_atr: stop distance in ATRs; adv_days: days in the mean.

    min_history_days: daily bars needed before a size is given. rebalance_band: smallest change worth an order, as a
    fraction of the full size.
    """

    atr_days: Count = 10
    stop_atr: Positive = 1.2
    adv_days: Count = 20
    min_history_days: Count = 60
    rebalance_band: NonNegative = 0.2


class PhasePlan(Struct, frozen=True, kw_only=True):
    """One phase of the ramp. scale multiplies the equity at risk; paper: orders go to the paper exchange.

    from_day: of the ramp, from 1: on which the phase begins at the earliest. What the phase before must have shown:
    drawdown_below: its worst drawdown (1: anything); sharpe_above: its Sharpe ratio (0: anything); reviews: signed risk
    reviews. demote_over: drawdown from the high-water mark since the phase began, beyond which the phase before it
    comes back (1: never).
    """

    name: str
    scale: Positive
    paper: bool = False
    from_day: Count = 1
    drawdown_below: Fraction = 1.0
    sharpe_above: NonNegative = 0.0
    reviews: Annotated[int, Meta(ge=0)] = 0
    demote_over: Fraction = 1.0


class RampPlan(Struct, frozen=True, kw_only=True):
    """How phases follow each other. automatic: a promotion that the evidence allows needs no operator.

    rehearsal: a phase may run on an exchange that it is not meant for, paper or real; shown wherever the phase is.
    by_date: phases follow the calendar from ``start`` (ISO date; empty: the first snapshot), whatever the evidence
    says; for backtests.
    """

    automatic: bool = False
    rehearsal: bool = False
    by_date: bool = False
    start: str = ""


class StrategyPlan(Struct, frozen=True, kw_only=True):
    """One built-in strategy: its kind in the registry, where it listens, its share in the blend, and its numbers."""

    name: str
    kind: str
    timeframe: str
    weight: Fraction
    parameters: dict[str, float] = {}


class Plan(Struct, frozen=True, kw_only=True):
    """Everything the machines are built from. shadow: limits that are evaluated beside the live ones and never act."""

    limits: Limits = Limits()
    shadow: Limits | None = None
    breakers: BreakerPlan = BreakerPlan()
    costs: Costs = Costs()
    sizing: SizingPlan = SizingPlan()
    phases: tuple[PhasePlan, ...] = (
        PhasePlan(name="dry_run", scale=0.25, paper=True),
        PhasePlan(name="live", scale=1.0, from_day=15, demote_over=0.10),
        PhasePlan(name="scaled", scale=2.0, from_day=60, drawdown_below=0.05, sharpe_above=1.0, demote_over=0.05),
    )
    phase: str = "dry_run"
    ramp: RampPlan = RampPlan()
    strategies: tuple[StrategyPlan, ...] = (
        StrategyPlan(
            name="donchian", kind="donchian", timeframe="1h", weight=0.5, parameters={"entry": 20, "exit": 10}
        ),
        StrategyPlan(
            name="momentum", kind="momentum", timeframe="15m", weight=0.5, parameters={"fast": 20, "slow": 80}
        ),
    )

    @property
    def timeframes(self) -> tuple[str, ...]:
        """Every timeframe in use, the daily one included, each once, in order of first use."""
        return tuple(dict.fromkeys([*(strategy.timeframe for strategy in self.strategies), "1d"]))

    @property
    def scale(self) -> float:
        """The scale of the phase in force."""
        return next(phase.scale for phase in self.phases if phase.name == self.phase)
