"""A risk machine with a market around it, for tests that read as scripts."""

from datetime import date
from decimal import Decimal
from typing import get_args

from msgspec import Struct, structs

from shared.domain.plan import BreakerName, BreakerPlan, ClientPlan, Limits, PhasePlan, Plan
from shared.domain.risk.machine import RiskMachine
from shared.domain.universe import Pair, Rename, Universe
from shared.messages.base import Message, TimePassed
from shared.messages.market import BookSampled, MarkChanged, PairListed
from shared.messages.orders import OrderClosed, OrderDecided, OrderFilled, OrderProposed, StopPlaced, StopRaised
from shared.messages.portfolio import PortfolioMarked
from tests.samples import T0, bar, proposal

D = Decimal
PRICES = {"BTC": 20_000.0, "ETH": 1_500.0, "BNB": 300.0, "SOL": 30.0, "XRP": 0.5, "ADA": 0.4, "LINK": 7.0}
SECTORS = {"BTC": "Majors", "ETH": "Majors", "BNB": "Majors", "LINK": "DeFi"}
UNIVERSE = Universe(pairs=tuple(Pair(base=base, quote="USDT", sector=SECTORS.get(base, "Layer 1")) for base in PRICES))


def renaming(old: str, new: str, ratio: Decimal = D(1)) -> Universe:
    """The universe, in which one of its coins has become another."""
    rename = Rename(old=old, new=new, cutover=date(2022, 11, 1), ratio=ratio)
    return Universe(pairs=tuple(pair for pair in UNIVERSE.pairs if pair.base != old), renames=(rename,))


ADV = 100_000_000.0
CALM = BreakerPlan(off=get_args(BreakerName))


def stop_id(symbol: str) -> str:
    """Under which a pair's stop fills."""
    return f"stop-{symbol.partition('/')[0]}"


def relaxed(limits: Limits) -> Limits:
    """The limits with those out of the way that a test about others does not mean."""
    return structs.replace(
        limits,
        book_age_seconds=0.0,
        nav_age_seconds=1e9,
        ledger_age_seconds=1e9,
        max_order_usdt=1e9,
        gap_stress=1.0,
        max_open_orders=1_000,
        orders_per_second=100_000,
        repeats_per_minute=100_000,
        drawdown=1.0,
    )


class RiskHarness:
    """``buy`` and ``sell`` propose and return the decision; ``fill`` executes what was approved.

    exact: the limits as given; otherwise ``relaxed``. breakers: off unless they are given.
    """

    def __init__(
        self,
        *,
        cash: float = 200_000.0,
        limits: Limits | None = None,
        scale: float = 1.0,
        speed: float = 1.0,
        exact: bool = False,
        shadow: Limits | None = None,
        breakers: BreakerPlan = CALM,
        universe: Universe = UNIVERSE,
        clients: dict[str, ClientPlan] | None = None,
    ):
        phases = (PhasePlan(name="live", scale=scale),)
        self.plan = Plan(
            limits=limits if exact and limits else relaxed(limits or Limits()),
            shadow=shadow,
            breakers=breakers,
            phases=phases,
            phase="live",
            clients=clients or {},
        )
        self.machine = RiskMachine(self.plan, universe, portfolio="main", starting_cash_usdt=cash, speed=speed)
        self.now_ns = T0 + 30 * 86_400_000_000_000
        self.told: list[Message] = []
        self.made: list[Message] = []
        self._count = 0
        self._universe = universe
        names = [name for symbol in universe.symbols for name in universe.names_of(symbol)]
        self._cash, self._speed, self._stored = cash, speed, dict[str, Struct | None]()
        for symbol in names:
            self.list_pair(symbol)
            for day in range(30):
                price = PRICES[symbol.partition("/")[0]]
                daily = bar(symbol, timeframe="1d", hour=24 * day, close=price)
                self.handle(structs.replace(daily, quote_volume=ADV))
        self.pass_time(1)
        for symbol in names:
            self.mark(symbol, PRICES[symbol.partition("/")[0]])

    def handle(self, message: Message) -> list[Message]:
        made = list(self.machine.handle(message))
        self.told.append(message)
        self.made += made
        return made

    def restart(self) -> None:
        """Another machine goes on from the records, which a store gives back in any order, and from the streams."""
        self._stored |= self.machine.records.drain()
        rows = {key: row for key, row in reversed(self._stored.items()) if row is not None}
        self.machine = RiskMachine(
            self.plan, self._universe, portfolio="main", starting_cash_usdt=self._cash, speed=self._speed
        )
        self.machine.records.load(rows)
        for message in self.told:
            self.machine.warm(message)
        self.machine.restored()
        marks = {message.symbol: message for message in self.told if isinstance(message, MarkChanged)}
        for message in (TimePassed(id="time", time_ns=self.now_ns), *marks.values()):
            self.machine.handle(message)

    def pass_time(self, seconds: float) -> list[Message]:
        self.now_ns += int(seconds * 1e9)
        return self.handle(TimePassed(id="time", time_ns=self.now_ns))

    def list_pair(self, symbol: str, **changes: object) -> None:
        listing = PairListed(
            id=f"listed-{symbol}", time_ns=T0, symbol=symbol, status="trading",
            price_step=D("0.0001"), quantity_step=D("0.0001"), min_quantity=D("0.0001"), min_notional=D(5),
        )  # fmt: skip
        self.handle(structs.replace(listing, **changes))

    def mark(self, symbol: str, price: float, *, age_seconds: float = 0.0) -> None:
        time_ns = self.now_ns - int(age_seconds * 1e9)
        self.handle(MarkChanged(id="mark", time_ns=time_ns, symbol=symbol, price=price))

    def book(self, symbol: str, **changes: object) -> None:
        """A book sample: deep, 4 bp wide, unless ``changes`` say otherwise."""
        price = PRICES[symbol.partition("/")[0]]
        fields: dict[str, object] = {
            "bids": ((price * 0.9999, 1e6),), "asks": ((price * 1.0001, 1e6),), "size_usdt": 25_000.0,
            "spread": 0.0004, "median_spread": 0.0004, "samples": 60,
        }  # fmt: skip
        self.handle(BookSampled(id=f"book-{symbol}", time_ns=self.now_ns, symbol=symbol, **(fields | changes)))  # type: ignore[arg-type]

    def buy(self, symbol: str, quantity: str, *, stop: float | str | None = None, **changes: object) -> OrderDecided:
        price = PRICES.get(symbol.partition("/")[0], 1.0)
        stop_price = D(str(stop)) if stop is not None else D(str(round(price * 0.95, 4)))
        return self.propose(symbol=symbol, side="buy", quantity=D(quantity), stop_price=stop_price, **changes)

    def sell(self, symbol: str, quantity: str, **changes: object) -> OrderDecided:
        return self.propose(symbol=symbol, side="sell", quantity=D(quantity), stop_price=None, **changes)

    def propose(self, **fields: object) -> OrderDecided:
        self._count += 1
        order: OrderProposed = proposal(**{"order_id": f"o-{self._count}", "time_ns": self.now_ns} | fields)  # type: ignore[arg-type]
        [decided] = self.handle(order)
        assert isinstance(decided, OrderDecided)
        return decided

    def fill(self, decided: OrderDecided, *, quantity: str | None = None, price: float | None = None) -> None:
        self.handle(self.fill_of(decided, quantity=quantity, price=price))
        if quantity is None:
            self.close(decided)

    def fill_of(self, decided: OrderDecided, *, quantity: str | None = None, price: float | None = None) -> OrderFilled:
        amount = D(quantity) if quantity else decided.quantity_approved
        at = D(str(price if price is not None else PRICES[decided.symbol.partition("/")[0]]))
        number = sum(isinstance(message, PortfolioMarked) for message in self.made)
        return OrderFilled(
            id=f"f-{decided.order_id}-{number}", time_ns=self.now_ns, order_id=decided.order_id,
            trade_id=f"t-{decided.order_id}-{number}", symbol=decided.symbol, side=decided.side, quantity=amount,
            price=at, fee_usdt=(amount * at * D("0.001")), stop_price=decided.stop_price,
        )  # fmt: skip

    def close(self, decided: OrderDecided, ending: str = "filled") -> None:
        order = self.machine.state.reservations.get(decided.order_id)
        filled = order.filled if order is not None else D(0)
        self.handle(
            OrderClosed(
                id=f"c-{decided.order_id}", time_ns=self.now_ns, order_id=decided.order_id, symbol=decided.symbol,
                ending=ending, quantity_filled=filled,  # type: ignore[arg-type]
            )
        )  # fmt: skip

    def stop_placed(self, symbol: str, stop: str) -> None:
        """A raised stop passes the gate, and rests there."""
        price = D(stop)
        self.handle(StopRaised(id=f"raise-{stop}", time_ns=self.now_ns, symbol=symbol, stop_price=price))
        self.handle(
            StopPlaced(
                id="s", time_ns=self.now_ns, order_id=stop_id(symbol), symbol=symbol, stop_price=price, quantity=D(1)
            )
        )  # fmt: skip

    @property
    def snapshot(self) -> PortfolioMarked:
        found = [message for message in self.pass_time(2) if isinstance(message, PortfolioMarked)]
        return found[-1]
