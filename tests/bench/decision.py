"""What one decision costs in process, by how many positions are held."""

from decimal import Decimal
from time import perf_counter

from shared.domain.risk.machine import RiskMachine
from shared.messages.base import TimePassed
from shared.messages.orders import OrderDecided
from tests.bench.market import DAY_NS, HISTORY_DAYS, book, daily_bars, listings, order, plan_of, position, universe_of
from tests.samples import T0

DECISIONS = 10_000
ROUNDS = 5


def machine_with(positions: int) -> RiskMachine:
    """A risk machine that holds so many positions."""
    universe = universe_of(max(positions, 38))
    machine = RiskMachine(
        plan_of(), universe, portfolio="main", starting_cash_usdt=float(Decimal(10_000_000)), speed=1.0
    )
    now_ns = T0 + HISTORY_DAYS * DAY_NS
    for message in (*listings(universe), *daily_bars(universe), TimePassed(id="t", time_ns=now_ns)):
        machine.handle(message)
    for symbol in universe.symbols:
        machine.handle(book(symbol, now_ns))
    for number, symbol in enumerate(universe.symbols[:positions]):
        machine.handle(position(symbol, number, now_ns))
    return machine


def microseconds_per_decision(positions: int) -> float:
    """Best of some rounds; every decision approves and reserves."""
    best = float("inf")
    for round_number in range(ROUNDS):
        machine = machine_with(positions)
        symbols = list(machine.state.heat.pairs)[:38]
        now_ns = T0 + HISTORY_DAYS * DAY_NS
        orders = [order(symbols[n % 38], f"{round_number}-{n}", now_ns) for n in range(DECISIONS)]
        started = perf_counter()
        for each in orders:
            [decided] = machine.handle(each)
        best = min(best, (perf_counter() - started) / DECISIONS * 1e6)
        assert isinstance(decided, OrderDecided)
        assert decided.verdict == "approve"
    return best


def report() -> None:
    print("one decision in process, every rule on")
    base = None
    for positions in (10, 38, 1_000):
        cost = microseconds_per_decision(positions)
        base = base or cost
        print(f"  {positions:>6} positions  {cost:7.2f} us   {cost / base:5.2f} x the first")
