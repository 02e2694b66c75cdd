"""Orders that clients execute: awaited, booked trade by trade, ended; and what does not fit is answered, not booked."""

from decimal import Decimal
from typing import Any

import pytest

from shared.domain.execution.client.records import MOST_TRADES
from shared.messages.base import Message
from shared.messages.control import WriteOffOrder
from shared.messages.halts import Alerted
from shared.messages.orders import CancelDecided, CancelProposed, OrderClosed, OrderFilled, OrderPlaced
from shared.messages.portfolio import CommandRefused, OrderWrittenOff
from shared.messages.reports import ReportAwaited, ReportRefused
from tests.domain.execution.client.client_rig import BTC, ETH, REPORT_SECONDS, ClientRig, only, refused
from tests.domain.market_scripts import decided, kinds

D = Decimal


def holding(quantity: str = "1") -> ClientRig:
    """ETH, with its stop at 1,425."""
    rig = ClientRig()
    rig.fill(rig.buy(quantity=quantity))
    rig.stop(quantity=quantity)
    return rig


# --- the life of an order ---------------------------------------------------------------------------------------------


def test_an_approved_order_is_awaited_of_its_client_and_booked_when_it_is_reported() -> None:
    rig = ClientRig()
    order = rig.buy()
    awaited = only(ReportAwaited, rig.gate.told)  # type: ignore[arg-type]
    assert (awaited.client, awaited.what, awaited.order_id) == ("mine", "order", order.order_id)
    assert awaited.due_ns == rig.gate.now_ns + REPORT_SECONDS * 10**9
    placed, _ = rig.place(order, venue_order_id="777")
    assert isinstance(placed, OrderPlaced)
    assert (placed.venue_order_id, placed.quantity, placed.side) == ("777", D(1), "buy")
    filled, stop, closed = rig.fill(order)
    assert isinstance(filled, OrderFilled)
    assert (filled.order_id, filled.quantity, filled.price, filled.stop_price) == (order.order_id, 1, 1500, 1425)
    assert isinstance(stop, ReportAwaited)
    assert (stop.what, stop.stop_price, stop.quantity) == ("stop", 1425, 1)
    assert isinstance(closed, OrderClosed)
    assert (closed.ending, closed.quantity_filled) == ("filled", 1)
    cash, [position] = rig.books()
    assert (cash, position.quantity) == (D(200_000) - 1500 - 1, 1)
    assert rig.gate.machine.state.reservations.all() == []


def test_an_order_fills_in_parts_and_its_end_may_come_before_its_last_trade() -> None:
    rig = ClientRig()
    order = rig.buy(quantity="2")
    rig.fill(order, "0.5")
    [awaited] = rig.close(order, "0.8", "cancelled")
    assert isinstance(awaited, ReportAwaited)
    assert (awaited.what, awaited.quantity) == ("trades", D("0.3"))
    assert [each.order_id for each in rig.gate.machine.state.reservations.all()] == [order.order_id]
    *_, closed = rig.fill(order, "0.3")
    assert isinstance(closed, OrderClosed)
    assert (closed.ending, closed.quantity_filled) == ("cancelled", D("0.8"))
    assert rig.gate.machine.state.reservations.all() == []
    assert rig.halts() == []


def test_an_end_below_what_is_booked_or_trades_beyond_it_are_not_believed() -> None:
    rig = ClientRig()
    order = rig.buy(quantity="2")
    rig.fill(order, "0.5")
    less = refused(rig.close(order, "0.4"))
    assert (less.code, less.field, less.halts) == ("bad_amount", "quantity_filled", True)
    rig.close(order, "0.8")
    more = refused(rig.fill(order, "0.4"))
    assert (more.code, more.halts) == ("too_much", True)


def test_a_sale_belongs_to_the_client_that_holds_the_pair_whoever_asked_for_it() -> None:
    rig = holding()
    sale = rig.gate.sell(ETH, "1", strategy="flatten")
    awaited = only(ReportAwaited, rig.take(sale))
    assert awaited.client == "mine"
    filled, closed = rig.fill(sale)
    assert isinstance(filled, OrderFilled)
    assert filled.stop_price is None
    assert isinstance(closed, OrderClosed)
    assert rig.books()[1] == []


def test_a_verdict_that_comes_again_and_a_rejected_order_are_awaited_of_nobody() -> None:
    rig = ClientRig()
    order = rig.buy()
    assert rig.take(order) == []
    rig.fill(order)
    assert rig.take(order) == []
    assert rig.take(rig.gate.sell(BTC, "1")) == []


# --- what does not fit ------------------------------------------------------------------------------------------------

FOREIGN: list[tuple[dict[str, Any], str, str, bool]] = [
    ({"order_id": "nobody-1"}, "unknown_order", "order_id", True),
    ({"quantity": D("1.1")}, "too_much", "quantity", True),
    ({"quantity": D(0)}, "bad_amount", "quantity", True),
    ({"quantity": D(-1)}, "bad_amount", "quantity", True),
    ({"price": D(0)}, "bad_amount", "price", True),
    ({"price": D(3_001)}, "out_of_reach", "price", True),
    ({"price": D(749)}, "out_of_reach", "price", True),
    ({"price": D("1.5"), "fee_usdt": D(0)}, "out_of_reach", "price", True),
    ({"fee_usdt": D(151)}, "bad_amount", "fee_usdt", True),
    ({"side": "sell"}, "other_side", "side", True),
    ({"symbol": BTC}, "other_pair", "symbol", True),
    ({"client": "other"}, "foreign_order", "client", False),
    ({"time_ns": 1_667_260_800_000}, "odd_time", "time_ns", False),
]


@pytest.mark.parametrize(("changes", "code", "field", "halts"), FOREIGN)
def test_a_fill_that_does_not_fit_is_answered_and_moves_no_money(
    changes: dict[str, Any], code: str, field: str, halts: bool
) -> None:
    rig = ClientRig()
    order = rig.buy()
    before = rig.books(), rig.gate.machine.state.reservations.all()
    sent = rig.fill_of(order, **changes)
    answer = refused(rig.take(sent))
    assert (answer.code, answer.field, answer.halts) == (code, field, halts)
    assert (answer.cause, answer.trade_id, answer.what) == (sent.id, sent.trade_id, "FillReported")
    assert field in answer.reason.split(":")[0] or field in answer.reason
    assert rig.books() == before[0]
    if code != "odd_time":
        assert rig.gate.machine.state.reservations.all() == before[1]
    assert rig.halts(ETH) == (["false_fill"] if halts else [])
    assert [letter.cause for letter in rig.letters] == ([sent.id] if halts else [])
    rig.gate.machine.state.halts.end(sent, ETH, "false_fill", reason="looked at")
    assert only(OrderFilled, rig.fill(order)).quantity == 1  # mended, it is taken


def test_a_fill_of_another_pair_halts_both() -> None:
    rig = ClientRig()
    rig.fill(rig.buy(), symbol=BTC)
    assert rig.halts(ETH) == rig.halts(BTC) == ["false_fill"]


def test_a_trade_counts_once_and_a_contradiction_halts() -> None:
    rig = ClientRig()
    order = rig.buy(quantity="2")
    first = rig.fill_of(order, "0.5", trade_id="t-1")
    rig.take(first)
    books = rig.books()
    again = refused(rig.take(first))
    assert (again.code, again.halts) == ("repeated", False)
    other = refused(rig.fill(order, "0.6", trade_id="t-1"))
    assert (other.code, other.field, other.halts) == ("other_body", "trade_id", True)
    assert rig.books() == books
    rig.fill(order, "1.5")
    rig.restart()
    assert refused(rig.take(first)).code == "repeated"


def test_a_trade_of_one_order_is_not_booked_again_as_that_of_another() -> None:
    rig = ClientRig()
    one, other = rig.buy(), rig.buy(quantity="0.5")
    rig.fill(one, trade_id="t-1")
    assert refused(rig.fill(other, trade_id="t-1")).code == "other_body"


def test_nothing_is_booked_after_the_end_but_what_is_only_late_halts_nothing() -> None:
    rig = ClientRig()
    order = rig.buy()
    rig.close(order, "0")
    late = refused(rig.fill(order))
    assert (late.code, late.halts) == ("ended_order", True)
    assert rig.books() == (D(200_000), [])
    assert refused(rig.place(order)).halts is False
    assert refused(rig.close(order, "0")).code == "repeated"
    assert refused(rig.close(order, "0.2")).halts is True


def test_nothing_is_sold_that_is_not_held() -> None:
    rig = holding()
    sale = rig.sell()
    rig.stop_fill("0.4")
    over = refused(rig.fill(sale))
    assert (over.code, over.field, over.halts) == ("oversold", "quantity", True)
    assert rig.books()[1][0].quantity == D("0.6")


def test_a_limit_holds_for_what_is_placed_and_for_what_is_filled() -> None:
    rig = ClientRig()
    order = rig.buy(order_type="limit", limit_price=D(1_490))
    assert refused(rig.place(order, price=D(1_491))).code == "out_of_reach"
    assert refused(rig.place(order, quantity=D("1.1"))).code == "too_much"
    assert refused(rig.fill(order, price=D("1490.1"))).code == "out_of_reach"
    assert isinstance(rig.fill(order, price=D(1_490))[0], OrderFilled)


def test_times_have_to_be_believable_and_an_unknown_one_is_fine() -> None:
    rig = ClientRig()
    order = rig.buy()
    to_come = refused(rig.fill(order, time_ns=rig.gate.now_ns + 6 * 10**9))
    assert (to_come.code, to_come.field) == ("odd_time", "time_ns")
    early = refused(rig.fill(order, time_ns=rig.gate.now_ns - 6 * 10**9))
    assert "before the order was approved" in early.reason
    assert rig.gate.machine.state.reservations.get(order.order_id).report_due_ns  # type: ignore[union-attr]
    assert rig.fill(order, time_ns=0)[0].time_ns == rig.gate.now_ns


def test_reports_before_their_verdict_or_of_nobodys_orders_are_answered() -> None:
    rig = ClientRig()
    order = rig.gate.buy(ETH, "1", stop=1_425)  # execution has not heard of it
    assert refused(rig.place(order)).code == "unknown_order"
    assert refused(rig.close(order, "0")).halts is False


def test_an_order_has_a_bounded_number_of_trades() -> None:
    rig = ClientRig(cash=1e6)
    order = rig.buy(quantity="5")
    for _ in range(MOST_TRADES):
        rig.machine.handle(rig.fill_of(order, "0.001", fee_usdt=D(0)))
    answer = refused(list(rig.machine.handle(rig.fill_of(order, "0.001", fee_usdt=D(0)))))
    assert (answer.code, answer.field) == ("too_much", "trade_id")


def test_a_flood_is_answered_a_thousand_times_and_still_halts_its_pair() -> None:
    rig = ClientRig()
    nobodys = decided("nobody-1", symbol=ETH)
    made: list[Message] = []
    for number in range(1_100):
        made += rig.take(rig.fill_of(nobodys, trade_id=f"x-{number}", client="x", symbol=BTC))
    assert len(made) <= 1_001
    rig.pass_time(11)
    [halting] = rig.take(rig.fill_of(nobodys, trade_id="y"))
    assert isinstance(halting, ReportRefused)
    assert "false_fill" in rig.halts(ETH)


# --- silence ----------------------------------------------------------------------------------------------------------


def test_an_order_nobody_reports_keeps_its_reservation_and_closes_the_gate_for_its_client_alone() -> None:
    rig = ClientRig()
    order = rig.buy()
    rig.pass_time(REPORT_SECONDS - 1)
    rig.mark(BTC, 20_000.0)
    assert rig.gate.buy(BTC, "0.01", stop=19_000, strategy="mine").verdict == "approve"
    overdue = only(ReportAwaited, rig.pass_time(2))
    assert overdue.overdue
    alert = only(Alerted, rig.gate.made)  # type: ignore[arg-type]
    assert alert.trigger == "execution_acknowledged"
    rig.mark(BTC, 20_000.0)
    closed = rig.gate.buy(BTC, "0.01", stop=19_000, strategy="mine")
    assert (closed.verdict, closed.binding, closed.code) == ("reject", "execution_acknowledged", "unacknowledged")
    assert f"heatsink write-off-order {order.order_id}" in closed.reason
    assert rig.gate.buy(BTC, "0.01", stop=19_000, strategy="other").verdict == "approve"
    assert rig.gate.machine.state.reservations.get(order.order_id) is not None
    rig.gate.restart()
    rig.gate.machine.state.client_orders = True
    assert rig.gate.buy(BTC, "0.01", stop=19_000, strategy="mine").binding == "execution_acknowledged"
    rig.close(order, "0")
    assert rig.gate.buy(BTC, "0.01", stop=19_000, strategy="mine").verdict == "approve"


def test_an_overdue_order_is_told_once_and_selling_stays_possible() -> None:
    rig = holding()
    rig.buy(BTC, "0.01")
    assert kinds(rig.pass_time(REPORT_SECONDS + 1)) == ["ReportAwaited"]
    assert rig.pass_time(REPORT_SECONDS) == []
    assert rig.sell().verdict == "approve"


def test_after_a_start_nobody_is_late_before_what_was_reported_meanwhile_has_been_read() -> None:
    rig = ClientRig()
    order = rig.buy()
    rig.gate.pass_time(REPORT_SECONDS * 10)  # execution was down
    rig.restart()
    assert rig.pass_time(1) == []
    rig.mark(ETH, 1_500.0)
    assert isinstance(rig.fill(order)[0], OrderFilled)
    assert rig.halts() == []


def test_a_market_order_that_was_placed_has_to_end_and_a_limit_order_may_rest() -> None:
    rig = ClientRig()
    market = rig.buy()
    _, awaited = rig.place(market)
    assert isinstance(awaited, ReportAwaited)
    assert awaited.what == "end"
    resting = rig.buy(BTC, "0.01", order_type="limit", limit_price=D(19_500))
    assert kinds(rig.place(resting)) == ["OrderPlaced"]
    rig.close(market, "0")
    assert rig.pass_time(REPORT_SECONDS * 100) == []
    rig.mark(BTC, 20_000.0)
    assert rig.gate.buy(BTC, "0.01", stop=19_000, strategy="mine").verdict == "approve"


def test_a_cancel_is_the_clients_to_do_and_its_word_is_awaited() -> None:
    rig = ClientRig()
    order = rig.buy(order_type="limit", limit_price=D(1_490))
    rig.place(order)
    cancel = CancelProposed(id="cancel-1", time_ns=rig.gate.now_ns, order_id=order.order_id, reason="no more")
    [decided] = rig.gate.handle(cancel)
    awaited = only(ReportAwaited, rig.take(decided))
    assert (awaited.what, awaited.reason) == ("end", "cancel it: no more")
    assert rig.gate.machine.state.reservations.get(order.order_id) is not None
    assert only(OrderClosed, rig.close(order, "0")).ending == "cancelled"


def test_an_operator_writes_an_order_off_and_what_its_client_still_says_of_it_is_not_booked() -> None:
    rig = ClientRig()
    order = rig.buy()
    command = WriteOffOrder(id="w", time_ns=rig.gate.now_ns, who="ana", reason="gone", order_id=order.order_id)
    written, cancel, _ = rig.gate.handle(command)
    assert isinstance(written, OrderWrittenOff)
    assert (written.client, written.quantity, written.side) == ("mine", 1, "buy")
    assert rig.gate.machine.state.reservations.all() == []
    assert isinstance(cancel, CancelDecided)
    assert cancel.written_off
    assert only(OrderClosed, rig.take(cancel)).reason == "written off by ana: gone"
    assert refused(rig.fill(order)).code == "ended_order"
    [nothing] = rig.gate.handle(command)
    assert isinstance(nothing, CommandRefused)
    assert nothing.nothing_to_do


def test_an_order_on_paper_is_not_written_off() -> None:
    rig = ClientRig()
    order = rig.buy()
    rig.gate.machine.state.client_orders = False
    command = WriteOffOrder(id="w", time_ns=rig.gate.now_ns, who="ana", reason="gone", order_id=order.order_id)
    [answer] = rig.gate.handle(command)
    assert isinstance(answer, CommandRefused)
    assert rig.gate.machine.state.reservations.get(order.order_id) is not None


def test_what_another_says_of_an_order_halts_nothing_whether_it_has_ended_or_not() -> None:
    rig = ClientRig()
    order = rig.buy()
    rig.fill(order)
    books = rig.books()
    answers = [
        refused(rig.fill(order, client="other")),
        refused(rig.close(order, "0.2", client="other")),
        refused(rig.place(order, client="other")),
    ]
    assert [(each.code, each.field, each.halts) for each in answers] == [("foreign_order", "client", False)] * 3
    rig.restart()
    assert refused(rig.fill(order, client="other")).code == "foreign_order"
    assert (rig.books(), rig.halts(ETH)) == (books, [])
