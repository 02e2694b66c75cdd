"""Universes and portfolios of any size, for the benchmarks."""

from decimal import Decimal

from msgspec import structs

from shared.domain.plan import Limits, PhasePlan, Plan
from shared.domain.universe import Pair, Universe
from shared.messages.base import Message
from shared.messages.market import BarClosed, BookSampled, MarkChanged, PairListed
from shared.messages.orders import OrderClosed, OrderFilled, OrderProposed
from tests.samples import T0, bar

DAY_NS = 86_400_000_000_000
HISTORY_DAYS = 70
D = Decimal
ROOMY = Limits(
    equity_at_risk=1.0,
    heat=1.0,
    pair_cap_nav=1.0,
    sector_cap_nav=1.0,
    mark_age_seconds=1e9,
    book_age_seconds=1e9,
    max_order_usdt=1e9,
    gap_stress=1.0,
    max_open_orders=1_000_000,
    orders_per_second=1_000_000,
    repeats_per_minute=1_000_000,
)


def universe_of(pairs: int) -> Universe:
    return Universe(pairs=tuple(Pair(base=f"C{n:04d}", quote="USDT", sector=f"Sector {n % 7}") for n in range(pairs)))


def plan_of(limits: Limits = ROOMY) -> Plan:
    return Plan(limits=limits, phases=(PhasePlan(name="live", scale=1.0, paper=True),), phase="live")


def listings(universe: Universe) -> list[Message]:
    step = D("0.0001")
    return [
        PairListed(id=f"listed-{symbol}", time_ns=T0, symbol=symbol, status="trading", quantity_step=step)
        for symbol in universe.symbols
    ]


def daily_bars(universe: Universe, days: int = HISTORY_DAYS, last: int | None = None) -> list[BarClosed]:
    """A quiet history that ends at ``T0 + days``; only its ``last`` days if so wished."""
    return [
        structs.replace(
            bar(symbol, timeframe="1d", hour=24 * day, close=100.0 + day % 5 + n % 7), quote_volume=50_000_000.0
        )
        for day in range(days - (last or days), days)
        for n, symbol in enumerate(universe.symbols)
    ]


def position(symbol: str, number: int, time_ns: int) -> OrderFilled:
    return OrderFilled(
        id=f"f-{number}", time_ns=time_ns, order_id=f"held-{number}", trade_id=f"t-{number}", symbol=symbol, side="buy",
        quantity=D("0.5"), price=D(100), fee_usdt=D("0.05"), stop_price=D(90),
    )  # fmt: skip


def order(symbol: str, number: int | str, time_ns: int) -> OrderProposed:
    return OrderProposed(
        id=f"o-{number}", time_ns=time_ns, symbol=symbol, side="buy", quantity=D("0.01"), stop_price=D(95)
    )  # fmt: skip


def closed(proposed: OrderProposed) -> OrderClosed:
    """Nothing came of an order."""
    return OrderClosed(
        id=f"closed-{proposed.id}", time_ns=proposed.time_ns, order_id=proposed.id, symbol=proposed.symbol,
        ending="cancelled", quantity_filled=D(0),
    )  # fmt: skip


def book(symbol: str, time_ns: int, mark: float = 100.0) -> BookSampled:
    """Twenty levels a side, a basis point apart, deep enough for anything."""
    levels = range(1, 21)
    return BookSampled(
        id=f"book-{symbol}", time_ns=time_ns, symbol=symbol, size_usdt=25_000.0, spread=0.0004, median_spread=0.0004,
        bids=tuple((mark * (1 - n / 1e4), 1e6) for n in levels),
        asks=tuple((mark * (1 + n / 1e4), 1e6) for n in levels), samples=60,
    )  # fmt: skip


def mark(symbol: str, time_ns: int, price: float = 100.0) -> MarkChanged:
    return MarkChanged(id=f"mark-{symbol}", time_ns=time_ns, symbol=symbol, price=price)
