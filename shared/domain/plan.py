"""The plan's numbers as frozen structs. The shipped configuration holds the same defaults."""

from typing import Annotated, Literal, get_args

from msgspec import Meta, Struct

from shared.domain.timeframes import DAILY, iso_ns, timeframe_ns
from shared.messages.base import Name, Symbol

Fraction = Annotated[float, Meta(gt=0, le=1)]
MOST = 1e12  # of anything: more is no limit, and what is computed with it passes what numbers and time stamps hold
Positive = Annotated[float, Meta(gt=0, le=MOST)]
AtLeastOne = Annotated[float, Meta(ge=1, le=MOST)]
NonNegative = Annotated[float, Meta(ge=0, le=MOST)]
Count = Annotated[int, Meta(ge=1, le=1_000_000)]
Orders = Count  # more is no limit, and no memory holds it
Minutes = Annotated[float, Meta(ge=0.001, le=525_600)]  # to a year; less or more is no window of time stamps
UpToADay = Annotated[float, Meta(ge=0.001, le=86_400)]  # seconds


class Limits(Struct, frozen=True, kw_only=True):
    """What the risk service holds every order to. Fractions are of NAV unless it says otherwise.

    equity_at_risk: that one trade may lose at its stop, before the phase's scale.
    heat: open plus reserved risk of the portfolio.
    pair_cap_nav: notional of one pair.
    pair_cap_adv: notional of one pair, as a fraction of its average daily volume.
    sector_cap_nav: notional of one sector.
    drawdown: from the highest NAV since the last resume after a drawdown.
    mark_age_seconds: wall seconds after which a mark is stale.
    bar_age_seconds: wall seconds after which a bar is history, if that is more than its timeframe.
    nav_age_seconds: wall seconds after which the mark of something that is held makes NAV stale.
    unpriced_seconds: wall seconds without a price after which a position is worth 0, and all it was worth at risk.
    ledger_age_seconds: wall seconds within which execution has to acknowledge an approved order.
    atr_floor: smallest ATR / price that a size is computed with.
    max_order_usdt: notional of one order.
    price_collar: how far from the mark an order may trade, as a fraction of the mark.
    book_age_seconds: wall seconds after which a book sample is stale; 0 switches the rules off that need a book.
    spread_median: largest median spread at size, as a fraction of the price.
    spread_multiple: of that median, for the spread right now.
    gap_shock: how far every pair is imagined to fall at once, as a fraction of its price.
    gap_stress: the loss that this may make.
    max_open_orders: approved and not finished, at once.
    orders_per_second: approvals in a wall second.
    repeats_per_minute: approvals of one strategy in one pair, in a wall minute.
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
    unpriced_seconds: Positive = 600.0


# In the order of ``BREAKERS`` in ``shared/domain/risk/breakers/registry.py``.
BreakerName = Literal["gap", "market_shock", "heat", "drawdown", "day_loss", "feed", "exchange_status", "liquidity"]


class BreakerPlan(Struct, frozen=True, kw_only=True):
    """When trading halts by itself. Minutes and days are market time.

    off: breakers that are switched off.
    cool_down_minutes: how long a pair halts after a gap.
    gap_atr: a bar that opens further than so many daily ATRs from the last close is a gap.
    mark_jump: so is a move between two marks that is larger than this fraction of the price.
    stop_slip: a stop that fills below its price by more than so many times the expected slippage was fallen through.
    shock_pair, shock_move, shock_minutes: a move of this pair by more than this fraction within so many minutes is a
        shock, after which the whole portfolio only reduces.
    shock_gaps, shock_gap_minutes: so are gaps of so many pairs within so many minutes.
    heat_clear: fraction of the heat limit, at or under which a halt for heat ends.
    reduce_heat: whether to sell the hottest positions until heat is under its limit again.
    drawdown_warning: fraction of the peak of NAV; the halt itself comes at ``limits.drawdown``.
    day_loss: fraction of NAV at UTC midnight.
    min_adv_usdt: the criterion by which pairs are chosen: one with less average daily volume is warned about.
    adv_floor_usdt: a pair with less than this only reduces; never more than the criterion.
    adv_clear: times that floor, the volume at which it is free again.
    spread_samples: so does one whose spread at size was over ``limits.spread_median`` for so many samples in a row.
    resume_seconds: wall seconds within which the second step of a resume must follow the first.
    """

    off: tuple[BreakerName, ...] = ()
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
    adv_floor_usdt: NonNegative = 2_000_000.0
    adv_clear: AtLeastOne = 1.25
    spread_samples: Count = 5
    resume_seconds: UpToADay = 60.0


class Costs(Struct, frozen=True, kw_only=True):
    """What a trade costs.

    fee: fraction of notional.
    slippage_factor: Y of the square-root law, half_spread + Y x sigma_day x sqrt(order / ADV).
    half_spread: fraction of the price, used where there is no book.
    """

    fee: NonNegative = 0.001
    slippage_factor: NonNegative = 1.0
    half_spread: NonNegative = 0.0005


class SizingPlan(Struct, frozen=True, kw_only=True):
    """How sizes are computed from the average true range.

    atr_days: completed UTC days in the average.
    stop_atr: distance of the stop, in ATRs.
    adv_days: days in the mean of daily volume.
    min_history_days: daily bars that are needed before a size is given.
    rebalance_band: smallest change that is worth an order, as a fraction of the full size.
    """

    atr_days: Count = 10
    stop_atr: Positive = 1.2
    adv_days: Count = 20
    min_history_days: Count = 60
    rebalance_band: NonNegative = 0.2


class PhasePlan(Struct, frozen=True, kw_only=True):
    """One phase of the ramp.

    name: any; commands use it.
    scale: multiplies the equity at risk.
    paper: whether orders go to the paper exchange.
    from_day: day of the ramp, from 1, on which the phase begins at the earliest.
    drawdown_below: the worst drawdown that the phase before may have shown; 1 for any.
    sharpe_above: the Sharpe ratio that the phase before must have shown; 0 for any.
    reviews: risk reviews that must have been signed in the phase before.
    demote_over: drawdown since the phase began, beyond which the phase before it comes back; 1 for never.
    """

    name: str
    scale: Positive
    paper: bool = False
    from_day: Count = 1
    drawdown_below: Fraction = 1.0
    sharpe_above: NonNegative = 0.0
    reviews: Annotated[int, Meta(ge=0, le=1_000)] = 0
    demote_over: Fraction = 1.0


class RampPlan(Struct, frozen=True, kw_only=True):
    """How phases follow each other.

    automatic: a promotion that the evidence allows needs no operator.
    rehearsal: a phase may run on an exchange that it is not meant for, paper or real; shown wherever the phase is.
    by_date: phases follow the calendar, whatever the evidence says; for backtests.
    start: ISO date on which that calendar begins; empty for the first snapshot.
    """

    automatic: bool = False
    rehearsal: bool = False
    by_date: bool = False
    start: str = ""

    @property
    def start_ns(self) -> int:
        """When that calendar begins, in nanoseconds since 1970; 0 for the first snapshot. Raises ``ValueError``."""
        return iso_ns(self.start) if self.start else 0


class StrategyTable(Struct, frozen=True, kw_only=True):
    """One strategy, as ``strategies.toml`` has it.

    name: under which it raises signals.
    kind: its row in the registry of strategies; ``file`` for a file of one's own.
    timeframe: of the bars that it sees.
    weight: its share in the blend.
    parameters: its numbers, by name.
    file: of kind ``file``, the path of its Python file; relative to the folder of the configuration.
    class_name: of kind ``file``, the class in that file.
    """

    name: str
    kind: str
    timeframe: str
    weight: Fraction
    parameters: dict[str, float] = {}
    file: str = ""
    class_name: str = ""


class StrategyPlan(StrategyTable, frozen=True, kw_only=True):
    """One strategy, with the code that it runs.

    source: the text of its file as it was read, once; empty for a built-in kind. This text is what runs, so that no
        host that begins anew and no process of a sweep finds an edited file, and a digest says what ran.
    """

    source: str = ""


# What a client can send. Of orders, cancels and stops the gate asks; of the others the rights of the client's user.
Sendable = Literal["orders", "cancels", "stops", "signals", "reports", "questions"]
SENDABLE: tuple[Sendable, ...] = get_args(Sendable)


class ClientPlan(Struct, frozen=True, kw_only=True):
    """What one client may do, and which part of the limits is its own.

    may: what it may send.
    strategies: under which it may propose; empty for any.
    pairs: that it may trade; empty for all.
    heat: open plus reserved risk of what it bought, as a fraction of NAV.
    orders_per_second: approvals in a wall second.
    open_orders: approved and not finished, at once.
    Of the last three, 0 stands for an equal part of what no client has named.
    signed: whether it has to sign what it proposes, with its key in the folder ``signing.keys``.
    signed_reports: whether it has to sign what it reports, with the same key.
    """

    may: tuple[Sendable, ...] = SENDABLE
    strategies: tuple[Name, ...] = ()
    pairs: tuple[Symbol, ...] = ()
    heat: Annotated[float, Meta(ge=0, le=1)] = 0.0
    orders_per_second: Annotated[int, Meta(ge=0, le=1_000_000)] = 0
    open_orders: Annotated[int, Meta(ge=0, le=1_000_000)] = 0
    signed: bool = False
    signed_reports: bool = False


class Plan(Struct, frozen=True, kw_only=True):
    """Everything that the machines are built from.

    shadow: limits that are evaluated beside the live ones and never act; None for none.
    phase: the one that a new portfolio begins in.
    clients: what each client may, by its name; empty where none has bounds.
    """

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
    clients: dict[str, ClientPlan] = {}

    @property
    def timeframes(self) -> tuple[str, ...]:
        """Every timeframe in use, the daily one included, each once, the longest first: what others build on."""
        used = dict.fromkeys([DAILY, *(strategy.timeframe for strategy in self.strategies)])
        return tuple(sorted(used, key=timeframe_ns, reverse=True))

    @property
    def signed_clients(self) -> frozenset[str]:
        """Those that have to sign what they propose."""
        return frozenset(name for name, client in self.clients.items() if client.signed)

    @property
    def signed_reporters(self) -> frozenset[str]:
        """Those that have to sign what they report."""
        return frozenset(name for name, client in self.clients.items() if client.signed_reports)

    @property
    def scale(self) -> float:
        """The scale of the phase that a new portfolio begins in."""
        return next(phase.scale for phase in self.phases if phase.name == self.phase)

    def phase_named(self, name: str) -> PhasePlan | None:
        """The phase of that name; None when the ramp has none."""
        return next((phase for phase in self.phases if phase.name == name), None)

    def phase_after(self, name: str) -> PhasePlan | None:
        """The phase that follows on the ramp; None after the last one."""
        return self._phase_beside(name, 1)

    def phase_before(self, name: str) -> PhasePlan | None:
        """The phase that comes before it on the ramp; None before the first one."""
        return self._phase_beside(name, -1)

    def _phase_beside(self, name: str, step: int) -> PhasePlan | None:
        names = [phase.name for phase in self.phases]
        place = names.index(name) + step if name in names else -1
        return self.phases[place] if 0 <= place < len(names) else None
