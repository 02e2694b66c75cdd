"""What one decision costs in process, by how many positions are held, beside NautilusTrader in the same run."""

from statistics import median
from time import perf_counter

from shared.domain.risk.machine import RiskMachine
from shared.messages.base import TimePassed
from shared.messages.orders import OrderDecided
from tests.bench.market import (
    DAY_NS,
    HISTORY_DAYS,
    book,
    closed,
    daily_bars,
    listings,
    order,
    plan_of,
    position,
    universe_of,
)
from tests.bench.yardstick import Nautilus, nautilus
from tests.domain.risk.approvals import take
from tests.samples import T0

POSITIONS = (10, 38, 1_000, 10_000)
DECISIONS, ROUNDS = 5_000, 7
NOW_NS = T0 + HISTORY_DAYS * DAY_NS
DAYS_NEEDED = 25  # of history: a bench of 10,000 pairs need not wait for all 70


class Gate:
    """A risk machine that holds so many positions, and is asked for rounds of decisions."""

    def __init__(self, positions: int) -> None:
        universe = universe_of(max(positions, 38))
        self.machine = RiskMachine(plan_of(), universe, portfolio="main", starting_cash_usdt=10_000_000.0, speed=1.0)
        for message in (
            *listings(universe),
            *daily_bars(universe, last=DAYS_NEEDED),
            TimePassed(id="t", time_ns=NOW_NS),
        ):
            self.machine.handle(message)
        for symbol in universe.symbols:
            self.machine.handle(book(symbol, NOW_NS))
        for number, symbol in enumerate(universe.symbols[:positions]):
            take(self.machine, position(symbol, number, NOW_NS))
        self.symbols = universe.symbols[:38]
        self.count = 0

    def microseconds(self, orders: int) -> float:
        """Every decision approves and reserves. The orders end in rounds of 38, untimed: a portfolio has tens of open
        orders, not thousands. What a host would store is drained as it does.
        """
        took = 0.0
        for _ in range(orders // len(self.symbols)):
            proposals = [order(symbol, f"{self.count}-{symbol[:5]}", NOW_NS) for symbol in self.symbols]
            self.count += 1
            handle = self.machine.handle
            started = perf_counter()
            for each in proposals:
                [decided] = handle(each)
            took += perf_counter() - started
            assert isinstance(decided, OrderDecided)
            assert decided.verdict == "approve"
            for each in proposals:
                handle(closed(each))
            self.machine.records.drain()
            self.machine.take_reservation_checks()
        return took / (orders // len(self.symbols) * len(self.symbols)) * 1e6


def report() -> None:
    print(f"one decision in process, every rule on (microseconds; {ROUNDS} rounds, taken in turns)")
    contenders: dict[str, Gate | Nautilus] = {f"{positions:,} positions": Gate(positions) for positions in POSITIONS}
    with nautilus() as yardstick:
        if yardstick is not None:
            contenders["NautilusTrader"] = yardstick
        took: dict[str, list[float]] = {name: [] for name in contenders}
        for each in contenders.values():
            each.microseconds(DECISIONS)  # warm
        for _ in range(ROUNDS):
            for name, each in contenders.items():
                took[name].append(each.microseconds(DECISIONS))
    first = min(took[f"{POSITIONS[0]:,} positions"])
    base = took.get("NautilusTrader")
    for name, costs in took.items():
        ratio = f"{median(a / b for a, b in zip(costs, base, strict=True)):5.2f} x NautilusTrader" if base else ""
        figures = f"best {min(costs):7.2f}   median {median(costs):7.2f}   {min(costs) / first:5.2f} x the first"
        print(f"  {name:>16}   {figures}   {ratio}")
