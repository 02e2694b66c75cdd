"""A day of decisions as a seed draws it: orders of every kind, in a market and a portfolio in which much goes wrong."""

from collections.abc import Sequence
from decimal import Decimal
from random import Random

from msgspec import structs

from shared.domain.plan import ClientPlan, Limits
from shared.domain.risk.again.evidence import Evidence
from shared.domain.risk.state.effective_limits import policy_of
from shared.messages.base import Message
from shared.messages.control import Flatten, Halt, Resume, SetLimits
from shared.messages.halts import Halted
from shared.messages.market import MarkChanged, PairListed
from shared.messages.orders import OrderDecided, OrderPlaced, OrderProposed
from tests.domain.risk.risk_harness import PRICES, UNIVERSE, D, RiskHarness

DAY_SECONDS = 86_400
LIMITS = Limits(heat=0.03, orders_per_second=3, repeats_per_minute=6, max_order_usdt=60_000.0)


class Day(RiskHarness):
    """Plays the day; ``decided`` has each decision with what was proposed.

    clients: with bounds, if any.
    listings: what was said of pairs, in order.
    """

    def __init__(self, seed: int, decisions: int, clients: dict[str, ClientPlan] | None = None) -> None:
        self.random = Random(seed)
        self.decided: list[tuple[OrderProposed | None, OrderDecided]] = []
        self.listings: list[PairListed] = []
        super().__init__(limits=LIMITS, exact=True, cash=200_000.0 if seed % 4 else 2_000.0, clients=clients)
        self.prices = {f"{base}/USDT": price for base, price in PRICES.items()}
        while len(self.decided) < decisions:
            self._something()

    def handle(self, message: Message) -> list[Message]:
        if isinstance(message, PairListed):
            self.listings.append(message)
        made = super().handle(message)
        proposed = message if isinstance(message, OrderProposed) else None
        self.decided += [(proposed, each) for each in made if isinstance(each, OrderDecided)]
        for each in made:
            if isinstance(each, OrderProposed):  # by the gate itself: it comes back, as over the bus
                self.handle(each)
            elif isinstance(each, OrderDecided) and each.quantity_approved and self.random.random() < 0.95:
                self._place(each)
        return made

    def _place(self, decided: OrderDecided) -> None:
        self.handle(
            OrderPlaced(
                id=f"placed-{decided.order_id}",
                time_ns=self.now_ns,
                order_id=decided.order_id,
                symbol=decided.symbol,
                side=decided.side,
                quantity=decided.quantity_approved,
            )
        )

    # --- what happens ---------------------------------------------------------------------------------------------

    def _something(self) -> None:
        drawn = self.random.random()
        if drawn < 0.55:
            self._propose()
        elif drawn < 0.8:
            self.pass_time(self.random.choice((0.01, 0.2, 1.0, 3.0, 40.0)))
            self._move_market()
        elif drawn < 0.93:
            self._execute()
        else:
            self._trouble()

    def _move_market(self) -> None:
        for symbol, before in self.prices.items():
            price = before
            if self.random.random() < 0.9:
                self.prices[symbol] = price = round(before * self.random.uniform(0.985, 1.015), 4)
                self.mark(symbol, price, age_seconds=self.random.choice((*[0.0] * 20, 0.1, 40.0, -90.0)))
            if self.random.random() < 0.7:
                self._book(symbol, price)

    def _book(self, symbol: str, price: float) -> None:
        far = self.random.choice((*[1.0001] * 12, 1.05, 0.97))
        asks = tuple((price * (far + 0.004 * level), self.random.uniform(1.0, 20_000.0) / price) for level in range(3))
        spread = self.random.choice((*[0.0004] * 20, 0.003, 0.02, None))
        median = self.random.choice((*[0.0004] * 20, 0.0011, 0.004, None))
        asks = self.random.choice((*[asks] * 20, ()))
        self.book(symbol, bids=((price * far * 0.9998, 5.0),), asks=asks, spread=spread, median_spread=median)

    def _execute(self) -> None:
        open_ones = self.machine.state.reservations.all()
        if open_ones:
            order = self.random.choice(open_ones)
            verdict = next(each for _, each in self.decided if each.order_id == order.order_id)
            price = self.prices.get(order.symbol, 1.0)
            if self.random.random() < 0.8:
                self.fill(verdict, quantity=str(order.left), price=price)
            self.close(verdict, self.random.choice(("filled", "cancelled")))

    def _trouble(self) -> None:
        symbol = self.random.choice(("", *self.prices))
        head: dict[str, object] = {"id": f"op-{len(self.told)}", "time_ns": self.now_ns, "who": "ana", "reason": "seen"}
        match self.random.randrange(10):
            case 0:
                self.handle(Halt(**head, symbol=symbol))
            case 1 | 2 | 3 | 4:
                for scope in ("", *self.prices):
                    self.handle(Resume(**(head | {"id": f"{head['id']}-{scope}"}), symbol=scope))
            case 5:
                self.handle(SetLimits(**head, limits={"heat": self.random.choice((0.02, 0.031, 0.04))}))
            case 6:
                self.handle(Flatten(**head, symbol=symbol or "BTC/USDT"))
            case 7:
                if self.random.random() < 0.5:  # nothing was said of prices since
                    self.told = [each for each in self.told if not isinstance(each, MarkChanged)]
                self.restart()
            case _:
                status = self.random.choice((*["trading"] * 6, "halted"))
                self.list_pair(self.random.choice(tuple(self.prices)), status=status, reason="maintenance")

    # --- orders ---------------------------------------------------------------------------------------------------

    def _propose(self) -> None:
        symbol = self.random.choice((*self.prices, *self.prices, "DOGE/USDT"))
        price = self.prices.get(symbol, 1.0)
        worth = self.random.choice((3.0, 200.0, 2_000.0, 20_000.0, 90_000.0))
        amount = D(str(round(worth / price, self.random.choice((4, 4, 4, 0, 8)))))
        for _ in range(self.random.choice((1, 1, 1, 1, 9))):
            self._count += 1
            fields = self._fields(symbol, price, amount)
            fields["client"] = self.random.choice((*self.plan.clients, *self.plan.clients, "stranger", ""))
            self.handle(OrderProposed(id=f"o-{self._count}", time_ns=self.now_ns, symbol=symbol, **fields))

    def _fields(self, symbol: str, price: float, amount: Decimal) -> dict[str, object]:
        strategy = self.random.choice(("momentum", "external"))
        if self.random.random() < 0.3:
            held = self.machine.state.ledger.quantity(symbol)
            return {"side": "sell", "quantity": self.random.choice((held, held / 2, amount)), "strategy": strategy}
        limit = self.random.choice((None, D(str(round(price * self.random.uniform(0.97, 1.01), 4)))))
        return {
            "side": "buy",
            "quantity": amount,
            "strategy": strategy,
            "order_type": "market" if limit is None else "limit",
            "limit_price": limit,
            "stop_price": self.random.choice((None, *[D(str(round(price * self.random.uniform(0.85, 0.96), 4)))] * 20)),
            "expires_ns": self.random.choice((*[0] * 20, self.now_ns - 1, self.now_ns + 10**9)),
        }

    # --- what the journal has -------------------------------------------------------------------------------------

    def evidence(self, number: int) -> Evidence:
        """Of the decision with this number in ``decided``."""
        proposed, decided = self.decided[number]
        earlier = [each for _, each in self.decided[:number]]
        listed = [each for each in self.listings[: self._listed[number]] if each.symbol == decided.symbol]
        return Evidence(
            decided=decided,
            proposed=proposed,
            plan=self.plan,
            universe=UNIVERSE,
            portfolio="main",
            speed=1.0,
            limits=self._limits_of(decided.policy),
            listing=listed[-1] if listed else None,
            halts=tuple(each for each in self.made if isinstance(each, Halted) and each.time_ns <= decided.time_ns),
            approvals=tuple(each for each in earlier if each.side == "buy" and each.quantity_approved),
        )

    @property
    def _listed(self) -> Sequence[int]:
        """How many listings there were before each decision."""
        counts: dict[str, int] = {}
        listed = 0
        for message in self.told:
            listed += isinstance(message, PairListed)
            if isinstance(message, OrderProposed):
                counts.setdefault(message.id, listed)
        return [counts[decided.order_id] for _, decided in self.decided]

    def _limits_of(self, policy: str) -> Limits:
        heats = (LIMITS.heat, 0.02, 0.031, 0.04)
        fitting = [structs.replace(LIMITS, heat=heat) for heat in heats]
        return next(limits for limits in fitting if policy_of(limits, self.plan) == policy)
