"""Stops that clients place: awaited, never lowered, and what is held without one is at risk and halted."""

from decimal import Decimal
from typing import Any

import pytest

from shared.messages.control import WriteOff
from shared.messages.halts import Halted, Resumed
from shared.messages.orders import OrderClosed, OrderFilled, StopPlaced
from shared.messages.reports import ClosedReported, ReportAwaited
from tests.domain.execution.client.client_rig import BTC, ETH, STOP_SECONDS, ClientRig, only, refused
from tests.domain.execution.client.test_client_orders import holding
from tests.domain.market_scripts import kinds

D = Decimal


def risk(rig: ClientRig) -> float:
    return rig.gate.machine.state.heat.open_risk


def bought() -> ClientRig:
    """One ETH, and no word of its stop yet."""
    rig = ClientRig()
    rig.fill(rig.buy())
    return rig


def test_what_was_bought_counts_as_protected_while_a_stop_is_placed() -> None:
    rig = bought()
    assert risk(rig) == pytest.approx(75.0, abs=5.0)
    rig.pass_time(STOP_SECONDS - 1)
    [placed] = rig.stop()
    assert isinstance(placed, StopPlaced)
    assert (placed.stop_price, placed.quantity, placed.order_id) == (1425, 1, rig.stop_id())
    assert rig.pass_time(STOP_SECONDS * 10) == []
    assert rig.halts() == []


def test_without_a_stop_in_time_its_client_is_told_its_pair_halted_and_all_of_it_at_risk() -> None:
    rig = bought()
    overdue = only(ReportAwaited, rig.pass_time(STOP_SECONDS + 1))
    assert (overdue.what, overdue.overdue, overdue.client) == ("stop", True, "mine")
    [halt] = rig.gate.machine.state.halts.of(ETH)
    assert (halt.trigger, halt.mode, halt.cleared_by) == ("unprotected", "halted", "condition")
    assert "held without a working stop" in halt.reason
    assert risk(rig) == pytest.approx(1_500.0, abs=5.0)
    [placed] = rig.stop()
    assert isinstance(placed, StopPlaced)
    assert risk(rig) == pytest.approx(75.0, abs=5.0)
    assert rig.halts() == []


def test_the_halt_ends_as_well_once_nothing_is_held() -> None:
    rig = bought()
    rig.pass_time(STOP_SECONDS + 1)
    rig.fill(rig.sell())
    assert rig.halts() == []
    assert only(Resumed, rig.gate.made).reason == "nothing is held of it any more"  # type: ignore[arg-type]


def test_dust_that_a_sale_leaves_needs_no_stop() -> None:
    """As a commission in the coin leaves it: no order of the exchange is so small."""
    rig = bought()
    rig.pass_time(STOP_SECONDS + 1)
    assert rig.halts() == ["unprotected"]
    rig.fill(rig.sell(quantity="0.999"))
    assert rig.halts() == []
    assert only(Resumed, rig.gate.made).reason == "what is left could not be sold"  # type: ignore[arg-type]
    rig.pass_time(STOP_SECONDS * 10)
    assert rig.halts() == []


def test_a_stop_that_sold_although_it_was_never_reported_is_booked() -> None:
    rig = bought()
    rig.pass_time(STOP_SECONDS + 1)
    filled, closed = rig.stop_fill()
    assert isinstance(filled, OrderFilled)
    assert filled.stop
    assert isinstance(closed, OrderClosed)
    assert rig.books()[1] == []
    assert "false_fill" not in rig.halts()


def test_a_stop_may_sell_in_parts_and_what_it_leaves_has_to_be_protected_again() -> None:
    rig = holding()
    assert kinds(rig.stop_fill("0.4", trade_id="s-1")) == ["OrderFilled"]
    assert refused(rig.stop_fill("0.4", trade_id="s-1")).code == "repeated"
    ended = ClosedReported(**rig.fields(order_id=rig.stop_id(), ending="expired", quantity_filled=D("0.4")))
    awaited = only(ReportAwaited, rig.take(ended))
    assert (awaited.what, awaited.quantity) == ("stop", D("0.6"))
    assert kinds(rig.stop_fill("0.6")) == ["OrderFilled", "OrderClosed"]
    assert refused(rig.stop_fill("0.1", trade_id="s-9", order_id=rig.stop_id())).halts
    assert rig.books()[1] == []


def test_what_another_says_of_the_end_of_a_stop_leaves_it_where_it_is() -> None:
    rig = holding()
    before = rig.held()
    ended = ClosedReported(**rig.fields(order_id=rig.stop_id(), ending="expired", quantity_filled=D(0), client="other"))
    answer = refused(rig.take(ended))
    assert (answer.code, answer.halts) == ("foreign_order", False)
    assert rig.held() == before


WRONG: list[tuple[dict[str, Any], str, bool]] = [
    ({"stop_price": D(1_424)}, "lowered_stop", True),
    ({"stop_price": D(1_426)}, "stop_not_approved", False),
    ({"stop_price": D(0)}, "bad_amount", False),
    ({"quantity": D(0)}, "bad_amount", False),
    ({"quantity": D("1.1")}, "too_much", False),
    ({"quantity": D("0.9")}, "stop_too_small", False),
    ({"symbol": BTC}, "nothing_held", False),
    ({"client": "other"}, "foreign_order", False),
]


@pytest.mark.parametrize(("changes", "code", "halts"), WRONG)
def test_a_stop_that_does_not_fit_is_answered_and_not_booked(changes: dict[str, Any], code: str, halts: bool) -> None:
    rig = holding()
    before = rig.books()
    answer = refused(rig.stop(**changes))
    assert (answer.code, answer.halts) == (code, halts)
    if not halts:
        assert rig.books() == before
    assert rig.halts() == (["false_fill", "unprotected"] if halts else [])


def test_a_lowered_stop_protects_nothing_until_it_is_back() -> None:
    rig = holding()
    rig.stop("1400")
    assert risk(rig) == pytest.approx(1_500.0, abs=5.0)
    rig.stop("1425")
    assert risk(rig) == pytest.approx(75.0, abs=5.0)
    assert rig.halts() == ["false_fill"]  # an operator has to look at what was lowered


def test_a_stop_at_or_above_the_price_would_have_sold_and_is_not_believed() -> None:
    rig = holding()
    rig.raise_stop("1450")
    rig.mark(ETH, 1_450.0)
    assert refused(rig.stop("1450")).code == "stop_above_price"
    rig.mark(ETH, 1_450.01)
    assert kinds(rig.stop("1450")) == ["StopPlaced"]


def test_an_approved_raise_is_told_and_counts_once_its_client_has_reported_it() -> None:
    rig = holding()
    awaited = only(ReportAwaited, rig.raise_stop("1460"))
    assert (awaited.what, awaited.stop_price) == ("stop", 1460)
    assert rig.books()[1][0].stop == 1425
    rig.pass_time(STOP_SECONDS + 1)
    assert rig.halts() == []  # the old one works
    rig.mark(ETH, 1_500.0)
    assert kinds(rig.stop("1440")) == ["StopPlaced"]  # on its way up
    assert kinds(rig.stop("1460")) == ["StopPlaced"]
    assert rig.books()[1][0].stop == 1460
    assert refused(rig.stop("1460")).code == "repeated"
    assert refused(rig.stop("1440")).code == "lowered_stop"


def test_a_stop_that_is_being_replaced_has_the_same_time_as_a_new_one() -> None:
    rig = holding()
    awaited = only(ReportAwaited, rig.stop(working=False))
    assert awaited.due_ns == rig.gate.now_ns + STOP_SECONDS * 10**9
    rig.pass_time(STOP_SECONDS - 1)
    assert rig.halts() == []
    rig.pass_time(2)
    assert rig.halts() == ["unprotected"]


def test_more_of_a_pair_needs_its_stop_for_all_of_it_at_the_higher_price() -> None:
    rig = holding()
    rig.fill(rig.buy(quantity="1", stop=1_440))
    assert refused(rig.stop("1440", "1")).code == "stop_too_small"
    assert kinds(rig.stop("1440", "2")) == ["StopPlaced"]
    assert rig.pass_time(STOP_SECONDS + 1) == []


def test_more_of_a_pair_that_lacks_its_stop_is_at_risk_whole() -> None:
    rig = ClientRig()
    rig.fill(rig.buy(quantity="0.1"))
    rig.pass_time(STOP_SECONDS + 1)
    rig.gate.machine.state.halts.end(rig.gate.told[-1], ETH, "unprotected", reason="by hand")
    rig.mark(ETH, 1_500.0)
    filled, *_ = rig.fill(rig.buy(quantity="0.1", stop=1_430))
    assert filled.stop_price is None  # type: ignore[attr-defined]
    assert risk(rig) == pytest.approx(300.0, abs=1.0)
    assert kinds(rig.stop("1430", "0.2")) == ["StopPlaced"]
    assert rig.halts() == []


def test_what_is_less_than_any_order_of_the_exchange_needs_no_stop() -> None:
    rig = ClientRig()
    order = rig.buy()
    rig.fill(order, "0.99905")
    rig.close(order, "0.99905", "filled")
    assert refused(rig.stop("1425", "0.9955")).code == "stop_too_small"  # 0.00355 ETH are worth 5.06 USDT there
    assert kinds(rig.stop("1425", "0.9956")) == ["StopPlaced"]
    assert kinds(rig.stop("1425", "0.999")) == ["StopPlaced"]


def test_a_pair_that_is_written_off_is_forgotten() -> None:
    rig = bought()
    rig.pass_time(STOP_SECONDS + 1)
    rig.gate.list_pair(ETH, status="delisted")
    made = rig.gate.handle(WriteOff(id="w", time_ns=rig.gate.now_ns, who="ana", reason="gone", symbol=ETH))
    for each in made:
        rig.take(each)
    assert rig.books()[1] == []
    assert "unprotected" not in rig.halts()
    assert isinstance(rig.gate.machine.state.halts.of(ETH), list)
    assert not [each for each in rig.gate.machine.state.halts.of(ETH) if isinstance(each, Halted) and each.symbol == ""]
