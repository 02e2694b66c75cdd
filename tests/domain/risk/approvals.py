"""Orders that the gate approved, for tests that begin with a fill."""

from collections.abc import Sequence

from shared.domain.numbers import ZERO
from shared.domain.risk.machine import RiskMachine
from shared.domain.risk.state.reservations import OpenOrder
from shared.messages.base import Message
from shared.messages.orders import OrderFilled


def approve(machine: RiskMachine, fill: OrderFilled) -> OrderFilled:
    """Of an order that is filled whole by ``fill``; returns the fill."""
    machine.state.reservations.open(
        OpenOrder(
            order_id=fill.order_id, symbol=fill.symbol, side=fill.side, quantity=fill.quantity, filled=ZERO,
            unit_risk=0.0, unit_notional=float(fill.price), unit_cash=0.0, acknowledged=True,
            stop_price=fill.stop_price,
        ),
        float(fill.quantity),
    )  # fmt: skip
    return fill


def take(machine: RiskMachine, fill: OrderFilled) -> Sequence[Message]:
    """What the machine makes of a fill whose order was approved, and is finished with it."""
    made = machine.handle(approve(machine, fill))
    machine.state.reservations.close(fill.order_id)
    return made
