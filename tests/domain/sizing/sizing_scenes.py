"""A sizing machine with history, and what becomes of its orders: for tests that read as scripts."""

from decimal import Decimal

import msgspec

from shared.domain.plan import Plan
from shared.domain.sizing.machine import SizingMachine
from shared.domain.sizing.pairs import POSITION
from shared.domain.universe import Universe
from shared.messages.base import Message
from shared.messages.halts import Halted, Resumed
from shared.messages.market import BarClosed
from shared.messages.orders import OrderClosed, OrderDecided, OrderFilled, OrderProposed, StopPlaced
from tests.domain.market_scripts import (
    BTC,
    HOUR,
    T0,
    UNIVERSE,
    D,
    approval_of,
    days,
    flat,
    listed,
    nav,
    one_hour_plan,
    play,
    signal,
)

FULL = D("83.333")  # 1,000 USDT at risk over a stop distance of 12 USDT, to the lot step


def ready(plan: Plan | None = None, *, universe: Universe = UNIVERSE, **options: int) -> SizingMachine:
    """Pairs listed, sixty days of history at 100 USDT and an ATR of 10, NAV known."""
    machine = SizingMachine(plan or one_hour_plan(), universe, "main", **options)
    for symbol in universe.symbols:
        play(machine, listed(symbol), *days(60, symbol=symbol))
    play(machine, nav())
    return machine


def fill(order: OrderProposed, *, quantity: str | None = None, price: str = "100", trade: str = "1") -> OrderFilled:
    return OrderFilled(
        id=f"filled-{order.id}-{trade}", time_ns=order.time_ns, order_id=order.id, trade_id=f"trade-{order.id}-{trade}",
        symbol=order.symbol, side=order.side, quantity=D(quantity) if quantity else order.quantity, price=D(price),
        fee_usdt=D(0), stop_price=order.stop_price,
    )  # fmt: skip


def close(order_id: str, ending: str = "filled", symbol: str = BTC) -> OrderClosed:
    return OrderClosed(
        id=f"closed-{order_id}", time_ns=T0, order_id=order_id, symbol=symbol, ending=ending, quantity_filled=D(0),  # type: ignore[arg-type]
    )  # fmt: skip


def stop_placed(price: str, quantity: str = "1", symbol: str = BTC) -> StopPlaced:
    return StopPlaced(
        id=f"s-{price}", time_ns=T0, order_id="stop-1", symbol=symbol, stop_price=D(price), quantity=D(quantity)
    )


def stop_hit(quantity: str, symbol: str = BTC) -> list[Message]:
    sold = OrderFilled(
        id="filled-stop-1", time_ns=T0, order_id="stop-1", trade_id="trade-stop-1", symbol=symbol, side="sell",
        quantity=D(quantity), price=D(88), fee_usdt=D(0),
    )  # fmt: skip
    return [sold, close("stop-1", symbol=symbol)]


def orders(outputs: list[Message]) -> list[OrderProposed]:
    return [output for output in outputs if isinstance(output, OrderProposed)]


def only_order(outputs: list[Message]) -> OrderProposed:
    [order] = orders(outputs)
    return order


def executed(machine: SizingMachine, order: OrderProposed) -> None:
    """The gate lets the order through, and it fills whole."""
    play(machine, approval_of(order), fill(order), close(order.id, symbol=order.symbol))


def holding(machine: SizingMachine, *, hour: float = 0) -> OrderProposed:
    """Long BTC by the trend strategy, the entry filled."""
    order = only_order(play(machine, flat(hour), signal(1.0, hour=hour + 1)))
    executed(machine, order)
    return order


def quantity_held(machine: SizingMachine, symbol: str = BTC) -> Decimal:
    return dict(machine.records.rows(POSITION, object))[symbol].quantity  # type: ignore[type-var]


def restarted(
    old: SizingMachine, *warm: BarClosed, plan: Plan | None = None, universe: Universe = UNIVERSE
) -> SizingMachine:
    """The next process: what was stored goes through bytes, as it does on the bus."""
    stored = {key: msgspec.msgpack.encode(row) for key, row in old.records.drain().items() if row is not None}
    new = SizingMachine(plan or one_hour_plan(), universe, "main")
    kinds = new.records.kinds
    new.records.load(
        {key: msgspec.msgpack.decode(body, type=kinds[key.partition(":")[0]]) for key, body in stored.items()}
    )
    for bar in warm:
        new.warm(bar)
    new.restored()
    return new


def rejection_of(order: OrderProposed, by: str = "sector_cap") -> OrderDecided:
    return approval_of(order, verdict="reject", quantity_approved=D(0), binding=by)


def halted(symbol: str = "", *, hour: float = 0, trigger: str = "gap", **changes: object) -> Halted:
    fields: dict[str, object] = {
        "id": f"halted-{symbol}-{trigger}-{hour}", "time_ns": T0 + int(hour * HOUR), "symbol": symbol,
        "trigger": trigger, "reason": "odd",
    }  # fmt: skip
    return Halted(**(fields | changes))  # type: ignore[arg-type]


def resumed(symbol: str = "", *, hour: float = 0, trigger: str = "gap") -> Resumed:
    return Resumed(
        id=f"resumed-{symbol}-{trigger}-{hour}", time_ns=T0 + int(hour * HOUR), symbol=symbol, trigger=trigger,  # type: ignore[arg-type]
    )  # fmt: skip
