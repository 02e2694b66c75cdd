"""The plan's own arithmetic (ATR, caps, heat, sectors, cash) as the gate computes it: how much can be put to work.

With a = ATR / price and w = notional / NAV: equity at risk gives w = 0.5 % / (1.2 a), capped at 5 %; utilisation is at
most min(100 % cash, sum over sectors of min(25 %, 5 % x pairs), 8 % / (1.2 a)), whole positions only.
"""

from decimal import Decimal

import pytest
from msgspec import structs

from shared.domain.bars.series import DailyHistory
from shared.domain.plan import BreakerPlan, Costs, Limits, PhasePlan, Plan, SizingPlan
from shared.domain.risk.machine import RiskMachine
from shared.domain.sizing.size import Account, size_of
from shared.domain.universe import Pair, Universe
from shared.messages.base import TimePassed
from shared.messages.market import BookSampled, MarkChanged, PairListed
from shared.messages.orders import OrderDecided, OrderProposed
from tests.domain.market_scripts import DAY, T0, days
from tests.domain.risk.risk_harness import CALM
from tests.shipped import shipped_universe

D = Decimal
NAV, PRICE = 200_000.0, 100.0
FREE = Costs(fee=0.0, slippage_factor=0.0, half_spread=0.0)
PLAN_LIMITS = Limits(orders_per_second=1_000, max_open_orders=1_000)
STEP = PairListed(id="l", time_ns=0, symbol="BTC/USDT", status="trading", price_step=D(0), quantity_step=D("0.00001"))


class Plant:
    """The plan's universe, every pair at 100 USDT with the same ATR, and every pair wanted at its full size."""

    def __init__(
        self,
        atr_pct: float,
        *,
        limits: Limits = PLAN_LIMITS,
        costs: Costs = FREE,
        universe: Universe | None = None,
        breakers: BreakerPlan = CALM,
    ) -> None:
        self.universe = universe or shipped_universe()
        self.atr_pct, self.limits = atr_pct, limits
        phases = (PhasePlan(name="live", scale=1.0),)
        plan = Plan(limits=limits, costs=costs, phases=phases, phase="live", breakers=breakers)
        self.machine = RiskMachine(plan, self.universe, portfolio="main", starting_cash_usdt=NAV, speed=1.0)
        for symbol in self.universe.symbols:
            self.machine.handle(structs.replace(STEP, symbol=symbol))
            for bar in days(60, symbol=symbol, price=PRICE, atr_pct=atr_pct, adv_usdt=1e9):
                self.machine.handle(bar)
        self.machine.handle(TimePassed(id="t", time_ns=T0))
        for symbol in self.universe.symbols:
            self.machine.handle(MarkChanged(id="m", time_ns=T0, symbol=symbol, price=PRICE))
            self.machine.handle(
                BookSampled(
                    id="b", time_ns=T0, symbol=symbol, bids=((PRICE, 1e9),), asks=((PRICE, 1e9),), size_usdt=25_000.0,
                    spread=0.0, median_spread=0.0,
                )
            )  # fmt: skip

    def size(self) -> tuple[Decimal, float]:
        """Quantity and stop price of one full position, as sizing makes them."""
        history = DailyHistory(atr_days=10, adv_days=20)
        for bar in days(60, price=PRICE, atr_pct=self.atr_pct, adv_usdt=1e9):
            history.add(bar)
        sized = size_of(
            price=PRICE, time_ns=T0, account=Account(NAV, 1.0), daily=history.latest, listed=STEP, limits=self.limits,
            sizing=SizingPlan(),
        )  # fmt: skip
        return sized.quantity, sized.stop_price

    def wanted_everywhere(self) -> list[OrderDecided]:
        """At the price: an order at the market keeps cash back for the whole collar until it is filled."""
        quantity, stop = self.size()
        decisions = []
        for number, symbol in enumerate(self.universe.symbols):
            [decided] = self.machine.handle(
                OrderProposed(
                    id=f"o-{number}", time_ns=T0, symbol=symbol, side="buy", quantity=quantity, order_type="limit",
                    limit_price=D(repr(PRICE)), stop_price=D(repr(stop)),
                )
            )  # fmt: skip
            assert isinstance(decided, OrderDecided)
            decisions.append(decided)
        return decisions

    @property
    def utilisation(self) -> float:
        return self.machine.state.heat.reserved_notional / NAV

    @property
    def heat(self) -> float:
        return self.machine.state.heat.reserved_risk / NAV


@pytest.mark.parametrize(
    ("atr_pct", "utilisation", "heat", "binding"),
    [
        (0.03, 1.00, 0.036, "gap_stress"),  # a fall of 20 % and a cap of 20 %: full together with cash, and heard first
        (0.05, 1.00, 0.060, "gap_stress"),
        (0.06, 1.00, 0.072, "gap_stress"),
        (0.07, 0.9524, 0.080, "portfolio_heat"),
        (0.08, 0.8333, 0.080, "portfolio_heat"),
        (0.10, 0.6667, 0.080, "portfolio_heat"),
    ],
)
def test_the_utilisation_that_the_limits_allow_by_atr(
    atr_pct: float, utilisation: float, heat: float, binding: str
) -> None:
    plant = Plant(atr_pct)
    decisions = plant.wanted_everywhere()
    assert plant.utilisation == pytest.approx(utilisation, abs=5e-4)
    assert plant.heat == pytest.approx(heat, abs=5e-5)
    assert plant.heat <= 0.08 * (1 + 1e-9)
    assert decisions[-1].binding == binding


@pytest.mark.parametrize(
    ("atr_pct", "whole"), [(0.06, 20), (0.0666, 20), (0.07, 19), (0.074, 18), (0.08, 16), (0.0833, 16), (0.1, 16)]
)
def test_how_many_full_positions_fit(atr_pct: float, whole: int) -> None:
    verdicts = [decided.verdict for decided in Plant(atr_pct).wanted_everywhere()]
    assert verdicts.count("approve") == whole


@pytest.mark.parametrize(("atr_pct", "binding"), [(0.0832, "pair_cap_nav"), (0.0834, "equity_at_risk")])
def test_the_pair_cap_binds_below_an_atr_of_a_twelfth(atr_pct: float, binding: str) -> None:
    plant = Plant(atr_pct)
    _, stop = plant.size()
    [decided] = plant.machine.handle(
        OrderProposed(id="o", time_ns=T0, symbol="BTC/USDT", side="buy", quantity=D(150), stop_price=D(repr(stop)))
    )
    assert isinstance(decided, OrderDecided)
    assert (decided.verdict, decided.binding) == ("trim", binding)


def test_thirty_eight_uncapped_positions_at_five_percent_would_be_nineteen_percent_heat_and_three_times_nav() -> None:
    unlimited = Limits(
        heat=1.0, pair_cap_nav=1.0, sector_cap_nav=1.0, gap_stress=1.0, max_order_usdt=1e9, max_open_orders=1_000,
        orders_per_second=1_000,
    )  # fmt: skip
    plant = Plant(0.05, limits=unlimited)
    plant.machine.state.ledger.cash = NAV
    quantity, stop = plant.size()
    assert float(quantity) * PRICE == pytest.approx(16_667, abs=1)
    count = len(plant.universe.symbols)
    assert count == 38
    assert count * float(quantity) * (PRICE - stop) / NAV == pytest.approx(0.19, abs=1e-4)
    assert count * float(quantity) * PRICE / NAV == pytest.approx(3.17, abs=0.005)
    plant.wanted_everywhere()
    assert plant.utilisation == pytest.approx(1.0, abs=1e-4)  # without any limit of the plan, cash still holds
    limited = Plant(0.05)
    limited.wanted_everywhere()
    assert limited.heat == pytest.approx(0.06, abs=1e-4)


@pytest.mark.parametrize(
    ("sectors", "utilisation"),
    [((5,), 0.25), ((4,), 0.20), ((9,), 0.25), ((5, 5), 0.50), ((5, 5, 5, 5), 1.0), ((3, 9, 1), 0.45)],
)
def test_at_least_four_sectors_are_needed_for_five_full_names_fill_one(
    sectors: tuple[int, ...], utilisation: float
) -> None:
    pairs = [
        Pair(base=f"C{sector}{n}", quote="USDT", sector=f"Sector {sector}")
        for sector, count in enumerate(sectors)
        for n in range(count)
    ]
    plant = Plant(0.05, universe=Universe(pairs=tuple(pairs)))
    plant.wanted_everywhere()
    assert plant.utilisation == pytest.approx(utilisation, abs=1e-4)


@pytest.mark.parametrize("atr_pct", [0.02, 0.05, 0.08, 0.12])
def test_the_cost_of_getting_out_only_ever_lowers_what_fits(atr_pct: float) -> None:
    free, real = Plant(atr_pct), Plant(atr_pct, costs=Costs())
    free.wanted_everywhere()
    real.wanted_everywhere()
    assert 0.85 * free.utilisation < real.utilisation < free.utilisation
    assert real.heat <= 0.08 * (1 + 1e-9)


def test_a_fall_of_a_fifth_costs_a_fifth_of_what_is_invested_and_no_more_than_the_stress_limit() -> None:
    plant = Plant(0.03, limits=structs.replace(PLAN_LIMITS, gap_stress=0.10))
    decisions = plant.wanted_everywhere()
    assert plant.utilisation == pytest.approx(0.5, abs=1e-4)  # 20 % of half of NAV is 10 %
    assert decisions[-1].binding == "gap_stress"


def test_the_days_of_this_market_are_over_when_it_opens() -> None:
    assert T0 % DAY == 0
