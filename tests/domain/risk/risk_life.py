"""A portfolio's life in single steps, for properties: what happens at the harness is told to the model, too."""

from decimal import Decimal
from typing import Any

import msgspec
from msgspec import structs

from shared.adapters.codec import decode, encode
from shared.domain.plan import BreakerPlan, Limits, Plan
from shared.domain.risk.machine import RiskMachine
from shared.messages.base import Message, TimePassed
from shared.messages.dead_letter import MessageRefused
from shared.messages.market import BarClosed, FeedLost, FeedRestored, MarkChanged, PairListed
from shared.messages.orders import (
    OrderClosed,
    OrderDecided,
    OrderFilled,
    OrderPlaced,
    OrderProposed,
    StopPlaced,
    StopRaised,
)
from shared.messages.portfolio import PhaseChanged
from tests.domain.risk.risk_harness import ADV, CALM, UNIVERSE, RiskHarness, stop_id
from tests.domain.risk.risk_model import Model, check, figures_of
from tests.samples import proposal

D = Decimal
STEP, TICK = D("0.0001"), D("0.000001")
Claim = OrderFilled | OrderPlaced | OrderClosed | StopPlaced
WARMING = (BarClosed, PairListed, FeedLost, FeedRestored)


class Life:
    """Every step is believable: fills are of approved orders, sales of what is held."""

    def __init__(
        self, limits: Limits, *, breakers: BreakerPlan = CALM, cash: float = 200_000.0, phases: bool = False
    ) -> None:
        self.history: list[Message] = []
        self.harness = RiskHarness(limits=limits, breakers=breakers, exact=True, cash=cash)
        for symbol in UNIVERSE.symbols:
            self.harness.list_pair(symbol, price_step=TICK)
        self.history += [message for message in self.harness.told if isinstance(message, WARMING)]
        self.machine = self.harness.machine
        self.limits, self.scale = limits, 1.0
        rates = {symbol: self.machine.state.heat.pairs[symbol].exit_rate for symbol in UNIVERSE.symbols}
        self.model = Model(D(str(cash)), rates, {pair.symbol: pair.sector for pair in UNIVERSE.pairs})
        self.proposed: dict[str, OrderProposed] = {}
        self.ended: dict[str, tuple[OrderDecided, Decimal]] = {}  # with what was not filled when they ended
        self.decisions: list[OrderDecided] = []
        self._count = 0
        if phases:
            self._walk_the_ramp()

    def _walk_the_ramp(self) -> None:
        """The plan's three phases instead of the harness's one; as a restart with another configuration does it."""
        self.harness.plan = structs.replace(self.harness.plan, phases=Plan().phases, phase="live")
        self.restart()

    @property
    def marks(self) -> dict[str, float]:
        return {symbol: pair.mark for symbol, pair in self.machine.state.heat.pairs.items()}

    def tell(self, message: Message) -> list[Message]:
        """To the machine, then to the model; then what came of it to the model. Decisions are checked."""
        if isinstance(message, WARMING):
            self.history.append(message)
        made = list(self.machine.handle(message))
        self.model.hear(message)
        for each in made:
            self.model.hear(each)
            if isinstance(each, PhaseChanged):
                self.scale = each.scale
            if isinstance(each, OrderDecided):
                self.decisions.append(each)
                if each.side == "buy" and each.quantity_approved:
                    check(self.model, each, self.limits, self.scale, self.marks, ADV)
        return made

    def claim_falsely(self, false: Claim) -> None:
        """To the machine alone, which must not believe it: the model goes on as if nothing had been said.

        The pair that it names halts, and the pair of its order; one that is not in the universe has no halt.
        """
        about = {false.symbol}
        if order := self.model.orders.get(false.order_id):
            about.add(order[0].symbol)
        before = self._pairs_of_false_fills()
        made = list(self.machine.handle(false))
        assert isinstance(made[0], MessageRefused)
        assert made[0].cause == false.id
        for each in made:
            self.model.hear(each)
        assert self._pairs_of_false_fills() == before | (about & set(UNIVERSE.symbols))

    def _pairs_of_false_fills(self) -> set[str]:
        return {symbol for symbol, trigger in self.model.halts if trigger == "false_fill"}

    def number(self) -> int:
        self._count += 1
        return self._count

    # --- orders ---------------------------------------------------------------------------------------------------

    def order(self, symbol: str, size_usdt: float, stop: float, limit: float | None = None) -> OrderProposed:
        """A buy of ``size_usdt``, its stop and perhaps its limit as fractions of the mark."""
        mark = self.marks[symbol]
        price = None if limit is None else D(repr(round(mark * limit, 6)))
        entry = mark if price is None else min(mark, float(price))
        return proposal(
            order_id=f"o-{self.number()}", symbol=symbol, side="buy", time_ns=self.harness.now_ns,
            quantity=max(STEP, D(repr(round(size_usdt / mark, 4)))), stop_price=D(repr(round(entry * stop, 6))),
            order_type="market" if price is None else "limit", limit_price=price,
        )  # fmt: skip

    def propose(self, order: OrderProposed) -> OrderDecided:
        self.proposed[order.id] = order
        [decided] = [each for each in self.tell(order) if isinstance(each, OrderDecided)]
        return decided

    def sell(self, symbol: str, quantity: Decimal) -> OrderDecided:
        return self.propose(
            proposal(
                order_id=f"o-{self.number()}", symbol=symbol, side="sell", quantity=quantity, stop_price=None,
                time_ns=self.harness.now_ns,
            )
        )  # fmt: skip

    def fill(self, order: OrderDecided, quantity: Decimal, price: float) -> OrderFilled:
        fill = self.fill_of(order, quantity, price)
        self.tell(fill)
        return fill

    def fill_of(self, order: OrderDecided, quantity: Decimal, price: float) -> OrderFilled:
        """As near to the price as the order's limit lets it be."""
        number = self.number()
        at, limit = D(repr(round(price, 6))), order.limit_price
        if limit is not None:
            at = min(at, limit) if order.side == "buy" else max(at, limit)
        stop = order.stop_price if order.side == "buy" else None
        return OrderFilled(
            id=f"f-{number}", time_ns=self.harness.now_ns, order_id=order.order_id, trade_id=f"t-{number}",
            symbol=order.symbol, side=order.side, quantity=quantity, price=at, stop_price=stop,
            fee_usdt=round(quantity * at * D("0.001"), 8),
        )  # fmt: skip

    def close(self, order_id: str) -> None:
        order, left = self.model.orders[order_id]
        self.ended[order_id] = (order, left)
        self.tell(
            OrderClosed(
                id=f"c-{order_id}", time_ns=self.harness.now_ns, order_id=order_id, symbol=order.symbol,
                ending="cancelled" if left else "filled", quantity_filled=order.quantity_approved - left,
            )
        )  # fmt: skip

    def fillable(self, order_id: str) -> Decimal:
        """What of an open or ended order can still be filled without selling what is not held."""
        order, left = self.model.orders.get(order_id) or self.ended[order_id]
        return left if order.side == "buy" else min(left, self.model.held.get(order.symbol, D(0)))

    def stop_out(self, symbol: str) -> None:
        """The protective stop sells the whole position, whatever else is being sold."""
        held = self.model.held.get(symbol, D(0))
        if held:
            stop = {"order_id": stop_id(symbol), "symbol": symbol, "side": "sell", "limit_price": None}
            decided = structs.replace(self.decisions[-1], **stop)
            self.fill(decided, held, self.marks[symbol] * 0.99)

    def stop_placed(self, symbol: str, fraction: float) -> None:
        stop = D(repr(round(self.marks[symbol] * fraction, 6)))
        if self.model.held.get(symbol):
            self.tell(StopRaised(id="raise", time_ns=self.harness.now_ns, symbol=symbol, stop_price=stop))
            self.tell(
                StopPlaced(
                    id="s", time_ns=self.harness.now_ns, order_id=stop_id(symbol), symbol=symbol, stop_price=stop,
                    quantity=D(1),
                )
            )  # fmt: skip

    # --- market and time ------------------------------------------------------------------------------------------

    def mark(self, symbol: str, factor: float) -> None:
        """Half a second on, every pair has a new mark; that of ``symbol`` moved."""
        self.wait(0.5)
        for each in UNIVERSE.symbols:
            price = self.marks[each] * (factor if each == symbol else 1.0)
            self.tell(MarkChanged(id="m", time_ns=self.harness.now_ns, symbol=each, price=price))

    def wait(self, seconds: float) -> list[Message]:
        self.harness.now_ns += int(seconds * 1e9)
        return self.tell(TimePassed(id="time", time_ns=self.harness.now_ns))

    # --- restart --------------------------------------------------------------------------------------------------

    def restart(self) -> None:
        """A new machine from what the store has: records as bytes, history, decisions; then the latest marks."""
        old, marks = self.machine, self.marks
        new = RiskMachine(self.harness.plan, UNIVERSE, portfolio="main", starting_cash_usdt=1.0, speed=1.0)
        new.records.load(stored(old))
        for message in self.history:
            new.warm(decode(encode(message)))
        new.restored()
        for decision in self.decisions:
            new.remember(decision)
        self.machine = self.harness.machine = new
        self.tell(TimePassed(id="time", time_ns=self.harness.now_ns))
        for symbol, price in marks.items():
            self.tell(MarkChanged(id="m", time_ns=self.harness.now_ns, symbol=symbol, price=price))

    # --- what must always hold ------------------------------------------------------------------------------------

    def totals(self) -> tuple[dict[str, float], dict[str, float]]:
        """As kept, and as summed by the model."""
        return figures_of(self.machine.state), self.model.figures(self.marks)


def stored(machine: RiskMachine) -> dict[str, Any]:
    """The records of a machine, through bytes and back, as a host stores them."""
    rows: dict[str, Any] = {}
    for kind, of_type in machine.records.kinds.items():
        for name, row in machine.records.rows(kind, of_type):
            rows[f"{kind}:{name}"] = msgspec.msgpack.decode(encode(row), type=of_type)
    return rows
