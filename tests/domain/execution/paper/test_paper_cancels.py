"""Cancels at the paper exchange: what rests ends, and nothing else happens."""

from shared.domain.execution.paper.machine import PaperExecution
from shared.domain.plan import Plan
from shared.messages.orders import CancelDecided, OrderClosed
from tests.domain.market_scripts import BTC, HOUR, T0, UNIVERSE, D, days, decided, kinds, listed, mark, play


def machine_with_working(order_id: str = "o-1") -> PaperExecution:
    """A buy of one at 90 that rests while the market is at 100."""
    machine = PaperExecution(Plan(), UNIVERSE)
    play(machine, listed(BTC), *days(30, until=-240), mark(100.0, bid=99.9, ask=100.1))
    order = decided(order_id, order_type="limit", limit_price=D(90), stop_price=D(80))
    assert kinds(play(machine, order)) == ["OrderPlaced"]
    return machine


def cancel(order_id: str = "o-1", symbol: str = BTC) -> CancelDecided:
    return CancelDecided(
        id=f"cancel-{order_id}", time_ns=T0 + HOUR, order_id=order_id, symbol=symbol, reason="halted: odd", trace="t"
    )


def test_a_cancel_ends_what_rests_with_its_reason() -> None:
    machine = machine_with_working()
    [closed] = play(machine, cancel())
    assert isinstance(closed, OrderClosed)
    assert (closed.ending, closed.quantity_filled, closed.reason) == ("cancelled", D(0), "halted: odd")
    assert (closed.cause, closed.time_ns) == ("cancel-o-1", T0 + HOUR)
    assert play(machine, mark(85.0, hour=1, bid=84.9, ask=85.1)) == []


def test_a_cancel_heard_twice_ends_an_order_once() -> None:
    machine = machine_with_working()
    assert kinds(play(machine, cancel(), cancel())) == ["OrderClosed"]


def test_a_cancel_of_an_order_that_is_filled_or_unknown_leads_to_nothing() -> None:
    machine = machine_with_working()
    play(machine, mark(85.0, hour=1, bid=84.9, ask=85.1))
    assert play(machine, cancel(), cancel("o-9"), cancel(symbol="NO/USDT")) == []


def test_a_cancelled_order_does_not_come_back_after_a_restart() -> None:
    machine = machine_with_working()
    play(machine, cancel())
    machine.restored()
    assert play(machine, mark(85.0, hour=1, bid=84.9, ask=85.1)) == []
