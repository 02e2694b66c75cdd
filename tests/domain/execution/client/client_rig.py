"""The machine of orders that clients execute, and beside it the gate's, which checks all of it a second time."""

from decimal import Decimal
from typing import Any, TypeVar

from msgspec import Struct

from shared.adapters.codec import decode, encode
from shared.domain.execution.client.machine import ClientExecution
from shared.domain.execution.client.records import ClientPosition
from shared.domain.timeframes import SECOND_NS
from shared.messages.base import Message, TimePassed
from shared.messages.dead_letter import MessageRefused
from shared.messages.orders import OrderDecided, StopApproved, StopRaised
from shared.messages.reports import (
    ClosedReported,
    FillReported,
    PlacedReported,
    ReportAwaited,
    ReportRefused,
    StopReported,
)
from tests.domain.risk.risk_harness import PRICES, RiskHarness

D = Decimal
M = TypeVar("M", bound=Message)
ETH, BTC = "ETH/USDT", "BTC/USDT"
REPORT_SECONDS, STOP_SECONDS, SLACK_SECONDS = 60, 15, 5


def client_machine(universe: Any) -> ClientExecution:
    return ClientExecution(
        universe,
        report_ns=REPORT_SECONDS * SECOND_NS,
        stop_ns=STOP_SECONDS * SECOND_NS,
        slack_ns=SLACK_SECONDS * SECOND_NS,
        ns_per_second=SECOND_NS,
    )


class ClientRig:
    """``buy`` has an order approved; ``fill``, ``close``, ``stop`` report. Each returns what execution made of it.

    What one of the two machines gives out the other one takes in, so that their books can be compared.
    """

    def __init__(self, **changes: Any) -> None:
        self.gate = RiskHarness(**changes)
        self.gate.machine.state.client_orders = True
        self.machine = client_machine(self.gate._universe)
        self.letters: list[MessageRefused] = []
        self._count, self._stored = 0, dict[str, Struct | None]()
        for message in self.gate.told:
            self.machine.handle(message)
        self.pass_time(1)
        for symbol in (ETH, BTC):
            self.mark(symbol, PRICES[symbol.partition("/")[0]])

    # --- the world ------------------------------------------------------------------------------------------------

    def take(self, message: Message) -> list[Message]:
        """Execution takes it in; what is for others is told to the gate, and what that says to execution."""
        made = list(self.machine.handle(message))
        self.letters += [each for each in made if isinstance(each, MessageRefused)]
        made = [each for each in made if not isinstance(each, MessageRefused)]
        for each in made:
            decode(encode(each))  # it fits on the wire
            for following in self.gate.handle(each):
                self.machine.handle(following)
        return made

    def pass_time(self, seconds: float) -> list[Message]:
        self.gate.pass_time(seconds)
        return self.take(TimePassed(id=f"time-{self.gate.now_ns}", time_ns=self.gate.now_ns))

    def mark(self, symbol: str, price: float) -> None:
        self.gate.mark(symbol, price)
        self.machine.handle(self.gate.told[-1])

    def restart(self) -> None:
        """Execution goes on from its records, and from what is read again."""
        self._stored |= self.machine.records.drain()
        universe = self.machine.state.universe
        self.machine = client_machine(universe)
        self.machine.records.load({key: row for key, row in reversed(self._stored.items()) if row is not None})
        for message in self.gate.told:
            self.machine.warm(message)
        self.machine.restored()
        self.machine.handle(TimePassed(id="time", time_ns=self.gate.now_ns))

    # --- orders ---------------------------------------------------------------------------------------------------

    def buy(self, symbol: str = ETH, quantity: str = "1", **changes: Any) -> OrderDecided:
        changes = {"strategy": "mine", "client": "mine", "stop": 1_425 if symbol == ETH else 19_000} | changes
        decided = self.gate.buy(symbol, quantity, **changes)
        self.take(decided)
        return decided

    def sell(self, symbol: str = ETH, quantity: str = "1", **changes: Any) -> OrderDecided:
        decided = self.gate.sell(symbol, quantity, **({"strategy": "mine", "client": "mine"} | changes))
        self.take(decided)
        return decided

    def raise_stop(self, price: str, symbol: str = ETH) -> list[Message]:
        raised = StopRaised(id=f"raise-{price}", time_ns=self.gate.now_ns, symbol=symbol, stop_price=D(price))
        made: list[Message] = []
        for each in self.gate.handle(raised):
            if isinstance(each, StopApproved):
                made += self.take(each)
        return made

    def held(self, symbol: str = ETH) -> ClientPosition | None:
        return self.machine.state.store.held(symbol)

    # --- reports --------------------------------------------------------------------------------------------------

    def fields(self, **fields: Any) -> dict[str, Any]:
        self._count += 1
        return {"id": f"report-{self._count}", "time_ns": self.gate.now_ns, "symbol": ETH} | fields

    def place(self, order: OrderDecided, **changes: Any) -> list[Message]:
        told = {"order_id": order.order_id, "symbol": order.symbol, "quantity": order.quantity_approved}
        return self.take(PlacedReported(**self.fields(**(told | changes))))

    def fill_of(self, order: OrderDecided, quantity: str = "", /, **changes: Any) -> FillReported:
        told = self.fields(
            order_id=order.order_id,
            symbol=order.symbol,
            side=order.side,
            quantity=D(quantity) if quantity else order.quantity_approved,
            price=D(int(PRICES[order.symbol.partition("/")[0]])),
            fee_usdt=D(1),
            trade_id=f"t-{self._count}",
        )
        return FillReported(**(told | changes))

    def fill(self, order: OrderDecided, quantity: str = "", /, **changes: Any) -> list[Message]:
        return self.take(self.fill_of(order, quantity, **changes))

    def close(self, order: OrderDecided, filled: str, ending: str = "cancelled", **changes: Any) -> list[Message]:
        told = {"order_id": order.order_id, "symbol": order.symbol, "ending": ending, "quantity_filled": D(filled)}
        return self.take(ClosedReported(**self.fields(**(told | changes))))

    def stop(self, price: str = "1425", quantity: str = "1", **changes: Any) -> list[Message]:
        told = {"stop_price": D(price), "quantity": D(quantity)}
        return self.take(StopReported(**self.fields(**(told | changes))))

    def stop_fill(self, quantity: str = "1", price: str = "1420", **changes: Any) -> list[Message]:
        told = self.fields(
            order_id=self.stop_id(), side="sell", quantity=D(quantity), price=D(price), fee_usdt=D(1), stop=True,
            trade_id=f"t-{self._count}",
        )  # fmt: skip
        return self.take(FillReported(**(told | changes)))

    def stop_id(self, symbol: str = ETH) -> str:
        awaited = [each for each in self.gate.told if isinstance(each, ReportAwaited) and each.what == "stop"]
        return [each.order_id for each in awaited if each.symbol == symbol][-1]

    # --- what came of it ------------------------------------------------------------------------------------------

    def halts(self, symbol: str = ETH) -> list[str]:
        return [halt.trigger for halt in self.gate.machine.state.halts.of(symbol)]

    def books(self) -> tuple[Any, ...]:
        """Money and positions as the gate has them; and as execution has them, which must be the same."""
        ledger = self.gate.machine.state.ledger
        held = {position.symbol: position.quantity for position in ledger.positions()}
        assert held == {symbol: position.quantity for symbol, position in self.machine.state.store.positions()}
        return ledger.account.cash, ledger.positions()


def only(kind: type[M], made: list[Message]) -> M:
    [found] = [each for each in made if isinstance(each, kind)]
    return found


def refused(made: list[Message]) -> ReportRefused:
    return only(ReportRefused, made)
