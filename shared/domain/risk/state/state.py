"""What the parts of the risk machine share: the portfolio, the market as it is known, and the limits in force."""

import math
from decimal import Decimal
from operator import attrgetter

from msgspec import Struct, structs

from shared.domain.active_limits import ActiveLimits, active_limits
from shared.domain.bars.series import DailyHistory
from shared.domain.liquidity import square_root_slippage
from shared.domain.machine import Records, ReservationCheck
from shared.domain.numbers import ZERO
from shared.domain.plan import Limits, Plan
from shared.domain.portfolio.heat import Heat, PairHeat
from shared.domain.portfolio.ledger import LEDGER_RECORDS, Ledger
from shared.domain.risk.state.active_phase import ActivePhase
from shared.domain.risk.state.effective_limits import EffectiveLimits
from shared.domain.risk.state.finished import FINISHED_RECORDS, Finished
from shared.domain.risk.state.halts import HALT_RECORDS, Halts
from shared.domain.risk.state.loss_baselines import BASELINE_RECORDS, BASELINES, LossBaselines
from shared.domain.risk.state.order_book import OrderBook
from shared.domain.risk.state.owners import OWNER_RECORDS, Owners
from shared.domain.risk.state.reservations import ORDER, OpenOrder, Reservations
from shared.domain.timeframes import SECOND_NS
from shared.domain.universe import Universe
from shared.messages.market import BarClosed, PairListed

LIMITS, PHASE, UNPRICED = "limits", "phase", "unpriced"
# Wall time within which the fill of a stop is heard; after that its position counts as any other.
STOP_FILL_SECONDS = 5.0
OUTSIDE = "outside the universe"  # the sector of what is held although it is not in the universe any more


class Unpriced(Struct, frozen=True):
    """A pair that is held and has no price.

    since_ns: market time of its last price, or at which it was missed first.
    price: the last one, USDT per unit (what was paid, where there was none); 0 while the gate still waits for one.
    """

    since_ns: int
    price: float = 0.0


STATE_RECORDS: dict[str, type[Struct]] = {
    **LEDGER_RECORDS,
    **HALT_RECORDS,
    **BASELINE_RECORDS,
    **FINISHED_RECORDS,
    **OWNER_RECORDS,
    ORDER: OpenOrder,
    LIMITS: ActiveLimits,
    PHASE: ActivePhase,
    UNPRICED: Unpriced,
}


class RiskState:
    """One portfolio: what is held and on order, what is known of the market, and the limits and phase in force.

    now_ns: market time.
    speed: market seconds in a wall second; every age limit stretches by it.
    effective: the limits as orders are held to them.
    oldest_held: of the pairs that are held, the one that was marked longest ago.
    outside: pairs that are held or on order and not in the universe (any more).
    reservation_checks: reservation steps for the store's own check.
    paper: whether orders go to the paper exchange; None where nobody asks.
    client_orders: whether clients execute approved orders, and report.
    """

    def __init__(
        self,
        plan: Plan,
        universe: Universe,
        *,
        portfolio: str,
        starting_cash_usdt: float,
        speed: float,
        records: Records,
    ) -> None:
        self.plan, self.universe, self.portfolio, self.speed = plan, universe, portfolio, speed
        self.ns_per_second = speed * SECOND_NS  # market time in a second of wall time
        self.records = records
        self.ledger = Ledger(records, Decimal(str(starting_cash_usdt)))
        self.halts = Halts(records)
        self.finished = Finished(records, universe)
        self.listings: dict[str, PairListed] = {}
        self.daily: dict[str, DailyHistory] = {}
        self.books: dict[str, OrderBook] = {}
        self.reservation_checks: list[ReservationCheck] = []
        self.now_ns = 0
        self.paper: bool | None = None
        self.client_orders = False
        self.take_over()

    def take_over(self) -> None:
        """Begin from the records: totals, limits and phase as they say."""
        self.ledger.reload()
        self._take_over_limits()
        self._take_over_phase()
        self.heat = Heat()
        self.oldest_held: PairHeat | None = None
        self.outside: set[str] = set()
        self.reservations = Reservations(self.records, self.heat)
        self.owners = Owners(self.records, self.heat)
        rate = self.plan.costs.fee + self.plan.costs.half_spread
        for pair in self.universe.pairs:
            named = [self.heat.add_pair(name, pair.sector, rate) for name in self.universe.names_of(pair.symbol)]
            for each in named:
                each.others = tuple(other for other in named if other is not each)
        held = {position.symbol for position in self.ledger.positions()}
        for symbol in sorted(held | {order.symbol for _, order in self.records.rows(ORDER, OpenOrder)}):
            if symbol not in self.heat.pairs:
                self._add_outside(symbol)
            self.follow_position(symbol)
        for symbol, unpriced in self.records.rows(UNPRICED, Unpriced):
            if (priceless := self.heat.pair(symbol)) is not None and priceless.quantity:
                self.heat.set_unpriced(priceless, unpriced.price)
        self.reservations.rebuild()
        self.loss_baselines = self.records.get(BASELINES, "", LossBaselines) or LossBaselines()
        self._learn_all_costs()
        self.halts.rebuild()
        self.reservation_checks.clear()

    # --- limits and phase in force --------------------------------------------------------------------------------

    def _take_over_limits(self) -> None:
        limits = active_limits(self.records.get(LIMITS, "", ActiveLimits), self.plan.limits)
        self.effective = EffectiveLimits(limits, self.plan, self.speed)

    def _take_over_phase(self) -> None:
        """Which phase is in force comes from the records; what it means comes from the plan."""
        phase = self.records.get(PHASE, "", ActivePhase) or ActivePhase(name=self.plan.phase, scale=self.plan.scale)
        planned = self.plan.phase_named(phase.name)
        self.use_phase(structs.replace(phase, scale=planned.scale) if planned is not None else phase)

    def use_limits(self, limits: Limits) -> None:
        """Hold every order to these limits from here on. This does not store them."""
        self.effective = EffectiveLimits(limits, self.plan, self.speed, before=self.effective)
        self._learn_all_costs()

    def use_phase(self, phase: ActivePhase) -> None:
        """Let this phase be in force from here on. This does not store it."""
        self.phase = phase
        self.phase_shown = f"{phase.name} (rehearsal)" if self.rehearsal else phase.name

    @property
    def limits(self) -> Limits:
        """The limits in force."""
        return self.effective.limits

    @property
    def rehearsal(self) -> bool:
        """Whether phases may run on an exchange that they are not meant for."""
        return self.plan.ramp.rehearsal

    def market_ns(self, wall_seconds: float) -> float:
        """A length of wall time in market time."""
        return wall_seconds * self.ns_per_second

    # --- figures --------------------------------------------------------------------------------------------------

    def stops_hit(self) -> dict[str, float]:
        """Open risk, USDT, by symbol, of positions whose stop was hit just now and whose fill is not heard yet."""
        return self.heat.stops_hit(self.now_ns, self.market_ns(STOP_FILL_SECONDS))

    @property
    def nav(self) -> float:
        """NAV in USDT; NaN while the value of a held pair is unknown."""
        return math.nan if self.heat.unmarked else self.ledger.cash + self.heat.holdings

    def move_loss_baselines(self, **changes: object) -> None:
        """Change what losses are measured from: fields of ``LossBaselines``."""
        before = self.loss_baselines.peak_nav_since_resume
        self.loss_baselines = structs.replace(self.loss_baselines, **changes)
        self.records.put(BASELINES, "", self.loss_baselines)
        if self.loss_baselines.peak_nav_since_resume < before:
            self._learn_all_costs()

    def _add_outside(self, symbol: str) -> PairHeat:
        """Take in a pair that is not in the universe (any more).

        What is held of it is at risk all the same. Nobody follows its price, so nobody knows what it is worth, and the
        gate stays closed until it counts for nothing (``risk/unpriced.py``).
        """
        self.outside.add(symbol)
        return self.heat.add_pair(symbol, OUTSIDE, self.plan.costs.fee + self.plan.costs.half_spread)

    def advance_clock(self, now_ns: int) -> bool:
        """Move the clock on; says whether it had run ahead and has stepped back."""
        ran_ahead = now_ns < self.now_ns - self.effective.mark_age_ns
        self.now_ns = now_ns if ran_ahead else max(self.now_ns, now_ns)
        return ran_ahead

    def note_oldest_held(self) -> None:
        """Find which of the pairs that are held was marked longest ago.

        This is done about once a second and not at every mark, so the next oldest is seen that much later when the
        oldest gets a new mark.
        """
        marked = [pair for pair in self.heat.positions() if pair.mark and pair.needs_price]
        ahead = (pair for pair in marked if self._is_of_unknown_age(pair))
        self.oldest_held = next(ahead, None) or min(marked, key=attrgetter("mark_time_ns"), default=None)

    def revalue(self, symbol: str, price: float, time_ns: int) -> bool:
        """Take a price that is newer than the one at hand; says whether it was."""
        pair = self.heat.pair(symbol)
        if pair is None or symbol in self.outside:
            return False
        if time_ns <= pair.mark_time_ns and not self.is_in_the_future(pair.mark_time_ns):
            return False
        self.heat.set_mark(pair, price, time_ns)
        self._compare_with_oldest(pair)
        return True

    def _compare_with_oldest(self, pair: PairHeat) -> None:
        """A pair was marked, bought or sold, so it may be the oldest now, or not be held any more."""
        oldest = self.oldest_held
        if not pair.needs_price:
            if pair is oldest:
                self.note_oldest_held()
        elif pair.mark and (oldest is None or self._is_older(pair, oldest)):
            self.oldest_held = pair

    def fresh_mark(self, pair: PairHeat | None) -> float:
        """The pair's mark, USDT per unit; 0 where it is missing or too old to go by."""
        if pair is None or abs(self.now_ns - pair.mark_time_ns) > self.effective.mark_age_ns:
            return 0.0
        return pair.mark

    def _is_older(self, pair: PairHeat, oldest: PairHeat) -> bool:
        return pair.mark_time_ns < oldest.mark_time_ns and not self._is_of_unknown_age(oldest)

    def _is_of_unknown_age(self, pair: PairHeat) -> bool:
        """Whether a pair was marked at a time to come, when a clock was wrong: that counts as older than any."""
        return 0 < self.now_ns < pair.mark_time_ns - self.market_ns(self.limits.nav_age_seconds)

    def is_in_the_future(self, time_ns: int) -> bool:
        """Whether a time is beyond the clock. What was seen then must not keep out what comes later."""
        return 0 < self.now_ns < time_ns - self.effective.mark_age_ns

    def follow_position(self, symbol: str) -> None:
        """Take a position's quantity and stop into the totals."""
        pair, position = self.heat.pair(symbol), self.ledger.position(symbol)
        if pair is None and position is not None:  # bought by somebody else
            pair = self._add_outside(symbol)
        self.owners.mirror(symbol, is_held=position is not None)
        if pair is not None:
            self.heat.set_position(pair, position.quantity if position else ZERO, position.stop if position else None)
            self._compare_with_oldest(pair)

    def history(self, symbol: str) -> DailyHistory:
        """The pair's daily figures, begun when there are none yet."""
        found = self.daily.get(symbol)
        if found is None:
            sizing = self.plan.sizing
            found = self.daily[symbol] = DailyHistory(atr_days=sizing.atr_days, adv_days=sizing.adv_days)
        return found

    def add_day(self, bar: BarClosed) -> bool:
        """One more day of a pair, under every name it has: a rename ends no market. False when it is not newer."""
        added = self.history(bar.symbol).add(bar)
        pair, rename = self.heat.pair(bar.symbol), self.universe.rename_of(bar.symbol)
        if pair is None or rename is None:
            return added
        for other in pair.others:
            is_old = bar.symbol.partition("/")[0] == rename.old
            ratio = float(rename.ratio)
            if self.history(other.symbol).add(bar, ratio if is_old else 1.0 / ratio):
                self.learn_costs(other.symbol)
        return added

    def _learn_all_costs(self) -> None:
        """The cost of getting out is that of a full position, and that follows limits and NAV."""
        for symbol in self.daily:
            self.learn_costs(symbol)

    def learn_costs(self, symbol: str) -> None:
        """Estimate what getting out of a pair costs: the fee, half the spread, and the slippage of a full position."""
        pair, daily, costs = self.heat.pair(symbol), self.daily[symbol].latest, self.plan.costs
        if pair is None or not daily.adv_usdt or daily.sigma_day is None:
            return
        # Of the highest NAV, for the present one is not known yet when this is called after a restart. Not of all time:
        # a NAV that one false price made must not make all dear for ever, and who resumes has looked at it.
        full_usdt = self.limits.pair_cap_nav * max(self.loss_baselines.peak_nav_since_resume, self.ledger.cash)
        slippage = square_root_slippage(
            full_usdt, factor=costs.slippage_factor, sigma_day=daily.sigma_day, adv_usdt=daily.adv_usdt
        )
        self.heat.set_exit_rate(pair, costs.fee + costs.half_spread + slippage)
